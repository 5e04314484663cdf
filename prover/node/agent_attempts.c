#include "agent_attempts.h"

#include "agent_link.h"
#include "agent_results.h"
#include "log.h"
#include "text.h"
#include "words.h"

#include <stdlib.h>
#include <string.h>

enum { PROGRESS_EVERY_MS = 1000 };

static struct agent_attempt *attempt_find(struct agent *a, wire_token token)
{
    for (size_t i = 0; i < a->attempts_n; i++)
        if (wire_token_equal(a->attempts[i].token, token)) return &a->attempts[i];
    return NULL;
}

unsigned agent_attempts_unfinished(const struct agent *a)
{
    unsigned n = 0;
    for (size_t i = 0; i < a->attempts_n; i++) n += a->attempts[i].state != AGENT_ATTEMPT_ENDED;
    return n;
}

/* Keeps the order: the oldest waiting attempt is the next to start. */
static void attempt_remove(struct agent *a, struct agent_attempt *at)
{
    size_t i = (size_t)(at - a->attempts);
    incoming_clear(&at->input);
    memmove(at, at + 1, (a->attempts_n - i - 1) * sizeof *at);
    a->attempts_n--;
    a->ready_due = true;
}

/* Sends the last message and forgets the attempt; without a link the attempt stays and waits for one. */
static void attempt_part(struct agent *a, struct agent_attempt *at)
{
    struct wire_msg m = { .type = at->end == AGENT_ATTEMPT_END_FAIL      ? WIRE_FAIL
                                  : at->end == AGENT_ATTEMPT_END_RELEASE ? WIRE_RELEASE
                                                                         : WIRE_REVOKED };
    WIRE_SET(&m, token, at->token);
    if (at->end == AGENT_ATTEMPT_END_FAIL) {
        WIRE_SET(&m, task, at->task);
        WIRE_SET(&m, failure, at->failure);
        WIRE_SET(&m, status, at->status);
        if (*at->text) WIRE_SET(&m, text, at->text);
    }
    if (at->end == AGENT_ATTEMPT_END_RELEASE) WIRE_SET(&m, reason, at->reason);
    at->state = AGENT_ATTEMPT_ENDED;
    incoming_clear(&at->input);
    a->ready_due = true;
    if (agent_link_say(a, &m)) attempt_remove(a, at);
}

static void attempt_release(struct agent *a, struct agent_attempt *at, enum wire_reason reason)
{
    at->end = AGENT_ATTEMPT_END_RELEASE;
    at->reason = reason;
    LOG_INFO("task.released", "task=%s token=%s reason=%s", at->task_text, at->token_text,
             wire_word(WIRE_WORDS_reason, (int)reason));
    attempt_part(a, at);
}

static void attempt_fail(struct agent *a, struct agent_attempt *at, enum wire_failure failure, pv_status status,
                         const char *text)
{
    at->end = AGENT_ATTEMPT_END_FAIL;
    at->failure = failure;
    at->status = status;
    if (text != at->text) wire_text_clip(at->text, sizeof at->text, text);
    LOG_WARN("task.failed", "task=%s token=%s failure=%s status=%s text=%s", at->task_text, at->token_text,
             wire_word(WIRE_WORDS_failure, (int)failure), pv_status_word(status), at->text);
    attempt_part(a, at);
}

/* --- the input --- */

/* The input is complete, or stays incomplete for good. */
static void input_taken(struct agent *a, struct agent_attempt *at, pv_status s)
{
    if (s == PV_OK)
        at->state = AGENT_ATTEMPT_WAITING;
    else if (s == PV_BAD_MESSAGE)
        attempt_fail(a, at, WIRE_FAILURE_RETRYABLE, s, "more input came than was announced");
    else if (s == PV_NO_MEMORY)
        attempt_release(a, at, WIRE_REASON_RESOURCE);
    else
        attempt_fail(a, at, WIRE_FAILURE_RETRYABLE, s, "the input came damaged");
}

static void input_grant(struct agent *a, struct agent_attempt *at)
{
    struct wire_msg m;
    if (!incoming_grant(&at->input, a->link.window, INCOMING_AHEAD, &m)) return;
    WIRE_SET(&m, kind, WIRE_KIND_INPUT);
    WIRE_SET(&m, task, at->task);
    WIRE_SET(&m, token, at->token);
    if (!agent_link_say(a, &m)) incoming_rewind(&at->input);
}

/* On a new connection the broker needs a grant that says where to go on. */
static void input_resume(struct agent *a, struct agent_attempt *at)
{
    incoming_rewind(&at->input);
    input_grant(a, at);
}

void agent_attempts_chunk(struct agent *a, const struct wire_msg *m)
{
    struct agent_attempt *at = m->has.token && m->kind == WIRE_KIND_INPUT ? attempt_find(a, m->token) : NULL;
    if (!at || at->state != AGENT_ATTEMPT_FETCHING) return;
    pv_status s = incoming_take(&at->input, m->offset, m->payload, m->payload_bytes);
    if (s == PV_BAD_STATE) {
        if (incoming_misplaced(&at->input)) input_grant(a, at);
        return;
    }
    if (s != PV_OK || incoming_complete(&at->input))
        input_taken(a, at, s);
    else
        input_grant(a, at);
}

/* --- the offer --- */

static struct handler *handler_of(const struct agent *a, const char *queue)
{
    for (size_t i = 0; i < a->o.queues_n; i++)
        if (!strcmp(a->o.queues[i].name, queue)) return a->o.queues[i].handler;
    return NULL;
}

/* -1: a kind that this node does not know. */
static int kind_of(const struct wire_msg *m)
{
    return m->has.input_kind ? wire_word_value(WIRE_WORDS_input_kind, m->input_kind) : WIRE_INPUT_KIND_WTNS;
}

static struct agent_attempt *attempt_add(struct agent *a, const struct wire_msg *m)
{
    if (a->attempts_n == a->attempts_room) return NULL;
    struct agent_attempt *at = &a->attempts[a->attempts_n++];
    *at = (struct agent_attempt){ .state = AGENT_ATTEMPT_FETCHING,
                                  .token = m->token,
                                  .task = m->task,
                                  .sha256 = m->sha256,
                                  .run_timeout_ms = m->run_timeout_ms,
                                  .handler = handler_of(a, m->queue) };
    at->kind = (enum wire_input_kind)kind_of(m);
    wire_id_text(at->task_text, m->task);
    wire_token_text(at->token_text, m->token);
    if (m->has.traceparent && wire_trace_valid(m->traceparent))
        memcpy(at->traceparent, m->traceparent, sizeof at->traceparent);
    if (m->has.digest)
        wire_hash_text(at->circuit, m->digest);
    else
        snprintf(at->circuit, sizeof at->circuit, "%s", m->circuit);
    return at;
}

/* Hands an offer back at once. Nothing is wrong with the task, but it is not for this node, or not now. */
static void offer_decline(struct agent *a, const struct wire_msg *m, const char *because)
{
    char task[WIRE_ID_TEXT];
    struct wire_msg r = { .type = WIRE_RELEASE };
    WIRE_SET(&r, token, m->token);
    bool rests = handlers_state(a->o.handlers, handler_of(a, m->queue)) == REST_RESTS;
    WIRE_SET(&r, reason, a->mode == AGENT_SERVE && !rests ? WIRE_REASON_RESOURCE : WIRE_REASON_DRAIN);
    LOG_WARN("task.declined", "task=%s because=%s", wire_id_text(task, m->task), because);
    agent_link_say(a, &r);
}

static const char *offer_fault(const struct agent *a, const struct wire_msg *m)
{
    if (a->mode != AGENT_SERVE) return "draining";
    if (!handler_of(a, m->queue)) return "this node does not serve the queue";
    if (handlers_state(a->o.handlers, handler_of(a, m->queue)) == REST_RESTS) return "its handler rests";
    if (kind_of(m) < 0) return "this node does not know the kind of its input";
    if (m->length > a->o.input_most) return "the input is larger than this node accepts";
    if (a->attempts_n == a->attempts_room) return "more offers than credit";
    return NULL;
}

static void attempts_start(struct agent *a);

void agent_attempts_offer(struct agent *a, const struct wire_msg *m)
{
    if (attempt_find(a, m->token) || agent_results_hold(a, m->token)) return;
    const char *fault = offer_fault(a, m);
    struct agent_attempt *at = fault ? NULL : attempt_add(a, m);
    if (!at) {
        offer_decline(a, m, fault ? fault : "more offers than credit");
        return;
    }
    LOG_INFO("task.offered", "task=%s token=%s queue=%s circuit=%s bytes=%" PRIu64, at->task_text, at->token_text,
             m->queue, m->circuit, m->length);
    bool whole =
        m->has_payload || m->length == 0; /* an inline payload has the length announced: decoding saw to that */
    pv_status s = whole ? incoming_whole(&at->input, m->payload, m->payload_bytes, m->sha256)
                        : incoming_begin(&at->input, m->length, m->sha256, a->o.input_most);
    if (s != PV_OK && s != PV_HASH_MISMATCH)
        attempt_release(a, at, WIRE_REASON_RESOURCE);
    else if (whole)
        input_taken(a, at, s);
    else
        input_grant(a, at);
    attempts_start(a);
}

/* --- computing --- */

static int runner_idle(const struct agent *a)
{
    for (unsigned i = 0; i < a->o.slots; i++)
        if (!a->busy[i]) return (int)i;
    return -1;
}

static void attempt_start(struct agent *a, struct agent_attempt *at, unsigned runner)
{
    struct job *job = calloc(1, sizeof *job);
    if (!job) {
        attempt_release(a, at, WIRE_REASON_RESOURCE);
        return;
    }
    job->token = at->token;
    job->handler = at->handler;
    job->kind = at->kind;
    job->input = incoming_release(&at->input, &job->input_bytes);
    memcpy(job->task, at->task_text, sizeof job->task);
    snprintf(job->circuit, sizeof job->circuit, "%s", at->circuit);
    at->state = AGENT_ATTEMPT_RUNNING;
    at->job = job;
    at->runner = runner;
    at->started_ms = at->phase_ms = a->now_ms;
    a->busy[runner] = true;
    struct wire_msg m = { .type = WIRE_STARTED };
    WIRE_SET(&m, token, at->token);
    LOG_INFO("task.started", "task=%s token=%s handler=%s", at->task_text, at->token_text, at->handler->name);
    agent_link_say(a, &m); /* without a link the next HELLO says so */
    runner_start(a->runners[runner], &job);
}

/* A handler that rests gets none, one on trial one at a time. */
static bool may_start(const struct agent *a, const struct handler *h)
{
    enum rest_state state = handlers_state(a->o.handlers, h);
    if (state != REST_TRIAL) return state == REST_SERVES;
    for (size_t i = 0; i < a->attempts_n; i++)
        if (a->attempts[i].state == AGENT_ATTEMPT_RUNNING && a->attempts[i].handler == h) return false;
    return true;
}

static void attempts_start(struct agent *a)
{
    for (size_t i = 0; i < a->attempts_n; i++) {
        int idle = runner_idle(a);
        if (idle < 0) return;
        if (a->attempts[i].state == AGENT_ATTEMPT_WAITING && may_start(a, a->attempts[i].handler))
            attempt_start(a, &a->attempts[i], (unsigned)idle);
    }
}

static struct agent_attempt *attempt_of_job(struct agent *a, unsigned runner)
{
    for (size_t i = 0; i < a->attempts_n; i++)
        if (a->attempts[i].state == AGENT_ATTEMPT_RUNNING && a->attempts[i].runner == runner) return &a->attempts[i];
    return NULL;
}

/* A failure that may be the handler's fault: told to the broker, or a reason for it to rest (handler_rest.h). Then the attempt waits to
 * be handed back, behind the HELLO that no longer has its queue (agent_attempts_rest). */
static void attempt_blame(struct agent *a, struct agent_attempt *at, pv_status status, const char *text)
{
    bool begins;
    const struct handler *h = at->handler;
    if (handlers_failed(a->o.handlers, h, at->task, text, a->now_ms, &begins) == REST_SAY) {
        attempt_fail(a, at, WIRE_FAILURE_RETRYABLE, status, text);
        return;
    }
    LOG_WARN("task.failed", "task=%s token=%s status=%s text=%s", at->task_text, at->token_text, pv_status_word(status),
             text);
    at->state = AGENT_ATTEMPT_WAITING;
    if (!begins) return;
    LOG_WARN("handler.rests", "handler=%s rest_ms=%" PRIu64 " text=%s", h->name, handlers_rest_ms(a->o.handlers, h),
             text);
    a->rest_begins = true;
}

void agent_attempts_rest(struct agent *a)
{
    if (handlers_next_ms(a->o.handlers) == UINT64_MAX) return;
    for (size_t i = a->attempts_n; i-- > 0;) {
        struct agent_attempt *at = &a->attempts[i];
        bool begun = at->state == AGENT_ATTEMPT_RUNNING || at->state == AGENT_ATTEMPT_ENDED;
        if (!begun && handlers_state(a->o.handlers, at->handler) == REST_RESTS)
            attempt_release(a, at, WIRE_REASON_DRAIN);
    }
}

/* A failure, or a hand-back where nothing was done. A broker that does not know losses of this kind takes them for failures: they
 * are counted, so that a task that ends one process after another does not do so for ever. */
static void job_failed(struct agent *a, struct agent_attempt *at, const struct job *job)
{
    static const enum wire_failure failures[] = { [HANDLER_RETRYABLE] = WIRE_FAILURE_RETRYABLE,
                                                  [HANDLER_PERMANENT] = WIRE_FAILURE_PERMANENT,
                                                  [HANDLER_RESOURCE] = WIRE_FAILURE_RESOURCE,
                                                  [HANDLER_LOST] = WIRE_FAILURE_LOST };
    enum handler_verdict verdict = job->out.verdict;
    const char *text = *job->out.text ? job->out.text : pv_status_text(job->status);
    if (verdict == HANDLER_UNSTARTED) {
        LOG_WARN("task.unstarted", "task=%s token=%s text=%s", at->task_text, at->token_text, text);
        attempt_release(a, at, WIRE_REASON_DRAIN);
        return;
    }
    if (verdict == HANDLER_LOST && !a->link.takes_lost) verdict = HANDLER_RETRYABLE;
    if (verdict == HANDLER_RETRYABLE)
        attempt_blame(a, at, job->status, text);
    else
        attempt_fail(a, at, failures[verdict], job->status, text);
}

/* A result that came in spite of a stop still goes to the broker, which decides what it is worth. */
static void job_done(struct agent *a, struct agent_attempt *at, struct job *job)
{
    if (job->status == PV_BAD_PROOF) node_figures_rejected(a->o.figures);
    if (job->status == PV_OK) {
        node_figures_proved(a->o.figures, job->measured_ms);
        LOG_INFO("task.proved", "task=%s token=%s handler=%s prove_ms=%" PRIu64 " bytes=%zu", at->task_text,
                 at->token_text, at->handler->name, job->measured_ms, job->out.size);
        bool confirm = at->end == AGENT_ATTEMPT_END_REVOKED;
        if (handlers_succeeded(a->o.handlers, at->handler))
            LOG_INFO("handler.serves", "handler=%s text=%s", at->handler->name, "a task succeeded after its rest");
        agent_results_add(a, at, job);
        if (confirm)
            attempt_part(a, at);
        else
            attempt_remove(a, at);
        return;
    }
    if (at->end == AGENT_ATTEMPT_END_FAIL && at->failure == WIRE_FAILURE_RETRYABLE)
        attempt_blame(a, at, at->status, at->text);
    else if (at->end == AGENT_ATTEMPT_END_FAIL)
        attempt_fail(a, at, at->failure, at->status, at->text);
    else if (at->end == AGENT_ATTEMPT_END_RELEASE)
        attempt_release(a, at, at->reason);
    else if (at->end == AGENT_ATTEMPT_END_REVOKED)
        attempt_part(a, at);
    else
        job_failed(a, at, job);
}

static void trace_say(const struct agent *a, const struct agent_attempt *at, pv_status outcome)
{
    const struct node_traced said = { .traceparent = at->traceparent,
                                      .task = at->task_text,
                                      .token = at->token_text,
                                      .handler = at->handler->name,
                                      .outcome = outcome,
                                      .started_ms = at->started_ms,
                                      .ended_ms = a->now_ms,
                                      .phases = &at->phases };
    node_trace_say(a->o.trace, &said);
}

void agent_attempts_report(struct agent *a, unsigned runner, struct runner_report *report)
{
    struct agent_attempt *at = attempt_of_job(a, runner);
    if (at && (report->news == RUNNER_DONE || strcmp(at->phase, report->phase) != 0)) {
        node_figures_phase(a->o.figures, at->phase, a->now_ms - at->phase_ms);
        at->phase_ms = a->now_ms;
    }
    if (report->news == RUNNER_PROGRESS && at) {
        node_phases_note(&at->phases, report->phase, a->now_ms);
        snprintf(at->phase, sizeof at->phase, "%s", report->phase);
        at->percent = report->percent;
        at->progress_due = true;
    }
    if (report->news != RUNNER_DONE) return;
    a->busy[runner] = false;
    if (at) trace_say(a, at, report->job->status);
    if (at) job_done(a, at, report->job);
    job_destroy(&report->job);
    attempts_start(a);
}

/* Stops the computation itself, not only the waiting for it. end decides which message follows when it has stopped. */
static void attempt_stop(struct agent_attempt *at, enum agent_attempt_end end)
{
    at->end = end;
    atomic_store(&at->job->stop, 1);
}

static uint64_t run_limit_ms(const struct agent_attempt *at)
{
    uint64_t own = at->handler->time_limit_ms, asked = at->run_timeout_ms;
    return !own ? asked : !asked || own < asked ? own : asked;
}

static void limit_check(struct agent *a, struct agent_attempt *at)
{
    uint64_t limit = run_limit_ms(at);
    if (at->end != AGENT_ATTEMPT_END_NONE || !limit || a->now_ms - at->started_ms < limit) return;
    at->failure = WIRE_FAILURE_RETRYABLE;
    at->status = PV_RUN_TIMEOUT;
    snprintf(at->text, sizeof at->text, "it ran longer than %" PRIu64 " ms", limit);
    attempt_stop(at, AGENT_ATTEMPT_END_FAIL);
}

static void progress_say(struct agent *a, struct agent_attempt *at)
{
    struct wire_msg m = { .type = WIRE_PROGRESS };
    WIRE_SET(&m, token, at->token);
    WIRE_SET(&m, percent, at->percent);
    if (*at->phase) WIRE_SET(&m, phase, at->phase);
    if (!agent_link_say(a, &m)) return;
    at->told_ms = a->now_ms;
    at->progress_due = false;
}

void agent_attempts_tick(struct agent *a)
{
    attempts_start(a);
    for (size_t i = 0; i < a->attempts_n; i++) {
        struct agent_attempt *at = &a->attempts[i];
        if (at->state != AGENT_ATTEMPT_RUNNING) continue;
        limit_check(a, at);
        if (at->progress_due && a->now_ms - at->told_ms >= PROGRESS_EVERY_MS) progress_say(a, at);
    }
}

uint64_t agent_attempts_next_ms(const struct agent *a)
{
    uint64_t next = UINT64_MAX;
    for (size_t i = 0; i < a->attempts_n; i++) {
        const struct agent_attempt *at = &a->attempts[i];
        if (at->state != AGENT_ATTEMPT_RUNNING) continue;
        uint64_t limit = run_limit_ms(at), tell = at->told_ms + PROGRESS_EVERY_MS;
        if (at->end == AGENT_ATTEMPT_END_NONE && limit && at->started_ms + limit < next) next = at->started_ms + limit;
        if (at->progress_due && a->link.state == LINK_UP && tell < next) next = tell;
    }
    return next;
}

/* --- what the broker takes back --- */

/* An attempt that is not held, or has finished, is confirmed at once: its slot is free already. What a finished result
 * is worth then, RESULT_OK says. */
void agent_attempts_revoke(struct agent *a, wire_token token)
{
    struct agent_attempt *at = attempt_find(a, token);
    if (!at) {
        struct wire_msg m = { .type = WIRE_REVOKED };
        WIRE_SET(&m, token, token);
        agent_link_say(a, &m);
        agent_results_revoked(a, token);
        return;
    }
    if (at->state == AGENT_ATTEMPT_RUNNING) {
        if (at->end != AGENT_ATTEMPT_END_REVOKED)
            LOG_INFO("task.revoked", "task=%s token=%s", at->task_text, at->token_text);
        attempt_stop(at, AGENT_ATTEMPT_END_REVOKED);
        return;
    }
    LOG_INFO("task.revoked", "task=%s token=%s", at->task_text, at->token_text);
    at->end = AGENT_ATTEMPT_END_REVOKED;
    attempt_part(a, at);
}

void agent_attempts_recall(struct agent *a, wire_token token)
{
    struct agent_attempt *at = attempt_find(a, token);
    if (at && (at->state == AGENT_ATTEMPT_FETCHING || at->state == AGENT_ATTEMPT_WAITING))
        attempt_release(a, at, WIRE_REASON_RECALL);
}

void agent_attempts_refused(struct agent *a, const struct wire_msg *m)
{
    struct agent_attempt *at = attempt_find(a, m->token);
    if (at && at->state == AGENT_ATTEMPT_FETCHING) attempt_remove(a, at);
}

/* --- link, drain, end --- */

void agent_attempts_linked(struct agent *a)
{
    for (size_t i = a->attempts_n; i-- > 0;) {
        struct agent_attempt *at = &a->attempts[i];
        if (a->link.state != LINK_UP) return;
        if (at->state == AGENT_ATTEMPT_ENDED)
            attempt_part(a, at);
        else if (at->state == AGENT_ATTEMPT_FETCHING)
            input_resume(a, at);
        else if (at->state == AGENT_ATTEMPT_RUNNING)
            at->progress_due = *at->phase != 0;
    }
}

void agent_attempts_drain(struct agent *a)
{
    for (size_t i = a->attempts_n; i-- > 0;)
        if (a->attempts[i].state == AGENT_ATTEMPT_FETCHING || a->attempts[i].state == AGENT_ATTEMPT_WAITING)
            attempt_release(a, &a->attempts[i], WIRE_REASON_DRAIN);
}

void agent_attempts_handback(struct agent *a)
{
    for (size_t i = 0; i < a->attempts_n; i++) {
        struct agent_attempt *at = &a->attempts[i];
        if (at->state != AGENT_ATTEMPT_RUNNING || at->end != AGENT_ATTEMPT_END_NONE) continue;
        at->reason = WIRE_REASON_DRAIN;
        attempt_stop(at, AGENT_ATTEMPT_END_RELEASE);
    }
}

void agent_attempts_clear(struct agent *a)
{
    for (size_t i = 0; i < a->attempts_n; i++) incoming_clear(&a->attempts[i].input);
    a->attempts_n = 0;
}
