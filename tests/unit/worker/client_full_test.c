/* A send queue that is full: whatever was to be said is said later, once, and in its order. The library's thread learns
 * of a full queue by EAGAIN, which the test gives it (-Wl,--wrap=zmq_send) for each type of message in turn. */
#include "client_scene.h"
#include "random.h"
#include "sha256.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

/* Shorter than any time after which a message is said again, so nothing that was lost is mended by that. */
enum { SOON = 4000, BIG = 1024 * 1024 + 5 };

int __real_zmq_send(void *socket, const void *data, size_t n, int flags);
int __wrap_zmq_send(void *socket, const void *data, size_t n, int flags);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* By type of message: how many are still refused, how many of these in turns with one that is taken, and how many were. */
static unsigned full[128], in_turns[128], was_full[128];
static bool taken_last[128];

static bool refuses(enum wire_type type)
{
    pthread_mutex_lock(&lock);
    bool turn = full[type] > in_turns[type] || taken_last[type];
    bool refuse = full[type] > 0 && turn;
    taken_last[type] = !refuse;
    if (refuse) full[type]--, was_full[type]++;
    pthread_mutex_unlock(&lock);
    return refuse;
}

/* A head from the client: the broker's own socket waits when it is full. */
int __wrap_zmq_send(void *socket, const void *data, size_t n, int flags)
{
    const uint8_t *head = data;
    bool head_of_client = flags & ZMQ_DONTWAIT && n == WIRE_HEAD_BYTES && head[0] == 'P' && head[1] == 'V';
    if (!head_of_client || !refuses(head[3] & 127)) return __real_zmq_send(socket, data, n, flags);
    errno = EAGAIN;
    return -1;
}

static void fill_in_turns(enum wire_type type, unsigned times, unsigned turns)
{
    pthread_mutex_lock(&lock);
    full[type] = times;
    in_turns[type] = turns;
    taken_last[type] = false;
    was_full[type] = 0;
    pthread_mutex_unlock(&lock);
}

static void fill(enum wire_type type, unsigned times)
{
    fill_in_turns(type, times, 0);
}

/* The queue was full for this type as often as it was to be, and the broker heard it n times all the same. */
static void expect_once_more(struct scene *s, enum wire_type type, unsigned times, unsigned n)
{
    fake_expect(&s->f, type, n);
    pthread_mutex_lock(&lock);
    unsigned left = full[type], were = was_full[type];
    pthread_mutex_unlock(&lock);
    assert_int_equal(left, 0);
    assert_int_equal(were, times);
    assert_int_equal(fake_got(&s->f, type), n);
}

/* ---- acknowledgements and releases: several wait in one queue ---- */

enum { SEVERAL = 5 };

static wire_id heard[SEVERAL + 1];
static unsigned heard_n;

static void on_ack(struct fake *f, const struct wire_msg *m)
{
    if (heard_n < SEVERAL) heard[heard_n] = m->task;
    heard_n++;
}

static void test_acknowledgements_wait_in_their_order(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_ACK] = on_ack;
    scene_handle(s, WIRE_SUBMIT, scene_prove);
    heard_n = 0;
    fill_in_turns(WIRE_ACK, 40, 3); /* in the end each turn of the library's thread sends one */
    pv_task_id id[SEVERAL];
    for (unsigned i = 0; i < SEVERAL; i++) {
        struct pv_result r;
        scene_expect_ok(s->c, pv_submit(s->c, &id[i], &scene_plain, "abc", 3, SOON));
        scene_expect_ok(s->c, pv_wait(s->c, &r, &id[i], SOON));
        pv_result_clear(&r);
    }
    scene_expect_ok(s->c, pv_flush(s->c, SOON));
    expect_once_more(s, WIRE_ACK, 40, SEVERAL);
    for (unsigned i = 0; i < SEVERAL; i++) assert_memory_equal(heard[i].bytes, id[i].bytes, sizeof id[i].bytes);
}

static uint64_t released[SEVERAL + 1];
static unsigned released_n;

static void on_release(struct fake *f, const struct wire_msg *m)
{
    if (released_n < SEVERAL) released[released_n] = m->token.seq;
    released_n++;
}

static void test_attempts_that_nobody_asked_for_are_all_handed_back(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_RELEASE, on_release);
    scene_expect_ok(s->c, pv_client_ready(s->c, SOON));
    released_n = 0;
    fill_in_turns(WIRE_RELEASE, 40, 3);
    fake_lock(&s->f);
    for (unsigned i = 0; i < SEVERAL; i++) {
        struct wire_msg a = { .type = WIRE_CLAIMED };
        wire_token token = { 3, 100 + i };
        WIRE_SET(&a, req, 1);
        WIRE_SET(&a, task, ((wire_id){ { (uint8_t)(i + 1) } }));
        WIRE_SET(&a, token, token);
        fake_send(&s->f, &a);
    }
    fake_unlock(&s->f);
    expect_once_more(s, WIRE_RELEASE, 40, SEVERAL);
    for (unsigned i = 0; i < SEVERAL; i++) assert_int_equal(released[i], 100 + i);
}

/* ---- a task's way ---- */

static void test_what_asks_for_a_task_is_said_once(void **state)
{
    struct scene *s = *state;
    struct pv_result r;
    s->f.on[WIRE_ATTACH] = scene_deliver;
    scene_handle(s, WIRE_SUBMIT, scene_prove);
    fill(WIRE_SUBMIT, 3);
    scene_expect_ok(s->c, pv_prove(s->c, &r, &scene_plain, "abc", 3, SOON));
    scene_expect_proof(&r);
    pv_result_clear(&r);
    expect_once_more(s, WIRE_SUBMIT, 3, 1);
    fill(WIRE_ATTACH, 3);
    pv_task_id id = scene_id((wire_id){ { 9 } });
    scene_expect_ok(s->c, pv_wait(s->c, &r, &id, SOON));
    scene_expect_proof(&r);
    pv_result_clear(&r);
    expect_once_more(s, WIRE_ATTACH, 3, 1);
}

static void on_fetch(struct fake *f, const struct wire_msg *m)
{
    fake_deliver(f, m->req, m->task, TASK_SUCCEEDED, PV_OK, "proof", 5);
}

static void on_submit_over(struct fake *f, const struct wire_msg *m)
{
    fake_submit_ok(f, m, TASK_SUCCEEDED); /* and the push of its result is lost */
}

static void test_questions_are_asked_once(void **state)
{
    struct scene *s = *state;
    struct pv_result r;
    s->f.on[WIRE_FETCH] = on_fetch;
    s->f.on[WIRE_CANCEL] = scene_cancelled;
    scene_handle(s, WIRE_SUBMIT, on_submit_over);
    fill(WIRE_FETCH, 3);
    scene_expect_ok(s->c, pv_prove(s->c, &r, &scene_plain, "abc", 3, SOON));
    scene_expect_proof(&r);
    pv_task_id id = r.id;
    pv_result_clear(&r);
    expect_once_more(s, WIRE_FETCH, 3, 1);
    fill(WIRE_CANCEL, 3);
    scene_expect_ok(s->c, pv_cancel(s->c, NULL, &id, SOON));
    expect_once_more(s, WIRE_CANCEL, 3, 1);
}

/* ---- large payloads ---- */

static void on_submit_large(struct fake *f, const struct wire_msg *m)
{
    struct scene *s = scene_of(f);
    s->task = m->task;
    s->req = m->req;
    s->in_length = m->length;
    s->in_got = s->in_seen = 0;
    if (!s->in) s->in = malloc(m->length);
    fake_credit(f, WIRE_KIND_INPUT, m->task, 0, m->length);
}

static void on_chunk_in(struct fake *f, const struct wire_msg *m)
{
    struct scene *s = scene_of(f);
    s->in_seen += m->payload_bytes;
    if (m->offset != s->in_got) return;
    memcpy(s->in + s->in_got, m->payload, m->payload_bytes);
    s->in_got += m->payload_bytes;
    if (s->in_got < s->in_length) return;
    struct wire_msg a = { .task = m->task, .req = s->req };
    fake_submit_ok(f, &a, TASK_QUEUED);
}

static void on_credit_out(struct fake *f, const struct wire_msg *m)
{
    struct scene *s = scene_of(f);
    uint64_t end = m->offset + m->bytes;
    for (uint64_t at = m->offset; at < end; at += WIRE_CHUNK_MAX) {
        size_t n = end - at < WIRE_CHUNK_MAX ? end - at : WIRE_CHUNK_MAX;
        fake_chunk(f, WIRE_KIND_RESULT, m->task, at, s->out + at, n);
    }
}

static void test_large_payloads_come_whole_and_once(void **state)
{
    struct scene *s = *state;
    uint8_t *bytes = malloc(BIG);
    assert_int_equal(pv_random(bytes, BIG), PV_OK);
    s->f.window = 300000;
    s->out = bytes;
    s->f.on[WIRE_CHUNK] = on_chunk_in;
    s->f.on[WIRE_CREDIT] = on_credit_out;
    scene_handle(s, WIRE_SUBMIT, on_submit_large);
    fill(WIRE_CHUNK, 7);
    pv_task_id id;
    scene_expect_ok(s->c, pv_submit(s->c, &id, &scene_plain, bytes, BIG, SOON));
    expect_once_more(s, WIRE_CHUNK, 7, (BIG + WIRE_CHUNK_MAX - 1) / WIRE_CHUNK_MAX);
    assert_memory_equal(s->in, bytes, BIG);
    assert_int_equal(LOOK(s, in_seen), BIG);
    fill_in_turns(WIRE_CREDIT, 5, 2);
    fake_lock(&s->f);
    fake_deliver(&s->f, 0, s->task, TASK_SUCCEEDED, PV_OK, bytes, BIG);
    fake_unlock(&s->f);
    struct pv_result r;
    scene_expect_ok(s->c, pv_wait(s->c, &r, &id, SOON));
    assert_int_equal(r.bytes_n, BIG);
    assert_memory_equal(r.bytes, bytes, BIG);
    pv_result_clear(&r);
    fake_expect(&s->f, WIRE_ACK, 1);
    free(bytes);
}

/* ---- a task that is proved here ---- */

static const wire_token claimed = { 3, 1207 };

static void on_claim(struct fake *f, const struct wire_msg *m)
{
    struct wire_msg a = { .type = WIRE_CLAIMED };
    WIRE_SET(&a, req, m->req);
    WIRE_SET(&a, task, m->task);
    WIRE_SET(&a, token, claimed);
    fake_send(f, &a);
}

static void on_result(struct fake *f, const struct wire_msg *m)
{
    struct scene *s = scene_of(f);
    s->task = m->task;
    s->in_length = m->length;
    s->in_got = 0;
    fake_credit(f, WIRE_KIND_RESULT, m->task, 0, m->length);
}

static void on_chunk_result(struct fake *f, const struct wire_msg *m)
{
    struct scene *s = scene_of(f);
    assert_true(wire_token_equal(m->token, claimed));
    assert_int_equal(m->kind, WIRE_KIND_RESULT);
    if (m->offset != s->in_got) return;
    s->in_got += m->payload_bytes;
    if (s->in_got < s->in_length) return;
    struct wire_msg a = { .type = WIRE_RESULT_OK };
    WIRE_SET(&a, token, m->token);
    WIRE_SET(&a, task, m->task);
    WIRE_SET(&a, status, PV_OK);
    fake_send(f, &a);
}

struct proved_here {
    struct scene *s;
    uint8_t *result;
    pv_status status;
};

static pv_status prove_here(void *user, pv_local *job)
{
    struct proved_here *p = user;
    fake_expect(&p->s->f, WIRE_STARTED, 1);
    pv_local_progress(job, 50, "msm_a");
    fake_expect(&p->s->f, WIRE_PROGRESS, 1);
    if (p->status == PV_OK) assert_int_equal(pv_local_result(job, p->result, BIG), PV_OK);
    return p->status;
}

static struct pv_submit_options here(struct proved_here *p)
{
    struct pv_submit_options o = scene_plain;
    o.local = (struct pv_local_options){ .policy = PV_LOCAL_AFTER, .after_ms = 1, .prove = prove_here, .user = p };
    return o;
}

static void test_what_is_proved_here_is_told_step_by_step(void **state)
{
    struct scene *s = *state;
    struct proved_here p = { .s = s, .result = calloc(1, BIG) };
    s->f.on[WIRE_CLAIM] = on_claim;
    s->f.on[WIRE_RESULT] = on_result;
    s->f.on[WIRE_CHUNK] = on_chunk_result;
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    static const enum wire_type said[] = { WIRE_CLAIM, WIRE_STARTED, WIRE_PROGRESS, WIRE_RESULT };
    for (size_t i = 0; i < 4; i++) fill(said[i], 3);
    fill(WIRE_CHUNK, 3);
    struct pv_submit_options o = here(&p);
    struct pv_result r;
    scene_expect_ok(s->c, pv_prove(s->c, &r, &o, "abc", 3, SOON));
    assert_int_equal(r.bytes_n, BIG);
    pv_result_clear(&r);
    for (size_t i = 0; i < 4; i++) expect_once_more(s, said[i], 3, 1);
    expect_once_more(s, WIRE_CHUNK, 3, (BIG + WIRE_CHUNK_MAX - 1) / WIRE_CHUNK_MAX);
    free(p.result);
}

static void on_fail(struct fake *f, const struct wire_msg *m)
{
    assert_true(wire_token_equal(m->token, claimed));
    assert_int_equal(m->status, PV_BAD_WITNESS);
    assert_int_equal(m->failure, WIRE_FAILURE_PERMANENT);
    fake_deliver(f, 0, m->task, TASK_DEAD, PV_BAD_WITNESS, NULL, 0);
}

static void test_a_failure_here_is_told_once(void **state)
{
    struct scene *s = *state;
    struct proved_here p = { .s = s, .status = PV_BAD_WITNESS };
    s->f.on[WIRE_CLAIM] = on_claim;
    s->f.on[WIRE_FAIL] = on_fail;
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    fill(WIRE_FAIL, 3);
    struct pv_submit_options o = here(&p);
    struct pv_result r;
    assert_int_equal(pv_prove(s->c, &r, &o, "abc", 3, SOON), PV_BAD_WITNESS);
    expect_once_more(s, WIRE_FAIL, 3, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_acknowledgements_wait_in_their_order),
        SCENE_TEST(test_attempts_that_nobody_asked_for_are_all_handed_back),
        SCENE_TEST(test_what_asks_for_a_task_is_said_once),
        SCENE_TEST(test_questions_are_asked_once),
        SCENE_TEST(test_large_payloads_come_whole_and_once),
        SCENE_TEST(test_what_is_proved_here_is_told_step_by_step),
        SCENE_TEST(test_a_failure_here_is_told_once),
    };
    return SCENE_RUN(tests);
}
