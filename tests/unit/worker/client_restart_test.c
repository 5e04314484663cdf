/* Connections that are cut, brokers that restart, are silent or refuse. */
#include "client_scene.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void test_after_a_reconnect_the_same_session_attaches_to_what_it_waits_for(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    pv_task_id id;
    scene_expect_ok(s->c, pv_submit(s->c, &id, &scene_plain, "abc", 3, LONG));
    wire_id session = LOOK(s, f.last_session);
    fake_stop(&s->f);
    s->f.epoch = 2;
    s->f.on[WIRE_ATTACH] = scene_deliver;
    fake_start(&s->f);
    struct pv_result r;
    scene_expect_ok(s->c, pv_wait(s->c, &r, &id, LONG));
    scene_expect_proof(&r);
    pv_result_clear(&r);
    assert_true(wire_id_equal(session, LOOK(s, f.last_session)));
    assert_int_equal(LOOK(s, f.last_epoch), 1); /* the highest epoch that it had seen */
    assert_int_equal(fake_got(&s->f, WIRE_SUBMIT), 1);
    struct pv_client_info info;
    pv_client_about(s->c, &info);
    assert_int_equal(info.connects, 2);
    assert_int_equal(info.epoch, 2);
}

static void on_submit_ignore(struct fake *f, const struct wire_msg *m)
{
    scene_of(f)->task = m->task;
}

static void test_a_submit_whose_answer_was_lost_is_said_again_with_the_same_id(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, on_submit_ignore);
    struct scene_submit_call k = { .s = s, .what = scene_plain, .input = (const uint8_t *)"abc", .bytes = 3 };
    pthread_t thread;
    pthread_create(&thread, NULL, scene_submit, &k);
    fake_expect(&s->f, WIRE_SUBMIT, 1);
    wire_id first = LOOK(s, task);
    fake_stop(&s->f);
    s->f.on[WIRE_SUBMIT] = scene_accept;
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
    scene_expect_ok(s->c, pv_client_ready(s->c, LONG));
    fake_stop(&s->f);
    s->f.epoch = 6;
    fake_start(&s->f);
    fake_expect(&s->f, WIRE_HELLO, fake_got(&s->f, WIRE_HELLO) + 2);
    assert_int_equal(pv_client_ready(s->c, 100), PV_STALE_BROKER);
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    assert_int_equal(pv_submit(s->c, NULL, &scene_plain, "abc", 3, 200), PV_STALE_BROKER);
    assert_int_equal(fake_got(&s->f, WIRE_SUBMIT), 0);
    fake_stop(&s->f);
    s->f.epoch = 8;
    fake_start(&s->f);
    scene_expect_ok(s->c, pv_submit(s->c, NULL, &scene_plain, "abc", 3, LONG));
}

static void test_the_next_endpoint_is_tried(void **state)
{
    struct scene *s = *state;
    struct scene two = { 0 };
    char endpoints[200];
    snprintf(endpoints, sizeof endpoints, "tcp://127.0.0.1:1, %s", s->f.endpoint);
    scene_open(&two, &(struct pv_client_options){ .endpoints = endpoints });
    scene_expect_ok(two.c, pv_client_ready(two.c, LONG));
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
    scene_expect_ok(s->c, pv_client_ready(s->c, LONG));
    fake_lock(&s->f);
    s->f.mute = true;
    fake_unlock(&s->f);
    while (pv_client_ready(s->c, 0) == PV_OK) usleep(1000); /* CTest's time limit ends it */
    fake_lock(&s->f);
    s->f.mute = false;
    fake_unlock(&s->f);
    scene_expect_ok(s->c, pv_client_ready(s->c, LONG));
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
    scene_expect_error(s->c, "not with this key");
    fake_lock(&s->f);
    s->f.no_welcome = false;
    s->f.on[WIRE_HELLO] = NULL;
    fake_unlock(&s->f);
    scene_expect_ok(s->c, pv_client_ready(s->c, LONG));
}

static void on_submit_unknown_peer(struct fake *f, const struct wire_msg *m)
{
    if (scene_of(f)->refusals-- == 0)
        scene_accept(f, m);
    else
        fake_error(f, m, PV_BAD_STATE, "say hello first");
}

static void test_a_broker_that_does_not_know_the_peer_hears_hello_again(void **state)
{
    struct scene *s = *state;
    s->refusals = 1;
    scene_handle(s, WIRE_SUBMIT, on_submit_unknown_peer);
    scene_expect_ok(s->c, pv_submit(s->c, NULL, &scene_plain, "abc", 3, LONG));
    assert_int_equal(fake_got(&s->f, WIRE_HELLO), 2);
    assert_int_equal(fake_got(&s->f, WIRE_SUBMIT), 2);
}

/* After a reconnect the broker does not have it any more: the caller hears so, with the state that was last known. */
static void test_a_task_that_the_broker_lost_is_over(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    pv_task_id id;
    scene_expect_ok(s->c, pv_submit(s->c, &id, &scene_plain, "abc", 3, LONG));
    fake_stop(&s->f);
    s->f.on[WIRE_ATTACH] = scene_gone;
    fake_start(&s->f);
    struct pv_result r;
    scene_expect_ok(s->c, pv_wait(s->c, &r, &id, LONG));
    assert_int_equal(r.status, PV_GONE);
    assert_int_equal(r.state, PV_TASK_QUEUED);
    assert_non_null(strstr(r.text, "because the test says so"));
    assert_null(r.bytes);
    pv_result_clear(&r);
}

/* What a broker says first that did not see the acknowledgement of a result, or the end of an earlier call: an answer to
 * another request, news, and the result. All of it is of an earlier task. */
static void say_of_an_earlier_task(struct fake *f, const struct wire_msg *m)
{
    struct wire_msg other = *m, news = { .type = WIRE_PROGRESS };
    other.req = m->req + 1000;
    fake_submit_ok(f, &other, TASK_SUCCEEDED);
    fake_task(f, &other, TASK_SUCCEEDED);
    WIRE_SET(&news, task, m->task);
    WIRE_SET(&news, percent, 99);
    fake_send(f, &news);
    fake_deliver(f, 0, m->task, TASK_SUCCEEDED, PV_OK, "older", 5);
}

static void on_submit_earlier_then_conflict(struct fake *f, const struct wire_msg *m)
{
    say_of_an_earlier_task(f, m);
    scene_conflict(f, m);
}

static void on_submit_earlier_then_prove(struct fake *f, const struct wire_msg *m)
{
    say_of_an_earlier_task(f, m);
    scene_prove(f, m);
}

static void count_news(void *user, const struct pv_progress *p)
{
    if (p->percent == 99) ++*(unsigned *)user;
}

static void test_R2_an_earlier_result_is_not_that_of_a_task_which_is_not_accepted(void **state)
{
    struct scene *s = *state;
    unsigned earlier = 0;
    pv_task_id id = { { 7 } };
    struct pv_submit_options what = scene_plain;
    what.id = &id;
    what.progress = count_news;
    what.user = &earlier;
    struct pv_result r;
    scene_handle(s, WIRE_SUBMIT, scene_prove);
    scene_expect_ok(s->c, pv_prove(s->c, &r, &what, "abc", 3, LONG));
    pv_result_clear(&r);
    fake_expect(&s->f, WIRE_ACK, 1);
    scene_handle(s, WIRE_SUBMIT, on_submit_earlier_then_conflict);
    assert_int_equal(pv_prove(s->c, &r, &what, "other", 5, LONG), PV_CONFLICT);
    fake_expect(&s->f, WIRE_ACK, 2); /* the earlier one is acknowledged again: it was handed over */
    scene_handle(s, WIRE_SUBMIT, on_submit_earlier_then_prove);
    scene_expect_ok(s->c, pv_prove(s->c, &r, &what, "abc", 3, LONG));
    scene_expect_proof(&r);
    pv_result_clear(&r);
    assert_int_equal(earlier, 0);
}

/* Nobody has had it here: the broker keeps it. */
static void test_an_earlier_result_that_was_not_handed_over_is_not_acknowledged(void **state)
{
    struct scene *s = *state;
    pv_task_id id = { { 7 } };
    struct pv_submit_options what = scene_plain;
    what.id = &id;
    struct pv_result r;
    scene_handle(s, WIRE_SUBMIT, on_submit_earlier_then_conflict);
    assert_int_equal(pv_prove(s->c, &r, &what, "other", 5, LONG), PV_CONFLICT);
    fake_expect(&s->f, WIRE_HEARTBEAT, fake_got(&s->f, WIRE_HEARTBEAT) + 2);
    assert_int_equal(fake_got(&s->f, WIRE_ACK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_after_a_reconnect_the_same_session_attaches_to_what_it_waits_for),
        SCENE_TEST(test_a_submit_whose_answer_was_lost_is_said_again_with_the_same_id),
        SCENE_TEST(test_a_broker_with_a_lower_epoch_is_refused),
        SCENE_TEST(test_a_task_that_the_broker_lost_is_over),
        SCENE_TEST(test_the_next_endpoint_is_tried),
        SCENE_TEST(test_heartbeats_go_on_while_the_caller_does_something_else),
        SCENE_TEST(test_a_silent_broker_is_left_and_dialled_again),
        SCENE_TEST(test_a_refused_client_says_so_and_recovers),
        SCENE_TEST(test_a_broker_that_does_not_know_the_peer_hears_hello_again),
        SCENE_TEST(test_R2_an_earlier_result_is_not_that_of_a_task_which_is_not_accepted),
        SCENE_TEST(test_an_earlier_result_that_was_not_handed_over_is_not_acknowledged),
    };
    return SCENE_RUN(tests);
}
