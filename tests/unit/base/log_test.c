/* Whoever reads the log may stand still or go away: the program does neither, and says afterwards what the log lacks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "log.h"
#include "log_sink.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINES = 5000, MANY = 1 << 20 };

static char got[MANY];

/* Runs log in a process of its own whose stderr is fd, under a time limit. Its exit code, or 1000 and the signal. */
static int logs_to(int fd, int (*log)(int other), int other)
{
    int status;
    pid_t pid = fork();
    if (!pid) {
        alarm(20); /* one that stands still ends by SIGALRM */
        signal(SIGPIPE, SIG_DFL);
        dup2(fd, STDERR_FILENO);
        if (fd != STDERR_FILENO) close(fd);
        _exit(log(other));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static size_t drain(int fd)
{
    size_t n = 0;
    for (struct pollfd p = { .fd = fd, .events = POLLIN }; n < MANY - 1 && poll(&p, 1, 0) == 1;) {
        ssize_t r = read(fd, got + n, MANY - 1 - n);
        if (r <= 0) break;
        n += (size_t)r;
    }
    got[n] = 0;
    return n;
}

/* What the lines that were read say of those that were not. */
static uint64_t told_dropped(void)
{
    static const char words[] = "WARN log.dropped lines=";
    uint64_t n = 0;
    for (const char *at = got; (at = strstr(at, words)); at += sizeof words)
        n += strtoull(at + sizeof words - 1, NULL, 10);
    return n;
}

/* More than any pipe or socket takes; then, once somebody has read, one more. */
static int many_lines_then_one(int reader)
{
    for (int i = 0; i < LINES; i++)
        LOG_INFO("test.line", "number=%d text=%s", i, "as long as lines of a log usually are");
    bool left_out = log_dropped() > 0 && log_dropped() < LINES;
    drain(reader);
    uint64_t told = told_dropped();
    if (!left_out || !strstr(got, "test.line number=0 ")) return 2;
    LOG_INFO("test.last", "number=%d", 1);
    drain(reader);
    if (!strstr(got, "test.last number=1")) return 3;
    return told + told_dropped() == log_dropped() ? 0 : 4;
}

static void a_pipe_that_nobody_reads(void **state)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(logs_to(ends[1], many_lines_then_one, ends[0]), 0);
    assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0); /* it is the parent's too */
    close(ends[0]);
    close(ends[1]);
}

static void a_socket_that_nobody_reads(void **state)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(logs_to(ends[1], many_lines_then_one, ends[0]), 0);
    assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
    close(ends[0]);
    close(ends[1]);
}

static int many_lines(int other)
{
    for (int i = 0; i < LINES; i++) LOG_INFO("test.line", "number=%d", i);
    return log_dropped() == LINES ? 0 : 1;
}

static void a_reader_that_has_gone(void **state)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(logs_to(ends[1], many_lines, -1), 0);
    close(ends[1]);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    close(ends[0]);
    assert_int_equal(logs_to(ends[1], many_lines, -1), 0);
    close(ends[1]);
}

static void a_full_disk(void **state)
{
    int fd = open("/dev/full", O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(logs_to(fd, many_lines, -1), 0);
    close(fd);
}

static int one_long_line(int reader)
{
    char text[9000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    LOG_INFO("test.long", "text=%s", text);
    size_t n = drain(reader);
    return n && n <= LOG_SINK_MOST && got[n - 1] == '\n' && !log_dropped() ? 0 : 1;
}

static void a_long_line_is_cut_and_whole(void **state)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(logs_to(ends[1], one_long_line, ends[0]), 0);
    close(ends[0]);
    close(ends[1]);
}

static int sentences(int reader)
{
    static const char *const wanted[] = {
        " WARN test.text text=\"s/status cannot be listened on: no such file\"\n",
        " WARN test.text slots=3 text=\"only 5 files can be opened (LimitNOFILE)\" then=1\n",
        " WARN test.text used=\"80 %\" then=busy\n",
        " WARN test.text text=\"a  b\" empty=\"\" last=9\n",
    };
    static const char json[] = ",\"level\":\"WARN\",\"event\":\"test.text\",\"slots\":3,\"text\":\"3 of 4\",\"n\":4}\n";
    LOG_WARN("test.text", "text=%.20s/status cannot be listened on: %s", "s", "no such file");
    LOG_WARN("test.text", "slots=%u text=only %zu files can be opened (LimitNOFILE) then=%u", 3u, (size_t)5, 1u);
    LOG_WARN("test.text", "used=80 %% then=busy");
    LOG_WARN("test.text", "text=a  b empty=%s last=%d", "", 9);
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    LOG_WARN("test.text", "slots=%u text=%u of %u n=%u", 3u, 3u, 4u, 4u);
    drain(reader);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!strstr(got, wanted[i])) return (int)i + 1;
    return strstr(got, json) ? 0 : 9;
}

/* A pair ends where the next one begins, not at a space of its sentence. */
static void a_sentence_of_the_format_is_told_to_its_end(void **state)
{
    int ends[2];
    unsetenv("JOURNAL_STREAM");
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(logs_to(ends[1], sentences, ends[0]), 0);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pipe_that_nobody_reads),     cmocka_unit_test(a_socket_that_nobody_reads),
        cmocka_unit_test(a_reader_that_has_gone),       cmocka_unit_test(a_full_disk),
        cmocka_unit_test(a_long_line_is_cut_and_whole), cmocka_unit_test(a_sentence_of_the_format_is_told_to_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
