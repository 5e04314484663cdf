/* The client library against a broker that misbehaves on purpose: every exchange, and what is promised about it. */
#include "clock.h"
#include "fake_broker.h"
#include "provost.h"
#include "random.h"
#include "sha256.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { LONG = 20000, BIG = 3 * 1024 * 1024 + 12345 };

struct scene {
    struct fake f;
    pv_client *c;
    wire_id task;      /* of the latest SUBMIT or ATTACH */
    uint32_t req;      /* of the latest FETCH or CLAIM */
    unsigned refusals; /* to be answered before it is well */
    uint8_t *in;       /* what arrived of an input */
    uint64_t in_length, in_got, cut_at;
    uint64_t in_seen; /* bytes of all chunks, taken or not */
    wire_hash in_sha256;
    const uint8_t *out; /* the result to be sent in chunks */
    uint64_t out_bytes, out_end;
    bool damage;
    unsigned page;
};

static struct scene *of(struct fake *f)
{
    return f->state;
}

static void open_client(struct scene *s, struct pv_client_options *o)
{
    o->endpoints = o->endpoints ? o->endpoints : s->f.endpoint;
    o->insecure = true;
    o->name = "shop";
    o->reconnect_ms = 20;
    o->reconnect_max_ms = 100;
    assert_int_equal(pv_client_open(&s->c, o), PV_OK);
}

static int set_up(void **state)
{
    struct scene *s = calloc(1, sizeof *s);
    fake_init(&s->f);
    s->f.state = s;
    fake_start(&s->f);
    open_client(s, &(struct pv_client_options){ 0 });
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    pv_client_close(&s->c);
    assert_null(s->c);
    fake_clear(&s->f);
    free(s->in);
    free(s);
    return 0;
}

static void handle(struct scene *s, enum wire_type type, fake_handler *h)
{
    fake_lock(&s->f);
    s->f.on[type] = h;
    fake_unlock(&s->f);
}

/* A member of the scene, which belongs to the broker's thread. */
#define LOOK(s, member)                                                                                                \
    __extension__({                                                                                                    \
        fake_lock(&(s)->f);                                                                                            \
        __typeof__((s)->member) seen_ = (s)->member;                                                                   \
        fake_unlock(&(s)->f);                                                                                          \
        seen_;                                                                                                         \
    })

static const struct pv_submit_options plain = { .queue = "outer", .circuit = "withdraw" };

static pv_task_id public_id(wire_id w)
{
    pv_task_id id;
    memcpy(id.bytes, w.bytes, sizeof id.bytes);
    return id;
}

/* Text of the latest failure holds this. */
static void assert_error(pv_client *c, const char *part)
{
    char text[PV_TEXT_BYTES];
    pv_client_error(c, text, sizeof text);
    if (!strstr(text, part)) fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static void expect_ok(pv_client *c, pv_status status)
{
    char text[PV_TEXT_BYTES];
    pv_client_error(c, text, sizeof text);
    if (status != PV_OK) fail_msg("%s: %s", pv_status_word(status), text);
}

/* ---- handlers ---- */

static void on_submit_accept(struct fake *f, const struct wire_msg *m)
{
    of(f)->task = m->task;
    fake_submit_ok(f, m, TASK_QUEUED);
}

static void on_submit_prove(struct fake *f, const struct wire_msg *m)
{
    on_submit_accept(f, m);
    fake_deliver(f, 0, m->task, TASK_SUCCEEDED, PV_OK, "proof", 5);
}

static void on_attach_deliver(struct fake *f, const struct wire_msg *m)
{
    fake_task(f, m, TASK_SUCCEEDED);
    fake_deliver(f, 0, m->task, TASK_SUCCEEDED, PV_OK, "proof", 5);
}

static void on_refuse_with(struct fake *f, const struct wire_msg *m, pv_status status)
{
    fake_error(f, m, status, "because the test says so");
}

static void on_conflict(struct fake *f, const struct wire_msg *m)
{
    on_refuse_with(f, m, PV_CONFLICT);
}

static void on_gone(struct fake *f, const struct wire_msg *m)
{
    on_refuse_with(f, m, PV_GONE);
}

/* ---- small exchanges ---- */

static void expect_proof(const struct pv_result *r)
{
    assert_int_equal(r->status, PV_OK);
    assert_int_equal(r->state, PV_TASK_SUCCEEDED);
    assert_int_equal(r->bytes_n, 5);
    assert_memory_equal(r->bytes, "proof", 5);
    assert_string_equal(r->prover, "p1");
    assert_int_equal(r->measured_ms, 42);
}

static void test_a_task_is_submitted_waited_for_and_acknowledged(void **state)
{
    struct scene *s = *state;
    handle(s, WIRE_SUBMIT, on_submit_prove);
    pv_task_id id;
    expect_ok(s->c, pv_submit(s->c, &id, &plain, "abc", 3, LONG));
    wire_id sent = LOOK(s, task);
    assert_memory_equal(id.bytes, sent.bytes, sizeof id.bytes);
    struct pv_result r;
    expect_ok(s->c, pv_wait(s->c, &r, &id, LONG));
    expect_proof(&r);
    pv_result_clear(&r);
    fake_expect(&s->f, WIRE_ACK, 1);
    assert_int_equal(fake_got(&s->f, WIRE_SUBMIT), 1);
}

static void on_submit_look(struct fake *f, const struct wire_msg *m)
{
    assert_string_equal(m->queue, "outer");
    assert_string_equal(m->circuit, "withdraw");
    assert_int_equal(m->length, 3);
    assert_memory_equal(m->payload, "abc", 3);
    wire_hash h;
    assert_int_equal(sha256_of(&h, "abc", 3), PV_OK);
    assert_true(wire_hash_equal(h, m->sha256));
    assert_int_equal(m->priority, 9);
    assert_string_equal(m->group, "g");
    assert_int_equal(m->deadline, 5);
    assert_int_equal(m->on_restart, WIRE_ON_RESTART_TTL);
    assert_int_equal(m->ttl_ms, 7);
    assert_true(m->revive);
    assert_int_equal(m->need_vram, 8);
    assert_int_equal(m->need_ram, 9);
    on_submit_accept(f, m);
}

static void test_options_of_a_submit_travel(void **state)
{
    struct scene *s = *state;
    handle(s, WIRE_SUBMIT, on_submit_look);
    struct pv_submit_options o = { .queue = "outer",
                                   .circuit = "withdraw",
                                   .priority = 9,
                                   .group = "g",
                                   .deadline_ms = 5,
                                   .on_restart = PV_RESTART_TTL,
                                   .ttl_ms = 7,
                                   .revive = true,
                                   .need_vram = 8,
                                   .need_ram = 9 };
    expect_ok(s->c, pv_submit(s->c, NULL, &o, "abc", 3, LONG));
}

static void test_wrong_options_are_usage(void **state)
{
    struct scene *s = *state;
    struct pv_submit_options o = plain;
    o.queue = "no spaces";
    assert_int_equal(pv_submit(s->c, NULL, &o, "abc", 3, LONG), PV_USAGE);
    assert_error(s->c, "queue");
    o = plain;
    o.priority = 10;
    assert_int_equal(pv_submit(s->c, NULL, &o, "abc", 3, LONG), PV_USAGE);
    o = plain;
    o.local.policy = PV_LOCAL_AFTER;
    assert_int_equal(pv_submit(s->c, NULL, &o, "abc", 3, LONG), PV_USAGE);
    assert_int_equal(fake_got(&s->f, WIRE_SUBMIT), 0);
    pv_client *c = NULL;
    struct pv_client_options bad = { .endpoints = "tcp://192.0.2.1:7070", .insecure = true };
    assert_int_equal(pv_client_open(&c, &bad), PV_USAGE); /* without keys only to this machine */
    bad = (struct pv_client_options){ .endpoints = "tcp://127.0.0.1:7070" };
    assert_int_equal(pv_client_open(&c, &bad), PV_USAGE);
    bad = (struct pv_client_options){ .endpoints = "udp://127.0.0.1:7070", .insecure = true };
    assert_int_equal(pv_client_open(&c, &bad), PV_USAGE);
    bad = (struct pv_client_options){ .endpoints = "tcp://127.0.0.1:7070",
                                      .key_file = "/no/such",
                                      .server_key = "/no/such" };
    assert_int_equal(pv_client_open(&c, &bad), PV_BAD_KEY_FILE);
    assert_null(c);
}

static void test_a_result_that_comes_again_is_handed_over_once_and_acknowledged_again(void **state)
{
    struct scene *s = *state;
    handle(s, WIRE_SUBMIT, on_submit_prove);
    struct pv_result r;
    expect_ok(s->c, pv_prove(s->c, &r, &plain, "abc", 3, LONG));
    pv_result_clear(&r);
    fake_expect(&s->f, WIRE_ACK, 1);
    fake_lock(&s->f);
    fake_deliver(&s->f, 0, s->task, TASK_SUCCEEDED, PV_OK, "proof", 5);
    fake_unlock(&s->f);
    fake_expect(&s->f, WIRE_ACK, 2);
    assert_int_equal(pv_client_process(s->c, NULL, 0), PV_TIMEOUT);
}

static void test_an_ending_without_a_result_is_its_status(void **state)
{
    struct scene *s = *state;
    handle(s, WIRE_SUBMIT, on_submit_accept);
    pv_task_id id;
    expect_ok(s->c, pv_submit(s->c, &id, &plain, "abc", 3, LONG));
    fake_lock(&s->f);
    fake_deliver(&s->f, 0, s->task, TASK_DEAD, PV_BAD_WITNESS, NULL, 0);
    fake_unlock(&s->f);
    struct pv_result r;
    expect_ok(s->c, pv_wait(s->c, &r, &id, LONG));
    assert_int_equal(r.status, PV_BAD_WITNESS);
    assert_int_equal(r.state, PV_TASK_DEAD);
    assert_null(r.bytes);
    pv_result_clear(&r);
    fake_expect(&s->f, WIRE_ACK, 1);
}

static void test_a_manual_acknowledgement_waits_for_the_caller(void **state)
{
    struct scene *s = *state;
    handle(s, WIRE_SUBMIT, on_submit_prove);
    struct pv_submit_options o = plain;
    o.manual_ack = true;
    pv_task_id id;
    assert_int_equal(pv_task_id_new(&id), PV_OK);
    o.id = &id;
    struct pv_result r;
    assert_int_equal(pv_ack(s->c, &id), PV_NOT_FOUND);
    expect_ok(s->c, pv_prove(s->c, &r, &o, "abc", 3, LONG));
    pv_result_clear(&r);
    unsigned beats = fake_got(&s->f, WIRE_HEARTBEAT);
    fake_expect(&s->f, WIRE_HEARTBEAT, beats + 2);
    assert_int_equal(fake_got(&s->f, WIRE_ACK), 0);
    assert_int_equal(pv_ack(s->c, &id), PV_OK);
    assert_int_equal(pv_flush(s->c, LONG), PV_OK);
    fake_expect(&s->f, WIRE_ACK, 1);
    assert_int_equal(pv_ack(s->c, &id), PV_NOT_FOUND);
}

static void test_a_result_that_does_not_verify_is_refused_and_stays_with_the_broker(void **state)
{
    struct scene *s = *state;
    handle(s, WIRE_SUBMIT, on_submit_prove);
    static char json[65536];
    FILE *f = fopen("vectors/groth16/mul.vkey.json", "rb");
    assert_non_null(f);
    size_t n = fread(json, 1, sizeof json, f);
    fclose(f);
    pv_vkey *vkey;
    assert_int_equal(pv_vkey_of_json(&vkey, json, n, NULL), PV_OK);
    struct pv_submit_options o = plain;
    o.vkey = vkey;
    struct pv_result r;
    assert_int_equal(pv_prove(s->c, &r, &o, "abc", 3, LONG), PV_BAD_PROOF);
    assert_error(s->c, "not the JSON of a proof");
    unsigned beats = fake_got(&s->f, WIRE_HEARTBEAT);
    fake_expect(&s->f, WIRE_HEARTBEAT, beats + 2);
    assert_int_equal(fake_got(&s->f, WIRE_ACK), 0);
    pv_vkey_free(&vkey);
}

static void on_unknown_queue(struct fake *f, const struct wire_msg *m)
{
    struct wire_msg unnamed = { .req = m->req };
    unnamed.has.req = true;
    on_refuse_with(f, &unnamed, PV_UNKNOWN_QUEUE);
}

static void test_a_refusal_that_names_only_the_request_is_told(void **state)
{
    struct scene *s = *state;
    handle(s, WIRE_SUBMIT, on_unknown_queue);
    assert_int_equal(pv_submit(s->c, NULL, &plain, "abc", 3, LONG), PV_UNKNOWN_QUEUE);
}

static void test_a_conflict_is_told(void **state)
{
    struct scene *s = *state;
    handle(s, WIRE_SUBMIT, on_conflict);
    assert_int_equal(pv_submit(s->c, NULL, &plain, "abc", 3, LONG), PV_CONFLICT);
    assert_error(s->c, "because the test says so");
}

static void on_submit_busy(struct fake *f, const struct wire_msg *m)
{
    if (of(f)->refusals-- == 0) {
        on_submit_prove(f, m);
        return;
    }
    struct wire_msg e = { .type = WIRE_ERROR };
    WIRE_SET(&e, req, m->req);
    WIRE_SET(&e, task, m->task);
    WIRE_SET(&e, status, PV_BUSY);
    WIRE_SET(&e, which, "queued_tasks");
    WIRE_SET(&e, retry_ms, 20);
    fake_send(f, &e);
}

static void test_busy_is_tried_again_when_the_broker_says(void **state)
{
    struct scene *s = *state;
    s->refusals = 3;
    handle(s, WIRE_SUBMIT, on_submit_busy);
    struct pv_result r;
    expect_ok(s->c, pv_prove(s->c, &r, &plain, "abc", 3, LONG));
    pv_result_clear(&r);
    assert_int_equal(fake_got(&s->f, WIRE_SUBMIT), 4);
}

static void test_busy_can_be_told_at_once_or_ends_the_wait(void **state)
{
    struct scene *s = *state;
    s->refusals = 1000000;
    handle(s, WIRE_SUBMIT, on_submit_busy);
    struct pv_submit_options o = plain;
    o.when_busy = PV_BUSY_FAIL;
    assert_int_equal(pv_submit(s->c, NULL, &o, "abc", 3, LONG), PV_BUSY);
    assert_error(s->c, "queued_tasks");
    assert_int_equal(pv_submit(s->c, NULL, &plain, "abc", 3, 200), PV_BUSY);
}

static void test_an_input_above_the_limit_is_not_sent(void **state)
{
    struct scene *s = *state;
    fake_stop(&s->f);
    s->f.payload_max = 2;
    s->f.epoch = 2;
    fake_start(&s->f);
    assert_int_equal(pv_submit(s->c, NULL, &plain, "abc", 3, LONG), PV_TOO_LARGE);
    assert_error(s->c, "larger");
    assert_int_equal(fake_got(&s->f, WIRE_SUBMIT), 0);
}

/* ---- connections ---- */

static void test_an_unreachable_broker_is_told_in_time(void **state)
{
    struct scene *s = *state;
    fake_stop(&s->f);
    uint64_t before = pv_clock_ms();
    assert_int_equal(pv_submit(s->c, NULL, &plain, "abc", 3, 300), PV_UNREACHABLE);
    assert_true(pv_clock_ms() - before >= 300);
    assert_true(pv_clock_ms() - before < 5000);
    assert_error(s->c, "127.0.0.1");
}

static void test_a_wait_that_times_out_never_submits_again(void **state)
{
    struct scene *s = *state;
    handle(s, WIRE_SUBMIT, on_submit_accept);
    pv_task_id id;
    expect_ok(s->c, pv_submit(s->c, &id, &plain, "abc", 3, LONG));
    struct pv_result r;
    assert_int_equal(pv_wait(s->c, &r, &id, 50), PV_TIMEOUT);
    assert_int_equal(pv_wait(s->c, &r, &id, 0), PV_TIMEOUT);
    fake_lock(&s->f);
    fake_deliver(&s->f, 0, s->task, TASK_SUCCEEDED, PV_OK, "proof", 5);
    fake_unlock(&s->f);
    expect_ok(s->c, pv_wait(s->c, &r, &id, LONG));
    expect_proof(&r);
    pv_result_clear(&r);
    assert_int_equal(fake_got(&s->f, WIRE_SUBMIT), 1);
    assert_int_equal(fake_got(&s->f, WIRE_ATTACH), 0);
}

static void test_after_a_reconnect_the_same_session_attaches_to_what_it_waits_for(void **state)
{
    struct scene *s = *state;
    handle(s, WIRE_SUBMIT, on_submit_accept);
    pv_task_id id;
    expect_ok(s->c, pv_submit(s->c, &id, &plain, "abc", 3, LONG));
    wire_id session = LOOK(s, f.last_session);
    fake_stop(&s->f);
    s->f.epoch = 2;
    s->f.on[WIRE_ATTACH] = on_attach_deliver;
    fake_start(&s->f);
    struct pv_result r;
    expect_ok(s->c, pv_wait(s->c, &r, &id, LONG));
    expect_proof(&r);
    pv_result_clear(&r);
    assert_true(wire_id_equal(session, LOOK(s, f.last_session)));
    assert_int_equal(LOOK(s, f.last_epoch), 1); /* the highest it had seen */
    assert_int_equal(fake_got(&s->f, WIRE_SUBMIT), 1);
    struct pv_client_info info;
    pv_client_about(s->c, &info);
    assert_int_equal(info.connects, 2);
    assert_int_equal(info.epoch, 2);
}

static void on_submit_ignore(struct fake *f, const struct wire_msg *m)
{
    of(f)->task = m->task;
}

struct submit_call {
    struct scene *s;
    struct pv_submit_options what;
    const uint8_t *input;
    size_t bytes;
    pv_task_id id;
    pv_status status;
};

static void *call_submit(void *arg)
{
    struct submit_call *k = arg;
    k->status = pv_submit(k->s->c, &k->id, &k->what, k->input, k->bytes, LONG);
    return NULL;
}

static void test_a_submit_whose_answer_was_lost_is_said_again_with_the_same_id(void **state)
{
    struct scene *s = *state;
    handle(s, WIRE_SUBMIT, on_submit_ignore);
    struct submit_call k = { .s = s, .what = plain, .input = (const uint8_t *)"abc", .bytes = 3 };
    pthread_t thread;
    pthread_create(&thread, NULL, call_submit, &k);
    fake_expect(&s->f, WIRE_SUBMIT, 1);
    wire_id first = LOOK(s, task);
    fake_stop(&s->f);
    s->f.on[WIRE_SUBMIT] = on_submit_accept;
    fake_start(&s->f);
    pthread_join(thread, NULL);
    assert_int_equal(k.status, PV_OK);
    assert_true(wire_id_equal(first, LOOK(s, task)));
    assert_int_equal(fake_got(&s->f, WIRE_SUBMIT), 2);
}

static void test_a_broker_with_a_lower_epoch_is_refused(void **state)
{
    struct scene *s = *state;
    fake_stop(&s->f);
    s->f.epoch = 7;
    fake_start(&s->f);
    expect_ok(s->c, pv_client_ready(s->c, LONG));
    fake_stop(&s->f);
    s->f.epoch = 6;
    fake_start(&s->f);
    fake_expect(&s->f, WIRE_HELLO, fake_got(&s->f, WIRE_HELLO) + 2);
    assert_int_equal(pv_client_ready(s->c, 100), PV_STALE_BROKER);
    handle(s, WIRE_SUBMIT, on_submit_accept);
    assert_int_equal(pv_submit(s->c, NULL, &plain, "abc", 3, 200), PV_STALE_BROKER);
    assert_int_equal(fake_got(&s->f, WIRE_SUBMIT), 0);
    fake_stop(&s->f);
    s->f.epoch = 8;
    fake_start(&s->f);
    expect_ok(s->c, pv_submit(s->c, NULL, &plain, "abc", 3, LONG));
}

static void test_the_next_endpoint_is_tried(void **state)
{
    struct scene *s = *state;
    struct scene two = { 0 };
    char endpoints[200];
    snprintf(endpoints, sizeof endpoints, "tcp://127.0.0.1:1, %s", s->f.endpoint);
    open_client(&two, &(struct pv_client_options){ .endpoints = endpoints });
    expect_ok(two.c, pv_client_ready(two.c, LONG));
    struct pv_client_info info;
    pv_client_about(two.c, &info);
    assert_string_equal(info.endpoint, s->f.endpoint);
    pv_client_close(&two.c);
}

static void test_heartbeats_go_on_while_the_caller_does_something_else(void **state)
{
    struct scene *s = *state;
    fake_expect(&s->f, WIRE_HEARTBEAT, 5);
    assert_int_equal(fake_got(&s->f, WIRE_HELLO), 1);
}

static void test_a_silent_broker_is_left_and_dialled_again(void **state)
{
    struct scene *s = *state;
    expect_ok(s->c, pv_client_ready(s->c, LONG));
    fake_lock(&s->f);
    s->f.mute = true;
    fake_unlock(&s->f);
    while (pv_client_ready(s->c, 0) == PV_OK) usleep(1000); /* the test's own limit ends it */
    fake_lock(&s->f);
    s->f.mute = false;
    fake_unlock(&s->f);
    expect_ok(s->c, pv_client_ready(s->c, LONG));
    fake_expect(&s->f, WIRE_HELLO, 2);
}

static void on_hello_unauthorized(struct fake *f, const struct wire_msg *m)
{
    struct wire_msg e = { .type = WIRE_ERROR };
    WIRE_SET(&e, status, PV_UNAUTHORIZED);
    WIRE_SET(&e, text, "not with this key");
    fake_send(f, &e);
}

static void test_a_refused_client_says_so_and_recovers(void **state)
{
    struct scene *s = *state;
    fake_stop(&s->f);
    s->f.no_welcome = true;
    s->f.on[WIRE_HELLO] = on_hello_unauthorized;
    fake_start(&s->f);
    unsigned n = fake_got(&s->f, WIRE_HELLO);
    fake_expect(&s->f, WIRE_HELLO, n + 2);
    assert_int_equal(pv_client_ready(s->c, 100), PV_UNAUTHORIZED);
    assert_error(s->c, "not with this key");
    fake_lock(&s->f);
    s->f.no_welcome = false;
    s->f.on[WIRE_HELLO] = NULL;
    fake_unlock(&s->f);
    expect_ok(s->c, pv_client_ready(s->c, LONG));
}

static void on_submit_unknown_peer(struct fake *f, const struct wire_msg *m)
{
    if (of(f)->refusals-- == 0)
        on_submit_accept(f, m);
    else
        fake_error(f, m, PV_BAD_STATE, "say hello first");
}

static void test_a_broker_that_does_not_know_the_peer_hears_hello_again(void **state)
{
    struct scene *s = *state;
    s->refusals = 1;
    handle(s, WIRE_SUBMIT, on_submit_unknown_peer);
    expect_ok(s->c, pv_submit(s->c, NULL, &plain, "abc", 3, LONG));
    assert_int_equal(fake_got(&s->f, WIRE_HELLO), 2);
    assert_int_equal(fake_got(&s->f, WIRE_SUBMIT), 2);
}

/* ---- large payloads ---- */

static uint8_t *random_bytes(size_t n)
{
    uint8_t *b = malloc(n);
    assert_non_null(b);
    assert_int_equal(pv_random(b, n), PV_OK);
    return b;
}

/* Keeps what it has over reconnects, as the broker does with its temporary file. */
static void on_submit_large(struct fake *f, const struct wire_msg *m)
{
    struct scene *s = of(f);
    s->task = m->task;
    s->in_length = m->length;
    s->in_sha256 = m->sha256;
    if (m->has_payload) abort();
    if (!s->in) s->in = malloc(m->length);
    uint64_t left = s->in_length - s->in_got;
    s->req = m->req;
    fake_credit(f, WIRE_KIND_INPUT, m->task, s->in_got, left < 600000 ? left : 600000);
}

static void on_chunk_in(struct fake *f, const struct wire_msg *m)
{
    struct scene *s = of(f);
    s->in_seen += m->payload_bytes;
    if (m->kind != WIRE_KIND_INPUT || m->offset != s->in_got) return;  /* dropped */
    if (s->cut_at && s->in_got + m->payload_bytes > s->cut_at) return; /* lost with the connection */
    memcpy(s->in + s->in_got, m->payload, m->payload_bytes);
    s->in_got += m->payload_bytes;
    if (s->in_got < s->in_length) {
        uint64_t left = s->in_length - s->in_got; /* grants that overlap */
        fake_credit(f, WIRE_KIND_INPUT, m->task, s->in_got, left < 600000 ? left : 600000);
        return;
    }
    struct wire_msg a = { .task = m->task, .req = s->req };
    a.has.task = true;
    fake_submit_ok(f, &a, TASK_QUEUED);
}

static void test_a_large_input_goes_on_where_the_connection_was_cut(void **state)
{
    struct scene *s = *state;
    uint8_t *input = random_bytes(BIG);
    s->cut_at = BIG / 2;
    s->f.on[WIRE_SUBMIT] = on_submit_large;
    handle(s, WIRE_CHUNK, on_chunk_in);
    struct submit_call k = { .s = s, .what = plain, .input = input, .bytes = BIG };
    pthread_t thread;
    pthread_create(&thread, NULL, call_submit, &k);
    fake_expect(&s->f, WIRE_CHUNK, BIG / 2 / WIRE_CHUNK_MAX);
    fake_stop(&s->f);
    uint64_t had = s->in_got;
    assert_true(had > 0 && had < BIG);
    s->cut_at = 0;
    s->in_seen = 0;
    fake_start(&s->f);
    pthread_join(thread, NULL);
    assert_int_equal(k.status, PV_OK);
    assert_int_equal(LOOK(s, in_got), BIG);
    assert_memory_equal(s->in, input, BIG);
    assert_int_equal(LOOK(s, in_seen), BIG - had); /* resumed: not a byte twice */
    free(input);
}

static void on_attach_large(struct fake *f, const struct wire_msg *m)
{
    struct scene *s = of(f);
    fake_task(f, m, TASK_SUCCEEDED);
    fake_deliver(f, 0, m->task, TASK_SUCCEEDED, PV_OK, s->out, s->out_bytes);
}

/* Sends all that is granted, up to where the cut is to be. */
static void on_credit_out(struct fake *f, const struct wire_msg *m)
{
    struct scene *s = of(f);
    if (m->kind != WIRE_KIND_RESULT) return;
    if (s->page++ == 0) assert_int_equal(m->offset, 0);
    uint64_t end = m->offset + m->bytes;
    assert_true(end <= s->out_bytes);
    for (uint64_t at = m->offset; at < end;) {
        if (s->cut_at && at >= s->cut_at) return;
        size_t n = end - at < WIRE_CHUNK_MAX ? end - at : WIRE_CHUNK_MAX;
        uint8_t *copy = malloc(n);
        memcpy(copy, s->out + at, n);
        if (s->damage && at == 0) {
            copy[7] ^= 1;
            s->damage = false;
        }
        fake_chunk(f, WIRE_KIND_RESULT, m->task, at, copy, n);
        free(copy);
        at += n;
    }
    s->out_end = m->offset; /* the latest place it was asked to go on from */
}

static void on_fetch_large(struct fake *f, const struct wire_msg *m)
{
    struct scene *s = of(f);
    fake_deliver(f, m->req, m->task, TASK_SUCCEEDED, PV_OK, s->out, s->out_bytes);
}

static void test_a_large_result_goes_on_where_the_connection_was_cut(void **state)
{
    struct scene *s = *state;
    uint8_t *result = random_bytes(BIG);
    s->out = result;
    s->out_bytes = BIG;
    s->cut_at = BIG / 2;
    s->f.on[WIRE_CREDIT] = on_credit_out;
    s->f.on[WIRE_ATTACH] = on_attach_large;
    handle(s, WIRE_SUBMIT, on_submit_accept);
    pv_task_id id;
    expect_ok(s->c, pv_submit(s->c, &id, &plain, "abc", 3, LONG));
    fake_lock(&s->f);
    fake_deliver(&s->f, 0, s->task, TASK_SUCCEEDED, PV_OK, result, BIG);
    fake_unlock(&s->f);
    fake_expect(&s->f, WIRE_CREDIT, 2);
    struct pv_result r;
    assert_int_equal(pv_wait(s->c, &r, &id, 0), PV_TIMEOUT);
    fake_stop(&s->f);
    s->cut_at = 0;
    fake_start(&s->f);
    expect_ok(s->c, pv_wait(s->c, &r, &id, LONG));
    assert_int_equal(r.bytes_n, BIG);
    assert_memory_equal(r.bytes, result, BIG);
    pv_result_clear(&r);
    fake_expect(&s->f, WIRE_ACK, 1);
    free(result);
}

static void test_a_result_damaged_on_its_way_is_fetched_again(void **state)
{
    struct scene *s = *state;
    uint8_t *result = random_bytes(BIG);
    s->out = result;
    s->out_bytes = BIG;
    s->damage = true;
    s->page = 1;
    s->f.on[WIRE_CREDIT] = on_credit_out;
    s->f.on[WIRE_FETCH] = on_fetch_large;
    handle(s, WIRE_SUBMIT, on_submit_accept);
    pv_task_id id;
    expect_ok(s->c, pv_submit(s->c, &id, &plain, "abc", 3, LONG));
    fake_lock(&s->f);
    fake_deliver(&s->f, 0, s->task, TASK_SUCCEEDED, PV_OK, result, BIG);
    fake_unlock(&s->f);
    struct pv_result r;
    expect_ok(s->c, pv_wait(s->c, &r, &id, LONG));
    assert_memory_equal(r.bytes, result, BIG);
    pv_result_clear(&r);
    assert_int_equal(fake_got(&s->f, WIRE_FETCH), 1);
    /* And by a call of its own, which does not acknowledge. */
    unsigned acks = fake_got(&s->f, WIRE_ACK);
    expect_ok(s->c, pv_fetch(s->c, &r, &id, LONG));
    assert_int_equal(r.bytes_n, BIG);
    assert_memory_equal(r.bytes, result, BIG);
    pv_result_clear(&r);
    fake_expect(&s->f, WIRE_ACK, 1);
    assert_true(fake_got(&s->f, WIRE_ACK) <= acks + 1);
    free(result);
}

/* ---- the caller's own loop ---- */

struct news {
    unsigned done, progress;
    pv_status status;
    uint32_t percent;
    char text[PV_TEXT_BYTES];
};

static void note_done(void *user, struct pv_result *r)
{
    struct news *n = user;
    n->done++;
    n->status = r->status;
    snprintf(n->text, sizeof n->text, "%s", r->text);
}

static void note_progress(void *user, const struct pv_progress *p)
{
    struct news *n = user;
    n->progress++;
    n->percent = p->percent;
}

static bool readable(int fd, int ms)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    return poll(&p, 1, ms) == 1;
}

static void send_progress(struct scene *s, uint32_t percent)
{
    fake_lock(&s->f);
    struct wire_msg m = { .type = WIRE_PROGRESS };
    WIRE_SET(&m, task, s->task);
    WIRE_SET(&m, percent, percent);
    WIRE_SET(&m, phase, "msm_a");
    fake_send(&s->f, &m);
    fake_unlock(&s->f);
}

static void test_a_callers_own_loop_hears_by_a_level_triggered_descriptor(void **state)
{
    struct scene *s = *state;
    handle(s, WIRE_SUBMIT, on_submit_accept);
    struct news n = { 0 };
    struct pv_submit_options o = plain;
    o.nowait = true;
    o.done = note_done;
    o.progress = note_progress;
    o.user = &n;
    char input[] = "abc";
    assert_int_equal(pv_submit(s->c, NULL, &o, input, 3, 0), PV_OK);
    memset(input, 'x', 3); /* it was copied */
    fake_expect(&s->f, WIRE_SUBMIT, 1);
    int fd = pv_client_fd(s->c);
    while (n.percent != 30) {
        send_progress(s, 30);
        assert_true(readable(fd, LONG));
        assert_true(readable(fd, 0)); /* still, as nobody has looked */
        assert_int_equal(pv_client_process(s->c, NULL, 0), PV_OK);
    }
    assert_int_equal(n.done, 0);
    fake_lock(&s->f);
    fake_deliver(&s->f, 0, s->task, TASK_SUCCEEDED, PV_OK, "proof", 5);
    fake_unlock(&s->f);
    while (n.done == 0) {
        assert_true(readable(fd, LONG));
        assert_int_equal(pv_client_process(s->c, NULL, 0), PV_OK);
    }
    assert_int_equal(n.status, PV_OK);
    assert_false(readable(fd, 0));
    size_t calls = 9;
    assert_int_equal(pv_client_process(s->c, &calls, 0), PV_TIMEOUT);
    assert_int_equal(calls, 0);
    fake_expect(&s->f, WIRE_ACK, 1);
}

static void test_a_refusal_reaches_a_caller_who_did_not_wait(void **state)
{
    struct scene *s = *state;
    handle(s, WIRE_SUBMIT, on_conflict);
    struct news n = { 0 };
    struct pv_submit_options o = plain;
    o.nowait = true;
    o.done = note_done;
    o.user = &n;
    assert_int_equal(pv_submit(s->c, NULL, &o, "abc", 3, 0), PV_OK);
    assert_int_equal(pv_client_process(s->c, NULL, LONG), PV_OK);
    assert_int_equal(n.done, 1);
    assert_int_equal(n.status, PV_CONFLICT);
    assert_string_equal(n.text, "because the test says so");
    assert_int_equal(fake_got(&s->f, WIRE_ACK), 0);
}

static void on_submit_in_order(struct fake *f, const struct wire_msg *m)
{
    struct scene *s = of(f);
    if (m->task.bytes[3] == s->page) s->page++;
}

static void test_submits_keep_their_order(void **state)
{
    struct scene *s = *state;
    expect_ok(s->c, pv_client_ready(s->c, LONG));
    handle(s, WIRE_SUBMIT, on_submit_in_order);
    struct pv_submit_options o = plain;
    o.nowait = true;
    for (uint8_t i = 0; i < 50; i++) {
        pv_task_id id = { { [3] = i } };
        o.id = &id;
        assert_int_equal(pv_submit(s->c, NULL, &o, &i, 1, 0), PV_OK);
    }
    fake_expect(&s->f, WIRE_SUBMIT, 50);
    assert_int_equal(LOOK(s, page), 50);
}

static void test_a_result_that_comes_again_before_its_acknowledgement_is_handed_over_once(void **state)
{
    struct scene *s = *state;
    handle(s, WIRE_SUBMIT, on_submit_prove);
    struct news n = { 0 };
    struct pv_submit_options o = plain;
    o.nowait = o.manual_ack = true;
    o.done = note_done;
    o.user = &n;
    pv_task_id id;
    expect_ok(s->c, pv_submit(s->c, &id, &o, "abc", 3, LONG));
    while (n.done == 0) expect_ok(s->c, pv_client_process(s->c, NULL, LONG));
    fake_lock(&s->f);
    fake_deliver(&s->f, 0, s->task, TASK_SUCCEEDED, PV_OK, "proof", 5);
    fake_unlock(&s->f);
    unsigned beats = fake_got(&s->f, WIRE_HEARTBEAT);
    fake_expect(&s->f, WIRE_HEARTBEAT, beats + 2);
    assert_int_equal(pv_client_process(s->c, NULL, 0), PV_TIMEOUT);
    assert_int_equal(n.done, 1);
    assert_int_equal(fake_got(&s->f, WIRE_ACK), 0);
    expect_ok(s->c, pv_ack(s->c, &id));
    fake_expect(&s->f, WIRE_ACK, 1);
}

static void test_a_forgotten_task_calls_nobody(void **state)
{
    struct scene *s = *state;
    handle(s, WIRE_SUBMIT, on_submit_accept);
    struct news n = { 0 };
    struct pv_submit_options o = plain;
    o.done = note_done;
    o.user = &n;
    pv_task_id id;
    expect_ok(s->c, pv_submit(s->c, &id, &o, "abc", 3, LONG));
    pv_forget(s->c, &id);
    fake_lock(&s->f);
    fake_deliver(&s->f, 0, s->task, TASK_SUCCEEDED, PV_OK, "proof", 5);
    fake_unlock(&s->f);
    unsigned beats = fake_got(&s->f, WIRE_HEARTBEAT);
    fake_expect(&s->f, WIRE_HEARTBEAT, beats + 2);
    assert_int_equal(pv_client_process(s->c, NULL, 0), PV_TIMEOUT);
    assert_int_equal(n.done, 0);
    assert_int_equal(fake_got(&s->f, WIRE_ACK), 0); /* it stays with the broker */
}

/* ---- proving here ---- */

static const wire_token claimed_token = { 3, 1207 };

static void on_claim_grant(struct fake *f, const struct wire_msg *m)
{
    if (of(f)->refusals > 0) {
        of(f)->refusals--;
        fake_error(f, m, PV_BAD_STATE, "it is running");
        return;
    }
    struct wire_msg a = { .type = WIRE_CLAIMED };
    WIRE_SET(&a, req, m->req);
    WIRE_SET(&a, task, m->task);
    WIRE_SET(&a, token, claimed_token);
    fake_send(f, &a);
}

static void on_result_take(struct fake *f, const struct wire_msg *m)
{
    wire_hash input;
    assert_int_equal(sha256_of(&input, "abc", 3), PV_OK);
    assert_true(wire_hash_equal(input, m->input));
    assert_true(wire_token_equal(m->token, claimed_token));
    assert_memory_equal(m->payload, "mine", 4);
    struct wire_msg a = { .type = WIRE_RESULT_OK };
    WIRE_SET(&a, token, m->token);
    WIRE_SET(&a, task, m->task);
    WIRE_SET(&a, status, PV_OK);
    fake_send(f, &a);
}

struct local_test {
    struct scene *s;
    unsigned calls;
    pv_status answer;
    bool until_stopped;
};

static pv_status prove_here(void *user, pv_local *job)
{
    struct local_test *l = user;
    l->calls++;
    size_t n;
    const uint8_t *input = pv_local_input(job, &n);
    assert_int_equal(n, 3);
    assert_memory_equal(input, "abc", 3);
    assert_string_equal(pv_local_queue(job), "outer");
    assert_string_equal(pv_local_circuit(job), "withdraw");
    pv_local_progress(job, 50, "msm_a");
    /* Long enough for heartbeats that list the attempt. */
    fake_expect(&l->s->f, WIRE_STARTED, 1);
    unsigned beats = fake_got(&l->s->f, WIRE_HEARTBEAT);
    fake_expect(&l->s->f, WIRE_HEARTBEAT, beats + 2);
    fake_lock(&l->s->f);
    unsigned held = l->s->f.last_held;
    fake_unlock(&l->s->f);
    assert_int_equal(held, 1);
    if (l->until_stopped) {
        fake_lock(&l->s->f);
        struct wire_msg m = { .type = WIRE_REVOKE };
        WIRE_SET(&m, token, claimed_token);
        WIRE_SET(&m, status, PV_CANCELLED);
        fake_send(&l->s->f, &m);
        fake_unlock(&l->s->f);
        while (!pv_local_stopped(job)) usleep(1000);
    }
    assert_int_equal(pv_local_result(job, "mine", 4), PV_OK);
    return l->answer;
}

static struct pv_submit_options locally(struct local_test *l, enum pv_local_policy policy)
{
    struct pv_submit_options o = plain;
    o.local.policy = policy;
    o.local.after_ms = 50;
    o.local.prove = prove_here;
    o.local.user = l;
    return o;
}

static void test_a_task_nobody_takes_in_time_is_claimed_and_proved_here(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_CLAIM] = on_claim_grant;
    s->f.on[WIRE_RESULT] = on_result_take;
    handle(s, WIRE_SUBMIT, on_submit_accept);
    struct local_test l = { .s = s };
    struct pv_submit_options o = locally(&l, PV_LOCAL_AFTER);
    struct pv_result r;
    expect_ok(s->c, pv_prove(s->c, &r, &o, "abc", 3, LONG));
    assert_int_equal(l.calls, 1);
    assert_int_equal(r.bytes_n, 4);
    assert_memory_equal(r.bytes, "mine", 4);
    pv_result_clear(&r);
    assert_int_equal(fake_got(&s->f, WIRE_STARTED), 1);
    fake_expect(&s->f, WIRE_PROGRESS, 1);
    fake_expect(&s->f, WIRE_ACK, 1);
}

static void on_submit_unservable(struct fake *f, const struct wire_msg *m)
{
    struct wire_msg a = { .type = WIRE_SUBMIT_OK };
    WIRE_SET(&a, req, m->req);
    WIRE_SET(&a, task, m->task);
    WIRE_SET(&a, state, TASK_QUEUED);
    WIRE_SET(&a, generation, 1);
    WIRE_SET(&a, unservable, true);
    of(f)->task = m->task;
    fake_send(f, &a);
}

static void test_an_unservable_task_is_claimed_at_once(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_CLAIM] = on_claim_grant;
    s->f.on[WIRE_RESULT] = on_result_take;
    handle(s, WIRE_SUBMIT, on_submit_unservable);
    struct local_test l = { .s = s };
    struct pv_submit_options o = locally(&l, PV_LOCAL_UNSERVABLE);
    struct pv_result r;
    expect_ok(s->c, pv_prove(s->c, &r, &o, "abc", 3, LONG));
    assert_int_equal(l.calls, 1);
    pv_result_clear(&r);
}

static void test_a_task_that_runs_is_not_proved_here(void **state)
{
    struct scene *s = *state;
    s->refusals = 1000;
    s->f.on[WIRE_CLAIM] = on_claim_grant;
    handle(s, WIRE_SUBMIT, on_submit_accept);
    struct local_test l = { .s = s };
    struct pv_submit_options o = locally(&l, PV_LOCAL_AFTER);
    pv_task_id id;
    expect_ok(s->c, pv_submit(s->c, &id, &o, "abc", 3, LONG));
    struct pv_result r;
    while (fake_got(&s->f, WIRE_CLAIM) == 0) assert_int_equal(pv_wait(s->c, &r, &id, 100), PV_TIMEOUT);
    fake_lock(&s->f);
    fake_deliver(&s->f, 0, s->task, TASK_SUCCEEDED, PV_OK, "proof", 5);
    fake_unlock(&s->f);
    expect_ok(s->c, pv_wait(s->c, &r, &id, LONG));
    expect_proof(&r);
    pv_result_clear(&r);
    assert_int_equal(l.calls, 0);
}

static void test_a_failed_proof_here_is_a_failed_attempt(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_CLAIM] = on_claim_grant;
    handle(s, WIRE_SUBMIT, on_submit_accept);
    struct local_test l = { .s = s, .answer = PV_BAD_WITNESS };
    struct pv_submit_options o = locally(&l, PV_LOCAL_AFTER);
    pv_task_id id;
    expect_ok(s->c, pv_submit(s->c, &id, &o, "abc", 3, LONG));
    struct pv_result r;
    while (fake_got(&s->f, WIRE_FAIL) == 0) assert_int_equal(pv_wait(s->c, &r, &id, 100), PV_TIMEOUT);
    fake_lock(&s->f);
    fake_deliver(&s->f, 0, s->task, TASK_DEAD, PV_BAD_WITNESS, NULL, 0);
    fake_unlock(&s->f);
    expect_ok(s->c, pv_wait(s->c, &r, &id, LONG));
    assert_int_equal(r.status, PV_BAD_WITNESS);
    pv_result_clear(&r);
}

static void test_a_revoked_proof_here_is_stopped_and_confirmed(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_CLAIM] = on_claim_grant;
    handle(s, WIRE_SUBMIT, on_submit_accept);
    struct local_test l = { .s = s, .until_stopped = true };
    struct pv_submit_options o = locally(&l, PV_LOCAL_AFTER);
    pv_task_id id;
    expect_ok(s->c, pv_submit(s->c, &id, &o, "abc", 3, LONG));
    struct pv_result r;
    while (fake_got(&s->f, WIRE_REVOKED) == 0) assert_int_equal(pv_wait(s->c, &r, &id, 100), PV_TIMEOUT);
    assert_int_equal(fake_got(&s->f, WIRE_RESULT), 0);
}

static pv_status until_forgotten(void *user, pv_local *job)
{
    struct local_test *l = user;
    l->calls++;
    while (!pv_local_stopped(job)) usleep(1000);
    return PV_OK;
}

struct forgetting {
    pv_client *c;
    pv_task_id id;
};

static void *wait_for_it(void *arg)
{
    struct forgetting *w = arg;
    struct pv_result r;
    pv_status s = pv_wait(w->c, &r, &w->id, LONG);
    if (s == PV_OK) pv_result_clear(&r);
    return NULL;
}

static void test_a_claimed_task_that_is_forgotten_is_handed_back_at_once(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_CLAIM] = on_claim_grant;
    handle(s, WIRE_SUBMIT, on_submit_accept);
    struct local_test l = { .s = s };
    struct pv_submit_options o = locally(&l, PV_LOCAL_AFTER);
    o.local.prove = until_forgotten;
    struct forgetting w = { .c = s->c };
    expect_ok(s->c, pv_submit(s->c, &w.id, &o, "abc", 3, LONG));
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wait_for_it, &w), 0);
    fake_expect(&s->f, WIRE_STARTED, 1);
    assert_int_equal(fake_got(&s->f, WIRE_RELEASE), 0);
    pv_forget(s->c, &w.id);
    fake_expect(&s->f, WIRE_RELEASE, 1);
    pthread_join(thread, NULL);
    assert_int_equal(l.calls, 1);
    assert_int_equal(fake_got(&s->f, WIRE_FAIL), 0);
}

static void on_done_never(void *user, struct pv_result *r)
{
    fail_msg("it is not over");
}

static void test_a_client_that_closes_hands_back_what_it_claimed(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_CLAIM] = on_claim_grant;
    handle(s, WIRE_SUBMIT, on_submit_accept);
    struct local_test l = { .s = s };
    struct pv_submit_options o = locally(&l, PV_LOCAL_AFTER);
    o.done = on_done_never; /* somebody is there, in no hurry: the claim stands, nothing runs */
    pv_task_id id;
    expect_ok(s->c, pv_submit(s->c, &id, &o, "abc", 3, LONG));
    fake_expect(&s->f, WIRE_CLAIM, 1);
    struct pollfd due = { .fd = pv_client_fd(s->c), .events = POLLIN };
    assert_int_equal(poll(&due, 1, LONG), 1);
    pv_client_close(&s->c);
    fake_expect(&s->f, WIRE_RELEASE, 1);
    fake_expect(&s->f, WIRE_DISCONNECT, 1);
    assert_int_equal(l.calls, 0);
}

/* ---- looking ---- */

static void on_show(struct fake *f, const struct wire_msg *m)
{
    fake_task(f, m, TASK_DELAYED);
}

static void on_cancel(struct fake *f, const struct wire_msg *m)
{
    struct wire_msg a = { .type = WIRE_CANCELLED };
    WIRE_SET(&a, req, m->req);
    WIRE_SET(&a, task, m->task);
    WIRE_SET(&a, state, TASK_CANCELLED);
    fake_send(f, &a);
}

static void on_fetch_cancelled(struct fake *f, const struct wire_msg *m)
{
    fake_deliver(f, m->req, m->task, TASK_CANCELLED, PV_CANCELLED, NULL, 0);
}

static void *wait_long(void *arg)
{
    struct submit_call *k = arg;
    struct pv_result r = { 0 };
    k->status = pv_wait(k->s->c, &r, &k->id, LONG);
    if (k->status == PV_OK) k->status = r.status;
    pv_result_clear(&r);
    return NULL;
}

static void test_a_wait_ends_when_another_thread_cancels(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_CANCEL] = on_cancel;
    s->f.on[WIRE_FETCH] = on_fetch_cancelled;
    handle(s, WIRE_SUBMIT, on_submit_accept);
    struct submit_call k = { .s = s };
    expect_ok(s->c, pv_submit(s->c, &k.id, &plain, "abc", 3, LONG));
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wait_long, &k), 0);
    expect_ok(s->c, pv_cancel(s->c, NULL, &k.id, LONG));
    pthread_join(thread, NULL);
    assert_int_equal(k.status, PV_CANCELLED);
}

static void on_purge(struct fake *f, const struct wire_msg *m)
{
    assert_int_equal(m->scope, WIRE_SCOPE_QUEUE);
    assert_string_equal(m->queue, "outer");
    assert_true(m->dry);
    struct wire_msg a = { .type = WIRE_COUNTS };
    WIRE_SET(&a, req, m->req);
    a.counts.of[TASK_QUEUED] = 3;
    a.counts.of[TASK_RUNNING] = 2;
    a.has.counts = true;
    fake_send(f, &a);
}

static void on_list(struct fake *f, const struct wire_msg *m)
{
    struct scene *s = of(f);
    bool second = m->has.after;
    if (second) assert_string_equal(m->after, "b");
    const struct wire_cell one[] = { { .key = "id", .type = WIRE_CELL_TEXT, .text = second ? "c" : "a" },
                                     { .key = "n", .type = WIRE_CELL_INT, .number = -5 } };
    const struct wire_cell two[] = { { .key = "id", .type = WIRE_CELL_TEXT, .text = "b" },
                                     { .key = "on", .type = WIRE_CELL_BOOL, .truth = true } };
    const struct wire_row rows[] = { { one, 2 }, { two, 2 } };
    struct wire_msg a = { .type = WIRE_ROWS };
    WIRE_SET(&a, req, m->req);
    WIRE_SET(&a, schema, "provost.tasks/1");
    WIRE_SET_LIST(&a, rows, rows, second ? 1 : 2);
    if (!second) WIRE_SET(&a, next, "b");
    s->page++;
    fake_send(f, &a);
}

static void test_tasks_are_shown_cancelled_purged_and_listed(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_SHOW] = s->f.on[WIRE_KICK] = on_show;
    s->f.on[WIRE_CANCEL] = on_cancel;
    s->f.on[WIRE_PURGE] = on_purge;
    handle(s, WIRE_LIST, on_list);
    pv_task_id id;
    assert_int_equal(pv_task_id_of_text(&id, "000102030405060708090a0b0c0d0e0f"), PV_OK);
    struct pv_task_info info;
    expect_ok(s->c, pv_show(s->c, &info, &id, LONG));
    assert_int_equal(info.state, PV_TASK_DELAYED);
    assert_string_equal(info.queue, "q");
    assert_int_equal(info.failures, 2);
    assert_int_equal(info.position, -1);
    assert_int_equal(pv_kick(s->c, &info, &id, LONG), PV_OK);
    enum pv_task_state was;
    assert_int_equal(pv_cancel(s->c, &was, &id, LONG), PV_OK);
    assert_int_equal(was, PV_TASK_CANCELLED);
    uint64_t counts[PV_TASK_STATES];
    struct pv_purge_options p = { .scope = PV_PURGE_QUEUE, .queue = "outer", .dry_run = true };
    assert_int_equal(pv_purge(s->c, counts, &p, LONG), PV_OK);
    assert_int_equal(counts[PV_TASK_QUEUED], 3);
    assert_int_equal(counts[PV_TASK_RUNNING], 2);
    pv_table *t;
    assert_int_equal(pv_list(s->c, &t, &(struct pv_list_options){ .what = PV_LIST_TASKS }, LONG), PV_OK);
    assert_int_equal(pv_table_rows(t), 3);
    assert_string_equal(pv_table_schema(t), "provost.tasks/1");
    struct pv_row row = pv_table_row(t, 2);
    assert_string_equal(pv_row_cell(&row, "id")->text, "c");
    assert_int_equal(pv_row_cell(&row, "n")->number, -5);
    assert_null(pv_row_cell(&row, "on"));
    assert_null(pv_table_next(t));
    pv_table_free(&t);
    assert_int_equal(pv_queue_pause(s->c, NULL, "not a name", LONG), PV_USAGE);
}

static void test_a_question_is_asked_again_after_a_reconnect(void **state)
{
    struct scene *s = *state;
    fake_stop(&s->f);
    s->f.on[WIRE_SHOW] = on_gone;
    fake_start(&s->f);
    pv_task_id id = public_id((wire_id){ { 1 } });
    struct pv_task_info info;
    assert_int_equal(pv_show(s->c, &info, &id, LONG), PV_GONE);
    assert_error(s->c, "because the test says so");
}

static void test_a_wait_for_an_unknown_task_attaches_and_says_that_it_is_gone(void **state)
{
    struct scene *s = *state;
    handle(s, WIRE_ATTACH, on_gone);
    pv_task_id id = public_id((wire_id){ { 1 } });
    struct pv_result r;
    assert_int_equal(pv_wait(s->c, &r, &id, LONG), PV_GONE);
    handle(s, WIRE_ATTACH, on_attach_deliver);
    expect_ok(s->c, pv_wait(s->c, &r, &id, LONG));
    expect_proof(&r);
    pv_result_clear(&r);
    fake_expect(&s->f, WIRE_ACK, 1);
}

static void on_attach_only(struct fake *f, const struct wire_msg *m)
{
    fake_task(f, m, TASK_SUCCEEDED);
}

static void on_fetch_small(struct fake *f, const struct wire_msg *m)
{
    fake_deliver(f, m->req, m->task, TASK_SUCCEEDED, PV_OK, "proof", 5);
}

static void test_a_delivery_that_was_lost_is_fetched(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_FETCH] = on_fetch_small;
    handle(s, WIRE_ATTACH, on_attach_only);
    pv_task_id id = public_id((wire_id){ { 1 } });
    struct pv_result r;
    expect_ok(s->c, pv_wait(s->c, &r, &id, LONG));
    expect_proof(&r);
    pv_result_clear(&r);
}

/* ---- the process around it ---- */

enum { THREADS = 8, ROUNDS = 25 };

static void *prove_often(void *arg)
{
    struct scene *s = arg;
    for (int i = 0; i < ROUNDS; i++) {
        struct pv_result r;
        pv_status status = pv_prove(s->c, &r, &plain, "abc", 3, LONG);
        if (status != PV_OK) return "a proof failed";
        pv_result_clear(&r);
    }
    return NULL;
}

static void test_threads_share_a_handle(void **state)
{
    struct scene *s = *state;
    handle(s, WIRE_SUBMIT, on_submit_prove);
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++) pthread_create(&thread[i], NULL, prove_often, s);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(thread[i], &failed);
        assert_null(failed);
    }
    fake_expect(&s->f, WIRE_ACK, THREADS * ROUNDS);
    assert_int_equal(fake_got(&s->f, WIRE_SUBMIT), THREADS * ROUNDS);
}

static void test_a_forked_child_cannot_use_the_handle(void **state)
{
    struct scene *s = *state;
    expect_ok(s->c, pv_client_ready(s->c, LONG));
    pid_t child = fork();
    if (child == 0) {
        pv_client *c = s->c;
        bool good = pv_client_ready(c, 0) == PV_BAD_STATE && pv_submit(c, NULL, &plain, "abc", 3, 0) == PV_BAD_STATE;
        pv_client_close(&c);
        _exit(good ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(pv_client_ready(s->c, 0), PV_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_task_is_submitted_waited_for_and_acknowledged),
        TEST(test_options_of_a_submit_travel),
        TEST(test_wrong_options_are_usage),
        TEST(test_a_result_that_comes_again_is_handed_over_once_and_acknowledged_again),
        TEST(test_an_ending_without_a_result_is_its_status),
        TEST(test_a_manual_acknowledgement_waits_for_the_caller),
        TEST(test_a_result_that_does_not_verify_is_refused_and_stays_with_the_broker),
        TEST(test_a_refusal_that_names_only_the_request_is_told),
        TEST(test_a_conflict_is_told),
        TEST(test_busy_is_tried_again_when_the_broker_says),
        TEST(test_busy_can_be_told_at_once_or_ends_the_wait),
        TEST(test_an_input_above_the_limit_is_not_sent),
        TEST(test_an_unreachable_broker_is_told_in_time),
        TEST(test_a_wait_that_times_out_never_submits_again),
        TEST(test_after_a_reconnect_the_same_session_attaches_to_what_it_waits_for),
        TEST(test_a_submit_whose_answer_was_lost_is_said_again_with_the_same_id),
        TEST(test_a_broker_with_a_lower_epoch_is_refused),
        TEST(test_the_next_endpoint_is_tried),
        TEST(test_heartbeats_go_on_while_the_caller_does_something_else),
        TEST(test_a_silent_broker_is_left_and_dialled_again),
        TEST(test_a_refused_client_says_so_and_recovers),
        TEST(test_a_broker_that_does_not_know_the_peer_hears_hello_again),
        TEST(test_a_large_input_goes_on_where_the_connection_was_cut),
        TEST(test_a_large_result_goes_on_where_the_connection_was_cut),
        TEST(test_a_result_damaged_on_its_way_is_fetched_again),
        TEST(test_a_callers_own_loop_hears_by_a_level_triggered_descriptor),
        TEST(test_a_refusal_reaches_a_caller_who_did_not_wait),
        TEST(test_submits_keep_their_order),
        TEST(test_a_result_that_comes_again_before_its_acknowledgement_is_handed_over_once),
        TEST(test_a_forgotten_task_calls_nobody),
        TEST(test_a_task_nobody_takes_in_time_is_claimed_and_proved_here),
        TEST(test_an_unservable_task_is_claimed_at_once),
        TEST(test_a_task_that_runs_is_not_proved_here),
        TEST(test_a_failed_proof_here_is_a_failed_attempt),
        TEST(test_a_revoked_proof_here_is_stopped_and_confirmed),
        TEST(test_a_claimed_task_that_is_forgotten_is_handed_back_at_once),
        TEST(test_a_client_that_closes_hands_back_what_it_claimed),
        TEST(test_a_wait_ends_when_another_thread_cancels),
        TEST(test_tasks_are_shown_cancelled_purged_and_listed),
        TEST(test_a_question_is_asked_again_after_a_reconnect),
        TEST(test_a_wait_for_an_unknown_task_attaches_and_says_that_it_is_gone),
        TEST(test_a_delivery_that_was_lost_is_fetched),
        TEST(test_threads_share_a_handle),
        TEST(test_a_forked_child_cannot_use_the_handle),
    };
    if (getenv("PV_TEST_FILTER")) cmocka_set_test_filter(getenv("PV_TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
