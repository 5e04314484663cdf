/* What the library does with memory: none to be had is PV_NO_MEMORY, whichever allocation fails, and the handle goes on;
 * copies of an input are wiped before they are freed, and so is the caller's key. (That nothing is left behind, every
 * test of the client shows: support/memory.) */
#include "client_scene.h"
#include "heap_watch.h"
#include "temp_dir.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

enum { SOON = 4000, BIG = 1024 * 1024 };

/* ---- secrets ---- */

static uint8_t witness[4096], secret[64]; /* neither is on the heap */

static int with_secret(void **state)
{
    for (size_t i = 0; i < sizeof secret; i++) secret[i] = (uint8_t)(0x5a ^ 37 * i);
    memset(witness, 0, sizeof witness);
    memcpy(witness + 1000, secret, sizeof secret);
    int failed = scene_set_up(state);
    heap_look_for(secret, sizeof secret);
    return failed;
}

static int wiped(void **state)
{
    int failed = scene_tear_down(state);
    assert_int_equal(heap_leaks(), 0);
    heap_look_for(NULL, 0);
    return failed;
}

static void test_the_watch_sees_a_secret(void **state)
{
    uint8_t *copy = malloc(sizeof witness);
    memcpy(copy, witness, sizeof witness);
    __asm__ volatile("" : : "r"(copy) : "memory"); /* a copy that nobody reads would be left out */
    free(copy);
    assert_int_equal(heap_leaks(), 1);
    heap_look_for(secret, sizeof secret);
}

static void on_done(void *user, struct pv_result *r)
{
    *(pv_status *)user = r->status;
}

static pv_status submit(struct scene *s, pv_status *ended, pv_task_id *id)
{
    struct pv_submit_options o = scene_plain;
    o.nowait = true;
    o.done = on_done;
    o.user = ended;
    *ended = PV_INTERNAL;
    return pv_submit(s->c, id, &o, witness, sizeof witness, SOON);
}

static void test_an_accepted_input_is_wiped(void **state)
{
    struct scene *s = *state;
    pv_status ended;
    scene_handle(s, WIRE_SUBMIT, scene_prove);
    scene_expect_ok(s->c, submit(s, &ended, NULL));
    scene_expect_ok(s->c, pv_client_process(s->c, NULL, SOON));
    assert_int_equal(ended, PV_OK);
}

static void test_a_refused_input_is_wiped(void **state)
{
    struct scene *s = *state;
    pv_status ended;
    scene_handle(s, WIRE_SUBMIT, scene_conflict);
    scene_expect_ok(s->c, submit(s, &ended, NULL));
    scene_expect_ok(s->c, pv_client_process(s->c, NULL, SOON));
    assert_int_equal(ended, PV_CONFLICT);
}

static void test_a_forgotten_input_is_wiped(void **state)
{
    struct scene *s = *state;
    pv_status ended;
    pv_task_id id;
    scene_expect_ok(s->c, submit(s, &ended, &id)); /* nobody answers */
    fake_expect(&s->f, WIRE_SUBMIT, 1);
    pv_forget(s->c, &id);
    scene_expect_ok(s->c, submit(s, &ended, &id)); /* and one that is there when the handle is closed */
}

static void on_claim(struct fake *f, const struct wire_msg *m)
{
    struct wire_msg a = { .type = WIRE_CLAIMED };
    wire_token token = { 3, 1207 };
    WIRE_SET(&a, req, m->req);
    WIRE_SET(&a, task, m->task);
    WIRE_SET(&a, token, token);
    fake_send(f, &a);
}

static void on_result(struct fake *f, const struct wire_msg *m)
{
    struct wire_msg a = { .type = WIRE_RESULT_OK };
    WIRE_SET(&a, token, m->token);
    WIRE_SET(&a, task, m->task);
    WIRE_SET(&a, status, PV_OK);
    fake_send(f, &a);
}

static pv_status prove_here(void *user, pv_local *job)
{
    size_t n;
    assert_non_null(pv_local_input(job, &n));
    assert_int_equal(n, sizeof witness);
    return pv_local_result(job, "mine", 4);
}

static void test_an_input_that_was_proved_here_is_wiped(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_CLAIM] = on_claim;
    s->f.on[WIRE_RESULT] = on_result;
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    struct pv_submit_options o = scene_plain;
    o.local = (struct pv_local_options){ .policy = PV_LOCAL_AFTER, .after_ms = 1, .prove = prove_here };
    struct pv_result r;
    scene_expect_ok(s->c, pv_prove(s->c, &r, &o, witness, sizeof witness, SOON));
    pv_result_clear(&r);
}

static void test_a_key_is_wiped(void **state)
{
    char folder[64], own[128], public_key[41], secret_key[41], server[41], none[41];
    temp_dir_make(folder);
    zmq_curve_keypair(server, none);
    zmq_curve_keypair(public_key, secret_key);
    snprintf(own, sizeof own, "%s/own", folder);
    FILE *f = fopen(own, "w");
    fprintf(f, "metadata\ncurve\n    public-key = \"%s\"\n    secret-key = \"%s\"\n", public_key, secret_key);
    fclose(f);
    assert_int_equal(chmod(own, 0600), 0);
    heap_look_for(secret_key, 40);
    struct pv_client_options o = { .endpoints = "tcp://127.0.0.1:1", .key_file = own, .server_key = server };
    pv_client *c;
    assert_int_equal(pv_client_open(&c, &o), PV_OK);
    pv_client_close(&c);
    o.endpoints = "tcp://127.0.0.1:1,tcp://127.0.0.1:2,tcp://127.0.0.1:3";
    char two[128];
    snprintf(two, sizeof two, "%s,%s", server, server);
    o.server_key = two; /* two keys for three endpoints */
    assert_int_equal(pv_client_open(&c, &o), PV_USAGE);
    assert_int_equal(heap_leaks(), 0);
    temp_dir_remove(folder);
}

/* ---- no memory ---- */

/* Does what for each allocation of it that may fail, and then without a failure. */
static void each_failure(struct scene *s, pv_status what(struct scene *s))
{
    for (long n = 0; n < 50; n++) {
        heap_fail_after(n);
        pv_status got = what(s);
        bool failed = heap_failed();
        heap_fail_after(-1);
        if (!failed) {
            scene_expect_ok(s->c, got);
            assert_true(n > 0);
            return;
        }
        assert_int_equal(got, PV_NO_MEMORY);
    }
    fail_msg("it never succeeds");
}

static void test_a_handle_that_does_not_fit_is_none(void **state)
{
    struct pv_client_options o = { .endpoints = "tcp://127.0.0.1:1", .insecure = true };
    pv_client *c = NULL;
    heap_fail_after(0);
    assert_int_equal(pv_client_open(&c, &o), PV_NO_MEMORY);
    heap_fail_after(-1);
    assert_null(c);
}

static pv_status submit_nowait(struct scene *s)
{
    struct pv_submit_options o = scene_plain;
    o.nowait = true;
    return pv_submit(s->c, NULL, &o, "abc", 3, SOON);
}

static pv_status attach(struct scene *s)
{
    pv_task_id id = scene_id((wire_id){ { 9 } });
    return pv_attach(s->c, &id, NULL, SOON);
}

static void test_a_task_that_does_not_fit_leaves_the_others(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_ATTACH] = scene_deliver;
    scene_handle(s, WIRE_SUBMIT, scene_prove);
    each_failure(s, submit_nowait);
    fake_expect(&s->f, WIRE_SUBMIT, 1);
    each_failure(s, attach);
    struct pv_result r;
    pv_task_id id = scene_id((wire_id){ { 9 } });
    scene_expect_ok(s->c, pv_wait(s->c, &r, &id, SOON));
    scene_expect_proof(&r);
    pv_result_clear(&r);
    assert_int_equal(fake_got(&s->f, WIRE_SUBMIT), 1);
    assert_int_equal(fake_got(&s->f, WIRE_ATTACH), 1);
}

/* The table of tasks grows with them; where it cannot, its chains are longer. */
/* A submit that failed for lack of memory is none: whoever waits for its id asks the broker. */
static void test_what_was_not_submitted_is_not_followed(void **state)
{
    struct scene *s = *state;
    pv_task_id id = scene_id((wire_id){ { 11 } });
    struct pv_submit_options o = scene_plain;
    struct pv_result r;
    o.id = &id;
    o.nowait = true;
    s->f.on[WIRE_ATTACH] = scene_deliver;
    bool failed = true;
    for (long n = 0; failed; n++) {
        heap_fail_after(n);
        pv_status st = pv_submit(s->c, NULL, &o, witness, sizeof witness, SOON);
        failed = heap_failed();
        heap_fail_after(-1);
        if (!failed) break;
        if (st != PV_OK) assert_int_equal(st, PV_NO_MEMORY);
        if (st == PV_OK) {
            pv_forget(s->c, &id);
            continue;
        }
        unsigned asked = fake_got(&s->f, WIRE_ATTACH);
        scene_expect_ok(s->c, pv_wait(s->c, &r, &id, SOON));
        scene_expect_proof(&r);
        pv_result_clear(&r);
        assert_int_equal(fake_got(&s->f, WIRE_ATTACH), asked + 1);
    }
}

static void test_a_table_that_cannot_grow_still_works(void **state)
{
    enum { MANY = 1100, WITHOUT = 700 };
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    static pv_task_id id[MANY];
    struct pv_submit_options o = scene_plain;
    o.nowait = true;
    heap_most(1024 * sizeof(void *) - 1); /* no table of 1024 */
    for (unsigned i = 0; i < MANY; i++) {
        if (i == WITHOUT) heap_most(0);
        scene_expect_ok(s->c, pv_submit(s->c, &id[i], &o, "abc", 3, SOON));
    }
    fake_expect(&s->f, WIRE_SUBMIT, MANY);
    struct pv_result r;
    for (unsigned i = 0; i < MANY; i++) assert_int_equal(pv_wait(s->c, &r, &id[i], 0), PV_TIMEOUT);
    assert_int_equal(fake_got(&s->f, WIRE_ATTACH), 0); /* every one was found */
}

static void on_list(struct fake *f, const struct wire_msg *m)
{
    static const struct wire_cell one[] = { { .key = "id", .type = WIRE_CELL_TEXT, .text = "a" } };
    static const struct wire_row rows[] = { { one, 1 }, { one, 1 } };
    struct wire_msg a = { .type = WIRE_ROWS };
    WIRE_SET(&a, req, m->req);
    WIRE_SET(&a, schema, "provost.tasks/1");
    WIRE_SET_LIST(&a, rows, rows, 2);
    if (!m->has.after) WIRE_SET(&a, next, "a");
    fake_send(f, &a);
}

static pv_status list(struct scene *s)
{
    pv_table *t = NULL;
    pv_status got = pv_list(s->c, &t, &(struct pv_list_options){ .what = PV_LIST_TASKS, .rows_max = 4 }, SOON);
    if (got == PV_OK) assert_int_equal(pv_table_rows(t), 4);
    assert_int_equal(t != NULL, got == PV_OK);
    pv_table_free(&t);
    return got;
}

static pv_status pause_queue(struct scene *s)
{
    pv_table *t = NULL;
    pv_status got = pv_queue_pause(s->c, &t, "outer", SOON);
    if (got == PV_OK) assert_int_equal(pv_table_rows(t), 2);
    assert_int_equal(t != NULL, got == PV_OK);
    pv_table_free(&t);
    return got;
}

static void test_a_table_that_does_not_fit_is_none(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_QUEUE] = on_list;
    scene_handle(s, WIRE_LIST, on_list);
    each_failure(s, list);
    each_failure(s, pause_queue);
}

static pv_status acknowledge(struct scene *s)
{
    pv_task_id id = scene_id(LOOK(s, task));
    return pv_ack(s->c, &id);
}

static void test_what_cannot_be_acknowledged_now_can_be_later(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, scene_prove);
    struct pv_submit_options o = scene_plain;
    o.manual_ack = true;
    struct pv_result r;
    scene_expect_ok(s->c, pv_prove(s->c, &r, &o, "abc", 3, SOON));
    pv_result_clear(&r);
    each_failure(s, acknowledge);
    fake_expect(&s->f, WIRE_ACK, 1);
    assert_int_equal(acknowledge(s), PV_NOT_FOUND);
}

static void on_credit(struct fake *f, const struct wire_msg *m)
{
    struct scene *s = scene_of(f);
    uint64_t end = m->offset + m->bytes;
    for (uint64_t at = m->offset; at < end; at += WIRE_CHUNK_MAX) {
        size_t n = end - at < WIRE_CHUNK_MAX ? end - at : WIRE_CHUNK_MAX;
        fake_chunk(f, WIRE_KIND_RESULT, m->task, at, s->out + at, n);
    }
}

static void on_submit_large(struct fake *f, const struct wire_msg *m)
{
    struct scene *s = scene_of(f);
    s->task = m->task;
    fake_submit_ok(f, m, TASK_QUEUED);
    fake_deliver(f, 0, m->task, TASK_SUCCEEDED, PV_OK, s->out, BIG);
}

static void on_fetch_large(struct fake *f, const struct wire_msg *m)
{
    fake_deliver(f, m->req, m->task, TASK_SUCCEEDED, PV_OK, scene_of(f)->out, BIG);
}

/* With the bytes that come, so the announcement alone may still fit. */
static void test_a_result_that_does_not_fit_stays_with_the_broker(void **state)
{
    struct scene *s = *state;
    uint8_t *result = calloc(1, BIG);
    s->out = result;
    s->f.on[WIRE_CREDIT] = on_credit;
    s->f.on[WIRE_FETCH] = on_fetch_large;
    scene_handle(s, WIRE_SUBMIT, on_submit_large);
    static const size_t room[] = { 60 * 1024, 300 * 1024 };
    struct pv_result r;
    for (size_t i = 0; i < 2; i++) {
        heap_most(room[i]);
        pv_status got = pv_prove(s->c, &r, &scene_plain, "abc", 3, SOON);
        pv_task_id id = scene_id(LOOK(s, task));
        pv_status fetched = pv_fetch(s->c, &r, &id, SOON);
        heap_most(0);
        assert_int_equal(got, PV_NO_MEMORY);
        assert_int_equal(fetched, PV_NO_MEMORY);
        assert_int_equal(fake_got(&s->f, WIRE_ACK), 0);
        scene_expect_ok(s->c, pv_fetch(s->c, &r, &id, SOON));
        assert_int_equal(r.bytes_n, BIG);
        pv_result_clear(&r);
    }
    free(result);
}

#define SECRET_TEST(name) cmocka_unit_test_setup_teardown(name, with_secret, wiped)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SECRET_TEST(test_the_watch_sees_a_secret),
        SECRET_TEST(test_an_accepted_input_is_wiped),
        SECRET_TEST(test_a_refused_input_is_wiped),
        SECRET_TEST(test_a_forgotten_input_is_wiped),
        SECRET_TEST(test_an_input_that_was_proved_here_is_wiped),
        SECRET_TEST(test_a_key_is_wiped),
        SCENE_TEST(test_a_handle_that_does_not_fit_is_none),
        SCENE_TEST(test_a_task_that_does_not_fit_leaves_the_others),
        SCENE_TEST(test_what_was_not_submitted_is_not_followed),
        SCENE_TEST(test_a_table_that_cannot_grow_still_works),
        SCENE_TEST(test_a_table_that_does_not_fit_is_none),
        SCENE_TEST(test_what_cannot_be_acknowledged_now_can_be_later),
        SCENE_TEST(test_a_result_that_does_not_fit_stays_with_the_broker),
    };
    return SCENE_RUN(tests);
}
