#include "who.h"
#include "accounts.h"
#include "actions.h"
#include "provers.h"
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

struct task *task_of_anybody(const struct sched *s, wire_id id, pv_status *status)
{
    struct task *found = NULL;
    *status = PV_NOT_FOUND;
    for (uint32_t i = 0; i < s->principals_n; i++) {
        struct task *t = task_find(s->principals[i], id);
        *status = found && t ? PV_CONFLICT : *status;
        if (t) found = t;
    }
    return *status == PV_CONFLICT ? NULL : found;
}

struct task *session_named(const struct sched *s, const struct session *e, const char *owner, wire_id id,
                           pv_status *status)
{
    const struct principal *p = owner ? principal_find(s, owner) : e->client->principal;
    struct task *t = p && (e->admin || p == e->client->principal) ? task_find(p, id) : NULL;
    *status = PV_NOT_FOUND;
    return t || owner || !e->admin ? t : task_of_anybody(s, id, status);
}

struct task *session_task(struct sched *s, const struct session *e, const struct sched_event *ev)
{
    pv_status status;
    struct task *t = session_named(s, e, ev->owner, ev->task, &status);
    if (!t) sched_refuse(s, status)->task = ev->task;
    return t;
}
