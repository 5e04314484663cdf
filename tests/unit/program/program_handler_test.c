/* A program as a handler: its result, and every way in which it can fail to give one. */
#include "heap_watch.h"
#include "program_scene.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

static struct program_scene *s;
static char phases[256];

static int set_up(void **state)
{
    int r = program_scene_set_up(state);
    s = *state;
    *phases = 0;
    return r;
}

/* Nothing is left of any attempt, however it ended. */
static int tear_down(void **state)
{
    unsigned left = program_scene_left(s), processes = program_scene_processes(s);
    int r = program_scene_tear_down(state);
    if (left || processes) print_error("%u folders and %u processes are left\n", left, processes);
    return r || left || processes;
}

static pv_status run(const char *text, const char *input)
{
    return program_scene_run(s, text, input, strlen(input), NULL);
}

static void expect_result(const char *what)
{
    assert_int_equal(s->out.size, strlen(what));
    assert_memory_equal(s->out.bytes, what, s->out.size);
}

static void expect_failure(pv_status got, pv_status wanted, enum handler_verdict verdict, const char *said)
{
    assert_int_equal(got, wanted);
    assert_int_equal(s->out.verdict, verdict);
    if (!strstr(s->out.text, said)) fail_msg("\"%s\" does not say \"%s\"", s->out.text, said);
    assert_null(s->out.bytes);
}

static void a_file_goes_in_and_a_file_comes_out(void **state)
{
    assert_int_equal(run("command: [%ILL, copy, \"{input}\", \"{result}\"]\n", "some bytes"), PV_OK);
    expect_result("some bytes");
}

static void stdin_goes_in_and_stdout_comes_out(void **state)
{
    assert_int_equal(run("command: [%ILL, cat]\ninput: stdin\nresult: stdout\n", "piped"), PV_OK);
    expect_result("piped");
}

static void a_large_result_comes_whole(void **state)
{
    size_t n = 5000001;
    char *bytes = malloc(n);
    for (size_t i = 0; i < n; i++) bytes[i] = (char)(i * 2654435761u >> 13);
    static const char *const ways[] = { "command: [%ILL, cat]\ninput: stdin\nresult: stdout\n",
                                        "command: [%ILL, copy, \"{input}\", \"{result}\"]\n" };
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(program_scene_run(s, ways[i], bytes, n, NULL), PV_OK);
        assert_int_equal(s->out.size, n);
        assert_memory_equal(s->out.bytes, bytes, n);
    }
    free(bytes);
}

static void a_result_of_the_limit_is_taken_and_one_byte_more_is_not(void **state)
{
    static const char *const ways[] = { "command: [%ILL, cat]\ninput: stdin\nresult: stdout\nresult_max: 8\n",
                                        "command: [%ILL, copy, \"{input}\", \"{result}\"]\nresult_max: 8\n" };
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(run(ways[i], "12345678"), PV_OK);
        expect_result("12345678");
        assert_int_not_equal(run(ways[i], "123456789"), PV_OK);
        assert_non_null(strstr(s->out.text, "result_max"));
    }
}

static void an_exit_status_says_how_a_failure_counts(void **state)
{
    static const struct {
        const char *file;
        pv_status status;
        enum handler_verdict verdict;
    } cases[] = {
        { "command: [%ILL, exit, \"3\", \"it went wrong\"]\n", PV_FAILED, HANDLER_RETRYABLE },
        { "command: [%ILL, exit, \"65\", \"it went wrong\"]\n", PV_INVALID_INPUT, HANDLER_PERMANENT },
        { "command: [%ILL, exit, \"8\", \"it went wrong\"]\n", PV_INVALID_INPUT, HANDLER_PERMANENT },
        { "command: [%ILL, exit, \"10\", \"it went wrong\"]\n", PV_RESOURCES, HANDLER_RESOURCE },
        { "command: [%ILL, exit, \"3\", \"it went wrong\"]\npermanent: [3, 4]\n", PV_INVALID_INPUT, HANDLER_PERMANENT },
        { "command: [%ILL, exit, \"8\", \"it went wrong\"]\npermanent: [3, 4]\n", PV_FAILED, HANDLER_RETRYABLE },
        { "command: [%ILL, exit, \"255\", \"it went wrong\"]\nresource: [255]\n", PV_RESOURCES, HANDLER_RESOURCE },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[300];
        snprintf(text, sizeof text, "input: stdin\nresult: stdout\n%s", cases[i].file);
        expect_failure(run(text, "x"), cases[i].status, cases[i].verdict, ": it went wrong");
    }
}

#define STREAMS "input: stdin\nresult: stdout\n"

static void a_crash_is_a_failure_with_its_signal(void **state)
{
    expect_failure(run(STREAMS "command: [%ILL, crash]\n", "x"), PV_FAILED, HANDLER_RETRYABLE, "signal 11");
    assert_non_null(strstr(s->out.text, "about to crash"));
}

static void no_result_two_results_and_what_is_no_file_are_failures(void **state)
{
    static const char *const cases[][2] = {
        { "command: [%ILL, silent, \"{input}\", \"{result}\"]\n", "it wrote no result" },
        { "input: stdin\nresult: stdout\ncommand: [%ILL, silent]\n", "it wrote no result to stdout" },
        { "command: [%ILL, two, \"{input}\", \"{result}\"]\n", "more than one result: another" },
        { "input: stdin\ncommand: [%ILL, link, \"{result}\", /etc/hostname]\n", "it wrote no result" },
        { "input: stdin\ncommand: [%ILL, hard, \"{result}\"]\n", "no file of its own" },
        { "input: stdin\ncommand: [%ILL, pipe, \"{result}\"]\n", "no file of its own" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_failure(run(cases[i][0], "x"), PV_FAILED, HANDLER_RETRYABLE, cases[i][1]);
    expect_failure(run("command: [%ILL, copy, \"{input}\", \"{result}\"]\n", ""), PV_FAILED, HANDLER_RETRYABLE,
                   "is empty");
}

static void a_flood_on_stdout_is_killed_at_the_limit(void **state)
{
    expect_failure(run(STREAMS "command: [%ILL, flood, \"1\"]\nresult_max: 1M\n", "x"), PV_TOO_LARGE, HANDLER_RETRYABLE,
                   "more to stdout");
}

/* Ten gigabytes that nobody keeps. Their end is not waited for: the time limit of the run ends it. */
static void a_flood_on_stderr_keeps_its_end(void **state)
{
    expect_failure(run(STREAMS "command: [/bin/sh, -c, \"seq 200000 >&2; echo the last words >&2; exit 3\"]\n", "x"),
                   PV_FAILED, HANDLER_RETRYABLE, "exit status 3: ...");
    assert_string_equal(s->out.text + strlen(s->out.text) - 14, "the last words");
    assert_true(strlen(s->out.text) <= 512);
}

static void stdout_that_is_no_result_is_dropped(void **state)
{
    assert_int_equal(run("command: [/bin/sh, -c, \"seq 200000; cp {input} {result}\"]\n", "kept"), PV_OK);
    expect_result("kept");
    expect_failure(
        run("command: [/bin/sh, -c, \"seq 200000; echo in vain; exit 3\", \"{input}\", \"{result}\"]\n", "x"),
        PV_FAILED, HANDLER_RETRYABLE, "199999 200000 in vain");
}

static void a_file_may_not_grow_past_its_limit(void **state)
{
    expect_failure(run("input: stdin\ncommand: [%ILL, grow, \"{result}\"]\nfile_size: 1M\n", "x"), PV_FAILED,
                   HANDLER_RETRYABLE, "File too large");
}

static void memory_and_cpu_have_their_limits(void **state)
{
    assert_int_not_equal(run(STREAMS "command: [%ILL, memory, \"64\"]\nmemory: 256M\n", "x"), PV_RESOURCES);
    expect_failure(run(STREAMS "command: [%ILL, memory, \"512\"]\nmemory: 256M\n", "x"), PV_RESOURCES, HANDLER_RESOURCE,
                   "no memory");
    expect_failure(run(STREAMS "command: [%ILL, spin]\ncpu_seconds: 1\n", "x"), PV_FAILED, HANDLER_RETRYABLE,
                   "CPU time");
}

static void what_is_written_after_the_exit_is_not_taken(void **state)
{
    assert_int_equal(run("command: [%ILL, daemon, \"{input}\", \"{result}\"]\n", "in time"), PV_OK);
    expect_result("in time");
}

static void verify_decides(void **state)
{
    static const char good[] =
        "command: [%ILL, copy, \"{input}\", \"{result}\"]\nverify: [/bin/grep, -q, good, \"{result}\"]\n";
    assert_int_equal(run(good, "a good result"), PV_OK);
    expect_result("a good result");
    expect_failure(run(good, "a bad result"), PV_BAD_PROOF, HANDLER_RETRYABLE, "did not pass verify");
    static const char piped[] = STREAMS "command: [%ILL, cat]\nverify: [/usr/bin/cmp, \"{input}\", \"{result}\"]\n";
    assert_int_equal(run(piped, "the same"), PV_OK);
    expect_result("the same");
}

static void proof_and_public_become_one_result(void **state)
{
    static const char file[] = "result: groth16\ncommand: [/bin/sh, -c, \"cp $0 $1; echo '[\\\"7\\\"]' >$2\", "
                               "\"{input}\", \"{proof}\", \"{public}\"]\n";
    assert_int_equal(run(file, "{\"pi_a\": []}"), PV_OK);
    expect_result("{\"proof\": {\"pi_a\": []}, \"public\": [\"7\"]\n}");
    expect_failure(run(file, "no json"), PV_FAILED, HANDLER_RETRYABLE, "proof.json is not JSON");
}

static void a_circuit_that_is_no_name_for_a_file_is_refused(void **state)
{
    static const struct handler_watch unwatched;
    struct handler_input in = { .task = "00", .circuit = "..", .bytes = (const uint8_t *)"x", .size = 1 };
    static const char *const names[] = { "..", "-rf", "" };
    assert_int_equal(run(STREAMS "command: [/bin/echo, \"keys/{circuit}.zkey\"]\n", "x"), PV_OK);
    expect_result("keys/member.zkey\n");
    for (size_t i = 0; i < 3; i++) {
        free(s->out.bytes);
        in.circuit = names[i];
        expect_failure(handler_run(&s->handler, &in, &unwatched, &s->out), PV_UNKNOWN_CIRCUIT, HANDLER_PERMANENT,
                       "circuit");
    }
}

/* Neither is the task's fault, nor the program's: the broker gives it to another node free of charge. */
static void no_room_here_is_nobodys_fault(void **state)
{
    struct rlimit was, small = { 100000, 0 };
    size_t n = 3000000;
    char *bytes = calloc(1, n);
    heap_most(1 << 20);
    pv_status status = program_scene_run(s, STREAMS "command: [%ILL, cat]\n", bytes, n, NULL);
    heap_most(0);
    expect_failure(status, PV_RESOURCES, HANDLER_RESOURCE, "no memory");
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &was);
    small.rlim_max = was.rlim_max;
    setrlimit(RLIMIT_FSIZE, &small); /* a full disk, to whoever writes the input */
    status = program_scene_run(s, "command: [%ILL, copy, \"{input}\", \"{result}\"]\n", bytes, n, NULL);
    setrlimit(RLIMIT_FSIZE, &was);
    expect_failure(status, PV_DISK_FULL, HANDLER_RESOURCE, "File too large");
    free(bytes);
}

static void note(void *ctx, const char *phase, unsigned percent)
{
    size_t used = strlen(phases);
    snprintf(phases + used, sizeof phases - used, "%u %s;", percent, phase);
}

static void progress_is_told_and_is_no_part_of_the_failure(void **state)
{
    struct handler_watch watch = { .progress = note };
    static const char *const files[] = {
        "progress: stderr\ncommand: [%ILL, progress, \"{input}\", \"{result}\", \"2\"]\n",
        "progress: descriptor\ncommand: [%ILL, progress, \"{input}\", \"{result}\", \"3\"]\n",
    };
    for (size_t i = 0; i < 2; i++) {
        *phases = 0;
        assert_int_equal(program_scene_run(s, files[i], "x", 1, &watch), PV_OK);
        assert_string_equal(phases, "0 load;50 witness;100 prove;");
    }
    watch.progress = note;
    expect_failure(program_scene_run(
                       s,
                       STREAMS "progress: stderr\ncommand: [/bin/sh, -c, \"echo 5 prove >&2; echo no >&2; exit 1\"]\n",
                       "x", 1, &watch),
                   PV_FAILED, HANDLER_RETRYABLE, "tried: exit status 1: no");
    assert_null(strstr(s->out.text, "prove"));
}

static void a_program_that_vanished_is_a_failure_with_its_reason(void **state)
{
    char line[300];
    snprintf(line, sizeof line, STREAMS "command: [%s]\n", s->ill);
    assert_int_equal(program_scene_read(s, line), PV_OK);
    unlink(s->ill);
    static const struct handler_watch unwatched;
    struct handler_input in = { .task = "00", .circuit = "", .bytes = (const uint8_t *)"x", .size = 1 };
    expect_failure(handler_run(&s->handler, &in, &unwatched, &s->out), PV_FAILED, HANDLER_RETRYABLE, "No such file");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(a_file_goes_in_and_a_file_comes_out),
        TEST(stdin_goes_in_and_stdout_comes_out),
        TEST(a_large_result_comes_whole),
        TEST(a_result_of_the_limit_is_taken_and_one_byte_more_is_not),
        TEST(an_exit_status_says_how_a_failure_counts),
        TEST(a_crash_is_a_failure_with_its_signal),
        TEST(no_result_two_results_and_what_is_no_file_are_failures),
        TEST(a_flood_on_stdout_is_killed_at_the_limit),
        TEST(a_flood_on_stderr_keeps_its_end),
        TEST(stdout_that_is_no_result_is_dropped),
        TEST(a_file_may_not_grow_past_its_limit),
        TEST(memory_and_cpu_have_their_limits),
        TEST(what_is_written_after_the_exit_is_not_taken),
        TEST(verify_decides),
        TEST(proof_and_public_become_one_result),
        TEST(no_room_here_is_nobodys_fault),
        TEST(a_circuit_that_is_no_name_for_a_file_is_refused),
        TEST(progress_is_told_and_is_no_part_of_the_failure),
        TEST(a_program_that_vanished_is_a_failure_with_its_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
