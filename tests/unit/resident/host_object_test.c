/* A shared object as a handler, in provost-host: what it does wrong is told, and a crash loses one task. */
#include "clock.h"
#include "resident_scene.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct resident_scene *s;

static int set_up(void **state)
{
    int r = resident_scene_set_up(state);
    s = *state;
    resident_scene_start_object(s, "quarantine: 600ms\ngrace: 300ms\n");
    return r;
}

static pv_status run_watched(const char *input, const struct handler_watch *watch)
{
    return resident_scene_run_bytes(s, input, strlen(input), "any", watch);
}

static void expect_result(const char *input, const char *what)
{
    if (run_watched(input, NULL) != PV_OK) fail_msg("%s: %s", input, s->out.text);
    assert_int_equal(s->out.size, strlen(what));
    assert_memory_equal(s->out.bytes, what, s->out.size);
}

static void expect_failure(const char *input, pv_status wanted, enum handler_verdict verdict, const char *said)
{
    assert_int_equal(run_watched(input, NULL), wanted);
    assert_int_equal(s->out.verdict, verdict);
    if (!strstr(s->out.text, said)) fail_msg("\"%s\" does not say \"%s\"", s->out.text, said);
}

static void it_says_what_it_is_and_has(void **state)
{
    char software[128], why[PROGRAM_WHY_BYTES], names[4][TALK_NAME_MAX + 1];
    uint64_t needs[4];
    assert_int_equal(resident_pool_ready(s->x.pool, NULL, NULL, software, why), PV_OK);
    assert_string_equal(software, "ill object 1.0");
    assert_int_equal(resident_pool_circuits(s->x.pool, names, needs, 4), 1);
    assert_string_equal(names[0], "any");
    assert_int_equal(needs[0], 1234);
}

static void tasks_go_through_one_process(void **state)
{
    expect_result("count", "1");
    expect_result("some bytes", "some bytes");
    expect_result("count", "3");
}

static void what_it_prints_or_reads_is_no_message(void **state)
{
    expect_result("print", "print");
    expect_result("read", "read");
    expect_result("count", "3");
}

static void what_it_does_wrong_is_told(void **state)
{
    expect_failure("none", PV_FAILED, HANDLER_RETRYABLE, "it gave no result");
    expect_failure("two", PV_FAILED, HANDLER_RETRYABLE, "it gave two results");
    expect_failure("odd", PV_FAILED, HANDLER_RETRYABLE, "it failed, and did not say why");
    expect_failure("large", PV_FAILED, HANDLER_RETRYABLE, "longer than result_max");
    expect_failure("permanent", PV_INVALID_INPUT, HANDLER_PERMANENT, "the input is no witness");
    expect_failure("", PV_FAILED, HANDLER_RETRYABLE, "its result is empty");
    expect_result("count", "7");
}

static void a_crash_loses_one_task(void **state)
{
    expect_result("count", "1");
    expect_failure("crash", PV_RETRY_LOST, HANDLER_LOST, "signal 6");
    expect_result("count", "1");
    expect_failure("exit", PV_RETRY_LOST, HANDLER_LOST, "exit status 0");
    expect_result("count", "1");
}

static unsigned told;

static void note(void *ctx, const char *phase, unsigned percent)
{
    assert_string_equal(phase, "thread");
    assert_true(percent < 100);
    told++;
}

static void any_thread_may_tell_of_progress(void **state)
{
    const struct handler_watch watch = { .progress = note };
    told = 0;
    assert_int_equal(run_watched("threads", &watch), PV_OK);
    assert_int_equal(told, 400);
}

static atomic_int stop;

static void *stop_soon(void *unused)
{
    usleep(150000);
    atomic_store(&stop, 1);
    return NULL;
}

static void stopped_run(const char *input, pv_status wanted)
{
    const struct handler_watch watch = { .stop = &stop };
    pthread_t thread;
    atomic_store(&stop, 0);
    pthread_create(&thread, NULL, stop_soon, NULL);
    uint64_t from = pv_clock_ms();
    assert_int_equal(run_watched(input, &watch), wanted);
    pthread_join(thread, NULL);
    assert_true(pv_clock_ms() - from < 3000);
}

static void a_stop_reaches_a_task_that_runs(void **state)
{
    expect_result("count", "1");
    stopped_run("wait", PV_OK); /* it gives its result in spite of it */
    expect_result("count", "3");
    stopped_run("hang", PV_CANCELLED);
    expect_result("count", "1");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, resident_scene_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(it_says_what_it_is_and_has),
        TEST(tasks_go_through_one_process),
        TEST(what_it_prints_or_reads_is_no_message),
        TEST(what_it_does_wrong_is_told),
        TEST(a_crash_loses_one_task),
        TEST(any_thread_may_tell_of_progress),
        TEST(a_stop_reaches_a_task_that_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
