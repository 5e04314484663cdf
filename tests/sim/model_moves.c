/* What can happen to a task and its attempt: the moves, and what time does (R5 to R7, R14). */
#include "sim_model.h"

#include <string.h>

int model_number(int principal, wire_id task)
{
    static const char *const owners[] = { "alice", "bob", "ops" };
    return (int)sim_number(owners[principal], task);
}

int model_about(const struct sched_action *a)
{
    return (int)sim_about(a);
}

bool model_live(const struct model_task *t)
{
    return t->state == TASK_RECEIVING || t->state == TASK_QUEUED || t->state == TASK_DELAYED ||
           t->state == TASK_OFFERED || t->state == TASK_RUNNING || t->state == TASK_RECOVERING;
}

void model_say(struct model *m, enum sched_action_type type, uint64_t peer, int task, wire_token token,
               pv_status status)
{
    if (m->says_n < MODEL_SAYS) m->says[m->says_n++] = (struct model_say){ type, peer, task, token, status };
}

/* ---- tokens that were given out ---- */

static bool same_key(const struct model *m, int a, int b)
{
    return m->provers[a].local == m->provers[b].local;
}

/* R8: of nine the oldest of the key that has most goes. */
static void keep(struct model *m, struct model_task *t, struct model_issued one)
{
    struct model_issued all[MODEL_EARLIER + 1];
    int n = 0, of[MODEL_EARLIER + 1] = { 0 }, goes = 0;
    for (int i = 0; i < MODEL_EARLIER && t->earlier[i].token.seq; i++) all[n++] = t->earlier[i];
    all[n++] = one;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < n; k++) of[i] += same_key(m, all[i].prover, all[k].prover);
    for (int i = 0; i < n; i++)
        if (of[i] > of[goes]) goes = i;
    if (n <= MODEL_EARLIER) goes = n;
    for (int i = 0, to = 0; i < n; i++)
        if (i != goes) t->earlier[to++] = all[i];
}

void model_last_is(struct model *m, struct model_task *t, wire_token token, int prover)
{
    int to = 0;
    bool again = wire_token_equal(t->last.token, token);
    if (t->last.token.seq && !t->given_back && !again) keep(m, t, t->last);
    for (int i = 0; i < MODEL_EARLIER; i++)
        if (!wire_token_equal(t->earlier[i].token, token)) t->earlier[to++] = t->earlier[i];
    while (to < MODEL_EARLIER) t->earlier[to++] = (struct model_issued){ .prover = 0 };
    t->last = (struct model_issued){ token, prover };
    t->given_back = false;
}

bool model_issued(const struct model *m, int n, wire_token token, int prover)
{
    const struct model_task *t = &m->tasks[n];
    for (int i = -1; i < MODEL_EARLIER; i++) {
        const struct model_issued *one = i < 0 ? &t->last : &t->earlier[i];
        bool nodes = !m->provers[prover].local && !m->provers[one->prover].local;
        if (token.seq && wire_token_equal(one->token, token) && (one->prover == prover || nodes)) return true;
    }
    return false;
}

bool model_believes(struct model *m, int n, wire_token token, int prover)
{
    const struct model_attempt *a = model_find(m, token);
    if (a && a->prover != prover && m->provers[a->prover].peer) return false;
    return model_issued(m, n, token, prover);
}

/* ---- attempts ---- */

struct model_attempt *model_attempt_of(struct model *m, int task)
{
    for (int i = 0; i < MODEL_ATTEMPTS; i++)
        if (m->attempts[i].state != MODEL_FREE && m->attempts[i].task == task) return &m->attempts[i];
    return NULL;
}

struct model_attempt *model_find(struct model *m, wire_token token)
{
    for (int i = 0; i < MODEL_ATTEMPTS; i++)
        if (m->attempts[i].state != MODEL_FREE && wire_token_equal(m->attempts[i].token, token)) return &m->attempts[i];
    return NULL;
}

struct model_attempt *model_attempt_new(struct model *m, int prover, int task, wire_token token,
                                        enum model_attempt_state state)
{
    int i = 0;
    while (i < MODEL_ATTEMPTS - 1 && m->attempts[i].state != MODEL_FREE) i++;
    m->attempts[i] = (struct model_attempt){
        .state = state,
        .token = token,
        .prover = prover,
        .task = task,
        .was = task,
        .lease_ms = MODEL_NEVER,
        .changed_ms = m->now_ms,
        .number = ++m->numbers,
        .suspect = task >= 0 && m->tasks[task].losses >= 2,
    };
    if (task >= 0) model_last_is(m, &m->tasks[task], token, prover);
    return &m->attempts[i];
}

void model_end(struct model_attempt *a)
{
    a->state = MODEL_FREE;
}

/* R14: the prover is told at once, and its place stays taken until it confirms. A prover that is away has nothing to
 * confirm. */
void model_revoke(struct model *m, struct model_attempt *a, pv_status why)
{
    uint64_t peer = m->provers[a->prover].peer;
    m->count.revokes++;
    a->task = -1;
    a->why = why;
    a->state = peer ? MODEL_REVOKING : MODEL_FREE;
    if (peer) model_say(m, SCHED_REVOKE, peer, -1, a->token, why);
}

struct model_attempt *model_late(struct model *m, int prover, wire_token token, int n)
{
    struct model_attempt *a = model_attempt_new(m, prover, -1, token, MODEL_LATE);
    a->was = n;
    return a;
}

static void let_go(struct model *m, struct model_attempt *a, bool revoke, pv_status why)
{
    if (revoke)
        model_revoke(m, a, why);
    else
        model_end(a);
}

/* Move 3: the attempt counts from here, once. */
void model_begin(struct model *m, struct model_attempt *a)
{
    struct model_task *t = &m->tasks[a->task];
    a->state = MODEL_RUNNING;
    a->started_ms = a->changed_ms = m->now_ms;
    a->lease_ms = m->now_ms + m->cfg.lease_ms;
    t->attempts += !a->counted;
    a->counted = true;
    t->state = TASK_RUNNING;
    m->count.started++;
}

/* R5; and move 15, for an attempt that was out when the broker stopped. */
void model_renew(struct model *m, struct model_attempt *a)
{
    if (a->state == MODEL_RECOVERING) {
        m->count.adopted++;
        model_begin(m, a);
    }
    if (a->lease_ms < m->now_ms + m->cfg.lease_ms) a->lease_ms = m->now_ms + m->cfg.lease_ms;
}

void model_offered(struct model *m, struct model_attempt *a, int n)
{
    a->lease_ms = m->now_ms + 10000;
    a->fetched = m->provers[a->prover].local || m->tasks[n].bytes <= 64 * 1024;
}

/* R20: heartbeats renew an offer only while its input is fetched, or was. */
void model_listed(struct model *m, struct model_attempt *a)
{
    bool stands = !a->fetching || m->now_ms - a->changed_ms >= 4 * m->cfg.lease_ms;
    a->idle = a->state == MODEL_OFFERED && !a->fetched && stands;
    if (!a->idle) model_renew(m, a);
}

void model_progress(struct model *m, struct model_attempt *a, const char *phase, uint32_t percent)
{
    struct model_task *t = &m->tasks[a->task];
    if (percent == t->percent && (!phase || !strcmp(phase, t->phase))) return;
    a->changed_ms = m->now_ms;
    t->percent = percent;
    if (phase) strcpy(t->phase, phase);
}

/* ---- tasks ---- */

static void clear_progress(struct model_task *t)
{
    t->percent = 0;
    t->phase[0] = 0;
    t->push_due = false;
}

/* The clock of a line starts again when a task enters an empty line, and when one is taken. */
static void line_clock(struct model *m, const struct model_task *t, bool taken)
{
    int principal = m->sessions[t->owner].principal;
    bool others = false;
    for (int i = 0; i < MODEL_TASKS && !taken; i++) {
        const struct model_task *o = &m->tasks[i];
        others |= o != t && o->there && o->state == TASK_QUEUED && o->queue == t->queue && o->priority == t->priority &&
                  m->sessions[o->owner].principal == principal;
    }

    if (!others) m->taken_ms[t->queue][principal][t->priority] = m->now_ms;
}

void model_taken(struct model *m, int n)
{
    line_clock(m, &m->tasks[n], true);
}

void model_queue(struct model *m, int n)
{
    struct model_task *t = &m->tasks[n];
    t->until_ms = MODEL_NEVER;
    clear_progress(t);
    t->state = TASK_QUEUED;
    line_clock(m, t, false);
}

static void delay(struct model *m, int n)
{
    struct model_task *t = &m->tasks[n];
    uint64_t ms = 1000;
    for (uint32_t i = 1; i < t->failures && ms < 60000; i++) ms *= 2;
    if (ms > 60000) ms = 60000;
    clear_progress(t);
    t->state = TASK_DELAYED;
    t->delay_least_ms = m->now_ms + ms * 4 / 5;
    t->delay_most_ms = m->now_ms + ms * 6 / 5;
    t->until_ms = t->delay_most_ms; /* until the core's jitter is read */
}

static void answer_submits(struct model *m, int n)
{
    for (int e = 0; e < m->sessions_n; e++) {
        struct model_session *session = &m->sessions[e];
        if (!session->attached[n] || !session->pending[n]) continue;
        model_say(m, SCHED_SUBMIT_OK, session->pending[n], n, (wire_token){ 0 }, PV_OK);
        session->pending[n] = 0;
    }
}

/* R3: every session attached is told, but not the one that knows. Every waiting SUBMIT is answered. */
void model_finish(struct model *m, int n, enum task_state state, int knows)
{
    struct model_task *t = &m->tasks[n];
    clear_progress(t);
    t->state = state;
    t->until_ms = m->now_ms + m->cfg.retention_ms;
    m->count.succeeded += state == TASK_SUCCEEDED;
    m->count.dead += state == TASK_DEAD;
    m->count.cancelled += state == TASK_CANCELLED;
    m->count.expired += state == TASK_EXPIRED;
    answer_submits(m, n);
    for (int e = 0; e < m->sessions_n; e++) {
        struct model_session *session = &m->sessions[e];
        if (!session->attached[n]) continue;
        if (e == knows) {
            session->attached[n] = false;
        } else if (session->peer) {
            model_say(m, SCHED_DELIVER, session->peer, n, (wire_token){ 0 }, PV_OK);
        }
    }
}

/* Move 1. */
void model_received(struct model *m, int n)
{
    m->tasks[n].has_input = true;
    m->tasks[n].place = ++m->places;
    model_queue(m, n);
    m->count.submitted++;
    answer_submits(m, n);
}

void model_forget(struct model *m, int n)
{
    m->tasks[n].there = false;
    for (int e = 0; e < m->sessions_n; e++) {
        m->sessions[e].attached[n] = false;
        m->sessions[e].pending[n] = 0;
    }
}

void model_not_received(struct model *m, int n, pv_status why)
{
    for (int e = 0; e < m->sessions_n; e++) {
        struct model_session *session = &m->sessions[e];
        uint64_t peer = session->pending[n] ? session->pending[n] : session->peer;
        if (session->attached[n] && peer) model_say(m, SCHED_REFUSE, peer, n, (wire_token){ 0 }, why);
    }
    model_forget(m, n);
}

/* Move 10. */
void model_cancel(struct model *m, int n, int knows)
{
    struct model_attempt *a = model_attempt_of(m, n);
    if (a && a->state == MODEL_RECOVERING)
        model_end(a);
    else if (a)
        model_revoke(m, a, PV_CANCELLED);
    model_finish(m, n, TASK_CANCELLED, knows);
}

/* Move 13. */
void model_revive(struct model *m, int n)
{
    struct model_task *t = &m->tasks[n];
    t->generation++;
    t->failures = t->losses = t->attempts = 0;
    t->acked = false;
    t->orphan_ms = MODEL_NEVER;
    t->failed_by = 0;
    t->verdict_by = -1;
    t->need_vram = t->asked_vram;
    t->raises = 0;
    if (t->deadline_ms <= m->now_ms) t->deadline_ms = MODEL_NEVER;
    t->place = ++m->places;
    model_queue(m, n);
}

/* ---- ends of attempts ---- */

/* Moves 4 and 9: free. */
void model_return(struct model *m, struct model_attempt *a, bool revoke)
{
    int n = a->task;
    let_go(m, a, revoke, PV_REVOKED);
    model_queue(m, n);
}

/* Move 8. */
void model_lost(struct model *m, struct model_attempt *a, bool revoke)
{
    int n = a->task, prover = a->prover;
    let_go(m, a, revoke, PV_REVOKED);
    m->count.losses++;
    m->tasks[n].losses++;
    if (m->tasks[n].losses >= 2 && !m->provers[prover].local) m->tasks[n].failed_by |= (uint64_t)1 << prover;
    if (m->tasks[n].losses >= 5)
        model_finish(m, n, TASK_DEAD, -1);
    else
        model_queue(m, n);
}

static void quarantine(struct model *m, int prover)
{
    struct model_prover *p = &m->provers[prover];
    uint64_t ms = m->cfg.quarantine_ms;
    for (uint32_t i = 0; i < p->quarantines && ms < m->cfg.quarantine_max_ms; i++) ms *= 2;
    p->quarantined_ms = m->now_ms + (ms < m->cfg.quarantine_max_ms ? ms : m->cfg.quarantine_max_ms);
    p->quarantines++;
    m->count.quarantines++;
    for (uint32_t i = 0; i < p->streak_n; i++) { /* those failures are refunded */
        struct model_task *t = &m->tasks[p->streak[i].task];
        if (!t->there || t->generation != p->streak[i].generation || !model_live(t) || !t->failures) continue;
        t->failures--;
        m->count.refunds++;
    }
    p->streak_n = 0;
    for (int i = 0; i < MODEL_ATTEMPTS; i++)
        if (m->attempts[i].state != MODEL_FREE && m->attempts[i].prover == prover && m->attempts[i].task >= 0)
            model_return(m, &m->attempts[i], true);
}

static bool third_in_a_row(struct model *m, int prover, int n)
{
    struct model_prover *p = &m->provers[prover];
    uint32_t i = 0;
    if (p->local) return false;
    while (i < p->streak_n && p->streak[i].task != n) i++;
    p->streak[i].task = n;
    p->streak[i].generation = m->tasks[n].generation;
    if (i == p->streak_n) p->streak_n++;
    return p->streak_n >= 3;
}

static void end_or_delay(struct model *m, int n)
{
    if (m->tasks[n].failures >= 3)
        model_finish(m, n, TASK_DEAD, -1);
    else
        delay(m, n);
}

/* Move 6, R7. */
void model_failed(struct model *m, struct model_attempt *a, pv_status why, bool stopped)
{
    int n = a->task, prover = a->prover;
    let_go(m, a, !stopped, why);
    m->count.failures++;
    m->tasks[n].failures++;
    m->tasks[n].failed_by |= (uint64_t)1 << prover;
    if (third_in_a_row(m, prover, n)) quarantine(m, prover);
    end_or_delay(m, n);
}

/* Move 9: free while a larger prover lives that could do it. */
void model_resource(struct model *m, struct model_attempt *a)
{
    const struct model_prover *p = &m->provers[a->prover];
    struct model_task *t = &m->tasks[a->task], larger = *t;
    larger.need_vram = p->vram + 1;
    if (p->local || !p->vram || t->raises == 4 || !model_servable(m, &larger)) {
        t->need_vram = t->asked_vram;
        model_failed(m, a, PV_RESOURCES, true);
        return;
    }
    t->raises++;
    t->need_vram = larger.need_vram;
    model_return(m, a, false);
}

/* As another_to_ask below, of a task that another gets without a failure. */
static bool went_back(const struct model *m, int n)
{
    bool queued = false;
    if (!model_vague(&m->tasks[n])) return model_another_lives(m, &m->tasks[n]);
    for (size_t i = 0; i < m->out->n; i++) {
        const struct sched_action *a = &m->out->at[i];
        queued |= a->type == SCHED_MOVED && a->state == TASK_QUEUED && model_about(a) == n;
    }
    return queued;
}

/* Move 9: free while another lives that has not failed it. An undecided proof blames nobody. */
void model_for_another(struct model *m, struct model_attempt *a, pv_status why)
{
    int n = a->task, prover = a->prover;
    struct model_task *t = &m->tasks[n];
    t->failed_by |= (uint64_t)1 << prover;
    if (!m->provers[prover].local && t->raises < 4 && went_back(m, n)) {
        t->raises++;
        model_return(m, a, false);
    } else if (why == PV_NO_DEVICE) {
        model_failed(m, a, why, true);
    } else {
        model_end(a);
        m->count.failures++;
        t->failures++;
        end_or_delay(m, n);
    }
}

/* ---- move 7 ---- */

/* Whether somebody lives who has not failed t. Of one that many have failed the core has forgotten some (model_vague): then it
 * is as the core says. */
static bool another_to_ask(const struct model *m, int n)
{
    bool dead = false;
    if (!model_vague(&m->tasks[n])) return model_another_lives(m, &m->tasks[n]);
    for (size_t i = 0; i < m->out->n; i++) {
        const struct sched_action *a = &m->out->at[i];
        dead |= a->type == SCHED_MOVED && a->state == TASK_DEAD && model_about(a) == n;
    }
    return !dead;
}

/* All provers of the model have one key: another name is another opinion. */
void model_permanent(struct model *m, struct model_attempt *a)
{
    int n = a->task, prover = a->prover;
    struct model_task *t = &m->tasks[n];
    bool second = t->verdict_by >= 0 && t->verdict_by != prover;
    model_end(a);
    m->count.failures++;
    t->failures++;
    t->failed_by |= (uint64_t)1 << prover;
    if (second) m->provers[t->verdict_by].doubted = false;
    if (second || t->failures >= 3 || !another_to_ask(m, n)) {
        model_finish(m, n, TASK_DEAD, -1);
        return;
    }
    if (t->verdict_by < 0) t->verdict_ms = t->verdict_least_ms = m->now_ms + 60000;
    t->verdict_by = prover;
    m->count.opinions++;
    model_queue(m, n);
}

void model_contradicted(struct model *m, int n, int by)
{
    int prover = m->tasks[n].verdict_by;
    m->tasks[n].verdict_by = -1;
    if (prover < 0 || prover == by || !m->provers[prover].there) return;
    m->count.contradicted++;
    m->provers[prover].doubted = true;
    if (third_in_a_row(m, prover, n)) quarantine(m, prover);
}

static void verdict_due(struct model *m, int n)
{
    struct model_task *t = &m->tasks[n];
    if (m->provers[t->verdict_by].there && m->provers[t->verdict_by].doubted && another_to_ask(m, n))
        t->verdict_ms = t->verdict_least_ms = m->now_ms + 60000;
    else
        model_finish(m, n, TASK_DEAD, -1);
}

/* ---- time ---- */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t run_end_ms(const struct model *m, const struct model_task *t, const struct model_attempt *a)
{
    return m->run_timeout_ms[t->queue] ? a->started_ms + m->run_timeout_ms[t->queue] : MODEL_NEVER;
}

static uint64_t stall_end_ms(const struct model *m, const struct model_task *t, const struct model_attempt *a)
{
    return m->stall_timeout_ms[t->queue] ? a->changed_ms + m->stall_timeout_ms[t->queue] : MODEL_NEVER;
}

static uint64_t due_ms(struct model *m, int n)
{
    const struct model_task *t = &m->tasks[n];
    const struct model_attempt *a = model_attempt_of(m, n);
    if (!model_live(t)) return t->until_ms;
    if (t->state == TASK_RECEIVING) return least(t->until_ms, t->orphan_ms);
    uint64_t verdict_ms = t->verdict_by >= 0 ? t->verdict_ms : MODEL_NEVER;
    if (t->state == TASK_QUEUED) return least(verdict_ms, least(t->deadline_ms, t->orphan_ms));
    if (t->state == TASK_DELAYED) return least(least(verdict_ms, t->until_ms), least(t->deadline_ms, t->orphan_ms));
    uint64_t due = least(a->lease_ms, t->orphan_ms);
    if (t->state != TASK_RUNNING) return due;
    return least(least(due, t->push_due ? t->push_after_ms : MODEL_NEVER),
                 least(run_end_ms(m, t, a), stall_end_ms(m, t, a)));
}

/* R17: the last progress, at most once a second. */
static void push(struct model *m, int n)
{
    struct model_task *t = &m->tasks[n];
    t->push_due = false;
    t->push_after_ms = m->now_ms + 1000;
    for (int e = 0; e < m->sessions_n; e++)
        if (m->sessions[e].attached[n] && m->sessions[e].peer)
            model_say(m, SCHED_PUSH_PROGRESS, m->sessions[e].peer, n, (wire_token){ 0 }, PV_OK);
}

static void leased_due(struct model *m, int n)
{
    struct model_task *t = &m->tasks[n];
    struct model_attempt *a = model_attempt_of(m, n);
    if (a->lease_ms <= m->now_ms && a->state == MODEL_RUNNING)
        model_lost(m, a, true);
    else if (a->lease_ms <= m->now_ms && a->state == MODEL_OFFERED && a->idle && m->provers[a->prover].peer)
        model_failed(m, a, PV_STALLED, false);
    else if (a->lease_ms <= m->now_ms)
        model_return(m, a, a->state == MODEL_OFFERED);
    else if (run_end_ms(m, t, a) <= m->now_ms)
        model_failed(m, a, PV_RUN_TIMEOUT, false);
    else if (stall_end_ms(m, t, a) <= m->now_ms)
        model_failed(m, a, PV_STALLED, false);
    else
        push(m, n);
}

static void due(struct model *m, int n)
{
    struct model_task *t = &m->tasks[n];
    bool waits = t->state == TASK_QUEUED || t->state == TASK_DELAYED;
    if (model_live(t) && t->orphan_ms <= m->now_ms)
        model_cancel(m, n, -1);
    else if (waits && t->deadline_ms <= m->now_ms)
        model_finish(m, n, TASK_EXPIRED, -1);
    else if (waits && t->verdict_by >= 0 && t->verdict_ms <= m->now_ms)
        verdict_due(m, n);
    else if (t->state == TASK_DELAYED)
        model_queue(m, n);
    else if (t->state == TASK_RECEIVING)
        model_not_received(m, n, PV_TIMEOUT);
    else if (model_live(t))
        leased_due(m, n);
    else
        model_forget(m, n);
}

static bool is_leased(const struct model_task *t)
{
    return t->state == TASK_OFFERED || t->state == TASK_RUNNING || t->state == TASK_RECOVERING;
}

static int first_due(struct model *m, bool leased)
{
    int first = -1;
    uint64_t first_ms = MODEL_NEVER;
    for (int n = 0; n < MODEL_TASKS; n++) {
        if (!m->tasks[n].there || is_leased(&m->tasks[n]) != leased) continue;
        uint64_t ms = due_ms(m, n);
        if (ms > m->now_ms ||
            (first >= 0 && (ms > first_ms || (ms == first_ms && m->tasks[n].row > m->tasks[first].row))))
            continue;
        first = n;
        first_ms = ms;
    }
    return first;
}

static bool has_attempts(const struct model *m, int prover)
{
    for (int i = 0; i < MODEL_ATTEMPTS; i++)
        if (m->attempts[i].state != MODEL_FREE && m->attempts[i].prover == prover) return true;
    return false;
}

/* What is leased first; then the provers, since whether one lives decides what a verdict alone is worth. */
void model_pass_time(struct model *m)
{
    model_replace_late(m);
    for (int n; (n = first_due(m, true)) >= 0;) due(m, n);
    for (int i = 0; i < m->provers_n; i++) {
        struct model_prover *p = &m->provers[i];
        if (p->live && p->heard_ms + m->cfg.lease_ms <= m->now_ms) p->live = false;
        if (p->quarantined_ms <= m->now_ms) p->quarantined_ms = 0;
        if (p->local && !p->peer && !has_attempts(m, i)) p->there = false;
    }
    for (int n; (n = first_due(m, false)) >= 0;) due(m, n);
}
