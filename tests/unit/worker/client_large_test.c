/* Large payloads, in both directions: they go on where the connection was cut. */
#include "client_scene.h"
#include "random.h"

#include <stdlib.h>
#include <string.h>

enum { BIG = 3 * 1024 * 1024 + 12345 };

static uint8_t *random_bytes(size_t n)
{
    uint8_t *b = malloc(n);
    assert_non_null(b);
    assert_int_equal(pv_random(b, n), PV_OK);
    return b;
}

/* Keeps what came before a reconnect, as the broker does in its temporary file. */
static void on_submit_large(struct fake *f, const struct wire_msg *m)
{
    struct scene *s = scene_of(f);
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
    struct scene *s = scene_of(f);
    s->in_seen += m->payload_bytes;
    if (m->kind != WIRE_KIND_INPUT || m->offset != s->in_got) return;  /* dropped */
    if (s->cut_at && s->in_got + m->payload_bytes > s->cut_at) return; /* lost with the connection */
    memcpy(s->in + s->in_got, m->payload, m->payload_bytes);
    s->in_got += m->payload_bytes;
    if (s->in_got < s->in_length) {
        uint64_t left = s->in_length - s->in_got; /* overlaps the grant before */
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
    scene_handle(s, WIRE_CHUNK, on_chunk_in);
    struct scene_submit_call k = { .s = s, .what = scene_plain, .input = input, .bytes = BIG };
    pthread_t thread;
    pthread_create(&thread, NULL, scene_submit, &k);
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
    assert_int_equal(LOOK(s, in_seen), BIG - had); /* it went on: no byte came twice */
    free(input);
}

static void on_attach_large(struct fake *f, const struct wire_msg *m)
{
    struct scene *s = scene_of(f);
    fake_task(f, m, TASK_SUCCEEDED);
    fake_deliver(f, 0, m->task, TASK_SUCCEEDED, PV_OK, s->out, s->out_bytes);
}

/* Sends all that is granted, but nothing from cut_at on. */
static void on_credit_out(struct fake *f, const struct wire_msg *m)
{
    struct scene *s = scene_of(f);
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
    s->out_end = m->offset; /* the offset of the latest grant */
}

static void on_fetch_large(struct fake *f, const struct wire_msg *m)
{
    struct scene *s = scene_of(f);
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
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    pv_task_id id;
    scene_expect_ok(s->c, pv_submit(s->c, &id, &scene_plain, "abc", 3, LONG));
    fake_lock(&s->f);
    fake_deliver(&s->f, 0, s->task, TASK_SUCCEEDED, PV_OK, result, BIG);
    fake_unlock(&s->f);
    fake_expect(&s->f, WIRE_CREDIT, 2);
    struct pv_result r;
    assert_int_equal(pv_wait(s->c, &r, &id, 0), PV_TIMEOUT);
    fake_stop(&s->f);
    s->cut_at = 0;
    fake_start(&s->f);
    scene_expect_ok(s->c, pv_wait(s->c, &r, &id, LONG));
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
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    pv_task_id id;
    scene_expect_ok(s->c, pv_submit(s->c, &id, &scene_plain, "abc", 3, LONG));
    fake_lock(&s->f);
    fake_deliver(&s->f, 0, s->task, TASK_SUCCEEDED, PV_OK, result, BIG);
    fake_unlock(&s->f);
    struct pv_result r;
    scene_expect_ok(s->c, pv_wait(s->c, &r, &id, LONG));
    assert_memory_equal(r.bytes, result, BIG);
    pv_result_clear(&r);
    assert_int_equal(fake_got(&s->f, WIRE_FETCH), 1);
    /* pv_fetch gets it too, and does not acknowledge it. */
    unsigned acks = fake_got(&s->f, WIRE_ACK);
    scene_expect_ok(s->c, pv_fetch(s->c, &r, &id, LONG));
    assert_int_equal(r.bytes_n, BIG);
    assert_memory_equal(r.bytes, result, BIG);
    pv_result_clear(&r);
    fake_expect(&s->f, WIRE_ACK, 1);
    assert_true(fake_got(&s->f, WIRE_ACK) <= acks + 1);
    free(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_a_large_input_goes_on_where_the_connection_was_cut),
        SCENE_TEST(test_a_large_result_goes_on_where_the_connection_was_cut),
        SCENE_TEST(test_a_result_damaged_on_its_way_is_fetched_again),
    };
    return SCENE_RUN(tests);
}
