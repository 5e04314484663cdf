/* The instances of a program that stays: their start, their health, their rests. */
#include "clock.h"
#include "resident_scene.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct resident_scene *s;
static char why[PROGRAM_WHY_BYTES], software[128];

static int set_up(void **state)
{
    int r = resident_scene_set_up(state);
    s = *state;
    return r;
}

static pv_status ready(void)
{
    return resident_pool_ready(s->x.pool, NULL, NULL, software, why);
}

static int run_pid(void)
{
    char text[16];
    pv_status got = resident_scene_run(s, "pid", NULL);
    if (got != PV_OK) fail_msg("%s", s->out.text);
    snprintf(text, sizeof text, "%.*s", (int)s->out.size, (char *)s->out.bytes);
    return atoi(text);
}

static bool is_served(void)
{
    return resident_pool_serves(s->x.pool, why);
}

static void until_served(bool wanted, unsigned ms)
{
    uint64_t end = pv_clock_ms() + ms;
    while (is_served() != wanted) {
        if (pv_clock_ms() > end) fail_msg("%s after %u ms", wanted ? "not served" : "served", ms);
        usleep(5000);
    }
}

static void it_is_ready_and_says_what_it_is(void **state)
{
    resident_scene_start(s, "good", "");
    assert_int_equal(ready(), PV_OK);
    assert_string_equal(software, "ill 1.0\\u001b[31m");
    assert_true(is_served());
}

static void one_that_cannot_serve_says_why(void **state)
{
    static const struct {
        const char *how, *rest, *said;
    } cases[] = {
        { "refuse", "", "no keys here" },
        { "version", "", "it speaks version 9 of the frames, and this node version 1" },
        { "dies", "", "it ended with exit status 3" },
        { "mute", "ready_limit: 300ms\n", "it was not ready within ready_limit" },
        { "noise", "", "is something else written to its stdout?" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        resident_scene_start(s, cases[i].how, cases[i].rest);
        assert_int_equal(ready(), PV_BAD_CONFIG);
        if (!strstr(why, cases[i].said)) fail_msg("%s: %s", cases[i].how, why);
        if (!strstr(why, "tried.yaml: ")) fail_msg("%s names no file", why);
    }
}

struct runner {
    struct handler_output out;
    pv_status status;
};

static void *runner_main(void *arg)
{
    static const struct handler_watch unwatched;
    struct runner *r = arg;
    const struct handler_input in = { "00", "member", (const uint8_t *)"sleep 400", 9, WIRE_INPUT_KIND_WTNS };
    r->status = handler_run(&s->handler, &in, &unwatched, &r->out);
    free(r->out.bytes);
    return NULL;
}

static uint64_t run_three(void)
{
    pthread_t threads[3];
    struct runner runners[3];
    uint64_t from = pv_clock_ms();
    for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, runner_main, &runners[i]);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 3; i++) assert_int_equal(runners[i].status, PV_OK);
    return pv_clock_ms() - from;
}

static void instances_serve_side_by_side(void **state)
{
    resident_scene_start(s, "good", "instances: 1\n");
    assert_int_equal(ready(), PV_OK);
    assert_true(run_three() >= 1200);
    resident_scene_start(s, "good", "instances: 3\n");
    assert_int_equal(ready(), PV_OK);
    usleep(200000);
    uint64_t took = run_three();
    if (took >= 1100) fail_msg("three at once took %llu ms", (unsigned long long)took);
}

static void one_that_dies_while_it_has_no_task_costs_no_task(void **state)
{
    resident_scene_start(s, "good", "quarantine: 600ms\nsandbox: none\n");
    for (int i = 0; i < 5; i++) { /* each followed by a good result: no row */
        int pid = run_pid();
        uint64_t starts = resident_pool_starts(s->x.pool);
        resident_pool_good(s->x.pool);
        kill(pid, SIGKILL);
        while (resident_pool_starts(s->x.pool) == starts) usleep(1000); /* its death was noticed */
        assert_int_not_equal(run_pid(), pid);
    }
}

static void one_that_does_not_answer_is_started_again(void **state)
{
    resident_scene_start(s, "deaf", "quarantine: 600ms\nping: 200ms\nsandbox: none\n");
    int pid = run_pid();
    usleep(800000);
    assert_int_not_equal(run_pid(), pid);
    resident_scene_start(s, "good", "quarantine: 600ms\nping: 200ms\nsandbox: none\n");
    pid = run_pid();
    usleep(800000);
    assert_int_equal(run_pid(), pid);
}

static void one_that_answers_something_else_is_started_again(void **state)
{
    static const char *const how[] = { "other-pong", "other-word" };
    for (size_t i = 0; i < 2; i++) {
        resident_scene_start(s, how[i], "quarantine: 600ms\nping: 200ms\nsandbox: none\n");
        (void)run_pid();
        uint64_t starts = resident_pool_starts(s->x.pool);
        for (int ms = 0; ms < 5000 && resident_pool_starts(s->x.pool) == starts; ms += 20) usleep(20000);
        if (resident_pool_starts(s->x.pool) == starts) fail_msg("%s is taken for well", how[i]);
    }
}

static void three_deaths_in_a_row_are_a_quarantine_that_ends(void **state)
{
    resident_scene_start(s, "good", "quarantine: 2s\n");
    assert_int_equal(ready(), PV_OK);
    for (int i = 0; i < 3; i++) {
        assert_true(is_served());
        assert_int_equal(resident_scene_run(s, "crash", NULL), PV_RETRY_LOST);
    }
    assert_false(is_served());
    assert_non_null(strstr(why, "left alone after deaths in a row: "));
    assert_non_null(strstr(why, "signal 11"));
    assert_int_equal(resident_scene_run(s, "echo x", NULL), PV_BUSY);
    assert_int_equal(s->out.verdict, HANDLER_UNSTARTED);
    until_served(true, 4000);
    /* one more, with nothing good between: again, and twice as long */
    assert_int_equal(resident_scene_run(s, "crash", NULL), PV_RETRY_LOST);
    assert_false(is_served());
    uint64_t from = pv_clock_ms();
    until_served(true, 7000);
    assert_true(pv_clock_ms() - from >= 3000);
    /* a good one ends the row */
    assert_int_equal(resident_scene_run(s, "echo x", NULL), PV_OK);
    for (int i = 0; i < 2; i++) assert_int_equal(resident_scene_run(s, "crash", NULL), PV_RETRY_LOST);
    assert_true(is_served());
}

static void one_that_starts_slowly_is_not_waited_for(void **state)
{
    resident_scene_start(s, "slow", "quarantine: 600ms\n");
    assert_int_equal(ready(), PV_OK);
    assert_true(is_served());
    assert_int_equal(resident_scene_run(s, "crash", NULL), PV_RETRY_LOST);
    assert_true(is_served()); /* it may be back in a moment */
    until_served(false, 2500);
    assert_non_null(strstr(why, "it is started again: "));
    until_served(true, 2000);
    assert_int_equal(resident_scene_run(s, "echo x", NULL), PV_OK);
    assert_int_equal(resident_scene_run(s, "crash", NULL), PV_RETRY_LOST);
    until_served(false, 2500);
    assert_int_equal(resident_scene_run(s, "echo x", NULL), PV_OK); /* ready within the moment that a task is kept */
}

static void one_that_dies_beside_a_good_one_is_started_less_and_less(void **state)
{
    resident_scene_start(s, "second-dies", "quarantine: 1200ms\ninstances: 2\n"); /* pauses from 20 ms on */
    uint64_t end = pv_clock_ms() + 2000;
    while (pv_clock_ms() < end) {
        assert_int_equal(resident_scene_run(s, "echo x", NULL), PV_OK);
        usleep(1000);
    }
    uint64_t starts =
        resident_pool_starts(s->x.pool); /* 20, 40, 80 ms ...: 8, and the good one; without it, 40 and more */
    if (starts < 4 || starts > 12) fail_msg("%llu starts", (unsigned long long)starts);
    assert_true(is_served());
}

static void failures_that_it_says_are_no_deaths(void **state)
{
    resident_scene_start(s, "good", "");
    for (int i = 0; i < 6; i++) assert_int_equal(resident_scene_run(s, "permanent", NULL), PV_INVALID_INPUT);
    assert_true(is_served());
}

static void a_stop_is_heeded_while_it_starts(void **state)
{
    atomic_int stop = 1;
    const struct handler_watch watch = { .stop = &stop };
    resident_scene_start(s, "mute", "grace: 200ms\n");
    uint64_t from = pv_clock_ms();
    assert_int_equal(resident_scene_run(s, "echo x", &watch), PV_CANCELLED);
    resident_scene_stop(s); /* one that hears no END is killed after the grace */
    assert_true(pv_clock_ms() - from < 3000);
}

static void its_circuits_are_told(void **state)
{
    char names[4][TALK_NAME_MAX + 1];
    uint64_t needs[4];
    resident_scene_start(s, "circuits", "");
    assert_int_equal(ready(), PV_OK);
    assert_int_equal(resident_pool_circuits(s->x.pool, names, needs, 4), 2);
    assert_string_equal(names[0], "member");
    assert_string_equal(names[1], "huge");
    assert_int_equal(needs[0], 1000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, resident_scene_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(it_is_ready_and_says_what_it_is),
        TEST(one_that_cannot_serve_says_why),
        TEST(instances_serve_side_by_side),
        TEST(one_that_dies_while_it_has_no_task_costs_no_task),
        TEST(one_that_does_not_answer_is_started_again),
        TEST(one_that_answers_something_else_is_started_again),
        TEST(three_deaths_in_a_row_are_a_quarantine_that_ends),
        TEST(one_that_starts_slowly_is_not_waited_for),
        TEST(one_that_dies_beside_a_good_one_is_started_less_and_less),
        TEST(failures_that_it_says_are_no_deaths),
        TEST(a_stop_is_heeded_while_it_starts),
        TEST(its_circuits_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
