/* What a program switches off or on for its whole process, and the words of its log settings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <cmocka.h>

#include "log.h"
#include "process.h"

static void no_core_file_and_no_tracing(void **state)
{
    struct rlimit core;
    process_no_core();
    assert_int_equal(getrlimit(RLIMIT_CORE, &core), 0);
    assert_int_equal(core.rlim_cur, 0);
    assert_int_equal(core.rlim_max, 0);
#ifndef __SANITIZE_ADDRESS__
    assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
#endif
}

static void *stack_of(void *bytes)
{
    pthread_attr_t mine;
    pthread_getattr_np(pthread_self(), &mine);
    pthread_attr_getstacksize(&mine, bytes);
    pthread_attr_destroy(&mine);
    return NULL;
}

static void threads_have_2_mib_whatever_ulimit_says(void **state)
{
    struct rlimit before, little = { 128 << 10, 0 };
    pthread_t thread;
    size_t bytes = 0;
    assert_int_equal(getrlimit(RLIMIT_STACK, &before), 0);
    little.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_STACK, &little), 0);
    process_thread_stacks();
    assert_int_equal(pthread_create(&thread, NULL, stack_of, &bytes), 0);
    pthread_join(thread, NULL);
    setrlimit(RLIMIT_STACK, &before);
    assert_int_equal(bytes, 2 << 20);
}

static void a_closed_pipe_is_an_error_and_no_end(void **state)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    process_ignore_pipe();
    close(ends[0]);
    assert_int_equal(write(ends[1], "x", 1), -1);
    assert_int_equal(errno, EPIPE);
    close(ends[1]);
}

static void *mask_read(void *set)
{
    pthread_sigmask(SIG_SETMASK, NULL, set);
    return NULL;
}

static void signals_are_read_from_a_descriptor_and_blocked_in_later_threads(void **state)
{
    static const int signals[] = { SIGTERM, SIGUSR1, 0 };
    struct signalfd_siginfo info;
    sigset_t set;
    pthread_t thread;
    int fd = process_signals(signals);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, &info, sizeof info), -1); /* non-blocking */
    assert_int_equal(errno, EAGAIN);
    kill(getpid(), SIGTERM);
    assert_int_equal(read(fd, &info, sizeof info), sizeof info);
    assert_int_equal(info.ssi_signo, SIGTERM);
    pthread_create(&thread, NULL, mask_read, &set);
    pthread_join(thread, NULL);
    assert_true(sigismember(&set, SIGTERM) && sigismember(&set, SIGUSR1));
    assert_false(sigismember(&set, SIGHUP));
    close(fd);
}

/* A blocked signal is read from the descriptor even when it is ignored, so it must not be among them. */
static void what_the_parent_switched_off_stays_off(void **state)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP, 0 };
    struct signalfd_siginfo info;
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    assert_true(process_ignores(SIGINT));
    assert_false(process_ignores(SIGTERM));
    int fd = process_signals(signals);
    kill(getpid(), SIGINT);
    assert_int_equal(read(fd, &info, sizeof info), -1);
    kill(getpid(), SIGHUP); /* a command to a daemon, also under nohup */
    assert_int_equal(read(fd, &info, sizeof info), sizeof info);
    assert_int_equal(info.ssi_signo, SIGHUP);
    close(fd);
    signal(SIGINT, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
}

static void log_settings_have_their_words(void **state)
{
    assert_true(log_setup_words("error", "json"));
    assert_true(log_setup_words("debug", "text"));
    assert_false(log_setup_words("loud", "text"));
    assert_false(log_setup_words("info", "xml"));
    assert_false(log_setup_words("", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_core_file_and_no_tracing),
        cmocka_unit_test(threads_have_2_mib_whatever_ulimit_says),
        cmocka_unit_test(a_closed_pipe_is_an_error_and_no_end),
        cmocka_unit_test(signals_are_read_from_a_descriptor_and_blocked_in_later_threads),
        cmocka_unit_test(what_the_parent_switched_off_stays_off),
        cmocka_unit_test(log_settings_have_their_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
