/* What the signals do that every command of provost-prover catches, in processes of their own: the exact bytes and exit statuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cmd.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char said[256];

/* The exit status of a child that does what it is told; what it wrote to stderr is in said. */
static int status_of(void (*child)(void), bool deaf)
{
    int to[2], status;
    size_t n = 0;
    assert_int_equal(pipe(to), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        alarm(20);
        if (deaf)
            close(STDERR_FILENO);
        else
            dup2(to[1], STDERR_FILENO);
        cmd_catch_signals();
        child();
        _exit(77);
    }
    close(to[1]);
    for (ssize_t k; (k = read(to[0], said + n, sizeof said - 1 - n)) > 0;) n += (size_t)k;
    close(to[0]);
    said[n] = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(strlen(said), n); /* no byte too many */
    return WEXITSTATUS(status);
}

static void bus(void)
{
    raise(SIGBUS);
}

static void a_file_that_is_cut_short_is_told(void **state)
{
    assert_int_equal(status_of(bus, false), pv_status_exit(PV_IO));
    assert_string_equal(said, "provost-prover: an input file was cut short while it was being read\n");
    assert_int_equal(status_of(bus, true), 1);
}

static void interrupted_once(void)
{
    if (atomic_load(&cmd_stop)) _exit(1);
    raise(SIGINT);
    _exit(atomic_load(&cmd_stop) == 1 ? 42 : 2);
}

static void terminated_once(void)
{
    raise(SIGTERM);
    _exit(atomic_load(&cmd_stop) == 1 ? 42 : 2);
}

static void both(void)
{
    raise(SIGTERM);
    raise(SIGINT);
}

static void the_first_stops_and_the_second_ends(void **state)
{
    assert_int_equal(status_of(interrupted_once, false), 42);
    assert_int_equal(status_of(terminated_once, false), 42);
    assert_int_equal(status_of(both, false), 130);
    assert_string_equal(said, "");
}

static void ignored(void)
{
    raise(SIGINT);
    _exit(atomic_load(&cmd_stop) ? 2 : 42);
}

/* As nohup and a shell's background jobs do. */
static void what_the_parent_switched_off_stays_off(void **state)
{
    signal(SIGINT, SIG_IGN);
    assert_int_equal(status_of(ignored, false), 42);
    signal(SIGINT, SIG_DFL);
}

static void no_restart(void)
{
    struct sigaction term, interrupt;
    sigaction(SIGTERM, NULL, &term);
    sigaction(SIGINT, NULL, &interrupt);
    _exit((term.sa_flags | interrupt.sa_flags) & SA_RESTART ? 2 : 42);
}

static void whoever_waits_for_a_pipe_is_woken(void **state)
{
    assert_int_equal(status_of(no_restart, false), 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_is_cut_short_is_told),
        cmocka_unit_test(the_first_stops_and_the_second_ends),
        cmocka_unit_test(what_the_parent_switched_off_stays_off),
        cmocka_unit_test(whoever_waits_for_a_pipe_is_woken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
