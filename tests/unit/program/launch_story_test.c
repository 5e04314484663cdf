/* What provost-launch makes of each plan: what the program sees of the machine, how its end is told, and what stays of it; golden texts, one without
 * namespaces and one with them. `launch_story_test write` and `launch_story_test apart write` write them anew. As root, as in every container. */
#include "golden.h"
#include "launch_plan.h"
#include "temp_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

enum { SOON_MS = 20000, STRAY = 20 /* a descriptor that the node left open */ };

static char home[64], work[80], secret[80];

/* --- a program and its launcher --- */

struct run {
    pid_t launcher;
    int control, out, extra; /* the node's ends */
};

static void launch(struct run *r, const struct launch_plan *p)
{
    int control[2], out[2], extra[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(pipe2(extra, O_CLOEXEC), 0);
    r->launcher = fork();
    if (!r->launcher) {
        int from[] = { open("/dev/null", O_RDONLY), out[1], out[1], control[1], extra[1], control[1] };
        for (int i = 0; i < 6; i++) from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 30);
        for (int i = 0; i < 5; i++) dup2(from[i], i);
        dup2(from[5], STRAY);
        signal(SIGPIPE, SIG_IGN);
        sigset_t some;
        sigemptyset(&some);
        sigaddset(&some, SIGUSR1);
        sigprocmask(SIG_BLOCK, &some, NULL);
        execl(PV_LAUNCH_PATH, "provost-launch", NULL);
        _exit(99);
    }
    close(control[1]), close(out[1]), close(extra[1]);
    r->control = control[0], r->out = out[0], r->extra = extra[0];
    assert_true(launch_plan_send(r->control, p));
}

/* All that comes until the end, or up to a line: what it is, with the folder of the test as HOME. */
static void tell_output(const char *whose, int fd, const char *until)
{
    static char text[65536];
    size_t n = 0;
    for (ssize_t k; n < sizeof text - 1 && (k = read(fd, text + n, until ? 1 : sizeof text - 1 - n)) > 0;) {
        n += (size_t)k;
        text[n] = '\0';
        if (until && strstr(text, until)) break;
    }
    text[n] = '\0';
    for (char *at; (at = strstr(text, home));) {
        memcpy(at, "HOME", 4);
        memmove(at + 4, at + strlen(home), strlen(at + strlen(home)) + 1);
    }
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));)
        if (rest || *line) golden_tell("  %s %s\n", whose, line);
}

static void tell_report(struct run *r)
{
    struct launch_report report = { 0 };
    if (recv(r->control, &report, sizeof report, MSG_WAITALL) != sizeof report) {
        golden_tell("  no report\n");
        return;
    }
    assert_int_equal(report.magic, LAUNCH_REPORT_MAGIC);
    if (report.end == LAUNCH_NOT_STARTED)
        golden_tell("  not started: %s: %s", report.text, strerror(report.error));
    else if (WIFSIGNALED(report.wait_status))
        golden_tell("  signal %d", WTERMSIG(report.wait_status));
    else
        golden_tell("  exit %d", WEXITSTATUS(report.wait_status));
    /* 250 ms: the start of a shell on a busy machine takes less, the loop of tell_ends more (730 to 840 here). */
    golden_tell(
        "%s%s%s%s%s, processor time %s, memory %s\n", report.left ? ", left some" : "",
        report.sandbox & LAUNCH_GOT_PROCESSES ? ", processes" : "", report.sandbox & LAUNCH_GOT_FILES ? ", files" : "",
        report.sandbox & LAUNCH_GOT_NETWORK ? ", network" : "", report.sandbox & LAUNCH_GOT_FILTER ? ", filter" : "",
        report.cpu_ms >= 250 ? "much" : "little", report.peak_bytes >= 300000 ? "some" : "none");
}

static void finish(struct run *r)
{
    int status;
    tell_output("|", r->out, NULL);
    tell_output("3|", r->extra, NULL);
    tell_report(r);
    close(r->control), close(r->out), close(r->extra);
    assert_int_equal(waitpid(r->launcher, &status, 0), r->launcher);
    golden_tell("  launcher %d\n\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

/* --- plans --- */

static char nicer[24]; /* the niceness of a program that is to be five nicer than this process */
static char *no_words[] = { NULL }, *environment[] = { "PATH=/usr/bin:/bin", "ONE=1", nicer, NULL };
static char *words[] = { "sh", "-c", NULL, NULL };

static struct launch_plan plan_of(enum launch_sandbox sandbox, const char *script)
{
    golden_tell("$ %s\n", script);
    words[2] = (char *)script;
    return (struct launch_plan){ .sandbox = sandbox,
                                 .network = true,
                                 .uid = UINT32_MAX,
                                 .gid = UINT32_MAX,
                                 .grace_ms = 10000,
                                 .file = "/bin/bash",
                                 .folder = work,
                                 .argv = words,
                                 .envp = environment,
                                 .hide = no_words };
}

static void tell_run(const struct launch_plan *p)
{
    struct run r;
    launch(&r, p);
    finish(&r);
}

static void tell(enum launch_sandbox sandbox, const char *script)
{
    const struct launch_plan p = plan_of(sandbox, script);
    tell_run(&p);
}

static void tell_limit(enum launch_limit limit, uint64_t value, const char *script)
{
    struct launch_plan p = plan_of(LAUNCH_SANDBOX_NONE, script);
    p.limits[limit] = value;
    tell_run(&p);
}

/* The node says these words once the program has said that it is there. */
static void tell_told(enum launch_sandbox sandbox, uint32_t grace_ms, const char *said, const char *script)
{
    struct run r;
    struct launch_plan p = plan_of(sandbox, script);
    p.grace_ms = grace_ms;
    golden_tell("  told %s, grace %u ms\n", *said ? said : "nothing: the node is gone", grace_ms);
    launch(&r, &p);
    tell_output("|", r.out, "ready\n");
    if (*said)
        assert_int_equal(send(r.control, said, strlen(said), MSG_NOSIGNAL), strlen(said));
    else
        shutdown(r.control, SHUT_RDWR);
    finish(&r);
}

static const char of_itself[] = "echo $PWD $ONE $#; umask; ulimit -Sc; ulimit -Hc; ls /proc/self/fd | tr '\\n' ' '; "
                                "env | sort | grep -vE '^(_|NICER)='";
static const char signals[] = "grep -E '^(Sig(Blk|Ign|Cgt)|NoNewPrivs|Seccomp):' /proc/self/status; set -- $(cat "
                              "/proc/$$/stat); test $6 = $$ && echo a session of its own";
static const char reach[] = "(exec 9<>/dev/tcp/127.0.0.1/1) 2>&1 | sed 's/.*: //'";
static const char stubborn[] = "trap '' TERM; echo ready; while :; do sleep 0.01; done";
static const char polite[] = "trap 'echo thanks; exit 3' TERM; echo ready; while :; do sleep 0.01; done";

static void tell_ends(enum launch_sandbox sandbox)
{
    tell(sandbox, "exit 7");
    tell(sandbox, "kill -ABRT $$");
    tell(sandbox, "i=0; while [ $i -lt 800000 ]; do i=$((i + 1)); done");
    tell(sandbox, "setsid sleep 1000 </dev/null >/dev/null 2>&1 & exit 0");
    tell(sandbox, "(setsid sh -c 'sleep 1000 & sleep 1000' &) >/dev/null 2>&1; exit 5");
    tell_told(sandbox, 10000, "T", polite);
    tell_told(sandbox, 100, "T", stubborn);
    tell_told(sandbox, 100, "TTT", stubborn);
    tell_told(sandbox, 0, "T", stubborn);
    tell_told(sandbox, 10000, "K", stubborn);
    tell_told(sandbox, 10000, "TK", stubborn);
    tell_told(sandbox, 10000, "", stubborn);
}

static void tell_not_started(enum launch_sandbox sandbox)
{
    struct launch_plan p = plan_of(sandbox, "no such folder");
    p.folder = "/nowhere/at/all";
    tell_run(&p);
    p = plan_of(sandbox, "no such program");
    p.file = "/nowhere/program";
    tell_run(&p);
    p = plan_of(sandbox, "a program that is none");
    p.file = secret;
    tell_run(&p);
}

static void tell_user(enum launch_sandbox sandbox)
{
    struct launch_plan p = plan_of(sandbox, "id -u; id -g; id -G; touch /root/x 2>&1 | sed 's/.*: //'");
    p.uid = p.gid = 65534;
    p.groups_n = 2;
    p.groups[0] = 4, p.groups[1] = 65534;
    tell_run(&p);
    p = plan_of(sandbox, "id -G");
    p.uid = 65534, p.gid = 7;
    tell_run(&p);
    p = plan_of(sandbox, "test $(nice) = $NICER && echo nicer by five");
    p.nice = 5;
    tell_run(&p);
}

static void tell_network(enum launch_sandbox sandbox)
{
    struct launch_plan p = plan_of(sandbox, reach);
    tell_run(&p);
    golden_tell("without a network: ");
    p = plan_of(sandbox, reach);
    p.network = false;
    tell_run(&p);
    p = plan_of(sandbox, signals);
    p.network = false;
    tell_run(&p);
}

static void tell_extra(enum launch_sandbox sandbox)
{
    struct launch_plan p = plan_of(sandbox, "echo hello >&3; ls /proc/self/fd | tr '\\n' ' '");
    p.extra = true;
    tell_run(&p);
    tell(sandbox, "{ echo hello >&3; } 2>&1 | sed 's/.*: //'");
}

static void without_namespaces(void **state)
{
    enum launch_sandbox none = LAUNCH_SANDBOX_NONE;
    tell(none, of_itself);
    tell(none, signals);
    tell_limit(LAUNCH_LIMIT_MEMORY, 512 << 20, "ulimit -Sv; ulimit -Hv");
    tell_limit(LAUNCH_LIMIT_CPU, 77, "ulimit -St; ulimit -Ht");
    tell_limit(LAUNCH_LIMIT_OPEN_FILES, 31, "ulimit -Sn; ulimit -Hn");
    tell_limit(LAUNCH_LIMIT_FILE_SIZE, 4096,
               "ulimit -Sf; ulimit -Hf; head -c 5000 /dev/zero >big; echo $?; stat -c %s big");
    tell_limit(LAUNCH_LIMIT_PROCESSES, 1234, "ulimit -Su; ulimit -Hu");
    tell_extra(none);
    tell_network(none);
    tell_user(none);
    tell_not_started(none);
    tell_ends(none);
    golden_is("vectors/prover/launch.txt");
}

static void with_namespaces(void **state)
{
    enum launch_sandbox all = LAUNCH_SANDBOX_NAMESPACES;
    char *hidden[] = { secret, "/nowhere/hidden", home, NULL };
    tell(all, of_itself);
    tell(all, "echo $$; set -- /proc/[0-9]*; echo $#; cd /; touch x 2>&1 | sed 's/.*: //'; echo 5 "
              ">/proc/self/oom_score_adj && echo proc is its own");
    struct launch_plan p =
        plan_of(all, "cat ../secret; touch ../beside 2>&1 | sed 's/.*: //'; echo yes >mine; cat mine; ls ..");
    tell_run(&p);
    golden_tell("hidden: ");
    p = plan_of(all, "cat ../secret; ls ..; echo yes >more; cat mine more; touch ../beside 2>&1 | sed 's/.*: //'");
    p.hide = hidden;
    tell_run(&p);
    hidden[1] = NULL;
    golden_tell("one file hidden: ");
    p = plan_of(all, "cat ../secret; ls ..");
    p.hide = hidden;
    tell_run(&p);
    tell_extra(all);
    tell_network(all);
    tell_user(all);
    tell_not_started(all);
    tell_ends(all);
    golden_is("vectors/prover/launch_apart.txt");
}

/* --- the plan on its way --- */

static void what_is_sent_is_received(void **state)
{
    static char *argv[LAUNCH_STRINGS_MAX + 2], *hide[] = { "/a", "/b", NULL }, *envp[] = { "A=1", "B=", NULL };
    int fds[2];
    struct launch_plan got, p = { .sandbox = LAUNCH_SANDBOX_NAMESPACES,
                                  .network = true,
                                  .uid = 1,
                                  .gid = 2,
                                  .grace_ms = 3,
                                  .nice = 4,
                                  .limits = { 5, 6, 7, 8, 9 },
                                  .groups = { 10, 11 },
                                  .groups_n = 2,
                                  .file = "/f",
                                  .folder = "/d",
                                  .argv = argv,
                                  .envp = envp,
                                  .hide = hide };
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    for (int i = 0; i < LAUNCH_STRINGS_MAX; i++) argv[i] = "w";
    for (int way = 0; way < 2; way++) {
        p.extra = way;
        p.network = !way;
        assert_true(launch_plan_send(fds[0], &p));
        assert_true(launch_plan_receive(&got, fds[1]));
        assert_true(got.sandbox == p.sandbox && got.network == p.network && got.extra == p.extra);
        assert_true(got.uid == 1 && got.gid == 2 && got.grace_ms == 3 && got.nice == 4 && got.groups_n == 2);
        assert_memory_equal(got.limits, p.limits, sizeof p.limits);
        assert_memory_equal(got.groups, p.groups, sizeof p.groups);
        assert_string_equal(got.file, "/f");
        assert_string_equal(got.folder, "/d");
        for (int i = 0; i < LAUNCH_STRINGS_MAX; i++) assert_string_equal(got.argv[i], "w");
        assert_null(got.argv[LAUNCH_STRINGS_MAX]);
        for (int i = 0; i < 2; i++) assert_string_equal(got.envp[i], envp[i]);
        for (int i = 0; i < 2; i++) assert_string_equal(got.hide[i], hide[i]);
        assert_true(!got.envp[2] && !got.hide[2]);
    }
    argv[LAUNCH_STRINGS_MAX] = "one more";
    assert_false(launch_plan_send(fds[0], &p));
    assert_int_equal(errno, E2BIG);
    close(fds[0]), close(fds[1]);
}

/* The most bytes that fit, and one more. */
static void a_plan_has_a_largest_size(void **state)
{
    static char large[LAUNCH_BYTES_MAX + 1];
    char *argv[] = { "w", NULL };
    int fds[2], most = LAUNCH_BYTES_MAX;
    const struct launch_plan p = { .file = large, .folder = "/d", .argv = argv };
    struct launch_plan got;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    memset(large, 'x', sizeof large - 1);
    for (;; large[most--] = '\0')
        if (launch_plan_send(fds[0], &p)) break;
    assert_true(launch_plan_receive(&got, fds[1]));
    size_t longest = strlen(got.file);
    assert_string_equal(got.argv[0], "w");
    golden_tell("the longest name of a program: %zu bytes\n", longest);
    golden_is("vectors/prover/launch_plan.txt");
    close(fds[0]), close(fds[1]);
}

/* Each 32-bit word of a plan's head in turn has its highest bit set: it is refused, or understood otherwise; and cut short, it is refused. */
static void what_is_no_plan_is_refused(void **state)
{
    char *argv[] = { "w", NULL }, bytes[4096];
    int fds[2];
    const struct launch_plan p = { .file = "/f", .folder = "/d", .argv = argv };
    struct launch_plan got;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_true(launch_plan_send(fds[0], &p));
    ssize_t n = recv(fds[1], bytes, sizeof bytes, 0);
    close(fds[0]), close(fds[1]);
    for (ssize_t cut = 0; cut <= n; cut++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        assert_int_equal(send(fds[0], bytes, (size_t)cut, 0), cut);
        close(fds[0]);
        assert_int_equal(launch_plan_receive(&got, fds[1]), cut == n);
        close(fds[1]);
    }
    for (size_t at = 3; at < 13 * 4; at += 4) {
        bytes[at] ^= (char)0x80;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        assert_int_equal(send(fds[0], bytes, (size_t)n, 0), n);
        close(fds[0]);
        golden_tell("%zu: %s\n", at / 4, launch_plan_receive(&got, fds[1]) ? "received" : "refused");
        close(fds[1]);
        bytes[at] ^= (char)0x80;
    }
    golden_is("vectors/prover/launch_bad_plan.txt");
}

static void by_hand_it_says_what_it_is(void **state)
{
    char line[128];
    FILE *in = popen(PV_LAUNCH_PATH " 2>&1 </dev/null 3>&-", "r");
    assert_non_null(fgets(line, sizeof line, in));
    assert_string_equal(line, "provost-launch: started by a node, not by hand\n");
    assert_int_equal(WEXITSTATUS(pclose(in)), 2);
}

static int begin(void **state)
{
    int now = getpriority(PRIO_PROCESS, 0);
    snprintf(nicer, sizeof nicer, "NICER=%d", now + 5 < 19 ? now + 5 : 19);
    temp_dir_make(home);
    snprintf(work, sizeof work, "%s/work", home);
    snprintf(secret, sizeof secret, "%s/secret", home);
    assert_int_equal(mkdir(work, 0777), 0);
    assert_int_equal(chmod(home, 0755), 0);
    assert_int_equal(chmod(work, 0777), 0);
    FILE *f = fopen(secret, "w");
    fputs("a secret\n", f);
    return fclose(f) || chmod(secret, 0755);
}

static int end(void **state)
{
    temp_dir_remove(home);
    return 0;
}

/* Whether this machine lets root have namespaces, which a container may not. */
static bool has_namespaces(void)
{
    return system("unshare -pmin true 2>/dev/null") == 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

/* "apart": the part with namespaces. */
int main(int argc, char **argv)
{
    const struct CMUnitTest plans[] = { TEST(what_is_sent_is_received), TEST(a_plan_has_a_largest_size),
                                        TEST(what_is_no_plan_is_refused), TEST(by_hand_it_says_what_it_is) };
    const struct CMUnitTest simple[] = { TEST(without_namespaces) }, apart[] = { TEST(with_namespaces) };
    bool is_apart = argc > 1 && !strcmp(argv[1], "apart");
    golden_writes(argc > 1 + is_apart);
    if (is_apart) return geteuid() || !has_namespaces() ? 77 : cmocka_run_group_tests(apart, NULL, NULL);
    int failed = cmocka_run_group_tests(plans, NULL, NULL);
    return geteuid() && !failed ? 77 : failed + cmocka_run_group_tests(simple, NULL, NULL);
}
