#include "agent_state.h"

#include "clock.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

enum { PROGRESS_EVERY_MS = 1000 };

struct attempt *attempt_find(struct agent *a, wire_token token)
{
    for (size_t i = 0; i < a->attempts_n; i++)
        if (wire_token_equal(a->attempts[i].token, token)) return &a->attempts[i];
    return NULL;
}

unsigned attempts_unfinished(const struct agent *a)
{
    unsigned n = 0;
    for (size_t i = 0; i < a->attempts_n; i++) n += a->attempts[i].state != ATTEMPT_ENDED;
    return n;
}

static void input_drop(struct attempt *at)
{
    if (at->input) explicit_bzero(at->input, at->length);
    free(at->input);
    at->input = NULL;
    sha256_clear(&at->digest);
}

/* Order is kept: the oldest waiting attempt is the next to start. */
static void attempt_remove(struct agent *a, struct attempt *at)
{
    size_t i = (size_t)(at - a->attempts);
    input_drop(at);
    memmove(at, at + 1, (a->attempts_n - i - 1) * sizeof *at);
    a->attempts_n--;
    a->ready_due = true;
}

/* Says the last word and forgets the attempt; without a link it waits for one. */
static void attempt_part(struct agent *a, struct attempt *at)
{
    struct wire_msg m = { .type = at->end == END_FAIL      ? WIRE_FAIL
                                  : at->end == END_RELEASE ? WIRE_RELEASE
                                                           : WIRE_REVOKED };
    WIRE_SET(&m, token, at->token);
    if (at->end == END_FAIL) {
        WIRE_SET(&m, task, at->task);
        WIRE_SET(&m, failure, at->failure);
        WIRE_SET(&m, status, at->status);
        if (*at->text) WIRE_SET(&m, text, at->text);
    }
    if (at->end == END_RELEASE) WIRE_SET(&m, reason, at->reason);
    at->state = ATTEMPT_ENDED;
    input_drop(at);
    a->ready_due = true;
    if (session_say(a, &m)) attempt_remove(a, at);
}

static void attempt_release(struct agent *a, struct attempt *at, enum wire_reason reason)
{
    at->end = END_RELEASE;
    at->reason = reason;
    LOG_INFO("task.released", "task=%s token=%s reason=%s", at->task_text, at->token_text,
             wire_word(WIRE_WORDS_reason, (int)reason));
    attempt_part(a, at);
}

static void attempt_fail(struct agent *a, struct attempt *at, enum wire_failure failure, pv_status status,
                         const char *text)
{
    at->end = END_FAIL;
    at->failure = failure;
    at->status = status;
    if (text != at->text) wire_text_clip(at->text, sizeof at->text, text);
    LOG_WARN("task.failed", "task=%s token=%s failure=%s status=%s text=%s", at->task_text, at->token_text,
             wire_word(WIRE_WORDS_failure, (int)failure), pv_status_word(status), at->text);
    attempt_part(a, at);
}

/* --- the input --- */

static void input_complete(struct agent *a, struct attempt *at)
{
    wire_hash is;
    pv_status s = sha256_finish(&at->digest, &is);
    if (s == PV_OK && !wire_hash_equal(is, at->sha256)) s = PV_HASH_MISMATCH;
    if (s != PV_OK) {
        attempt_fail(a, at, WIRE_FAILURE_RETRYABLE, s, "the input came damaged");
        return;
    }
    at->state = ATTEMPT_WAITING;
}

/* From what is here on, a window more; before half of it is used up, so that a long way never runs dry. */
static void input_grant(struct agent *a, struct attempt *at, bool again)
{
    struct wire_msg m = { .type = WIRE_CREDIT };
    uint64_t left = at->length - at->received, most = left < a->window ? left : a->window;
    bool plenty = at->granted >= at->length || at->granted - at->received > a->window / 2;
    if (plenty && !again) return;
    WIRE_SET(&m, kind, WIRE_KIND_INPUT);
    WIRE_SET(&m, task, at->task);
    WIRE_SET(&m, token, at->token);
    WIRE_SET(&m, offset, at->received);
    WIRE_SET(&m, bytes, most);
    if (session_say(a, &m)) at->granted = at->received + most;
}

static bool input_take(struct attempt *at, const uint8_t *bytes, size_t n)
{
    if (n > at->length - at->received) return false;
    if (n) memcpy(at->input + at->received, bytes, n);
    at->received += n;
    return sha256_feed(&at->digest, bytes, n) == PV_OK;
}

void attempts_chunk(struct agent *a, const struct wire_msg *m)
{
    struct attempt *at = m->has.token && m->kind == WIRE_KIND_INPUT ? attempt_find(a, m->token) : NULL;
    if (!at || at->state != ATTEMPT_FETCHING) return;
    if (m->offset != at->received) {
        if (!at->asked_again) input_grant(a, at, true);
        at->asked_again = true;
        return;
    }
    at->asked_again = false;
    if (!input_take(at, m->payload, m->payload_bytes))
        attempt_fail(a, at, WIRE_FAILURE_RETRYABLE, PV_BAD_MESSAGE, "more input came than was announced");
    else if (at->received == at->length)
        input_complete(a, at);
    else
        input_grant(a, at, false);
}

/* --- the offer --- */

static struct handler *handler_of(const struct agent *a, const char *queue)
{
    for (size_t i = 0; i < a->o.queues_n; i++)
        if (!strcmp(a->o.queues[i].name, queue)) return a->o.queues[i].handler;
    return NULL;
}

static struct attempt *attempt_add(struct agent *a, const struct wire_msg *m)
{
    if (a->attempts_n == a->attempts_room) return NULL;
    struct attempt *at = &a->attempts[a->attempts_n++];
    *at = (struct attempt){ .state = ATTEMPT_FETCHING,
                            .token = m->token,
                            .task = m->task,
                            .sha256 = m->sha256,
                            .length = m->length,
                            .run_timeout_ms = m->run_timeout_ms,
                            .handler = handler_of(a, m->queue) };
    wire_id_text(at->task_text, m->task);
    wire_token_text(at->token_text, m->token);
    if (m->has.digest)
        wire_hash_text(at->circuit, m->digest);
    else
        snprintf(at->circuit, sizeof at->circuit, "%s", m->circuit);
    return at;
}

/* Nothing is wrong with the task: it is only not for this node, or not now. */
static void offer_decline(struct agent *a, const struct wire_msg *m, const char *because)
{
    char task[WIRE_ID_TEXT];
    struct wire_msg r = { .type = WIRE_RELEASE };
    WIRE_SET(&r, token, m->token);
    WIRE_SET(&r, reason, a->mode == MODE_SERVE ? WIRE_REASON_RESOURCE : WIRE_REASON_DRAIN);
    LOG_WARN("task.declined", "task=%s because=%s", wire_id_text(task, m->task), because);
    session_say(a, &r);
}

static const char *offer_fault(const struct agent *a, const struct wire_msg *m)
{
    if (a->mode != MODE_SERVE) return "draining";
    if (!handler_of(a, m->queue)) return "the queue is not served here";
    if (m->length > a->o.input_most) return "the input is larger than this node takes";
    if (a->attempts_n == a->attempts_room) return "more offers than credit";
    return NULL;
}

static void attempts_start(struct agent *a);

void attempts_offer(struct agent *a, const struct wire_msg *m)
{
    if (attempt_find(a, m->token) || results_hold(a, m->token)) return;
    const char *fault = offer_fault(a, m);
    struct attempt *at = fault ? NULL : attempt_add(a, m);
    if (!at) {
        offer_decline(a, m, fault ? fault : "more offers than credit");
        return;
    }
    LOG_INFO("task.offered", "task=%s token=%s queue=%s circuit=%s bytes=%" PRIu64, at->task_text, at->token_text,
             m->queue, m->circuit, m->length);
    at->input = malloc(at->length ? at->length : 1);
    if (!at->input || sha256_start(&at->digest) != PV_OK) {
        attempt_release(a, at, WIRE_REASON_RESOURCE);
        return;
    }
    if (m->has_payload && !input_take(at, m->payload, m->payload_bytes))
        attempt_fail(a, at, WIRE_FAILURE_RETRYABLE, PV_BAD_MESSAGE, "the input has another length than announced");
    else if (m->has_payload || !at->length)
        input_complete(a, at);
    else
        input_grant(a, at, true);
    attempts_start(a);
}

/* --- computing --- */

static int runner_idle(const struct agent *a)
{
    for (unsigned i = 0; i < a->o.slots; i++)
        if (!a->busy[i]) return (int)i;
    return -1;
}

static void attempt_start(struct agent *a, struct attempt *at, unsigned runner)
{
    struct job *job = calloc(1, sizeof *job);
    if (!job) {
        attempt_release(a, at, WIRE_REASON_RESOURCE);
        return;
    }
    job->token = at->token;
    job->handler = at->handler;
    job->input = at->input;
    job->input_bytes = at->length;
    memcpy(job->task, at->task_text, sizeof job->task);
    snprintf(job->circuit, sizeof job->circuit, "%s", at->circuit);
    at->input = NULL;
    at->state = ATTEMPT_RUNNING;
    at->job = job;
    at->runner = runner;
    at->started_ms = a->now_ms;
    a->busy[runner] = true;
    struct wire_msg m = { .type = WIRE_STARTED };
    WIRE_SET(&m, token, at->token);
    LOG_INFO("task.started", "task=%s token=%s handler=%s", at->task_text, at->token_text, at->handler->name);
    session_say(a, &m); /* without a link the next HELLO says so */
    runner_start(a->runners[runner], &job);
}

static void attempts_start(struct agent *a)
{
    for (size_t i = 0; i < a->attempts_n; i++) {
        int idle = runner_idle(a);
        if (idle < 0) return;
        if (a->attempts[i].state == ATTEMPT_WAITING) attempt_start(a, &a->attempts[i], (unsigned)idle);
    }
}

static struct attempt *attempt_of_job(struct agent *a, unsigned runner)
{
    for (size_t i = 0; i < a->attempts_n; i++)
        if (a->attempts[i].state == ATTEMPT_RUNNING && a->attempts[i].runner == runner) return &a->attempts[i];
    return NULL;
}

/* A result that came in spite of a stop is still a result: the broker judges it. */
static void job_done(struct agent *a, struct attempt *at, struct job *job)
{
    static const enum wire_failure failures[] = { [HANDLER_RETRYABLE] = WIRE_FAILURE_RETRYABLE,
                                                  [HANDLER_PERMANENT] = WIRE_FAILURE_PERMANENT,
                                                  [HANDLER_RESOURCE] = WIRE_FAILURE_RESOURCE };
    if (job->status == PV_OK) {
        LOG_INFO("task.proved", "task=%s token=%s handler=%s prove_ms=%" PRIu64 " bytes=%zu", at->task_text,
                 at->token_text, at->handler->name, job->measured_ms, job->out.size);
        bool confirm = at->end == END_REVOKED;
        results_add(a, at, job);
        if (confirm)
            attempt_part(a, at);
        else
            attempt_remove(a, at);
        return;
    }
    if (at->end == END_FAIL)
        attempt_fail(a, at, at->failure, at->status, at->text);
    else if (at->end == END_RELEASE)
        attempt_release(a, at, at->reason);
    else if (at->end == END_REVOKED)
        attempt_part(a, at);
    else
        attempt_fail(a, at, failures[job->out.verdict], job->status,
                     *job->out.text ? job->out.text : pv_status_text(job->status));
}

void attempts_report(struct agent *a, unsigned runner, struct runner_report *report)
{
    struct attempt *at = attempt_of_job(a, runner);
    if (report->news == RUNNER_PROGRESS && at) {
        snprintf(at->phase, sizeof at->phase, "%s", report->phase);
        at->percent = report->percent;
        at->progress_due = true;
    }
    if (report->news != RUNNER_DONE) return;
    a->busy[runner] = false;
    if (at) job_done(a, at, report->job);
    job_destroy(&report->job);
    attempts_start(a);
}

/* The computation itself stops, not only the waiting for it; what is said when it has stopped is decided now. */
static void attempt_stop(struct attempt *at, enum attempt_end end)
{
    at->end = end;
    atomic_store(&at->job->stop, 1);
}

static uint64_t run_limit_ms(const struct attempt *at)
{
    uint64_t own = at->handler->time_limit_ms, asked = at->run_timeout_ms;
    return !own ? asked : !asked || own < asked ? own : asked;
}

static void limit_check(struct agent *a, struct attempt *at)
{
    uint64_t limit = run_limit_ms(at);
    if (at->end != END_NONE || !limit || a->now_ms - at->started_ms < limit) return;
    at->failure = WIRE_FAILURE_RETRYABLE;
    at->status = PV_RUN_TIMEOUT;
    snprintf(at->text, sizeof at->text, "it ran longer than %" PRIu64 " ms", limit);
    attempt_stop(at, END_FAIL);
}

static void progress_say(struct agent *a, struct attempt *at)
{
    struct wire_msg m = { .type = WIRE_PROGRESS };
    WIRE_SET(&m, token, at->token);
    WIRE_SET(&m, percent, at->percent);
    if (*at->phase) WIRE_SET(&m, phase, at->phase);
    if (!session_say(a, &m)) return;
    at->told_ms = a->now_ms;
    at->progress_due = false;
}

void attempts_tick(struct agent *a)
{
    attempts_start(a);
    for (size_t i = 0; i < a->attempts_n; i++) {
        struct attempt *at = &a->attempts[i];
        if (at->state != ATTEMPT_RUNNING) continue;
        limit_check(a, at);
        if (at->progress_due && a->now_ms - at->told_ms >= PROGRESS_EVERY_MS) progress_say(a, at);
    }
}

uint64_t attempts_next_ms(const struct agent *a)
{
    uint64_t next = UINT64_MAX;
    for (size_t i = 0; i < a->attempts_n; i++) {
        const struct attempt *at = &a->attempts[i];
        if (at->state != ATTEMPT_RUNNING) continue;
        uint64_t limit = run_limit_ms(at), tell = at->told_ms + PROGRESS_EVERY_MS;
        if (at->end == END_NONE && limit && at->started_ms + limit < next) next = at->started_ms + limit;
        if (at->progress_due && a->link == LINK_UP && tell < next) next = tell;
    }
    return next;
}

/* --- what the broker takes back --- */

/* Not held, or finished: then the slot is free already, and a finished result still gets its RESULT_OK. */
void attempts_revoke(struct agent *a, wire_token token)
{
    struct attempt *at = attempt_find(a, token);
    if (!at) {
        struct wire_msg m = { .type = WIRE_REVOKED };
        WIRE_SET(&m, token, token);
        session_say(a, &m);
        return;
    }
    if (at->state == ATTEMPT_RUNNING) {
        if (at->end != END_REVOKED) LOG_INFO("task.revoked", "task=%s token=%s", at->task_text, at->token_text);
        attempt_stop(at, END_REVOKED);
        return;
    }
    LOG_INFO("task.revoked", "task=%s token=%s", at->task_text, at->token_text);
    at->end = END_REVOKED;
    attempt_part(a, at);
}

void attempts_recall(struct agent *a, wire_token token)
{
    struct attempt *at = attempt_find(a, token);
    if (at && (at->state == ATTEMPT_FETCHING || at->state == ATTEMPT_WAITING))
        attempt_release(a, at, WIRE_REASON_RECALL);
}

/* The broker will not send this input: the attempt is not ours any more. */
void attempts_refused(struct agent *a, const struct wire_msg *m)
{
    struct attempt *at = attempt_find(a, m->token);
    if (at && at->state == ATTEMPT_FETCHING) attempt_remove(a, at);
}

/* --- link, drain, end --- */

void attempts_linked(struct agent *a)
{
    for (size_t i = a->attempts_n; i-- > 0;) {
        struct attempt *at = &a->attempts[i];
        if (a->link != LINK_UP) return;
        if (at->state == ATTEMPT_ENDED)
            attempt_part(a, at);
        else if (at->state == ATTEMPT_FETCHING)
            input_grant(a, at, true);
        else if (at->state == ATTEMPT_RUNNING)
            at->progress_due = *at->phase != 0;
    }
}

void attempts_drain(struct agent *a)
{
    for (size_t i = a->attempts_n; i-- > 0;)
        if (a->attempts[i].state == ATTEMPT_FETCHING || a->attempts[i].state == ATTEMPT_WAITING)
            attempt_release(a, &a->attempts[i], WIRE_REASON_DRAIN);
}

void attempts_handback(struct agent *a)
{
    for (size_t i = 0; i < a->attempts_n; i++) {
        struct attempt *at = &a->attempts[i];
        if (at->state != ATTEMPT_RUNNING || at->end != END_NONE) continue;
        at->reason = WIRE_REASON_DRAIN;
        attempt_stop(at, END_RELEASE);
    }
}

void attempts_clear(struct agent *a)
{
    for (size_t i = 0; i < a->attempts_n; i++) input_drop(&a->attempts[i]);
    a->attempts_n = 0;
}
