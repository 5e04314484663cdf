/* The echo handler answers, fails and stops as it is told to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "handler_echo.h"

static struct handler echo;
static struct handler_output out;
static unsigned progress_calls;

static void count_progress(void *ctx, const char *phase, unsigned percent)
{
    assert_string_equal(phase, "echo");
    assert_in_range(percent, 0, 99);
    progress_calls++;
}

static pv_status run(const char *text, const atomic_int *stop)
{
    struct handler_input in = { "00", "", (const uint8_t *)text, strlen(text), WIRE_INPUT_KIND_WTNS };
    struct handler_watch watch = { stop, count_progress, NULL };
    return handler_run(&echo, &in, &watch, &out);
}

static int fresh(void **state)
{
    echo = handler_echo();
    progress_calls = 0;
    return 0;
}

static void any_bytes_come_back(void **state)
{
    assert_int_equal(run("\x01 not json", NULL), PV_OK);
    assert_int_equal(out.size, 10);
    assert_memory_equal(out.bytes, "\x01 not json", 10);
    free(out.bytes);
    assert_int_equal(run("", NULL), PV_OK);
    assert_int_equal(out.size, 0);
    free(out.bytes);
    assert_int_equal(atomic_load(&echo.counters.succeeded), 2);
}

/* What a handler does not take never reaches it: an input.json would be echoed, or proved as if it were a witness. */
static void a_kind_that_it_does_not_take_is_refused(void **state)
{
    struct handler_input in = { "00", "", (const uint8_t *)"{}", 2, WIRE_INPUT_KIND_JSON };
    struct handler_watch watch = { NULL, count_progress, NULL };
    assert_int_equal(handler_run(&echo, &in, &watch, &out), PV_INVALID_INPUT);
    assert_int_equal(out.verdict, HANDLER_RETRYABLE);
    assert_string_equal(out.text, "this node's handler echo takes no input.json");
    assert_null(out.bytes);
    echo.kinds = 1u << WIRE_INPUT_KIND_JSON;
    assert_int_equal(handler_run(&echo, &in, &watch, &out), PV_OK);
    free(out.bytes);
}

static void a_sized_answer_depends_on_the_input_alone(void **state)
{
    uint8_t *answers[3];
    const char *inputs[] = { "{\"bytes\": 70000}", "{\"bytes\": 70000}", "{\"bytes\":  70000}" };
    for (int i = 0; i < 3; i++) {
        assert_int_equal(run(inputs[i], NULL), PV_OK);
        assert_int_equal(out.size, 70000);
        answers[i] = out.bytes;
    }
    assert_memory_equal(answers[0], answers[1], 70000);
    assert_int_not_equal(memcmp(answers[0], answers[2], 70000), 0);
    for (int i = 0; i < 3; i++) free(answers[i]);
}

/* An order of 64 KiB is one; a byte more comes back as it is. */
static void an_order_has_its_size(void **state)
{
    enum { MOST = 64 << 10 };
    char *text = malloc(MOST + 2);
    memset(text, ' ', MOST + 1);
    memcpy(text, "{\"bytes\": 3}", 12);
    text[MOST] = 0;
    assert_int_equal(run(text, NULL), PV_OK);
    assert_int_equal(out.size, 3);
    free(out.bytes);
    text[MOST] = ' ';
    text[MOST + 1] = 0;
    assert_int_equal(run(text, NULL), PV_OK);
    assert_int_equal(out.size, MOST + 1);
    free(out.bytes);
    free(text);
}

static void failures_have_their_verdict(void **state)
{
    assert_int_equal(run("{\"fail\":\"permanent\"}", NULL), PV_INVALID_INPUT);
    assert_int_equal(out.verdict, HANDLER_PERMANENT);
    assert_int_equal(run("{\"fail\":\"retryable\"}", NULL), PV_FAILED);
    assert_int_equal(out.verdict, HANDLER_RETRYABLE);
    assert_int_equal(run("{\"fail\":\"resource\"}", NULL), PV_RESOURCES);
    assert_int_equal(out.verdict, HANDLER_RESOURCE);
    assert_non_null(strstr(out.text, "resource"));
    assert_int_equal(atomic_load(&echo.counters.failed), 3);
}

static void stop_ends_a_long_sleep(void **state)
{
    atomic_int stop = 1;
    assert_int_equal(run("{\"sleep_ms\": 3600000}", &stop), PV_CANCELLED);
    assert_int_equal(atomic_load(&echo.counters.stopped), 1);
}

static void sleeping_reports_progress(void **state)
{
    assert_int_equal(run("{\"sleep_ms\": 60}", NULL), PV_OK);
    assert_int_equal(progress_calls, 3);
    assert_true(atomic_load(&echo.counters.busy_ms) >= 59);
    free(out.bytes);
}

static void a_poison_task_kills_its_process(void **state)
{
    pid_t pid = fork();
    if (!pid) {
        run("{\"fail\":\"crash\"}", NULL);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(any_bytes_come_back, fresh),
        cmocka_unit_test_setup(a_kind_that_it_does_not_take_is_refused, fresh),
        cmocka_unit_test_setup(a_sized_answer_depends_on_the_input_alone, fresh),
        cmocka_unit_test_setup(an_order_has_its_size, fresh),
        cmocka_unit_test_setup(failures_have_their_verdict, fresh),
        cmocka_unit_test_setup(stop_ends_a_long_sleep, fresh),
        cmocka_unit_test_setup(sleeping_reports_progress, fresh),
        cmocka_unit_test_setup(a_poison_task_kills_its_process, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
