/* Waiting: it ends with the result, with an error, or in time. */
#include "client_scene.h"
#include "clock.h"

#include <pthread.h>
#include <unistd.h>

static void test_a_task_is_submitted_waited_for_and_acknowledged(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, scene_prove);
    pv_task_id id;
    scene_expect_ok(s->c, pv_submit(s->c, &id, &scene_plain, "abc", 3, LONG));
    wire_id sent = LOOK(s, task);
    assert_memory_equal(id.bytes, sent.bytes, sizeof id.bytes);
    struct pv_result r;
    scene_expect_ok(s->c, pv_wait(s->c, &r, &id, LONG));
    scene_expect_proof(&r);
    pv_result_clear(&r);
    fake_expect(&s->f, WIRE_ACK, 1);
    assert_int_equal(fake_got(&s->f, WIRE_SUBMIT), 1);
}

static void test_an_unreachable_broker_is_told_in_time(void **state)
{
    struct scene *s = *state;
    fake_stop(&s->f);
    uint64_t before = pv_clock_ms();
    assert_int_equal(pv_submit(s->c, NULL, &scene_plain, "abc", 3, 300), PV_UNREACHABLE);
    assert_true(pv_clock_ms() - before >= 300);
    assert_true(pv_clock_ms() - before < 5000);
    scene_expect_error(s->c, "127.0.0.1");
}

static void test_a_wait_that_times_out_never_submits_again(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    pv_task_id id;
    scene_expect_ok(s->c, pv_submit(s->c, &id, &scene_plain, "abc", 3, LONG));
    struct pv_result r;
    assert_int_equal(pv_wait(s->c, &r, &id, 50), PV_TIMEOUT);
    assert_int_equal(pv_wait(s->c, &r, &id, 0), PV_TIMEOUT);
    fake_lock(&s->f);
    fake_deliver(&s->f, 0, s->task, TASK_SUCCEEDED, PV_OK, "proof", 5);
    fake_unlock(&s->f);
    scene_expect_ok(s->c, pv_wait(s->c, &r, &id, LONG));
    scene_expect_proof(&r);
    pv_result_clear(&r);
    assert_int_equal(fake_got(&s->f, WIRE_SUBMIT), 1);
    assert_int_equal(fake_got(&s->f, WIRE_ATTACH), 0);
}

static void on_fetch_cancelled(struct fake *f, const struct wire_msg *m)
{
    fake_deliver(f, m->req, m->task, TASK_CANCELLED, PV_CANCELLED, NULL, 0);
}

static void *wait_long(void *arg)
{
    struct scene_submit_call *k = arg;
    struct pv_result r = { 0 };
    k->status = pv_wait(k->s->c, &r, &k->id, LONG);
    if (k->status == PV_OK) k->status = r.status;
    pv_result_clear(&r);
    return NULL;
}

static void test_a_wait_ends_when_another_thread_cancels(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_CANCEL] = scene_cancelled;
    s->f.on[WIRE_FETCH] = on_fetch_cancelled;
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    struct scene_submit_call k = { .s = s };
    scene_expect_ok(s->c, pv_submit(s->c, &k.id, &scene_plain, "abc", 3, LONG));
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wait_long, &k), 0);
    scene_expect_ok(s->c, pv_cancel(s->c, NULL, &k.id, LONG));
    pthread_join(thread, NULL);
    assert_int_equal(k.status, PV_CANCELLED);
}

static void *wait_as_set(void *arg)
{
    struct scene_submit_call *k = arg;
    struct pv_result r = { 0 };
    k->status = pv_wait(k->s->c, &r, &k->id, PV_DEFAULT_TIMEOUT);
    pv_result_clear(&r);
    return NULL;
}

/* Neither 0 nor a negative number is no time: the options' defaults count then, which are long. */
static void test_a_time_that_is_not_set_is_a_long_one(void **state)
{
    static const int64_t unset[] = { 0, -1 };
    struct scene *s = *state;
    for (size_t i = 0; i < 2; i++) {
        struct scene_submit_call k = { .s = s };
        pthread_t thread;
        pv_client_close(&s->c);
        scene_open(s, &(struct pv_client_options){ .wait_timeout_ms = unset[i], .request_timeout_ms = unset[i] });
        scene_handle(s, WIRE_SUBMIT, scene_accept);
        scene_expect_ok(s->c, pv_submit(s->c, &k.id, &scene_plain, "abc", 3, PV_DEFAULT_TIMEOUT));
        assert_int_equal(pthread_create(&thread, NULL, wait_as_set, &k), 0);
        usleep(60000);
        fake_lock(&s->f);
        fake_deliver(&s->f, 0, s->task, TASK_SUCCEEDED, PV_OK, "proof", 5);
        fake_unlock(&s->f);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(k.status, PV_OK);
    }
}

static void test_a_wait_for_an_unknown_task_attaches_and_says_that_it_is_gone(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_ATTACH, scene_gone);
    pv_task_id id = scene_id((wire_id){ { 1 } });
    struct pv_result r;
    assert_int_equal(pv_wait(s->c, &r, &id, LONG), PV_GONE);
    scene_handle(s, WIRE_ATTACH, scene_deliver);
    scene_expect_ok(s->c, pv_wait(s->c, &r, &id, LONG));
    scene_expect_proof(&r);
    pv_result_clear(&r);
    fake_expect(&s->f, WIRE_ACK, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_a_task_is_submitted_waited_for_and_acknowledged),
        SCENE_TEST(test_a_wait_that_times_out_never_submits_again),
        SCENE_TEST(test_an_unreachable_broker_is_told_in_time),
        SCENE_TEST(test_a_time_that_is_not_set_is_a_long_one),
        SCENE_TEST(test_a_wait_for_an_unknown_task_attaches_and_says_that_it_is_gone),
        SCENE_TEST(test_a_wait_ends_when_another_thread_cancels),
    };
    return SCENE_RUN(tests);
}
