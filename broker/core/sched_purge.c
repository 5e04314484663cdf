#include "sched_purge.h"

#include "attaches.h"
#include "accounts.h"
#include "actions.h"
#include "sched_end.h"
#include "sessions.h"
#include "tasks.h"
#include "who.h"

#include <stdlib.h>
#include <string.h>

enum { TURN_ROWS = 1024 /* a principal's, before the next one's turn */ };

/* ---- who is next ---- */

static void turn_wait(struct sched *s, struct principal *p)
{
    p->next_turn = NULL;
    *s->turns_end = p;
    s->turns_end = &p->next_turn;
}

static struct principal *turn_next(struct sched *s)
{
    struct principal *p = s->turns;
    s->turns = p->next_turn;
    if (!s->turns) s->turns_end = &s->turns;
    return p;
}

static void purge_wait(struct sched *s, struct principal *asker, struct purge *g)
{
    if (!asker->purges) turn_wait(s, asker);
    *asker->purges_end = g;
    asker->purges_end = &g->next;
    asker->purges_n++;
}

/* The first of p goes. */
static void purge_free(struct sched *s, struct principal *p)
{
    struct purge *g = p->purges;
    p->purges = g->next;
    if (!p->purges) p->purges_end = &p->purges;
    p->purges_n--;
    names_drop(&s->names, g->client);
    free(g);
}

/* ---- what it touches ---- */

static bool by_client(enum wire_scope scope)
{
    return scope == WIRE_SCOPE_CLIENT || scope == WIRE_SCOPE_SESSION;
}

/* False: there cannot be such a task. */
static bool scope_take(struct sched *s, struct purge *g, const struct session *e, const struct sched_event *ev)
{
    enum wire_scope scope = ev->purge.scope;
    g->of = e->admin && scope != WIRE_SCOPE_PRINCIPAL ? NULL : e->client->principal;
    if (ev->purge.queue) g->queue = queue_find(s, ev->purge.queue);
    if (by_client(scope)) {
        struct name *client = ev->purge.client ? names_find(&s->names, ev->purge.client) : e->client->name;
        g->client = client ? names_share(client) : NULL;
    }
    g->one_session = scope == WIRE_SCOPE_SESSION;
    g->session = ev->purge.session ? *ev->purge.session : e->id;
    if (!g->queue && (ev->purge.queue || scope == WIRE_SCOPE_QUEUE)) return false;
    return g->client || !by_client(scope);
}

static bool wanted(const struct sched *s, const struct task *t, const struct purge *g)
{
    if (g->states && !(g->states >> t->state & 1)) return false;
    if (g->queue && t->account->queue != g->queue) return false;
    if (g->client && t->session->client->name != g->client) return false;
    if (g->one_session && !wire_id_equal(t->session->id, g->session)) return false;
    return s->now_ms - t->changed_ms >= g->age_ms;
}

/* Live tasks are cancelled, leased or not, and stay to be looked at unless the asker says forget; those that are over go. */
static void purge_task(struct sched *s, struct purge *g, struct task *t, uint64_t *left)
{
    g->counts.of[t->state]++;
    if (g->dry) return;
    *left -= *left < SLICE_ROW_CHANGED - 1 ? *left : SLICE_ROW_CHANGED - 1;
    s->stats.purged++;
    if (g->forget && t->state == TASK_RECEIVING) { /* SUBMIT_OK would promise a row */
        task_not_received(s, t, PV_CANCELLED);
        return;
    }
    bool live = task_state_live(t->state);
    if (live) task_cancel(s, t, "purged", NULL); /* the asker too may wait for it */
    if (!live || g->forget) task_forget(s, t);
}

/* True: it is through. */
static bool purge_rows(struct sched *s, struct purge *g, uint64_t *left)
{
    const struct rows *rows = g->of ? &g->of->rows : &s->rows;
    while (*left && !s->failed) {
        struct task *t = rows_walk(rows, &g->after, left);
        if (g->after > g->last || (!t && *left)) return true;
        if (t && wanted(s, t, g)) purge_task(s, g, t, left);
    }
    return g->after >= g->last;
}

/* ---- going on ---- */

static void purge_answer(struct sched *s, const struct purge *g)
{
    struct wire_counts *counts = sched_actions_bytes(s->out, sizeof *counts);
    if (!counts) return;
    *counts = g->counts;
    struct sched_action *a = sched_act_to(s, SCHED_COUNTS, g->peer);
    a->req = g->req;
    a->counts = counts;
}

/* One turn of p. */
static void purge_turn(struct sched *s, struct principal *p)
{
    struct purge *g = p->purges;
    uint64_t slice = *slice_left(s, SLICE_PURGE), share = slice < TURN_ROWS ? slice : TURN_ROWS, left = share;
    bool nobody = !sched_peer_find(s, g->peer), through = (g->dry && nobody) || purge_rows(s, g, &left);
    slice_take(s, SLICE_PURGE, share - left);
    if (through) {
        if (!nobody) purge_answer(s, g);
        purge_free(s, p);
    }
    if (p->purges) turn_wait(s, p);
}

static void purges_go_on(struct sched *s)
{
    while (s->turns && *slice_left(s, SLICE_PURGE) && !s->failed) purge_turn(s, turn_next(s));
}

void sched_on_purge(struct sched *s, const struct sched_event *ev)
{
    struct session *e = speaker_session(s);
    if (!e) return;
    struct principal *p = e->client->principal;
    if (p->purges_n >= PURGES_MAX) {
        struct sched_action *busy = sched_refuse(s, PV_BUSY);
        busy->which = "purges";
        busy->retry_ms = 1000;
        return;
    }
    struct purge *g = calloc(1, sizeof *g);
    if (!g) {
        sched_refuse(s, PV_NO_MEMORY);
        return;
    }
    *g = (struct purge){ .peer = s->peer,
                         .req = s->req,
                         .dry = ev->purge.dry,
                         .forget = ev->purge.forget,
                         .states = ev->purge.states,
                         .age_ms = ev->purge.age_ms,
                         .last = s->next_order - 1 };
    if (!scope_take(s, g, e, ev)) g->after = g->last;
    purge_wait(s, p, g);
    purges_go_on(s); /* a small one is answered at once */
}

void purges_refuse(struct sched *s, pv_status why)
{
    while (s->turns) {
        struct principal *p = turn_next(s);
        while (p->purges) {
            struct sched_action *no = sched_act_to(s, SCHED_REFUSE, p->purges->peer);
            no->req = p->purges->req;
            no->status = why;
            purge_free(s, p);
        }
    }
}

void purges_clear(struct sched *s)
{
    while (s->turns) {
        struct principal *p = turn_next(s);
        while (p->purges) purge_free(s, p);
    }
}

/* ---- sessions that were replaced ---- */

static void follow_on_restart(struct sched *s, struct task *t)
{
    if (t->on_restart == WIRE_ON_RESTART_CANCEL) {
        task_cancel(s, t, "its session ended", NULL);
    } else if (task_extra(t)->orphan_ms == NEVER) { /* else its time runs already, since before the broker's restart */
        if (task_extra_of(s, t)) t->extra->orphan_ms = sched_add(s->now_ms, t->extra->ttl_ms);
        task_rearm(s, t);
        task_save(s, t);
    }
}

void session_replaced(struct sched *s, struct session *e)
{
    e->replaced = true;
    session_end_begin(s, e);
    sched_purge_on(s);
}

void sched_purge_on(struct sched *s)
{
    while (s->ending && *slice_left(s, SLICE_ENDING) && !s->failed) {
        struct session *e = s->ending;
        struct attach *a = session_end_next(s, e); /* may have been its last */
        bool touched = a && a->owner && attach_task(a)->on_restart != WIRE_ON_RESTART_KEEP;
        slice_take(s, SLICE_ENDING, touched ? SLICE_ROW_CHANGED : 1);
        if (touched) follow_on_restart(s, attach_task(a));
    }
    purges_go_on(s);
}
