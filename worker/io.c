/* The library's own thread: polls, handles what comes, sends what is due. Everything here runs with the client's lock
 * held, except the poll itself. */
#include "io.h"

#include "ack.h"
#include "ask.h"
#include "client.h"
#include "clock.h"
#include "decode.h"
#include "follow.h"
#include "local.h"
#include "refusal.h"
#include "request.h"
#include "task.h"

#include <unistd.h>

enum {
    BATCH = 256,   /* messages handled before the next sends */
    HELD_MAX = 64, /* tasks proved by this process at once */
    POLL_MOST_MS = 60000,
    REHELLO_MS = 1000, /* the broker's word alone makes us say hello, and send everything again, no more often */
};

static void say_hello(pv_client *c, uint64_t now_ms)
{
    struct wire_held held[HELD_MAX];
    struct wire_msg m = { .type = WIRE_HELLO };
    size_t n = local_held(c, held, HELD_MAX, true);
    if (n > 0) WIRE_SET_LIST(&m, held, held, n);
    if (link_hello(&c->link, &m) != PV_OK) link_fail(&c->link, PV_INTERNAL, "HELLO could not be sent", now_ms);
}

static void heartbeat(pv_client *c, uint64_t now_ms)
{
    struct wire_held held[HELD_MAX];
    struct wire_msg m = { .type = WIRE_HEARTBEAT };
    size_t n = local_held(c, held, HELD_MAX, false);
    if (n > 0) WIRE_SET_LIST(&m, held, held, n);
    client_send(c, &m);
    c->link.beat_ms = now_ms + c->link.heartbeat_ms;
}

/* After a WELCOME everything that waits for the broker is sent again. */
static void resume_task(pv_client *c, struct task *t)
{
    if (t->stage == STAGE_FOLLOWING || t->stage == STAGE_RECEIVING)
        t->stage = STAGE_ASKING; /* an accepted task sends ATTACH */
    if (t->stage == STAGE_ASKING) {
        ask_again(t);
        incoming_rewind(&t->result);
    }
    if (t->local.stage == LOCAL_CLAIMING) local_claim_refused(c, t, 0);
    t->local.announced = false;
    outgoing_rewind(&t->local.out);
    tasks_todo(c, t);
}

static void on_welcome(pv_client *c, const struct wire_msg *m, uint64_t now_ms)
{
    if (c->link.state != LINK_DIALLING || !link_welcome(&c->link, m, now_ms)) return;
    tasks_each(c, resume_task);
    for (struct request *q = c->requests; q; q = q->next) {
        q->resend_ms = 0;
        incoming_rewind(&q->result);
    }
    c->blocked = false;
    pthread_cond_broadcast(&c->changed);
}

/* Confirms at once a revoked attempt that is not held here, or no longer. */
static void confirm(pv_client *c, wire_token token)
{
    struct wire_msg m = { .type = WIRE_REVOKED };
    WIRE_SET(&m, token, token);
    client_send(c, &m);
}

static void on_heartbeat(pv_client *c, const struct wire_msg *m, uint64_t now_ms)
{
    if (m->epoch != c->link.epoch) { /* WELCOME tells whether that broker is older */
        if (now_ms >= c->link.welcomed_ms + REHELLO_MS) link_rehello(&c->link, now_ms);
        return;
    }
    for (size_t i = 0; i < m->revoked_n; i++) {
        struct task *t = local_find(c, m->revoked[i]);
        if (t)
            task_local_revoked(c, t);
        else
            confirm(c, m->revoked[i]);
    }
}

/* The task that a refusal is about: the one it names, or the one that asked with its request number. Refusals are rare,
 * so walking the table is cheap enough. */
static struct task *refused_task(pv_client *c, const struct wire_msg *m)
{
    if (m->has.task) return tasks_find(c, m->task);
    for (size_t i = 0; m->has.req && i < c->buckets_n; i++) {
        for (struct task *t = c->buckets[i]; t; t = t->bucket_next) {
            if (t->req == m->req || t->local.claim_req == m->req) return t;
        }
    }
    return NULL;
}

static void on_error(pv_client *c, struct wire_msg *m, uint64_t now_ms)
{
    char text[PV_TEXT_BYTES];
    refusal_say(text, sizeof text, m, WIRE_HELLO, NULL);
    struct request *q = m->has.req ? request_find(c, m->req) : NULL;
    struct task *t = q ? NULL : refused_task(c, m);
    if (t) tasks_todo(c, t); /* its next step may have changed */
    if (q) {
        request_answer(c, q, m, now_ms);
    } else if (t && m->has.req && m->req == t->local.claim_req && t->local.stage <= LOCAL_CLAIMING) {
        local_claim_refused(c, t, now_ms);
    } else if (t && t->stage == STAGE_ASKING && (!m->has.req || m->req == t->req)) {
        ask_refused(c, t, m, now_ms);
    } else if (t && t->stage == STAGE_FOLLOWING && m->has.req && m->req == t->req) {
        follow_refused(c, t, m);
    } else if (m->has.token) {
        t = local_find(c, m->token);
        if (t) task_local_revoked(c, t);
    } else if (c->link.state == LINK_DIALLING && m->status == PV_STANDBY) {
        link_standby(&c->link, m, now_ms);
    } else if (c->link.state == LINK_DIALLING) {
        link_fail(&c->link, m->status, text, now_ms);
    } else if (m->status == PV_BAD_STATE && !m->has.req && now_ms >= c->link.welcomed_ms + REHELLO_MS) {
        link_rehello(&c->link, now_ms);
    } else if (m->status == PV_UNAUTHORIZED && !m->has.req) {
        link_fail(&c->link, m->status, text, now_ms); /* the key was revoked */
    }
}

static void on_credit(pv_client *c, const struct wire_msg *m, uint64_t now_ms)
{
    struct task *t = tasks_find(c, m->task);
    if (!t) return;
    if (m->kind == WIRE_KIND_INPUT && t->stage == STAGE_ASKING && t->input.bytes) {
        outgoing_grant(&t->input, m->offset, m->bytes);
        if (t->ask_ms < now_ms + 10000) t->ask_ms = now_ms + 10000; /* the upload moves: no new SUBMIT yet */
        tasks_todo(c, t);
    } else if (m->kind == WIRE_KIND_RESULT && t->local.stage == LOCAL_RESULT) {
        outgoing_grant(&t->local.out, m->offset, m->bytes);
        tasks_todo(c, t);
    }
}

static void on_chunk(pv_client *c, const struct wire_msg *m, uint64_t now_ms)
{
    for (struct request *q = c->requests; q; q = q->next) {
        if (q->want == WIRE_DELIVER && wire_id_equal(q->ask.task, m->task)) request_chunk(c, q, m);
    }
    struct task *t = tasks_find(c, m->task);
    if (!t) return;
    follow_chunk(c, t, m, now_ms);
    tasks_todo(c, t);
}

static void on_task_message(pv_client *c, const struct wire_msg *m, uint64_t now_ms)
{
    struct task *t = tasks_find(c, m->task);
    if (!t || ask_is_earlier(t, m)) {
        if (m->type == WIRE_DELIVER) ack_repeat(c, m);
        if (m->type == WIRE_CLAIMED) release_add(c, m->token);
        return;
    }
    tasks_todo(c, t); /* its next step may have changed */
    switch (m->type) {
    case WIRE_SUBMIT_OK:
    case WIRE_TASK:
        if (t->stage == STAGE_ASKING)
            ask_accepted(c, t, m, now_ms);
        else if (t->stage == STAGE_FOLLOWING)
            follow_state(c, t, m, now_ms);
        break;
    case WIRE_DELIVER: follow_deliver(c, t, m, now_ms); break;
    case WIRE_PROGRESS:
        if (t->stage <= STAGE_FOLLOWING) follow_progress(c, t, m, now_ms);
        break;
    case WIRE_CLAIMED: local_claimed(c, t, m); break; /* also one that is not wanted */
    case WIRE_RESULT_OK: local_result_ok(c, t, m, now_ms); break;
    default: break;
    }
}

/* The broker sends no DELIVER to the session that cancelled the task, so a task that is waited for here is fetched. */
static void on_cancelled(pv_client *c, const struct wire_msg *m)
{
    struct task *t = tasks_find(c, m->task);
    if (!t || t->stage != STAGE_FOLLOWING || m->state != TASK_CANCELLED) return;
    t->fetch_ms = 0;
    tasks_todo(c, t);
}

static void on_token_message(pv_client *c, const struct wire_msg *m)
{
    struct task *t = local_find(c, m->token);
    if (t && (m->type == WIRE_REVOKE || t->local.stage == LOCAL_READY)) {
        task_local_revoked(c, t);
    } else if (!t && m->type == WIRE_REVOKE) {
        confirm(c, m->token);
    }
}

/* 0 is no request's number, so it names none; an error that says "ok" would end a request without its answer. */
static void mend(struct wire_msg *m)
{
    if (m->req == 0) m->has.req = false;
    if (m->type == WIRE_ERROR && m->status == PV_OK) m->status = PV_BAD_MESSAGE;
}

static void on_message(pv_client *c, struct wire_msg *m, uint64_t now_ms)
{
    mend(m);
    if (c->link.state != LINK_UP && m->type != WIRE_WELCOME && m->type != WIRE_ERROR && m->type != WIRE_DISCONNECT)
        return;
    struct request *q;
    switch (m->type) {
    case WIRE_WELCOME: on_welcome(c, m, now_ms); break;
    case WIRE_HEARTBEAT: on_heartbeat(c, m, now_ms); break;
    case WIRE_DISCONNECT:
        if (m->status == PV_STANDBY)
            link_standby(&c->link, m, now_ms);
        else
            link_fail(&c->link, m->status == PV_OK ? PV_UNREACHABLE : m->status,
                      m->has.text ? m->text : "the broker ended the connection", now_ms);
        break;
    case WIRE_ERROR: on_error(c, m, now_ms); break;
    case WIRE_CREDIT: on_credit(c, m, now_ms); break;
    case WIRE_CHUNK: on_chunk(c, m, now_ms); break;
    case WIRE_REVOKE:
    case WIRE_RECALL: on_token_message(c, m); break;
    default:
        if (m->type == WIRE_CANCELLED) on_cancelled(c, m);
        q = m->has.req ? request_find(c, m->req) : NULL;
        if (q)
            request_answer(c, q, m, now_ms);
        else if (m->has.task)
            on_task_message(c, m, now_ms);
    }
}

static void receive(pv_client *c, uint64_t now_ms)
{
    struct wire_msg m;
    struct dealer_frame payload;
    for (int i = 0; i < BATCH; i++) {
        pv_status s = link_receive(&c->link, &m, &payload, now_ms);
        if (s == PV_UNREACHABLE) return;
        if (s != PV_OK) continue; /* malformed: the protocol's rule is that a peer ignores it */
        on_message(c, &m, now_ms);
        wire_msg_clear(&m);
        dealer_frame_clear(&payload);
    }
}

static void step_task(pv_client *c, struct task *t, uint64_t now_ms)
{
    t->due_ms = UINT64_MAX;
    if (t->stage == STAGE_ASKING)
        ask_step(c, t, now_ms);
    else if (t->stage < STAGE_OVER)
        follow_step(c, t, now_ms);
    local_step(c, t, now_ms);
    if (t->due_ms < c->timers_ms) c->timers_ms = t->due_ms;
}

static void collect_due(pv_client *c, struct task *t)
{
    if (t->due_ms <= pv_clock_ms())
        tasks_todo(c, t);
    else if (t->due_ms < c->timers_ms)
        c->timers_ms = t->due_ms;
}

/* Sends what is due. A task that lists itself again waits for the next turn. */
static void send_due(pv_client *c, uint64_t now_ms)
{
    if (now_ms >= c->link.beat_ms) heartbeat(c, now_ms);
    request_step(c, now_ms);
    ack_send(c);
    release_send(c);
    if (now_ms >= c->timers_ms) {
        c->timers_ms = UINT64_MAX;
        tasks_each(c, collect_due);
    }
    struct task *last = c->todo_last;
    for (struct task *t = NULL; t != last && !c->blocked && (t = tasks_next_todo(c));) {
        bool was_last = t == last;
        step_task(c, t, now_ms);
        if (c->blocked) tasks_todo(c, t); /* it could not send */
        if (was_last) break;
    }
}

static uint64_t next_ms(pv_client *c)
{
    uint64_t next = link_next_ms(&c->link);
    if (c->link.state != LINK_UP) return next;
    if (c->blocked) return next; /* nothing can be sent before the socket is writable */
    if (c->todo) return 0;
    uint64_t requests = request_next_ms(c);
    if (requests < next) next = requests;
    return c->timers_ms < next ? c->timers_ms : next;
}

/* Sleeps, with the lock released, until something comes or is due. */
static void sleep_until_due(pv_client *c, uint64_t now_ms)
{
    uint64_t next = next_ms(c);
    long wait = next <= now_ms ? 0 : next - now_ms < POLL_MOST_MS ? (long)(next - now_ms) : POLL_MOST_MS;
    zmq_pollitem_t items[3] = {
        { .fd = c->wake_fd, .events = ZMQ_POLLIN },
        { .socket = c->link.dealer.socket, .events = (short)(ZMQ_POLLIN | (c->blocked ? ZMQ_POLLOUT : 0)) },
        { .socket = c->link.dealer.monitor, .events = ZMQ_POLLIN },
    };
    pthread_mutex_unlock(&c->lock);
    zmq_poll(items, c->link.dealer.socket ? 3 : 1, wait);
    uint64_t count;
    if (items[0].revents & ZMQ_POLLIN && read(c->wake_fd, &count, sizeof count) < 0) count = 0;
    pthread_mutex_lock(&c->lock);
    if (c->link.dealer.socket && items[1].revents & ZMQ_POLLOUT) c->blocked = false;
}

static void turn(pv_client *c)
{
    uint64_t now_ms = pv_clock_ms();
    receive(c, now_ms); /* before the monitor: the last messages of a lost connection count */
    while (link_monitor(&c->link, now_ms)) {
    }
    enum link_state before = c->link.state;
    link_step(&c->link, now_ms);
    if (c->link.state != before) pthread_cond_broadcast(&c->changed);
    if (c->link.state == LINK_DIALLING && c->link.hello_due) say_hello(c, now_ms);
    if (c->link.state == LINK_UP) send_due(c, now_ms);
    sleep_until_due(c, now_ms);
}

void *io_main(void *client)
{
    pv_client *c = client;
    pthread_mutex_lock(&c->lock);
    while (!c->closing) turn(c);
    tasks_clear(c); /* hands claimed attempts back */
    if (c->link.state == LINK_UP) {
        ack_send(c);
        release_send(c);
        link_goodbye(&c->link, PV_OK);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}
