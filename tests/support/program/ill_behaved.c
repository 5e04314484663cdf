/* A program that behaves as its first argument says: what a handler's program may do to a node.
 *
 *      ill_behaved HOW [ARGUMENT...]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char block[1 << 16];

static void copy(int from, int to)
{
    for (ssize_t n; (n = read(from, block, sizeof block)) > 0;)
        if (write(to, block, (size_t)n) != n) exit(3);
}

static int open_or_exit(const char *path, int flags)
{
    int fd = open(path, flags, 0600);
    if (fd < 0) {
        perror(path);
        exit(4);
    }
    return fd;
}

static void write_text(const char *path, const char *text)
{
    int fd = open_or_exit(path, O_WRONLY | O_CREAT | O_TRUNC);
    if (write(fd, text, strlen(text)) < 0) exit(3);
    close(fd);
}

static int do_copy(char **a) /* INPUT RESULT */
{
    copy(open_or_exit(a[0], O_RDONLY), open_or_exit(a[1], O_WRONLY | O_CREAT | O_TRUNC));
    return 0;
}

static int do_cat(char **a)
{
    copy(0, 1);
    return 0;
}

static __attribute__((noreturn)) int do_hang(char **a)
{
    for (;;) pause();
}

static __attribute__((noreturn)) int do_deaf(char **a) /* TERM does nothing to it */
{
    signal(SIGTERM, SIG_IGN);
    for (;;) pause();
}

static int do_slow(char **a) /* SECONDS: dies so long after TERM; MARK is written then */
{
    sigset_t term;
    int got;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL);
    sigwait(&term, &got);
    usleep((useconds_t)(atof(a[0]) * 1e6));
    write_text(a[1], "done\n");
    return 0;
}

static int do_exit(char **a) /* STATUS [TEXT] */
{
    if (a[1]) fprintf(stderr, "%s\n", a[1]);
    return atoi(a[0]);
}

static int do_crash(char **a)
{
    fprintf(stderr, "about to crash\n");
    raise(SIGSEGV);
    return 0;
}

static int do_flood(char **a) /* DESCRIPTOR, and stderr if it is 2 */
{
    memset(block, 'x', sizeof block);
    int fd = atoi(a[0]);
    for (unsigned long long left = 10ull << 30; left; left -= sizeof block)
        if (write(fd, block, sizeof block) < 0) return 5;
    return 0;
}

static int do_grow(char **a) /* FILE: without end */
{
    int fd = open_or_exit(a[0], O_WRONLY | O_CREAT);
    signal(SIGXFSZ, SIG_IGN);
    while (write(fd, block, sizeof block) > 0) {
    }
    fprintf(stderr, "%s\n", strerror(errno));
    return 6;
}

/* A grandchild in a session of its own, which ignores TERM; its process id, as this program sees it, goes to PIDFILE. */
static void daemon_start(const char *late)
{
    if (fork()) return;
    setsid();
    if (fork()) _exit(0);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    if (late) {
        usleep(300000);
        write_text(late, "written after the exit\n");
    }
    for (;;) pause();
}

static int do_daemon(char **a) /* INPUT RESULT, then exits and leaves a daemon behind that writes RESULT again */
{
    daemon_start(a[1]);
    wait(NULL);
    return do_copy(a);
}

static int do_daemons(char **a) /* N of them, and then hangs, deaf */
{
    for (int n = atoi(a[0]); n > 0; n--) {
        daemon_start(NULL);
        wait(NULL);
    }
    fprintf(stderr, "50 daemons\n");
    return do_deaf(a);
}

static __attribute__((noreturn)) int
do_forks(char **a) /* children of children, as many as it may have; none of them waits */
{
    for (;;)
        if (fork() < 0) usleep(1000);
}

static int do_silent(char **a) /* success without a result */
{
    return 0;
}

static int do_two(char **a) /* INPUT RESULT: and one more beside it */
{
    write_text("result/another", "second\n");
    return do_copy(a);
}

static int do_link(char **a) /* RESULT TO: the result is a link */
{
    return symlink(a[1], a[0]) ? 4 : 0;
}

static int do_hard(char **a) /* RESULT: a second name of a file */
{
    write_text("first", "x");
    return link("first", a[0]) ? 4 : 0;
}

static int do_pipe(char **a) /* RESULT: a fifo, which nobody will ever write to */
{
    return mkfifo(a[0], 0600) ? 4 : 0;
}

static int do_progress(char **a) /* INPUT RESULT DESCRIPTOR */
{
    int fd = atoi(a[2]);
    dprintf(fd, "0 load\n50%% witness 12s\rnot progress at all\n");
    usleep(300000);
    dprintf(fd, "100 prove 0\n7 cut off");
    return do_copy(a);
}

static int do_deep(char **a) /* N folders in one another, and a link out; then no rights to any of it */
{
    for (int n = atoi(a[0]); n > 0; n--)
        if (mkdir("d", 0700) || chdir("d") || symlink("/etc", "out")) return 4;
    chmod(".", 0);
    chmod("..", 0);
    return 7;
}

static int do_memory(char **a) /* MEGABYTES */
{
    size_t n = (size_t)atoi(a[0]) << 20;
    char *p = malloc(n);
    if (!p) {
        fprintf(stderr, "no memory\n");
        return 10;
    }
    memset(p, 1, n);
    return 0;
}

static __attribute__((noreturn)) int do_spin(char **a)
{
    for (volatile unsigned long n = 0;; n++) {
    }
}

/* --- as whom: each prints a line NAME=WHAT to RESULT --- */

static void may_read(FILE *to, const char *name, const char *path)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    ssize_t n = fd >= 0 ? read(fd, block, sizeof block) : -1;
    fprintf(to, "%s=%s\n", name,
            fd < 0                     ? strerror(errno)
            : n < 0 && errno != EISDIR ? strerror(errno)
            : n == 0                   ? "empty"
                                       : "read");
    if (fd >= 0) close(fd);
}

static unsigned entries(const char *path)
{
    unsigned n = 0;
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) n += e->d_name[0] != '.';
    if (d) closedir(d);
    return n;
}

static void may_connect(FILE *to, const char *port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port)) };
    inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
    int s = socket(AF_INET, SOCK_STREAM, 0);
    bool done = s >= 0 && !connect(s, (struct sockaddr *)&at, sizeof at);
    fprintf(to, "network=%s\n", done ? "connected" : strerror(errno));
    if (s >= 0) close(s);
}

static unsigned open_descriptors(void)
{
    unsigned n = 0;
    for (int fd = 0; fd < 1024; fd++) n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static unsigned processes_seen(void)
{
    unsigned n = 0;
    DIR *d = opendir("/proc");
    for (struct dirent *e; d && (e = readdir(d));) n += e->d_name[0] >= '1' && e->d_name[0] <= '9';
    if (d) closedir(d);
    return n;
}

static int do_look(char **a) /* RESULT KEY SPOOL WORK PORT NODE */
{
    FILE *to = fopen(a[0], "w");
    if (!to) return 4;
    may_read(to, "key", a[1]);
    fprintf(to, "spool=%u\n", entries(a[2]));
    fprintf(to, "others=%u\n", entries(a[3]));
    may_connect(to, a[4]);
    fprintf(to, "uid=%u\n", geteuid());
    fprintf(to, "descriptors=%u\n", open_descriptors());
    fprintf(to, "processes=%u\n", processes_seen());
    fprintf(to, "kill=%s\n", kill(atoi(a[5]), 0) ? strerror(errno) : "reached");
    fprintf(to, "new_privileges=%s\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) ? "no" : "yes");
    fprintf(to, "session=%s\n", getsid(0) == getpid() ? "own" : "shared");
    int fd = open("/tmp/ill-behaved-was-here", O_WRONLY | O_CREAT, 0600);
    fprintf(to, "elsewhere=%s\n", fd < 0 ? strerror(errno) : "written");
    fprintf(to, "secret=%s\n", getenv("PROGRAM_TEST_SECRET") ? "seen" : "not seen");
    fprintf(to, "allowed=%s\n", getenv("PROGRAM_TEST_ALLOWED") ? getenv("PROGRAM_TEST_ALLOWED") : "not seen");
    return fclose(to) ? 4 : 0;
}

static const struct {
    const char *name;
    int (*run)(char **arguments);
    int needs;
} ways[] = { { "copy", do_copy, 2 },     { "cat", do_cat, 0 },         { "hang", do_hang, 0 },
             { "deaf", do_deaf, 0 },     { "slow", do_slow, 2 },       { "exit", do_exit, 1 },
             { "crash", do_crash, 0 },   { "flood", do_flood, 1 },     { "grow", do_grow, 1 },
             { "daemon", do_daemon, 2 }, { "daemons", do_daemons, 1 }, { "forks", do_forks, 0 },
             { "silent", do_silent, 0 }, { "two", do_two, 2 },         { "link", do_link, 2 },
             { "hard", do_hard, 1 },     { "pipe", do_pipe, 1 },       { "progress", do_progress, 3 },
             { "deep", do_deep, 1 },     { "memory", do_memory, 1 },   { "spin", do_spin, 0 },
             { "look", do_look, 6 } };

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof ways / sizeof *ways; i++)
        if (!strcmp(argv[1], ways[i].name) && argc - 2 >= ways[i].needs) return ways[i].run(argv + 2);
    printf("ill_behaved 1.0\n");
    return argc > 1 && strcmp(argv[1], "--version") ? 2 : 0;
}
