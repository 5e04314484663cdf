/* A program is stopped: the whole of what it started is gone within the grace, whatever it does. And what it can reach while it
 * runs. Each once in namespaces and once without. */
#include "program_scene.h"

#include "clock.h"

#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct program_scene *s;
static atomic_int stop;

static int set_up(void **state)
{
    int r = program_scene_set_up(state);
    s = *state;
    atomic_store(&stop, 0);
    return r;
}

static int tear_down(void **state)
{
    unsigned left = program_scene_left(s), processes = program_scene_processes(s);
    int r = program_scene_tear_down(state);
    if (left || processes) print_error("%u folders and %u processes are left\n", left, processes);
    return r || left || processes;
}

static void *stop_later(void *ms)
{
    usleep((useconds_t)(uintptr_t)ms * 1000);
    atomic_store(&stop, 1);
    return NULL;
}

/* Runs it, stops it after so many ms, and returns how many ms it took from then. */
static uint64_t stopped(const char *file, const char *sandbox, unsigned after_ms)
{
    pthread_t thread;
    char text[512];
    struct handler_watch watch = { .stop = &stop };
    snprintf(text, sizeof text, "input: stdin\nresult: stdout\nsandbox: %s\n%s", sandbox, file);
    atomic_store(&stop, 0);
    uint64_t from = pv_clock_ms();
    pthread_create(&thread, NULL, stop_later, (void *)(uintptr_t)after_ms);
    pv_status status = program_scene_run(s, text, "x", 1, &watch);
    pthread_join(thread, NULL);
    if (status != PV_CANCELLED) fail_msg("%s: %s", pv_status_text(status), s->out.text);
    assert_int_equal(program_scene_processes(s), 0);
    return pv_clock_ms() - from - after_ms;
}

static const char *const sandboxes[] = { "namespaces", "none" };

static void a_hung_program_is_gone_at_once(void **state)
{
    for (size_t i = 0; i < 2; i++) assert_in_range(stopped("command: [%ILL, hang]\n", sandboxes[i], 100), 0, 4500);
}

static void one_that_ignores_term_is_gone_after_the_grace(void **state)
{
    for (size_t i = 0; i < 2; i++)
        assert_in_range(stopped("command: [%ILL, deaf]\ngrace: 500ms\n", sandboxes[i], 200), 450, 8000);
}

static void one_that_is_slow_to_end_gets_its_grace(void **state)
{
    char mark[128];
    for (size_t i = 0; i < 2; i++) {
        snprintf(mark, sizeof mark, "command: [%%ILL, slow, \"0.3\", \"/dev/null\"]\ngrace: 5s\n");
        assert_in_range(stopped(mark, sandboxes[i], 200), 280, 4500);
    }
}

static void daemons_in_sessions_of_their_own_are_gone_too(void **state)
{
    for (size_t i = 0; i < 2; i++)
        assert_in_range(stopped("command: [%ILL, daemons, \"50\"]\ngrace: 300ms\n", sandboxes[i], 600), 0, 9000);
}

static void a_program_that_forks_without_end_is_gone(void **state)
{
    for (size_t i = 0; i < 2; i++)
        assert_in_range(stopped("command: [%ILL, forks]\nprocesses: 200\ngrace: 200ms\n", sandboxes[i], 300), 0, 20000);
}

static void a_flood_is_stopped_in_the_middle(void **state)
{
    static const char *const files[] = { "command: [%ILL, flood, \"2\"]\ngrace: 300ms\n",
                                         "command: [%ILL, flood, \"2\"]\nprogress: stderr\ngrace: 300ms\n" };
    for (size_t i = 0; i < 2; i++) assert_in_range(stopped(files[i], sandboxes[i], 500), 0, 9000);
}

static void what_a_program_leaves_in_its_folder_goes_with_it(void **state)
{
    static const struct handler_watch unwatched;
    for (size_t i = 0; i < 2; i++) {
        char text[256];
        snprintf(text, sizeof text, "input: stdin\nresult: stdout\nsandbox: %s\ncommand: [%%ILL, deep, \"3000\"]\n",
                 sandboxes[i]);
        assert_int_equal(program_scene_run(s, text, "x", 1, &unwatched), PV_FAILED);
        assert_int_equal(program_scene_left(s), 0);
    }
    assert_int_equal(access("/etc/hostname", F_OK), 0);
}

/* --- as whom --- */

static char key[128], spool[128], port[16], node[16];
static int listener = -1;

static void surroundings_make(void)
{
    setenv("PROGRAM_TEST_SECRET", "1", 1);
    setenv("PROGRAM_TEST_ALLOWED", "passed on", 1);
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof at;
    char result[160], other[160];
    snprintf(key, sizeof key, "%s/node.key", s->folder);
    snprintf(spool, sizeof spool, "%s/spool", s->folder);
    snprintf(result, sizeof result, "%s/one", spool);
    snprintf(other, sizeof other, "%s/try-other", s->place.work);
    mkdir(spool, 0700);
    mkdir(other, 0700);
    fclose(fopen(result, "w"));
    FILE *out = fopen(key, "w");
    fputs("secret\n", out);
    fclose(out);
    chmod(key, 0600);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 8), 0);
    getsockname(listener, (struct sockaddr *)&at, &n);
    snprintf(port, sizeof port, "%u", ntohs(at.sin_port));
    snprintf(node, sizeof node, "%d", (int)getpid());
    s->place.hide[0] = key;
    s->place.hide[1] = spool;
}

static const char *said(const char *name)
{
    static char value[128];
    char line[64];
    snprintf(line, sizeof line, "%s=", name);
    const char *at = strstr((const char *)s->out.bytes, line);
    if (!at) fail_msg("nothing about %s", name);
    at += strlen(line);
    snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\n"), at);
    return value;
}

static void look(const char *settings)
{
    char text[1024];
    snprintf(text, sizeof text,
             "input: stdin\ncommand: [%%ILL, look, \"{result}\", %s, %s, %s, \"%s\", \"%s\"]\nenvironment: "
             "[PROGRAM_TEST_ALLOWED]\n%s",
             key, spool, s->place.work, port, node, settings);
    pv_status status = program_scene_run(s, text, "x", 1, NULL);
    if (status != PV_OK) fail_msg("%s", s->out.text);
    s->out.bytes = realloc(s->out.bytes, s->out.size + 1);
    s->out.bytes[s->out.size] = 0;
}

static void expect(const char *name, const char *value)
{
    const char *got = said(name);
    if (strcmp(got, value)) fail_msg("%s=%s, wanted %s", name, got, value);
}

static void surroundings_clear(void)
{
    char path[160];
    close(listener);
    snprintf(path, sizeof path, "%s/try-other", s->place.work);
    rmdir(path);
}

static void expect_what_holds_anywhere(void)
{
    expect("new_privileges", "no");
    expect("session", "own");
    expect("descriptors", "4"); /* three, and its own result */
    expect("secret", "not seen");
    expect("allowed", "passed on");
    if (!geteuid()) assert_string_not_equal(said("uid"), "0");
}

static void in_namespaces_it_sees_nothing_of_the_node(void **state)
{
    surroundings_make();
    look("sandbox: namespaces\n");
    expect_what_holds_anywhere();
    assert_string_not_equal(said("key"), "read");
    expect("spool", "0");
    expect("others", "1"); /* its own */
    expect("network", "Network is unreachable");
    expect("kill", "No such process");
    expect("elsewhere", "Read-only file system");
    assert_in_range(atoi(said("processes")), 1, 2);
    look("sandbox: namespaces\nnetwork: yes\n");
    expect("network", "connected");
    surroundings_clear();
}

/* Without namespaces it is the user alone that keeps it from the node's files: that holds for a node that is root. */
static void without_namespaces_the_filter_and_the_user_hold(void **state)
{
    surroundings_make();
    look("sandbox: none\n");
    expect_what_holds_anywhere();
    expect("network", "Permission denied");
    if (!geteuid()) {
        expect("key", "Permission denied");
        expect("spool", "0");
        expect("others", "0");
        expect("kill", "Operation not permitted");
    }
    look("sandbox: none\nnetwork: yes\n");
    expect("network", "connected");
    unlink("/tmp/ill-behaved-was-here");
    surroundings_clear();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* An argument is the pattern of the tests to run. */
int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        TEST(a_hung_program_is_gone_at_once),
        TEST(one_that_ignores_term_is_gone_after_the_grace),
        TEST(one_that_is_slow_to_end_gets_its_grace),
        TEST(daemons_in_sessions_of_their_own_are_gone_too),
        TEST(a_program_that_forks_without_end_is_gone),
        TEST(a_flood_is_stopped_in_the_middle),
        TEST(what_a_program_leaves_in_its_folder_goes_with_it),
        TEST(in_namespaces_it_sees_nothing_of_the_node),
        TEST(without_namespaces_the_filter_and_the_user_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
