/* A program that stays as a handler: its results, and every way in which it can fail to give one. One that ends, or says what it may not,
 * loses its task and no other. */
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

#define BRISK "quarantine: 600ms\ngrace: 300ms\n"

static struct resident_scene *s;

static int set_up(void **state)
{
    int r = resident_scene_set_up(state);
    s = *state;
    return r;
}

static pv_status run(const char *input)
{
    return resident_scene_run(s, input, NULL);
}

static void expect_result(const char *input, const char *what)
{
    pv_status got = run(input);
    if (got != PV_OK) fail_msg("%s: %s", input, s->out.text);
    assert_int_equal(s->out.size, strlen(what));
    assert_memory_equal(s->out.bytes, what, s->out.size);
}

static void expect_failure(const char *input, pv_status wanted, enum handler_verdict verdict, const char *said)
{
    assert_int_equal(run(input), wanted);
    assert_int_equal(s->out.verdict, verdict);
    if (!strstr(s->out.text, said)) fail_msg("\"%s\" does not say \"%s\"", s->out.text, said);
    assert_null(s->out.bytes);
}

static void expect_lost(const char *input, const char *said)
{
    expect_failure(input, PV_RETRY_LOST, HANDLER_LOST, said);
}

static void tasks_go_through_one_process(void **state)
{
    char text[16];
    resident_scene_start(s, "good", BRISK);
    for (int i = 1; i < 20; i++) {
        snprintf(text, sizeof text, "%d", i);
        expect_result("count", text);
    }
}

static void large_inputs_and_results_come_whole(void **state)
{
    size_t n = 5000001;
    char *bytes = malloc(n);
    for (size_t i = 0; i < n; i++) bytes[i] = (char)(i * 2654435761u >> 13);
    memcpy(bytes, "data ", 5);
    resident_scene_start(s, "good", BRISK);
    assert_int_equal(resident_scene_run_bytes(s, bytes, n, "member", NULL), PV_OK);
    assert_int_equal(s->out.size, n);
    assert_memory_equal(s->out.bytes, bytes, n);
    free(bytes);
}

static void a_result_of_the_limit_is_taken_and_one_byte_more_is_not(void **state)
{
    resident_scene_start(s, "good", BRISK "result_max: 200000\n");
    assert_int_equal(run("large 200000"), PV_OK);
    assert_int_equal(s->out.size, 200000);
    expect_lost("large 200001", "longer than result_max");
    expect_lost("large 400000", "longer than result_max");
    expect_result("echo back", "back");
}

static void the_input_can_be_a_file(void **state)
{
    resident_scene_start(s, "good", BRISK "input: file\n");
    expect_result("echo of a file", "of a file");
    expect_result("echo of another", "of another");
}

static void it_says_how_a_failure_counts(void **state)
{
    resident_scene_start(s, "good", BRISK);
    expect_failure("permanent", PV_INVALID_INPUT, HANDLER_PERMANENT, "tried: the input is no witness");
    expect_failure("retryable", PV_FAILED, HANDLER_RETRYABLE, "tried: another time or line");
    expect_failure("resources", PV_RESOURCES, HANDLER_RESOURCE, "no memory");
    expect_failure("empty", PV_FAILED, HANDLER_RETRYABLE, "its result is empty");
}

static void one_that_ends_loses_its_task_and_the_next_is_served(void **state)
{
    resident_scene_start(s, "good", BRISK);
    expect_lost("crash", "it ended by signal 11 (Segmentation fault): about to crash");
    expect_result("echo after a crash", "after a crash");
    expect_lost("exit 3", "it ended with exit status 3");
    expect_result("echo after an exit", "after an exit");
    expect_result("noisy", "quiet");
    expect_lost("exit 3", "it ended with exit status 3");
    assert_null(strstr(s->out.text, "yyy")); /* which was of another task */
    expect_lost("close", "it closed its stdout and went on");
    expect_result("echo at last", "at last");
}

static void a_lie_ends_it_with_a_sentence(void **state)
{
    static const char *const lies[][2] = { { "other", "a result for another task" },
                                           { "two", "more after its task was over (two results?)" },
                                           { "unknown", "no message of a program's" },
                                           { "ready", "may not say while a task runs" },
                                           { "flood", "is something else written to its stdout?" },
                                           { "chatter", "flooded its stdout" } };
    resident_scene_start(s, "good", BRISK);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        expect_lost(lies[i][0], lies[i][1]);
        expect_result("echo still here", "still here");
    }
}

static void a_second_result_that_comes_later_ends_it_too(void **state)
{
    resident_scene_start(s, "good", BRISK);
    expect_result("count", "1");
    expect_result("later", "first");
    /* a new process counts from 1; the old one never comes back to it */
    for (int i = 0; run("count") != PV_OK || s->out.size != 1 || *s->out.bytes != '1'; i++) {
        assert_true(i < 200);
        usleep(20000);
    }
}

static void a_noisy_one_keeps_serving(void **state)
{
    resident_scene_start(s, "good", BRISK);
    expect_result("noisy", "quiet");
    expect_result("echo on", "on");
}

static void what_it_left_behind_goes_with_it(void **state)
{
    resident_scene_start(s, "good", BRISK);
    expect_result("daemon", "left");
    expect_result("daemon", "left");
    assert_true(program_scene_processes(s->program) >= 3);
    resident_scene_stop(s);
    assert_int_equal(program_scene_processes(s->program), 0);
}

static void it_is_set_apart_as_any_program_is(void **state)
{
    char wanted[256];
    snprintf(wanted, sizeof wanted, "uid=%u descriptors=3 beside=1 new_privileges=no elsewhere=no network=no",
             geteuid() ? geteuid() : 65534);
    resident_scene_start(s, "good", BRISK "sandbox: namespaces\n");
    expect_result("look", wanted);
}

/* --- progress and stops --- */

static char phases[256];

static void note(void *ctx, const char *phase, unsigned percent)
{
    size_t n = strlen(phases);
    snprintf(phases + n, sizeof phases - n, "%s %u;", phase, percent);
}

static void progress_is_passed_on(void **state)
{
    const struct handler_watch watch = { .progress = note };
    *phases = 0;
    resident_scene_start(s, "good", BRISK);
    assert_int_equal(resident_scene_run(s, "progress", &watch), PV_OK);
    assert_string_equal(phases, "load 0;half 50;");
}

static atomic_int stop;

static void *stop_soon(void *ms)
{
    usleep((useconds_t)(intptr_t)ms * 1000);
    atomic_store(&stop, 1);
    return NULL;
}

static uint64_t stopped_run(const char *input)
{
    const struct handler_watch watch = { .stop = &stop };
    pthread_t thread;
    atomic_store(&stop, 0);
    pthread_create(&thread, NULL, stop_soon, (void *)(intptr_t)150);
    uint64_t from = pv_clock_ms();
    assert_int_equal(resident_scene_run(s, input, &watch), PV_CANCELLED);
    pthread_join(thread, NULL);
    return pv_clock_ms() - from;
}

static void one_that_stops_when_told_lives_on(void **state)
{
    resident_scene_start(s, "good", "grace: 10s\n");
    expect_result("count", "1");
    assert_true(stopped_run("wait") < 3000);
    expect_result("count", "3");
}

static void one_that_does_not_is_killed_after_the_grace(void **state)
{
    resident_scene_start(s, "good", BRISK);
    expect_result("count", "1");
    for (int i = 0; i < 4; i++) { /* more than a quarantine takes: cancels are nobody's fault */
        expect_failure("permanent", PV_INVALID_INPUT, HANDLER_PERMANENT,
                       "no witness"); /* it is there; no good result */
        uint64_t took = stopped_run("hang");
        if (took < 430 || took > 2000) fail_msg("took %llu ms", (unsigned long long)took);
    }
    expect_result("count", "1");
    uint64_t took = stopped_run("announce 60000");
    assert_true(took < 2000);
    expect_result("count", "1");
}

/* --- circuits, verify --- */

static void a_circuit_that_it_has_not_is_for_another_node(void **state)
{
    resident_scene_start(s, "circuits", BRISK "memory: 1000000G\n");
    expect_result("echo x", "x");
    assert_int_equal(resident_scene_run_bytes(s, "x", 1, "other", NULL), PV_UNKNOWN_CIRCUIT);
    assert_int_equal(s->out.verdict, HANDLER_RESOURCE);
    assert_int_equal(resident_scene_run_bytes(s, "x", 1, "huge", NULL), PV_RESOURCES);
    assert_int_equal(s->out.verdict, HANDLER_RESOURCE);
    assert_non_null(strstr(s->out.text, "needs 1152921504606846976 bytes"));
}

static void verify_decides(void **state)
{
    resident_scene_start(s, "good", BRISK "verify: [/bin/grep, -q, good, \"{result}\"]\n");
    expect_result("echo good", "good");
    expect_failure("echo bad", PV_BAD_PROOF, HANDLER_RETRYABLE, "did not pass verify");
    expect_result("echo good again", "good again");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, resident_scene_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(tasks_go_through_one_process),
        TEST(large_inputs_and_results_come_whole),
        TEST(a_result_of_the_limit_is_taken_and_one_byte_more_is_not),
        TEST(the_input_can_be_a_file),
        TEST(it_says_how_a_failure_counts),
        TEST(one_that_ends_loses_its_task_and_the_next_is_served),
        TEST(a_lie_ends_it_with_a_sentence),
        TEST(a_second_result_that_comes_later_ends_it_too),
        TEST(a_noisy_one_keeps_serving),
        TEST(what_it_left_behind_goes_with_it),
        TEST(it_is_set_apart_as_any_program_is),
        TEST(progress_is_passed_on),
        TEST(one_that_stops_when_told_lives_on),
        TEST(one_that_does_not_is_killed_after_the_grace),
        TEST(a_circuit_that_it_has_not_is_for_another_node),
        TEST(verify_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
