/* A program's output has arrived when it exits with 0. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "std_streams.h"

enum stdout_at { STDOUT_PIPE, STDOUT_NO_READER, STDOUT_FULL, STDOUT_CLOSED, STDOUT_LIMITED };

static char said[512]; /* on stderr */

static void prepare(enum stdout_at at)
{
    int ends[2], fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct rlimit none = { 0, 0 };
    if (pipe(ends)) _exit(99);
    close(ends[0]);
    if (at == STDOUT_FULL) dup2(fd, STDOUT_FILENO);
    if (at == STDOUT_NO_READER) dup2(ends[1], STDOUT_FILENO);
    if (at == STDOUT_CLOSED) close(STDOUT_FILENO), close(STDIN_FILENO);
    if (at == STDOUT_LIMITED) {
        char name[] = "/tmp/provost-out-XXXXXX";
        dup2(mkstemp(name), STDOUT_FILENO);
        unlink(name);
        setrlimit(RLIMIT_FSIZE, &none);
    }
}

/* A program that prints n lines and exits with status. Returns its exit status, or 256 and its signal. */
static int program(enum stdout_at at, int n, int status)
{
    int err[2], ended;
    fflush(NULL);
    assert_int_equal(pipe(err), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(err[1], STDERR_FILENO);
        prepare(at);
        std_streams_begin("name");
        if (at == STDOUT_CLOSED && open("/dev/zero", O_RDWR) <= STDERR_FILENO) _exit(98);
        for (int i = 0; i < n; i++) printf("a line, and another\n");
        exit(status);
    }
    close(err[1]);
    ssize_t got = read(err[0], said, sizeof said - 1);
    said[got > 0 ? got : 0] = '\0';
    close(err[0]);
    assert_int_equal(waitpid(child, &ended, 0), child);
    return WIFSIGNALED(ended) ? 256 + WTERMSIG(ended) : WEXITSTATUS(ended);
}

static void failure(enum stdout_at at, const char *word)
{
    for (int n = 1; n <= 10000; n *= 100) { /* less than the buffer, and more */
        assert_int_equal(program(at, n, 0), 1);
        assert_non_null(strstr(said, "name: stdout: "));
        if (n == 1) assert_non_null(strstr(said, word));
    }
    assert_int_equal(program(at, 1, 9), 9);
    assert_int_equal(program(at, 0, 0), 0);
    assert_string_equal(said, "");
}

static void good_output_is_silent(void **state)
{
    assert_int_equal(program(STDOUT_PIPE, 0, 0), 0);
    assert_int_equal(program(STDOUT_PIPE, 0, 3), 3);
    assert_string_equal(said, "");
}

static void a_full_disk_is_told(void **state)
{
    failure(STDOUT_FULL, "No space left");
}

static void a_closed_pipe_is_told(void **state)
{
    failure(STDOUT_NO_READER, "Broken pipe");
}

static void a_closed_stdout_is_told_and_its_number_stays_unused(void **state)
{
    failure(STDOUT_CLOSED, "closed");
}

static void a_limit_on_file_size_is_told(void **state)
{
    failure(STDOUT_LIMITED, "File too large");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_output_is_silent),
        cmocka_unit_test(a_full_disk_is_told),
        cmocka_unit_test(a_closed_pipe_is_told),
        cmocka_unit_test(a_closed_stdout_is_told_and_its_number_stays_unused),
        cmocka_unit_test(a_limit_on_file_size_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
