/* The supervisor with children that hang, crash, flood, break the rules, leave grandchildren, or mean no harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "child_actor.h"
#include "child_serve.h"
#include "clock.h"
#include "log.h"
#include "shared_bytes.h"
#include "supervisor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct supervisor *s;
static struct supervisor_facts now;
static uint8_t body[CHILD_ANSWER_MAX];
static struct supervisor_answer answer = { .body = body, .room = sizeof body };

/* what: child_actor's arguments. Short times, so that nothing here takes long. */
static void start_with(const char *what, const char *text, struct supervisor_options o)
{
    static const char *argv[4];
    argv[0] = PV_CHILD_PATH;
    argv[1] = what;
    argv[2] = text;
    o.name = what;
    o.program.argv = argv;
    if (!o.ready_ms) o.ready_ms = 20000;
    if (!o.pause_ms) o.pause_ms = 10;
    if (!o.quarantine_ms) o.quarantine_ms = 60000;
    if (!o.stop_ms) o.stop_ms = 100;
    assert_int_equal(supervisor_new(&s, &o), PV_OK);
}

static void start(const char *what)
{
    start_with(what, NULL, (struct supervisor_options){ 0 });
}

static int end(void **state)
{
    supervisor_destroy(&s);
    return 0;
}

static pv_status ask(enum child_actor_job kind, const char *text)
{
    const struct supervisor_job job = { .kind = kind, .body = (const uint8_t *)text, .bytes = text ? strlen(text) : 0 };
    return supervisor_call(s, &job, &answer);
}

/* Waits for the deaths, for 20 s at most. */
static void deaths(uint64_t n)
{
    for (uint64_t until = pv_clock_ms() + 20000; pv_clock_ms() < until; poll(NULL, 0, 2)) {
        supervisor_now(s, &now);
        if (now.deaths >= n) break;
    }
    assert_int_equal(now.deaths, n);
}

static void expect_echo(void)
{
    assert_int_equal(ask(ACTOR_ECHO, "hello"), PV_OK);
    assert_int_equal(answer.bytes, 5);
    assert_memory_equal(body, "hello", 5);
}

static void a_job_is_done(void **state)
{
    start("serve");
    expect_echo();
    assert_int_equal(answer.generation, 1);
    supervisor_now(s, &now);
    assert_int_equal(now.state, SUPERVISOR_SERVING);
    assert_int_equal(now.ready_bytes, 5);
    assert_memory_equal(now.ready, "facts", 5);
    assert_int_equal(ask(ACTOR_FAIL, NULL), PV_BAD_WITNESS);
    assert_string_equal(answer.why, "as it was told");
    assert_int_equal(ask(ACTOR_BREAK, NULL), PV_DEVICE);
    assert_int_equal(ask(999, NULL), PV_INVALID_INPUT);
    expect_echo();
    supervisor_now(s, &now);
    assert_int_equal(now.deaths, 0);
}

static void what_a_child_has_of_us_is_its_socket(void **state)
{
    static const char *const env[] = { "ACTOR_EXTRA=here", "HOME=", NULL };
    int leak = fcntl(0, F_DUPFD, 100); /* no close-on-exec */
    sigset_t term, was;
    setenv("PROVOST_PROVER_KEY", "/etc/provost/key", 1);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &term, &was);
    start_with("serve", NULL, (struct supervisor_options){ .program.env = env });
    assert_int_equal(ask(ACTOR_SURROUNDINGS, NULL), PV_OK);
    body[answer.bytes] = 0;
    assert_string_equal((char *)body, "fds=4 env=0 signals=0 extra=here");
    pthread_sigmask(SIG_SETMASK, &was, NULL);
    signal(SIGPIPE, SIG_DFL);
    unsetenv("PROVOST_PROVER_KEY");
    close(leak);
}

static void memory_is_lent(void **state)
{
    struct shared_bytes lent;
    uint32_t bytes = 100000, sum;
    start("serve");
    assert_int_equal(shared_bytes_new(&lent, "lent", bytes), PV_OK);
    memset(lent.at, 3, bytes);
    const struct supervisor_job job = {
        .kind = ACTOR_ADD_UP, .body = (const uint8_t *)&bytes, .bytes = sizeof bytes, .fds = &lent.fd, .fds_n = 1
    };
    assert_int_equal(supervisor_call(s, &job, &answer), PV_OK);
    memcpy(&sum, body, sizeof sum);
    assert_int_equal(sum, 3 * bytes);
    shared_bytes_clear(&lent);
}

/* The descriptors of a job are the child's until the job is over. */
static void what_was_lent_is_given_back(void **state)
{
    struct shared_bytes lent;
    uint32_t bytes = 1000;
    int fds = 0;
    start("serve");
    assert_int_equal(shared_bytes_new(&lent, "lent", bytes), PV_OK);
    const struct supervisor_job job = {
        .kind = ACTOR_ADD_UP, .body = (const uint8_t *)&bytes, .bytes = sizeof bytes, .fds = &lent.fd, .fds_n = 1
    };
    for (int i = 0; i < 20; i++) assert_int_equal(supervisor_call(s, &job, &answer), PV_OK);
    assert_int_equal(ask(ACTOR_SURROUNDINGS, NULL), PV_OK);
    body[answer.bytes] = 0;
    assert_int_equal(sscanf((char *)body, "fds=%d", &fds), 1);
    assert_in_range(fds, 4, 5); /* the last one may be on its way */
    shared_bytes_clear(&lent);
}

static void a_crash_loses_its_job_and_another_child_serves(void **state)
{
    start("serve");
    assert_int_equal(ask(ACTOR_CRASH, NULL), PV_RETRY_LOST);
    assert_non_null(strstr(answer.why, "killed by signal 10"));
    expect_echo();
    assert_int_equal(answer.generation, 2);
    supervisor_now(s, &now);
    assert_int_equal(now.deaths, 1);
    assert_int_equal(now.lost, 1);
    assert_int_equal(ask(ACTOR_EXIT, NULL), PV_RETRY_LOST);
    assert_string_equal(answer.why, "ended with status 9");
    expect_echo();
}

static void a_job_that_hangs_is_ended_at_its_limit(void **state)
{
    const struct supervisor_job job = { .kind = ACTOR_HANG, .limit_ms = 100 };
    start("serve");
    expect_echo();
    uint64_t from = pv_clock_ms();
    assert_int_equal(supervisor_call(s, &job, &answer), PV_RETRY_LOST);
    assert_string_equal(answer.why, "a job took longer than 100 ms");
    assert_in_range(pv_clock_ms() - from, 100, 2000);
    expect_echo();
}

static atomic_int stop;
static unsigned progress_n;

static void stop_at_progress(void *arg, const char *word, unsigned percent)
{
    assert_string_equal(word, "waiting");
    assert_int_equal(percent, 10);
    progress_n++;
    atomic_store(&stop, 1);
}

static void a_job_is_stopped(void **state)
{
    const struct supervisor_job job = { .kind = ACTOR_UNTIL_STOPPED, .stop = &stop, .progress = stop_at_progress };
    atomic_store(&stop, 0);
    progress_n = 0;
    start("serve");
    assert_int_equal(supervisor_call(s, &job, &answer), PV_CANCELLED);
    assert_int_equal(progress_n, 1);
    assert_int_equal(supervisor_call(s, &job, &answer), PV_CANCELLED); /* before it is started, or at once */
    supervisor_now(s, &now);
    assert_int_equal(now.deaths, 0);
}

static void *stop_soon(void *arg)
{
    poll(NULL, 0, 50);
    atomic_store(&stop, 1);
    return NULL;
}

static void one_that_does_not_stop_is_killed(void **state)
{
    const struct supervisor_job job = { .kind = ACTOR_HANG, .stop = &stop };
    pthread_t thread;
    atomic_store(&stop, 0);
    start("serve");
    expect_echo();
    pthread_create(&thread, NULL, stop_soon, NULL);
    assert_int_equal(supervisor_call(s, &job, &answer), PV_CANCELLED);
    pthread_join(thread, NULL);
    deaths(1);
    assert_non_null(strstr(now.why, "did not stop"));
    assert_int_equal(now.lost, 0);
    expect_echo();
}

struct beside {
    pthread_t thread;
    struct supervisor_job job;
    pv_status status;
    struct supervisor_answer answer;
    uint8_t body[CHILD_ANSWER_MAX];
};

static void *call_beside(void *arg)
{
    struct beside *b = arg;
    b->answer = (struct supervisor_answer){ .body = b->body, .room = sizeof b->body };
    b->status = supervisor_call(s, &b->job, &b->answer);
    return NULL;
}

static void wait_beside(struct beside *b)
{
    b->job = (struct supervisor_job){ .kind = ACTOR_UNTIL_STOPPED };
    assert_int_equal(pthread_create(&b->thread, NULL, call_beside, b), 0);
}

static void a_fatal_failure_ends_the_child_and_all_that_runs_in_it(void **state)
{
    struct beside b;
    start_with("serve", NULL, (struct supervisor_options){ .fatal = PV_DEVICE });
    expect_echo();
    wait_beside(&b);
    poll(NULL, 0, 50);
    assert_int_equal(ask(ACTOR_BREAK, NULL), PV_DEVICE);
    assert_string_equal(answer.why, "an illegal memory access");
    pthread_join(b.thread, NULL);
    assert_int_equal(b.status, PV_RETRY_LOST);
    assert_string_equal(b.answer.why, "an illegal memory access");
    expect_echo();
    supervisor_now(s, &now);
    assert_int_equal(now.lost, 1);
}

static void a_job_for_a_child_that_has_ended_is_not_started(void **state)
{
    struct supervisor_job job = { .kind = ACTOR_ECHO, .generation = 1 };
    start("serve");
    expect_echo();
    assert_int_equal(supervisor_call(s, &job, &answer), PV_OK);
    supervisor_end(s, 1, "somebody knows better");
    deaths(1);
    assert_string_equal(now.why, "somebody knows better");
    assert_int_equal(supervisor_call(s, &job, &answer), PV_BAD_STATE);
    assert_int_equal(answer.generation, 0);
    expect_echo();
    assert_int_equal(supervisor_call(s, &job, &answer), PV_BAD_STATE);
    supervisor_end(s, 1, "too late"); /* another serves */
    expect_echo();
    assert_int_equal(answer.generation, 2);
}

/* The third death in a row is a quarantine: jobs are refused, not started. */
static void expect_quarantine(const char *why)
{
    assert_int_equal(ask(ACTOR_ECHO, "x"), PV_NO_DEVICE);
    assert_int_equal(answer.generation, 0);
    if (!strstr(answer.why, why)) fail_msg("not \"%s\": %s", why, answer.why);
    supervisor_now(s, &now);
    assert_int_equal(now.state, SUPERVISOR_QUARANTINED);
}

static void three_deaths_in_a_row_are_a_quarantine(void **state)
{
    start("serve");
    for (int i = 0; i < 3; i++) assert_int_equal(ask(ACTOR_EXIT, NULL), PV_RETRY_LOST);
    expect_quarantine("ended with status 9");
    assert_int_equal(now.deaths, 3);
}

static void a_good_answer_ends_the_row(void **state)
{
    start("serve");
    for (int i = 0; i < 4; i++) {
        assert_int_equal(ask(ACTOR_EXIT, NULL), PV_RETRY_LOST);
        expect_echo();
        supervisor_good(s, answer.generation);
    }
    for (int i = 0; i < 2; i++) assert_int_equal(ask(ACTOR_EXIT, NULL), PV_RETRY_LOST);
    expect_echo(); /* an answer that nobody calls good */
    supervisor_good(s, answer.generation - 1);
    assert_int_equal(ask(ACTOR_EXIT, NULL), PV_RETRY_LOST);
    expect_quarantine("ended with status 9");
}

static void a_quarantine_ends(void **state)
{
    start_with("dies", NULL, (struct supervisor_options){ .quarantine_ms = 100 });
    deaths(3);
    deaths(4);
    supervisor_now(s, &now);
    assert_int_equal(now.state, SUPERVISOR_QUARANTINED); /* at once again, and for twice as long */
    uint64_t from = pv_clock_ms();
    deaths(5);
    assert_true(pv_clock_ms() - from >= 150);
}

static void children_that_cannot_serve_are_told_by_a_sentence(void **state)
{
    static const struct {
        const char *what, *why;
        struct supervisor_options o;
    } bad[] = {
        { "dies", "ended with status 7", { 0 } },       { "mute", "not ready in time", { .ready_ms = 100 } },
        { "garbage", "broke the rules", { 0 } },        { "early", "broke the rules", { 0 } },
        { "flood", "flooded", { .frames_most = 500 } }, { "silent", "says nothing any more", { .silence_ms = 200 } },
        { "refuse", "no NVIDIA driver", { 0 } },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        start_with(bad[i].what, "no NVIDIA driver", bad[i].o);
        for (pv_status status = PV_OK; status != PV_NO_DEVICE;) {
            status = ask(ACTOR_ECHO, "x");
            if (status != PV_NO_DEVICE) assert_int_equal(status, PV_RETRY_LOST);
        }
        expect_quarantine(bad[i].why);
        assert_int_equal(now.deaths, strcmp(bad[i].what, "refuse") ? 3 : 1);
        supervisor_destroy(&s);
    }
}

static void a_program_that_is_not_there_is_told(void **state)
{
    static const char *const argv[] = { "/nowhere/provost-prover", NULL };
    const struct supervisor_options o = { .name = "none", .program.argv = argv, .pause_ms = 10 };
    assert_int_equal(supervisor_new(&s, &o), PV_OK);
    expect_quarantine("/nowhere/provost-prover cannot be started: No such file");
}

static void one_that_reads_nothing_is_killed(void **state)
{
    static uint8_t much[60000];
    struct beside b[8]; /* 480 KB: more than a socket holds */
    start_with("unread", NULL, (struct supervisor_options){ .deaths_most = 1 });
    for (size_t i = 0; i < 8; i++) {
        b[i].job = (struct supervisor_job){ .body = much, .bytes = sizeof much };
        pthread_create(&b[i].thread, NULL, call_beside, &b[i]);
    }
    for (size_t i = 0; i < 8; i++) {
        pthread_join(b[i].thread, NULL);
        assert_true(b[i].status == PV_RETRY_LOST || b[i].status == PV_NO_DEVICE);
    }
    expect_quarantine("does not read its socket");
    assert_int_equal(now.deaths, 1);
}

static bool is_alive(pid_t pid)
{
    char path[64], line[256] = "";
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *in = fopen(path, "r");
    if (!in) return false;
    bool got = fgets(line, sizeof line, in);
    fclose(in);
    const char *after = strrchr(line, ')');
    return got && after && after[2] != 'Z' && after[2] != 'X';
}

/* It has the socket and the pipe open, so that neither end of file would ever tell. */
static void a_grandchild_keeps_nobody_waiting(void **state)
{
    pid_t pid, escaped;
    start("stubborn");
    assert_int_equal(ask(ACTOR_GRANDCHILD, NULL), PV_OK);
    memcpy(&pid, body, sizeof pid);
    assert_int_equal(ask(ACTOR_ESCAPED_GRANDCHILD, NULL), PV_OK);
    memcpy(&escaped, body, sizeof escaped);
    assert_true(is_alive(pid) && is_alive(escaped));
    assert_int_equal(ask(ACTOR_CRASH, NULL), PV_RETRY_LOST);
    expect_echo();
    for (int i = 0; is_alive(pid) && i < 1000; i++) poll(NULL, 0, 5);
    assert_false(is_alive(pid));
    kill(escaped, SIGKILL); /* one that has made a session of its own is not found */
}

static void what_it_writes_is_read_and_only_its_end_kept(void **state)
{
    start("serve");
    assert_int_equal(ask(ACTOR_ECHO, "x"), PV_OK);
    const struct supervisor_job job = { .kind = ACTOR_CHATTER, .limit_ms = 300 };
    assert_int_equal(supervisor_call(s, &job, &answer), PV_RETRY_LOST); /* 64 KiB a second are read */
    expect_echo();
}

static void an_answer_that_is_too_large_is_refused(void **state)
{
    answer.room = 100;
    start("serve");
    assert_int_equal(ask(ACTOR_LARGE, NULL), PV_RETRY_LOST);
    assert_non_null(strstr(answer.why, "rules"));
    answer.room = sizeof body;
    assert_int_equal(ask(ACTOR_LARGE, NULL), PV_OK);
    assert_int_equal(answer.bytes, CHILD_ANSWER_MAX);
}

/* The first process whose parent is that one; 0: none. */
static pid_t child_of(pid_t parent)
{
    pid_t found = 0;
    DIR *all = opendir("/proc");
    for (struct dirent *e; all && !found && (e = readdir(all));) {
        char path[300];
        int pid, above;
        snprintf(path, sizeof path, "/proc/%s/stat", e->d_name);
        FILE *in = fopen(path, "r");
        if (in && fscanf(in, "%d (%*[^)]) %*c %d", &pid, &above) == 2 && above == parent) found = pid;
        if (in) fclose(in);
    }
    if (all) closedir(all);
    return found;
}

/* In a process of its own, which is killed: its child goes with it, although it looks at nothing. */
static void a_child_ends_with_its_parent(void **state)
{
    pid_t child = 0, parent = fork();
    if (parent == 0) {
        start("unread");
        for (;;) pause();
    }
    for (int i = 0; i < 1000 && !child; i++, poll(NULL, 0, 5)) child = child_of(parent);
    assert_true(child && is_alive(child));
    poll(NULL, 0, 200); /* until it has begun */
    kill(parent, SIGKILL);
    waitpid(parent, NULL, 0);
    for (int i = 0; is_alive(child) && i < 400; i++) poll(NULL, 0, 5);
    bool left = is_alive(child);
    if (left) kill(child, SIGKILL);
    assert_false(left);
}

static void many_callers_share_a_child_that_is_killed(void **state)
{
    enum { CALLERS = 4 };
    struct beside b[CALLERS];
    start("serve");
    for (int i = 0; i < CALLERS; i++) wait_beside(&b[i]);
    poll(NULL, 0, 100);
    supervisor_now(s, &now);
    supervisor_end(s, now.generation, "the card fell off the bus");
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(b[i].thread, NULL);
        assert_int_equal(b[i].status, PV_RETRY_LOST);
        assert_string_equal(b[i].answer.why, "the card fell off the bus");
    }
    supervisor_now(s, &now);
    assert_int_equal(now.lost, CALLERS);
    assert_int_equal(now.deaths, 1);
}

/* In a process of its own, which is stopped for longer than a child may be silent: its child was not asked meanwhile. */
static void a_parent_that_was_stopped_finds_its_child(void **state)
{
    int status = 0;
    pid_t parent = fork();
    if (parent == 0) {
        start_with("serve", NULL, (struct supervisor_options){ .silence_ms = 300 });
        if (ask(ACTOR_ECHO, "x") != PV_OK) _exit(1);
        raise(SIGSTOP);
        poll(NULL, 0, 500);
        supervisor_now(s, &now);
        _exit(now.deaths || ask(ACTOR_ECHO, "x") != PV_OK ? 2 : 0);
    }
    assert_int_equal(waitpid(parent, &status, WUNTRACED), parent);
    assert_true(WIFSTOPPED(status));
    poll(NULL, 0, 700);
    kill(parent, SIGCONT);
    assert_int_equal(waitpid(parent, &status, 0), parent);
    assert_int_equal(status, 0);
}

static void a_destroyed_supervisor_leaves_no_process(void **state)
{
    pid_t pid;
    start("stubborn");
    assert_int_equal(ask(ACTOR_GRANDCHILD, NULL), PV_OK);
    memcpy(&pid, body, sizeof pid);
    supervisor_destroy(&s);
    for (int i = 0; is_alive(pid) && i < 1000; i++) poll(NULL, 0, 5);
    assert_false(is_alive(pid));
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

/* Children that do not end by themselves are given a second each: side by side, when they are told first. */
static void several_end_side_by_side(void **state)
{
    enum { N = 4 };
    struct supervisor *all[N];
    for (int i = 0; i < N; i++) {
        start("mute");
        all[i] = s;
        for (now.starts = 0; !now.starts; poll(NULL, 0, 2)) supervisor_now(s, &now);
    }
    s = NULL;
    const uint64_t from = pv_clock_ms();
    for (int i = 0; i < N; i++) supervisor_part(all[i]);
    for (int i = 0; i < N; i++) supervisor_destroy(&all[i]);
    assert_in_range(pv_clock_ms() - from, 0, 2500);
}

int main(void)
{
#define SUPERVISED(test) cmocka_unit_test_teardown(test, end)
    const struct CMUnitTest tests[] = {
        SUPERVISED(a_job_is_done),
        SUPERVISED(what_a_child_has_of_us_is_its_socket),
        SUPERVISED(memory_is_lent),
        SUPERVISED(what_was_lent_is_given_back),
        SUPERVISED(a_crash_loses_its_job_and_another_child_serves),
        SUPERVISED(a_job_that_hangs_is_ended_at_its_limit),
        SUPERVISED(a_job_is_stopped),
        SUPERVISED(one_that_does_not_stop_is_killed),
        SUPERVISED(a_fatal_failure_ends_the_child_and_all_that_runs_in_it),
        SUPERVISED(a_job_for_a_child_that_has_ended_is_not_started),
        SUPERVISED(three_deaths_in_a_row_are_a_quarantine),
        SUPERVISED(a_good_answer_ends_the_row),
        SUPERVISED(a_quarantine_ends),
        SUPERVISED(children_that_cannot_serve_are_told_by_a_sentence),
        SUPERVISED(a_program_that_is_not_there_is_told),
        SUPERVISED(one_that_reads_nothing_is_killed),
        SUPERVISED(a_grandchild_keeps_nobody_waiting),
        SUPERVISED(what_it_writes_is_read_and_only_its_end_kept),
        SUPERVISED(an_answer_that_is_too_large_is_refused),
        SUPERVISED(a_child_ends_with_its_parent),
        SUPERVISED(many_callers_share_a_child_that_is_killed),
        SUPERVISED(a_parent_that_was_stopped_finds_its_child),
        SUPERVISED(a_destroyed_supervisor_leaves_no_process),
        SUPERVISED(several_end_side_by_side),
    };
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
