/* What must hold, checked naively: by looking at everything, every time. */
#include "fit.h"
#include "looks.h"
#include "provers.h"
#include "attaches.h"
#include "sessions.h"
#include "sim.h"
#include "tasks.h"
#include "who.h"

#include <stdio.h>
#include <string.h>

const char *sim_type_name(enum sched_event_type type)
{
    static const char *const names[] = {
        [SCHED_QUEUE] = "QUEUE",
        [SCHED_SETTING] = "SETTING",
        [SCHED_PRINCIPAL] = "PRINCIPAL",
        [SCHED_RESTORE] = "RESTORE",
        [SCHED_BOOT] = "BOOT",
        [SCHED_TICK] = "TICK",
        [SCHED_LAG] = "LAG",
        [SCHED_CLIENT_HELLO] = "CLIENT_HELLO",
        [SCHED_PROVER_HELLO] = "PROVER_HELLO",
        [SCHED_PEER_GONE] = "PEER_GONE",
        [SCHED_HEARTBEAT] = "HEARTBEAT",
        [SCHED_SUBMIT] = "SUBMIT",
        [SCHED_INPUT] = "INPUT",
        [SCHED_ATTACH] = "ATTACH",
        [SCHED_FETCH] = "FETCH",
        [SCHED_ACK] = "ACK",
        [SCHED_CANCEL] = "CANCEL",
        [SCHED_CLAIM] = "CLAIM",
        [SCHED_PURGE] = "PURGE",
        [SCHED_KICK] = "KICK",
        [SCHED_CIRCUITS] = "CIRCUITS",
        [SCHED_READY] = "READY",
        [SCHED_STARTED] = "STARTED",
        [SCHED_PROGRESS] = "PROGRESS",
        [SCHED_RESULT] = "RESULT",
        [SCHED_FAIL] = "FAIL",
        [SCHED_RELEASE] = "RELEASE",
        [SCHED_REVOKED] = "REVOKED",
        [SCHED_DRAIN] = "DRAIN",
        [SCHED_QUEUE_VERB] = "QUEUE_VERB",
        [SCHED_PROVER_VERB] = "PROVER_VERB",
    };
    return type < sizeof names / sizeof *names && names[type] ? names[type] : "?";
}

static unsigned number_of(const struct task *t)
{
    return sim_number(t->account->principal->name->text, t->id);
}

/* ---- the batch ---- */

/* Within a generation what is over stays over, and what was charged stays charged (but for refunds of failures). */
static void check_history(struct sim *w, const struct task_record *was, const struct task_record *is)
{
    unsigned n = sim_number(is->principal, is->id);
    SIM_CHECK(w, is->generation >= was->generation, "task %u goes back a generation", n);
    if (is->generation > was->generation) return;
    SIM_CHECK(w, task_state_live(was->state) || was->state == is->state, "task %u was %s and is %s", n,
              task_state_word(was->state), task_state_word(is->state));
    SIM_CHECK(w, is->losses >= was->losses && is->attempts >= was->attempts, "task %u forgets its losses", n);
}

static void write_disk(struct sim *w, const struct sched_action *a)
{
    struct sim_task *t = &w->tasks[sim_about(a)];
    switch (a->type) {
    case SCHED_SAVE_TASK:
        SIM_CHECK(w, !t->on_disk || t->disk.order == a->row, "two rows for task %u", sim_about(a));
        if (t->on_disk) check_history(w, &t->disk, a->record);
        t->disk = *a->record;
        t->on_disk = true;
        break;
    case SCHED_SAVE_INPUT: t->input_on_disk = true; break;
    case SCHED_DELETE_INPUT: t->input_on_disk = false; break;
    case SCHED_SAVE_RESULT: t->result_on_disk = true; break;
    case SCHED_DELETE_TASK: t->on_disk = t->input_on_disk = t->result_on_disk = false; break;
    default: break;
    }
}

static void write_setting(struct sim *w, const struct setting_record *r)
{
    unsigned i = 0;
    while (i < w->settings_n && (w->settings[i].key != r->key || strcmp(w->settings[i].name, r->name))) i++;
    if (r->cleared && i < w->settings_n)
        w->settings[i] = w->settings[--w->settings_n];
    else if (!r->cleared)
        w->settings[i] = *r;
    if (i == w->settings_n && !r->cleared) w->settings_n++;
    SIM_CHECK(w, w->settings_n < SIM_SETTINGS, "more settings than there are queues and provers");
}

static void check_result(struct sim *w, const struct sched_action *a)
{
    struct sim_task *t = &w->tasks[sim_about(a)];
    const struct task *now = sim_task(w, sim_about(a));
    SIM_CHECK(w, now, "a result for task %u that is not there", sim_about(a));
    SIM_CHECK(w, t->result_generation != now->generation, "a second result of task %u, generation %u", sim_about(a),
              now->generation);
    t->result_generation = now->generation;
    w->results++;
}

static void check_gone(struct sim *w, const struct sched_action *a)
{
    struct sim_task *t = &w->tasks[sim_about(a)];
    uint64_t kept = w->now_ms - t->over_ms;
    bool early = w->s->cfg.acked_max <= w->s->acked.n; /* acknowledged tasks make room for one another, in order of row
                                                           within a moment: even the one acknowledged now */
    SIM_CHECK(w, !task_state_live(t->state), "task %u goes while %s", sim_about(a), task_state_word(t->state));
    bool old = kept >= w->s->cfg.retention_ms || (early && w->acking == (int)sim_about(a)) ||
               (t->acked_ms && (early || w->now_ms - t->acked_ms >= w->s->cfg.acked_ms));
    SIM_CHECK(w, old || w->purging || !t->input_on_disk, "task %u goes too early", sim_about(a));
    t->known = t->promised = false;
    t->result_generation = 0;
    t->acked_ms = 0;
    memset(t->failed_by, 0, sizeof t->failed_by);
    for (int c = 0; c < SIM_CLIENTS; c++) w->clients[c].owed[sim_about(a)] = false;
}

static void check_moved(struct sim *w, const struct sched_action *a)
{
    struct sim_task *t = &w->tasks[sim_about(a)];
    enum task_state from = t->known ? t->state : TASK_RECEIVING;
    SIM_CHECK(w, a->from == from, "task %u moves from %s, it was %s", sim_about(a), task_state_word(a->from),
              task_state_word(from));
    SIM_CHECK(w, sched_move_allowed(a->from, a->state), "task %u: %s to %s", sim_about(a), task_state_word(a->from),
              task_state_word(a->state));
    if (!task_state_live(a->from)) { /* revived */
        t->acked_ms = 0;
        memset(t->failed_by, 0, sizeof t->failed_by);
    }
    if (a->charged == SCHED_FAILURE && a->name && a->name[0] == 'p') t->failed_by[a->name[1] - '0'] = true;
    t->known = true;
    t->state = a->state;
    if (!task_state_live(a->state)) t->over_ms = w->now_ms;
}

static struct sim_prover *prover_at_peer(struct sim *w, uint64_t peer)
{
    for (int i = 0; i < SIM_PROVERS; i++)
        if (w->provers[i].peer == peer) return &w->provers[i];
    return NULL;
}

static int client_at_peer(const struct sim *w, uint64_t peer)
{
    for (int i = 0; i < SIM_CLIENTS; i++)
        if (peer && w->clients[i].peer == peer) return i;
    return -1;
}

static bool naive_another(const struct sim *w, const struct task *t);

/* R7, R10, R13: whether this prover may get it, and whether another task comes before it. */
static void check_choice(struct sim *w, const struct task *t, const struct attempt *a)
{
    const struct prover *p = a->prover;
    unsigned n = number_of(t);
    const struct sched_limits *l = &t->account->principal->limits;
    SIM_CHECK(w, !l->leased || t->account->leased <= l->leased, "task %u is leased beyond the limit", n);
    bool again = p->name->text[0] == 'p' && w->tasks[n].failed_by[p->name->text[1] - '0'];
    SIM_CHECK(w, !again || !naive_another(w, t), "task %u goes to prover %s again", n, p->name->text);
    for (const struct attempt *o = p->attempts; o; o = o->next)
        SIM_CHECK(w,
                  o == a || o->state == ATTEMPT_LATE ||
                      !(task_past(t)->losses >= 2 || (o->task && task_past(o->task)->losses >= 2)),
                  "something runs beside suspect task %u", n);
    for (unsigned i = 0; i < SIM_TASKS; i++) {
        const struct task *o = sim_task(w, i);
        if (!o || o->state != TASK_QUEUED || o->account != t->account || o->circuit != t->circuit ||
            o->group != t->group)
            continue;
        if (o->priority != t->priority || task_extra(o)->need_vram != task_extra(t)->need_vram ||
            task_extra(o)->excluded || task_extra(t)->excluded)
            continue;
        if (task_past(o)->losses >= 2 || task_past(t)->losses >= 2) continue;
        SIM_CHECK(w, o->stamp > t->stamp, "task %u is taken before task %u", n, i);
    }
}

/* Move 2, R12: credit; and the disk has all that a restart needs to know that the task was out. */
static void check_offer(struct sim *w, const struct sched_action *a)
{
    unsigned n = sim_about(a);
    const struct sim_task *t = &w->tasks[n];
    struct sim_prover *p = prover_at_peer(w, a->peer);
    SIM_CHECK(w, t->on_disk && t->input_on_disk, "task %u is offered without its input on disk", n);
    if (!p) return; /* it has just left, and the broker does not know yet */
    SIM_CHECK(w, p->credit > 0, "task %u is offered beyond the prover's credit", n);
    p->credit--;
    const struct attempt *at = attempt_find(w->s, a->token);
    if (!at || !at->task) return; /* over within the batch */
    SIM_CHECK(w, t->disk.token_seq == a->token.seq && t->disk.state == TASK_OFFERED, "task %u is out, the disk says %s",
              n, task_state_word(t->disk.state));
    SIM_CHECK(w, !at->task->account->queue->paused, "task %u of a paused queue is offered", n);
    SIM_CHECK(w, at->prover->held <= at->prover->slots + at->prover->prefetch, "more held than there are places");
    check_choice(w, at->task, at);
    w->offers++;
}

/* A submit with revive may cancel first what it revives, because that was an older session's (R4). */
static bool is_as_told(const struct sim_task *t, const struct sched_event *ev, const struct sched_view *told)
{
    if (ev->type == SCHED_SUBMIT && t->disk.generation > told->record.generation) return true;
    return t->disk.state == told->record.state;
}

static void check_answer(struct sim *w, const struct sched_event *ev, const struct sched_action *a)
{
    unsigned n = sim_about(a);
    struct sim_task *t = &w->tasks[n];
    int c = client_at_peer(w, a->peer);
    switch (a->type) {
    case SCHED_SUBMIT_OK:
        if (c < 0) break; /* whoever submitted it is gone, and hears nothing */
        SIM_CHECK(w, t->on_disk, "task %u is acknowledged and not on disk", n);
        t->promised = true;
        w->clients[c].owed[n] = true;
        break;
    case SCHED_TASK:
        if (c >= 0 && ev->type == SCHED_ATTACH) w->clients[c].owed[n] = true;
        break;
    case SCHED_DELIVER:
        if (a->view->record.state == TASK_CANCELLED && !t->on_disk && !sim_task(w, n)) break; /* a purge that forgets */
        SIM_CHECK(w, t->on_disk && is_as_told(t, ev, a->view), "task %u is delivered as %s, the disk says %s", n,
                  task_state_word(a->view->record.state), task_state_word(t->disk.state));
        SIM_CHECK(w, a->view->record.state != TASK_SUCCEEDED || t->result_on_disk, "task %u has no result to deliver",
                  n);
        break;
    case SCHED_CANCELLED:
        SIM_CHECK(w, t->on_disk && t->disk.state == a->state, "cancel of task %u is not durable", n);
        if (c >= 0 && a->state == TASK_CANCELLED) w->clients[c].owed[n] = false;
        break;
    case SCHED_PUSH_PROGRESS: /* one push, to all who wait */
        SIM_CHECK(w, !t->pushed_ms || t->pushed_ms == w->now_ms || w->now_ms - t->pushed_ms >= 1000,
                  "progress of task %u twice in a second", n);
        t->pushed_ms = w->now_ms;
        break;
    case SCHED_RESULT_OK:
        if (a->status != PV_OK) break;
        if (c >= 0) w->clients[c].owed[n] = false; /* its own result */
        SIM_CHECK(w, t->on_disk && t->disk.state == TASK_SUCCEEDED && t->result_on_disk,
                  "result of task %u is not durable", n);
        break;
    default: break;
    }
}

/* The task that the event's session means; the core says which, the model checks that (model_who.c). -1: none. */
static int named(const struct sim *w, const struct sched_event *ev)
{
    const struct sched_peer *peer = sched_peer_find(w->s, ev->peer);
    pv_status status;
    const struct task *t =
        peer && peer->session ? session_named(w->s, peer->session, ev->owner, ev->task, &status) : NULL;
    return t ? (int)number_of(t) : -1;
}

int sim_acknowledges(const struct sim *w, const struct sched_event *ev)
{
    return ev->type == SCHED_ACK ? named(w, ev) : -1;
}

static void check_acknowledged(struct sim *w, const struct sched_event *ev, unsigned n)
{
    const struct task *now = sim_task(w, n);
    int c = client_at_peer(w, ev->peer);
    if (now && now->acked && !w->tasks[n].acked_ms) w->tasks[n].acked_ms = w->now_ms;
    const struct sched_peer *peer = sched_peer_find(w->s, ev->peer);
    if (c >= 0 && now && peer && !attach_of(peer->session, now)) w->clients[c].owed[n] = false;
}

void sim_check_actions(struct sim *w, const struct sched_event *ev)
{
    SIM_CHECK(w, !w->out.failed && !w->s->failed, "the core broke");
    for (size_t i = 0; i < w->out.n; i++) { /* the store's part comes first: one commit */
        const struct sched_action *a = &w->out.at[i];
        if (w->tell && a->type != SCHED_NOTHING)
            printf("            action %d task %u peer %u %s %s\n", a->type, sim_about(a), (unsigned)a->peer,
                   a->type == SCHED_MOVED ? task_state_word(a->from) : pv_status_word(a->status),
                   a->type == SCHED_MOVED ? task_state_word(a->state) : "");
        if (a->type == SCHED_SAVE_RESULT) check_result(w, a);
        if (a->type == SCHED_DELETE_TASK) check_gone(w, a);
        if (a->type == SCHED_MOVED) check_moved(w, a);
        if (a->type == SCHED_SAVE_SETTING)
            write_setting(w, a->setting);
        else
            write_disk(w, a);
    }
    if (w->acking >= 0) check_acknowledged(w, ev, (unsigned)w->acking);
    for (size_t i = 0; i < w->out.n; i++) {
        if (w->out.at[i].type == SCHED_OFFER) check_offer(w, &w->out.at[i]);
        check_answer(w, ev, &w->out.at[i]);
    }
}

/* ---- the state ---- */

static bool in_lane(const struct task *t)
{
    const struct lane *l = t->lane;
    if (!l || !t->line_at) return false;
    const struct ranks *h = &l->at[t->priority];
    return t->line_at <= h->n && h->at[t->line_at - 1] == t;
}

static void check_task(struct sim *w, const struct task *t)
{
    unsigned n = number_of(t);
    const struct sim_task *m = &w->tasks[n];
    const struct attempt *a = t->attempt;
    bool leased = t->state == TASK_OFFERED || t->state == TASK_RUNNING || t->state == TASK_RECOVERING;
    SIM_CHECK(w, t->state == TASK_RECEIVING || (m->known && m->state == t->state), "task %u is %s, its moves say %s", n,
              task_state_word(t->state), task_state_word(m->state));
    SIM_CHECK(w, (t->state == TASK_QUEUED) == in_lane(t), "task %u is %s and %sin line", n, task_state_word(t->state),
              in_lane(t) ? "" : "not ");
    SIM_CHECK(w, leased == (a != NULL), "task %u is %s with%s attempt", n, task_state_word(t->state), a ? "" : "out");
    if (a) {
        static const int state_of[] = { TASK_OFFERED, TASK_RUNNING, TASK_RECOVERING, -1, -1 };
        SIM_CHECK(w, a->task == t && state_of[a->state] == t->state, "task %u is %s, its attempt is %d", n,
                  task_state_word(t->state), a->state);
    }
    if (task_state_live(t->state))
        SIM_CHECK(w, task_past(t)->failures < w->s->cfg.failures_max && task_past(t)->losses < w->s->cfg.losses_max,
                  "task %u lives on %u failures, %u losses", n, task_past(t)->failures, task_past(t)->losses);
    uint64_t next = task_next_ms(w->s, t);
    SIM_CHECK(w, (next != NEVER) == (t->timer_at != 0), "task %u (%s): timer", n, task_state_word(t->state));
    if (t->timer_at)
        SIM_CHECK(w, (leased ? &w->s->timers : &w->s->idle)->at[t->timer_at - 1].key == next,
                  "task %u: timer at another moment", n);
    SIM_CHECK(w, next > w->now_ms, "task %u (%s) is overdue", n, task_state_word(t->state));
}

struct tally {
    uint64_t state[2][TASK_STATES], waiting, leased_of[8], waiting_of[8], queued[2][8], queued_bytes[2][8],
        leased[2][8];
};

static void count_task(const struct task *t, struct tally *c)
{
    uint32_t q = t->account->queue->index, p = t->account->principal->index;
    c->state[q][t->state]++;
    if (t->state == TASK_QUEUED) {
        c->waiting++;
        c->waiting_of[p]++;
    }
    if (t->state == TASK_RECEIVING || t->state == TASK_QUEUED || t->state == TASK_DELAYED) {
        c->queued[q][p]++;
        c->queued_bytes[q][p] += t->input_bytes;
    }
    if (t->attempt) {
        c->leased[q][p]++;
        c->leased_of[p]++;
    }
}

/* What a queue counts of its provers and lanes, against a walk over all of them. */
static void check_queue_counts(struct sim *w, const struct queue *q)
{
    const struct sched *s = w->s;
    uint64_t slots = 0, provers = 0, serving = 0, unservable = 0, oldest = NEVER;
    for (uint32_t i = 0; i < s->provers_n; i++) {
        const struct prover *p = s->provers[i];
        if (!p || !p->live || p->local || !prover_serves(p, q)) continue;
        slots += p->slots;
        provers++;
        serving += prover_may_serve(p);
    }
    uint64_t after = 0, all = NEVER;
    for (const struct task *t; (t = rows_walk(&s->rows, &after, &all));) {
        if (t->state != TASK_QUEUED || t->account->queue != q) continue;
        bool can = false;
        for (uint32_t i = 0; i < s->provers_n; i++)
            can = can || (prover_could_serve(s->provers[i]) && lane_fits(t->lane, s->provers[i]));
        unservable += !can;
        if (t->created_ms < oldest) oldest = t->created_ms;
    }
    SIM_CHECK(w, q->slots == slots && q->provers == provers && q->serving == serving, "provers of a queue");
    SIM_CHECK(w, s->sweeping || q->unservable == unservable, "unservable tasks of a queue");
    const struct task *first = ranks_top(&q->oldest);
    SIM_CHECK(w, (first ? first->created_ms : NEVER) == oldest, "oldest task of a queue");
}

static void check_counts(struct sim *w, const struct tally *c)
{
    const struct sched *s = w->s;
    for (uint32_t q = 0; q < s->queues_n; q++) {
        SIM_CHECK(w, !memcmp(c->state[q], s->queues[q]->count, sizeof c->state[q]), "queue %u: counts by state", q);
        check_queue_counts(w, s->queues[q]);
        for (uint32_t p = 0; p < s->queues[q]->accounts_n; p++) {
            const struct account *a = s->queues[q]->accounts[p];
            if (!a) continue;
            SIM_CHECK(w,
                      a->queued_tasks == c->queued[q][p] && a->queued_bytes == c->queued_bytes[q][p] &&
                          a->leased == c->leased[q][p],
                      "counts of principal %u in queue %u", p, q);
        }
    }
    for (uint32_t p = 0; p < s->principals_n; p++)
        SIM_CHECK(w, s->principals[p]->waiting == c->waiting_of[p] && s->principals[p]->leased == c->leased_of[p],
                  "counts of principal %u", p);
    SIM_CHECK(w, s->waiting == c->waiting, "count of waiting tasks");
    struct sched_queue_view v;
    for (uint32_t q = 0; sched_queue_at(s, q, w->now_ms, &v); q++)
        SIM_CHECK(w,
                  v.demand == c->state[q][TASK_QUEUED] + c->state[q][TASK_DELAYED] + c->state[q][TASK_OFFERED] +
                                  c->state[q][TASK_RUNNING] + c->state[q][TASK_RECOVERING],
                  "demand of queue %u", q);
}

static void check_prover(struct sim *w, const struct prover *p)
{
    uint32_t held = 0, offered = 0;
    for (const struct attempt *a = p->attempts; a; a = a->next) {
        SIM_CHECK(w, a->prover == p && attempt_find(w->s, a->token) == a, "an attempt in two places");
        held += a->state != ATTEMPT_LATE;
        offered += a->state == ATTEMPT_OFFERED;
        SIM_CHECK(w, !a->task || a->task->attempt == a, "two live attempts of one task");
    }
    SIM_CHECK(w, held == p->held && offered == p->offered, "counts of prover %s", p->name->text);
    uint32_t awaiting = 0;
    for (uint32_t i = 0; i < w->s->provers_n; i++)
        for (const struct attempt *a = w->s->provers[i] ? w->s->provers[i]->attempts : NULL; a; a = a->next)
            awaiting += a->wanted_by == p;
    SIM_CHECK(w, awaiting == p->awaiting && (p->peer || !awaiting), "recalls for prover %s", p->name->text);
    bool open = prover_in(w->s, PROVERS_OPEN, p);
    SIM_CHECK(w, open == prover_open(w->s, p), "prover %s is %sopen and is not listed so", p->name->text,
              open ? "not " : "");
    bool idle = open && p->held < p->slots;
    SIM_CHECK(w, prover_in(w->s, PROVERS_IDLE, p) == idle && prover_in(w->s, PROVERS_EMPTY, p) == (idle && !p->held),
              "whether prover %s idles", p->name->text);
    SIM_CHECK(w, prover_in(w->s, PROVERS_HOLDS, p) == (p->attempts != NULL), "whether prover %s holds anything",
              p->name->text);
    SIM_CHECK(w, !p->spare_at == !prover_spare(p) && !p->owner_spare_at == !p->spare_at,
              "whether the place of prover %s may be taken", p->name->text);
}

static bool naive_fits(const struct task *t, const struct prover *p)
{
    bool queue = false, circuit = p->any_circuit;
    for (size_t i = 0; i < p->queues_n; i++) queue |= p->queues[i] == t->account->queue;
    for (size_t i = 0; i < p->circuits_n; i++) circuit |= !strcmp(p->circuits[i].name->text, t->circuit->text);
    return queue && circuit && task_extra(t)->need_vram <= p->vram && (!p->ram || task_extra(t)->need_ram <= p->ram);
}

static bool naive_failed(const struct sim *w, const struct task *t, const struct prover *p)
{
    return p->name->text[0] == 'p' && w->tasks[number_of(t)].failed_by[p->name->text[1] - '0'];
}

static bool naive_another(const struct sim *w, const struct task *t)
{
    const struct sched *s = w->s;
    for (uint32_t i = 0; i < s->provers_n; i++) {
        const struct prover *p = s->provers[i];
        if (p && p->live && !p->local && !p->draining && !p->drained && !p->quarantined_ms && naive_fits(t, p) &&
            !naive_failed(w, t, p) && !task_excludes(t, p->digest))
            return true;
    }
    return false;
}

/* R11: nobody idles when something matches. */
static void check_nobody_idles(struct sim *w, const struct task *t)
{
    const struct sched *s = w->s;
    if (t->state != TASK_QUEUED || t->account->queue->paused) return;
    const struct sched_limits *l = &t->account->principal->limits;
    if (l->leased && t->account->leased >= l->leased) return;
    for (uint32_t i = 0; i < s->provers_n; i++) {
        const struct prover *p = s->provers[i];
        if (!p || !prover_open(s, p) || p->held || !naive_fits(t, p)) continue;
        if (task_excludes(t, p->digest) && naive_another(w, t)) continue;
        sim_fail(w, "prover %s idles beside task %u", p->name->text, number_of(t));
    }
}

/* R12: prefetched work that an idle prover could do has been asked back. */
static void check_recalls(struct sim *w, const struct prover *idle)
{
    if (!prover_open(w->s, idle) || idle->held || idle->awaiting) return;
    for (uint32_t i = 0; i < w->s->provers_n; i++) {
        const struct prover *p = w->s->provers[i];
        uint32_t others = 0;
        if (!p || p == idle || !p->peer) continue;
        for (const struct attempt *a = p->attempts; a; a = a->next)
            others += a->state != ATTEMPT_LATE && a->state != ATTEMPT_OFFERED;
        for (const struct attempt *a = p->attempts; a; a = a->next) {
            if (a->state != ATTEMPT_OFFERED || others++ < p->slots || a->wanted_by || a->suspect) continue;
            if (a->task->account->queue->paused || task_excludes(a->task, idle->digest) || !naive_fits(a->task, idle))
                continue;
            sim_fail(w, "prover %s idles beside prefetched task %u", idle->name->text, number_of(a->task));
        }
    }
}

bool sim_is_stale(const struct sim *w, const struct sched_event *ev)
{
    if (ev->type != SCHED_STARTED && ev->type != SCHED_PROGRESS && ev->type != SCHED_FAIL) return false;
    const struct attempt *a = attempt_find(w->s, ev->token);
    const struct sched_peer *peer = sched_peer_find(w->s, ev->peer);
    return sched_next_ms(w->s) > w->now_ms && !(a && a->task && peer && a->prover == peer->prover);
}

void sim_snapshot(const struct sim *w, struct sim_snapshot *to)
{
    memset(to, 0, sizeof *to);
    for (unsigned i = 0; i < SIM_TASKS; i++) {
        const struct task *t = sim_task(w, i);
        to->of[i].state = -1;
        if (!t) continue;
        to->of[i].state = t->state == TASK_OFFERED
                              ? TASK_QUEUED
                              : t->state; /* a peer that speaks lives, and may be offered something */
        to->of[i].failures = task_past(t)->failures;
        to->of[i].losses = task_past(t)->losses;
        to->of[i].attempts = task_past(t)->attempts;
        to->of[i].percent = t->state == TASK_RUNNING && t->past ? t->past->percent : 0;
    }
}

void sim_check_unchanged(struct sim *w, const struct sim_snapshot *before)
{
    struct sim_snapshot after;
    sim_snapshot(w, &after);
    for (unsigned i = 0; i < SIM_TASKS; i++)
        SIM_CHECK(w, !memcmp(&before->of[i], &after.of[i], sizeof after.of[i]), "a stale report changed task %u", i);
}

void sim_check_state(struct sim *w)
{
    const struct sched *s = w->s;
    struct tally c;
    memset(&c, 0, sizeof c);
    size_t n = 0;
    for (unsigned i = 0; i < SIM_TASKS; i++) {
        const struct task *t = sim_task(w, i);
        SIM_CHECK(w, t || !w->tasks[i].promised, "task %u was acknowledged and has vanished", i);
        SIM_CHECK(w, t || !w->tasks[i].on_disk, "task %u is on disk and nowhere else", i);
        for (int k = 0; !t && k < SIM_CLIENTS; k++) w->clients[k].owed[i] = false;
        if (!t) continue;
        n++;
        check_task(w, t);
        count_task(t, &c);
        check_nobody_idles(w, t);
    }
    SIM_CHECK(w, n == s->stats.tasks && n == s->rows.n - s->rows.dead, "count of tasks");
    check_counts(w, &c);
    uint32_t connected = 0;
    for (uint32_t i = 0; i < s->sessions_n; i++) connected += s->sessions[i]->peer != 0;
    SIM_CHECK(w, connected == s->connected, "count of connected sessions");
    for (uint32_t i = 0; i < s->provers_n; i++)
        if (s->provers[i]) check_prover(w, s->provers[i]);
    for (uint32_t i = 0; i < s->provers_n; i++)
        if (s->provers[i]) check_recalls(w, s->provers[i]);
}
