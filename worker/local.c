#include "local.h"

#include "ack.h"
#include "client.h"
#include "clock.h"
#include "sha256.h"
#include "task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CLAIM_AGAIN_MS = 5000, /* after a refusal (it runs somewhere), without an answer, or while it is not unservable */
    AFTER_A_FAILURE_MS = 10000, /* the provers get their turn before this process tries again */
    PROGRESS_MS = 1000,
};

struct pv_local {
    pv_client *client;
    struct task *task;
    uint8_t *result;
    size_t result_bytes;
};

/* A thread is there to run local.prove: without one a claimed task would lie idle. */
static bool somebody(const struct task *t)
{
    return t->waiters > 0 || t->what.done;
}

void local_plan(pv_client *c, struct task *t, uint64_t now_ms)
{
    const struct pv_local_options *o = &t->what.local;
    if (o->policy == PV_LOCAL_NEVER || !o->prove || !t->input.bytes || t->stage != STAGE_FOLLOWING) return;
    if (t->local.stage != LOCAL_NONE) return;
    if (t->local.claim_ms == UINT64_MAX) {
        if (o->policy == PV_LOCAL_AFTER)
            t->local.claim_ms = t->submitted_ms + o->after_ms;
        else
            t->local.claim_ms = t->news.unservable ? now_ms : now_ms + CLAIM_AGAIN_MS;
    } else if (o->policy == PV_LOCAL_UNSERVABLE && t->news.unservable) {
        t->local.claim_ms = now_ms;
    }
    tasks_todo(c, t);
}

/* Sends CLAIM. With PV_LOCAL_UNSERVABLE, while the task is not known to be unservable, sends ATTACH to ask for that. */
static void claim(pv_client *c, struct task *t, uint64_t now_ms)
{
    struct local_run *r = &t->local;
    if (!somebody(t)) {
        r->claim_ms = now_ms + 500;
        return;
    }
    bool look = t->what.local.policy == PV_LOCAL_UNSERVABLE && !t->news.unservable;
    struct wire_msg m = { .type = look ? WIRE_ATTACH : WIRE_CLAIM };
    r->claim_req = client_req(c);
    WIRE_SET(&m, req, r->claim_req);
    WIRE_SET(&m, task, t->id);
    if (!client_send(c, &m)) return;
    r->claim_ms = now_ms + CLAIM_AGAIN_MS;
    r->claim_asked = !look;
    if (!look) task_local_stage(c, t, LOCAL_CLAIMING);
}

void local_claimed(pv_client *c, struct task *t, const struct wire_msg *m)
{
    struct local_run *r = &t->local;
    bool ours = t->stage == STAGE_FOLLOWING && r->stage <= LOCAL_CLAIMING && r->claim_asked && t->input.bytes &&
                m->has.req && m->req == r->claim_req;
    if (!ours) { /* nobody asked, or nobody wants it any more */
        bool held = r->stage >= LOCAL_READY && wire_token_equal(m->token, r->token);
        if (!held) release_add(c, m->token);
        return;
    }
    task_local_clear(t);
    *r = (struct local_run){ .stage = r->stage, .claim_ms = UINT64_MAX, .token = m->token };
    task_local_stage(c, t, LOCAL_READY);
}

void local_claim_refused(pv_client *c, struct task *t, uint64_t now_ms)
{
    t->local.claim_req = 0;
    t->local.claim_ms = now_ms + CLAIM_AGAIN_MS;
    task_local_stage(c, t, LOCAL_NONE);
}

static enum wire_failure failure_of(pv_status s)
{
    switch (s) {
    case PV_BAD_WITNESS:
    case PV_BAD_WTNS:
    case PV_INVALID_INPUT: return WIRE_FAILURE_PERMANENT;
    case PV_NO_MEMORY:
    case PV_RESOURCES: return WIRE_FAILURE_RESOURCE;
    default: return WIRE_FAILURE_RETRYABLE;
    }
}

static bool send_fail(pv_client *c, struct task *t)
{
    struct wire_msg m = { .type = WIRE_FAIL };
    WIRE_SET(&m, token, t->local.token);
    WIRE_SET(&m, task, t->id);
    WIRE_SET(&m, failure, failure_of(t->local.ended));
    WIRE_SET(&m, status, t->local.ended);
    WIRE_SET(&m, text, pv_status_text(t->local.ended));
    return client_send(c, &m);
}

static void finish(pv_client *c, struct task *t, uint64_t claim_ms)
{
    task_local_clear(t);
    t->local.claim_ms = claim_ms;
    task_local_stage(c, t, LOCAL_NONE);
}

static void end(pv_client *c, struct task *t, uint64_t now_ms)
{
    bool sent = t->local.revoked ? token_send(c, WIRE_REVOKED, t->local.token) : send_fail(c, t);
    if (!sent) return;
    /* The broker tells the end of the task by DELIVER; if that is lost, fetch it. */
    if (failure_of(t->local.ended) == WIRE_FAILURE_PERMANENT) t->fetch_ms = now_ms + 1000;
    finish(c, t, now_ms + AFTER_A_FAILURE_MS);
}

static void announce(pv_client *c, struct task *t)
{
    struct local_run *r = &t->local;
    struct wire_msg m = { .type = WIRE_RESULT };
    WIRE_SET(&m, token, r->token);
    WIRE_SET(&m, task, t->id);
    WIRE_SET(&m, input, t->input_sha256);
    WIRE_SET(&m, length, r->result_bytes);
    WIRE_SET(&m, sha256, r->result_sha256);
    WIRE_SET(&m, measured_ms, r->measured_ms);
    if (r->result_bytes <= c->link.inline_max) {
        m.has_payload = true;
        m.payload = r->result;
        m.payload_bytes = r->result_bytes;
    }
    r->announced = client_send(c, &m);
}

static void upload(pv_client *c, struct task *t)
{
    struct local_run *r = &t->local;
    struct wire_msg m;
    for (int i = 0; i < 4 && outgoing_chunk(&r->out, c->link.chunk_max, &m); i++) {
        WIRE_SET(&m, kind, WIRE_KIND_RESULT);
        WIRE_SET(&m, task, t->id);
        WIRE_SET(&m, token, r->token);
        if (!client_send(c, &m)) return;
        outgoing_said(&r->out, &m);
    }
    if (outgoing_ready(&r->out)) tasks_todo(c, t);
}

static void tell(pv_client *c, struct task *t, uint64_t now_ms)
{
    struct local_run *r = &t->local;
    if (r->started && token_send(c, WIRE_STARTED, r->token)) r->started = false;
    if (r->started || !r->progress) return;
    if (now_ms < r->told_ms + PROGRESS_MS) {
        t->due_ms = r->told_ms + PROGRESS_MS;
        return;
    }
    struct wire_msg m = { .type = WIRE_PROGRESS };
    WIRE_SET(&m, token, r->token);
    WIRE_SET(&m, percent, r->percent);
    if (r->phase[0]) WIRE_SET(&m, phase, r->phase);
    if (!client_send(c, &m)) return;
    r->progress = false;
    r->told_ms = now_ms;
}

void local_step(pv_client *c, struct task *t, uint64_t now_ms)
{
    struct local_run *r = &t->local;
    switch (r->stage) {
    case LOCAL_CLAIMING:
        if (now_ms >= r->claim_ms) task_local_stage(c, t, LOCAL_NONE);
        break;
    case LOCAL_NONE:
        if (t->stage == STAGE_FOLLOWING && now_ms >= r->claim_ms) claim(c, t, now_ms);
        break;
    case LOCAL_READY:
        if (!somebody(t) && token_send(c, WIRE_RELEASE, r->token))
            finish(c, t, now_ms + CLAIM_AGAIN_MS);
        else if (now_ms + 500 < t->due_ms)
            t->due_ms = now_ms + 500;
        break;
    case LOCAL_PROVING: tell(c, t, now_ms); break;
    case LOCAL_RESULT:
        if (r->started) tell(c, t, now_ms);
        if (!r->started && !r->announced)
            announce(c, t);
        else if (r->announced)
            upload(c, t);
        break;
    case LOCAL_ENDING: end(c, t, now_ms); break;
    }
    if (r->stage <= LOCAL_CLAIMING && r->claim_ms < t->due_ms) t->due_ms = r->claim_ms;
}

void local_result_ok(pv_client *c, struct task *t, const struct wire_msg *m, uint64_t now_ms)
{
    struct local_run *r = &t->local;
    if (r->stage != LOCAL_RESULT || !wire_token_equal(m->token, r->token)) return;
    if (m->status != PV_OK || t->stage != STAGE_FOLLOWING) {
        /* Another result or a cancellation came first: its DELIVER is on the way. */
        if (t->stage == STAGE_FOLLOWING) t->fetch_ms = now_ms + 1000;
        finish(c, t, UINT64_MAX);
        return;
    }
    t->r.bytes = r->result;
    t->r.bytes_n = r->result_bytes;
    t->r.measured_ms = r->measured_ms;
    t->r.state = PV_TASK_SUCCEEDED;
    r->result = NULL;
    finish(c, t, UINT64_MAX);
    task_end(c, t, PV_OK, "");
}

struct task *local_find(pv_client *c, wire_token token)
{
    for (size_t i = 0; c->claims > 0 && i < c->buckets_n; i++) {
        for (struct task *t = c->buckets[i]; t; t = t->bucket_next) {
            if (t->local.stage >= LOCAL_READY && wire_token_equal(t->local.token, token)) return t;
        }
    }
    return NULL;
}

static struct wire_held held_of(const struct task *t, bool complete)
{
    const struct local_run *r = &t->local;
    struct wire_held h = { 0 };
    WIRE_SET(&h, token, r->token);
    WIRE_SET(&h, percent, r->percent);
    if (r->phase[0]) WIRE_SET(&h, phase, r->phase);
    if (!complete) return h;
    WIRE_SET(&h, task, t->id);
    WIRE_SET(&h, input, t->input_sha256);
    WIRE_SET(&h, started, r->stage >= LOCAL_PROVING);
    if (r->stage == LOCAL_RESULT) {
        WIRE_SET(&h, spooled, true);
        WIRE_SET(&h, sha256, r->result_sha256);
        WIRE_SET(&h, length, r->result_bytes);
    }
    return h;
}

size_t local_held(pv_client *c, struct wire_held *held, size_t max, bool complete)
{
    size_t n = 0;
    for (size_t i = 0; c->claims > 0 && i < c->buckets_n; i++) {
        for (const struct task *t = c->buckets[i]; t; t = t->bucket_next) {
            if (t->local.stage >= LOCAL_READY && t->local.stage != LOCAL_ENDING && n < max)
                held[n++] = held_of(t, complete);
        }
    }
    return n;
}

/* Takes what local.prove made: a result to send, or the reason why there is none. */
static void take(pv_client *c, struct task *t, struct pv_local *job, pv_status s)
{
    struct local_run *r = &t->local;
    r->measured_ms = pv_clock_ms() - r->began_ms;
    if (s == PV_OK && !job->result) s = PV_FAILED;
    if (s == PV_OK) s = sha256_of(&r->result_sha256, job->result, job->result_bytes);
    if (r->revoked || s != PV_OK) {
        r->ended = r->revoked ? PV_REVOKED : s;
        task_local_stage(c, t, LOCAL_ENDING);
        return;
    }
    r->result = job->result;
    r->result_bytes = job->result_bytes;
    r->out = (struct outgoing){ .bytes = r->result, .length = r->result_bytes };
    job->result = NULL;
    task_local_stage(c, t, LOCAL_RESULT);
}

void local_prove(pv_client *c, struct task *t)
{
    struct pv_local job = { .client = c, .task = t };
    t->local.started = true;
    t->local.began_ms = pv_clock_ms();
    task_local_stage(c, t, LOCAL_PROVING);
    client_wake(c);
    pthread_mutex_unlock(&c->lock);
    pv_status s = t->what.local.prove(t->what.local.user, &job);
    pthread_mutex_lock(&c->lock);
    if (!t->forgotten)
        take(c, t, &job, s);
    else
        t->local.stage = LOCAL_NONE;
    free(job.result);
    if (t->stage >= STAGE_OVER) task_wipe_input(t);
    client_wake(c);
}

const uint8_t *pv_local_input(const pv_local *job, size_t *bytes)
{
    if (bytes) *bytes = job->task->input.bytes ? job->task->input.length : 0;
    return job->task->input.bytes;
}

const char *pv_local_queue(const pv_local *job)
{
    return job->task->queue;
}

const char *pv_local_circuit(const pv_local *job)
{
    return job->task->circuit;
}

bool pv_local_stopped(const pv_local *job)
{
    pv_client *c = job->client;
    pthread_mutex_lock(&c->lock);
    bool stopped = job->task->local.revoked || job->task->forgotten || job->task->stage >= STAGE_OVER;
    pthread_mutex_unlock(&c->lock);
    return stopped;
}

void pv_local_progress(pv_local *job, uint32_t percent, const char *phase)
{
    pv_client *c = job->client;
    pthread_mutex_lock(&c->lock);
    struct local_run *r = &job->task->local;
    r->percent = percent < 100 ? percent : 100;
    if (phase) {
        snprintf(r->phase, sizeof r->phase, "%s", phase);
        if (!wire_name_valid(r->phase, strlen(r->phase))) r->phase[0] = '\0';
    }
    r->progress = true;
    tasks_todo(c, job->task);
    client_wake(c);
    pthread_mutex_unlock(&c->lock);
}

pv_status pv_local_result(pv_local *job, const void *bytes, size_t n)
{
    uint8_t *copy = malloc(n > 0 ? n : 1);
    if (!copy) return PV_NO_MEMORY;
    if (n > 0) memcpy(copy, bytes, n);
    free(job->result);
    job->result = copy;
    job->result_bytes = n;
    return PV_OK;
}
