#include "who.h"
#include "actions.h"
#include "tasks.h"

#include <stdlib.h>

struct sched_peer *sched_peer_find(const struct sched *s, uint64_t handle)
{
    return handle ? idmap_find(&s->peers, idmap_key(handle, 0)) : NULL;
}

struct sched_peer *sched_peer_of(struct sched *s, uint64_t handle)
{
    struct sched_peer *p = sched_peer_find(s, handle);
    if (p) return p;
    p = calloc(1, sizeof *p);
    if (!p || !idmap_add(&s->peers, idmap_key(handle, 0), p)) {
        free(p);
        return NULL;
    }
    p->handle = handle;
    return p;
}

void sched_peer_forget(struct sched *s, struct sched_peer *peer)
{
    idmap_remove(&s->peers, idmap_key(peer->handle, 0));
    free(peer);
}

struct session *speaker_session(struct sched *s)
{
    struct sched_peer *p = sched_peer_find(s, s->peer);
    if (p && p->session) return p->session;
    sched_refuse(s, PV_BAD_STATE);
    return NULL;
}

struct prover *speaker_prover(struct sched *s)
{
    struct sched_peer *p = sched_peer_find(s, s->peer);
    if (!p || !p->prover) {
        sched_refuse(s, PV_BAD_STATE);
        return NULL;
    }
    return p->prover;
}

bool session_may(const struct session *e, const struct task *t)
{
    return e->admin || e->client->principal == t->account->principal;
}

struct task *session_task(struct sched *s, const struct session *e, wire_id id)
{
    struct task *t = task_find(s, id);
    if (t && session_may(e, t)) return t;
    sched_refuse(s, PV_NOT_FOUND)->task = id;
    return NULL;
}
