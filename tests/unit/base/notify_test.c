/* What a program tells the service manager that started it: a fake one reads at the socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "clock.h"
#include "notify.h"

/* A manager at this address; a name that begins with @ is abstract. */
static int manager_open(const char *name)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    snprintf(a.sun_path, sizeof a.sun_path, "%s", name);
    size_t bytes = offsetof(struct sockaddr_un, sun_path) + strlen(name) + (*name == '/');
    if (*name == '@') a.sun_path[0] = 0;
    assert_int_equal(bind(fd, (struct sockaddr *)&a, (socklen_t)bytes), 0);
    return fd;
}

/* The next message, or "" when there is none. */
static const char *heard(int manager)
{
    static char text[1024];
    ssize_t n = recv(manager, text, sizeof text - 1, 0);
    text[n < 0 ? 0 : n] = 0;
    return text;
}

static void started_with(const char *name, const char *usec, const char *pid)
{
    setenv("NOTIFY_SOCKET", name, 1);
    usec ? setenv("WATCHDOG_USEC", usec, 1) : unsetenv("WATCHDOG_USEC");
    pid ? setenv("WATCHDOG_PID", pid, 1) : unsetenv("WATCHDOG_PID");
}

static const char *own_abstract(void)
{
    static char name[64];
    snprintf(name, sizeof name, "@provost-notify-test-%ld", (long)getpid());
    return name;
}

static void each_word_is_said_to(const char *name)
{
    int manager = manager_open(name);
    struct notify n;
    started_with(name, NULL, NULL);
    notify_open(&n);
    assert_true(n.there);
    notify_ready(&n);
    assert_string_equal(heard(manager), "READY=1");
    notify_reloading(&n);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    unsigned long long us = 0;
    assert_int_equal(sscanf(heard(manager), "RELOADING=1\nMONOTONIC_USEC=%llu", &us), 1);
    assert_true(us / 1000000 <= (unsigned long long)now.tv_sec && us / 1000000 + 5 > (unsigned long long)now.tv_sec);
    notify_extend(&n, 30000);
    assert_string_equal(heard(manager), "EXTEND_TIMEOUT_USEC=30000000");
    notify_stopping(&n);
    assert_string_equal(heard(manager), "STOPPING=1");
    notify_close(&n);
    notify_ready(&n);
    assert_string_equal(heard(manager), "");
    close(manager);
}

static void a_path_is_spoken_to(void **state)
{
    char dir[64] = "/tmp/provost-notify.XXXXXX", path[96];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/socket", dir);
    each_word_is_said_to(path);
    unlink(path);
    rmdir(dir);
}

static void an_abstract_name_is_spoken_to(void **state)
{
    each_word_is_said_to(own_abstract());
}

static void the_longest_name_is_taken_and_one_more_is_not(void **state)
{
    char name[sizeof((struct sockaddr_un *)0)->sun_path + 1];
    struct notify n;
    memset(name, 'n', sizeof name);
    name[0] = '@';
    name[sizeof name - 2] = 0; /* sun_path less one byte */
    started_with(name, NULL, NULL);
    notify_open(&n);
    assert_true(n.there);
    notify_close(&n);
    name[sizeof name - 2] = 'n';
    name[sizeof name - 1] = 0;
    started_with(name, NULL, NULL);
    notify_open(&n);
    assert_false(n.there);
}

static void what_is_no_address_is_left_alone(void **state)
{
    static const char *const names[] = { "", "@", "/", "relative/socket", "vsock:2:1234" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct notify n;
        started_with(names[i], "2000000", NULL);
        notify_open(&n);
        assert_false(n.there);
        assert_int_equal(notify_next_ms(&n), UINT64_MAX);
        notify_ready(&n); /* says nothing, harms nothing */
        notify_status(&n, "%s", "fine");
        notify_close(&n);
    }
}

static void nothing_is_left_in_the_environment(void **state)
{
    struct notify n;
    int manager = manager_open(own_abstract());
    started_with(own_abstract(), "2000000", NULL);
    notify_open(&n);
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_null(getenv("WATCHDOG_USEC"));
    assert_null(getenv("WATCHDOG_PID"));
    assert_true(fcntl(n.fd, F_GETFD) & FD_CLOEXEC);
    notify_close(&n);
    close(manager);
}

static void a_status_is_one_line_and_said_when_it_changes(void **state)
{
    char longer[2 * NOTIFY_STATUS_BYTES];
    struct notify n;
    int manager = manager_open(own_abstract());
    started_with(own_abstract(), NULL, NULL);
    notify_open(&n);
    notify_status(&n, "%d tasks\nREADY=1", 3);
    assert_string_equal(heard(manager), "STATUS=3 tasks READY=1");
    notify_status(&n, "%d tasks\nREADY=1", 3);
    assert_string_equal(heard(manager), "");
    notify_status(&n, "4 tasks");
    assert_string_equal(heard(manager), "STATUS=4 tasks");
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    notify_status(&n, "%s", longer);
    assert_int_equal(strlen(heard(manager)), strlen("STATUS=") + NOTIFY_STATUS_BYTES - 1);
    notify_close(&n);
    close(manager);
}

static void alive_is_said_twice_in_a_watchdogs_time(void **state)
{
    struct notify n;
    char pid[24];
    int manager = manager_open(own_abstract());
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    started_with(own_abstract(), "2000000", pid);
    notify_open(&n);
    assert_int_equal(n.watchdog_ms, 2000);
    notify_alive(&n, 5000);
    assert_string_equal(heard(manager), "WATCHDOG=1");
    assert_int_equal(notify_next_ms(&n), 6000);
    notify_alive(&n, 5999);
    assert_string_equal(heard(manager), "");
    notify_alive(&n, 6000);
    assert_string_equal(heard(manager), "WATCHDOG=1");
    notify_close(&n);
    close(manager);
}

static void somebody_elses_watchdog_is_not_ours(void **state)
{
    static const char *const values[][2] = { { "2000000", "1" }, { "2000000", "x" }, { "2 s", NULL }, { NULL, NULL } };
    int manager = manager_open(own_abstract());
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct notify n;
        started_with(own_abstract(), values[i][0], values[i][1]);
        notify_open(&n);
        assert_true(n.there);
        notify_alive(&n, 5000);
        assert_string_equal(heard(manager), "");
        assert_int_equal(notify_next_ms(&n), UINT64_MAX);
        notify_close(&n);
    }
    close(manager);
}

/* The queue of a manager that does not read fills up. Nobody waits for it, and what found no room is said later. */
static void a_manager_that_does_not_read_keeps_nobody(void **state)
{
    struct notify n;
    int manager = manager_open(own_abstract());
    started_with(own_abstract(), "2000", NULL);
    notify_open(&n);
    uint64_t now = 1000, before = pv_clock_ms();
    for (int i = 0; i < 10000 && n.alive_ms != now - 1; i++) notify_alive(&n, now++); /* until one is not taken */
    assert_true(now < 11000);
    assert_true(pv_clock_ms() - before < 900); /* a wait for room would be a second */
    uint64_t owed = notify_next_ms(&n);
    notify_status(&n, "not heard");
    assert_string_equal(n.status, "");
    while (*heard(manager)) continue;
    notify_alive(&n, now);
    assert_true(notify_next_ms(&n) > owed);
    assert_string_equal(heard(manager), "WATCHDOG=1");
    notify_status(&n, "heard");
    assert_string_equal(heard(manager), "STATUS=heard");
    notify_close(&n);
    close(manager);
}

static void a_manager_that_is_gone_harms_nobody(void **state)
{
    struct notify n;
    int manager = manager_open(own_abstract());
    started_with(own_abstract(), "2000000", NULL);
    notify_open(&n);
    close(manager);
    notify_ready(&n);
    notify_alive(&n, 5000);
    assert_int_equal(notify_next_ms(&n), 0); /* due as before: said when there is somebody again */
    notify_close(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_spoken_to),
        cmocka_unit_test(an_abstract_name_is_spoken_to),
        cmocka_unit_test(the_longest_name_is_taken_and_one_more_is_not),
        cmocka_unit_test(what_is_no_address_is_left_alone),
        cmocka_unit_test(nothing_is_left_in_the_environment),
        cmocka_unit_test(a_status_is_one_line_and_said_when_it_changes),
        cmocka_unit_test(alive_is_said_twice_in_a_watchdogs_time),
        cmocka_unit_test(somebody_elses_watchdog_is_not_ours),
        cmocka_unit_test(a_manager_that_does_not_read_keeps_nobody),
        cmocka_unit_test(a_manager_that_is_gone_harms_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
