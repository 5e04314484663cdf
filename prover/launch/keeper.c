/* Two ways to reach everything that descends from the program. In a namespace of processes, whose first one the keeper is,
 * kill(-1) meets all of it at once, and nothing can be forked past it. Without, the keeper is a subreaper: orphans come to
 * it, and the tree is walked until it is empty. */
#include "keeper.h"

#include "confine.h"
#include "descendants.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { AGAIN_US = 500, OWN_DESCRIPTORS = 11 }; /* those below are the program's, or about to be */

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Whether there is anything to signal. */
static bool all_signal(const struct keeper *k, int signal)
{
    if (k->got & LAUNCH_GOT_PROCESSES) return !kill(-1, signal);
    return descendants_signal(signal) > 0;
}

static int moved_up(int fd)
{
    int up = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, OWN_DESCRIPTORS);
    if (fd >= 0) close(fd);
    return up;
}

/* --- the child --- */

static void become(const struct keeper *k, int news)
{
    struct confine_fault fault = { 0 };
    if (k->plan->extra && dup2(LAUNCH_EXTRA, LAUNCH_CONTROL) < 0) fault.error = errno;
    if (k->plan->extra) close(LAUNCH_EXTRA);
    if (!fault.error && confine_self(k->plan, k->got, &fault)) {
        execve(k->plan->file, k->plan->argv, k->plan->envp);
        fault.error = errno;
        strncpy(fault.text, "execute", sizeof fault.text - 1);
    }
    (void)!write(news, &fault, sizeof fault);
    _exit(127);
}

/* Returns its process id, or -1 with the fault. The pipe closes when the program is executed. */
static pid_t begin(const struct keeper *k, struct confine_fault *fault)
{
    int news[2];
    if (pipe2(news, O_CLOEXEC)) return fault->error = errno, -1;
    news[0] = moved_up(news[0]);
    news[1] = moved_up(news[1]);
    pid_t pid = news[0] >= 0 && news[1] >= 0 ? fork() : -1;
    if (!pid) {
        close(news[0]);
        become(k, news[1]);
    }
    if (pid < 0) fault->error = errno;
    close(news[1]);
    ssize_t n = pid > 0 ? read(news[0], fault, sizeof *fault) : 0;
    close(news[0]);
    if (pid > 0 && n > 0) {
        waitpid(pid, NULL, 0);
        return -1;
    }
    return pid;
}

/* --- the end --- */

struct end {
    bool program, all; /* it has ended; there is no process left */
};

static void used_note(struct launch_report *r, const struct rusage *used)
{
    r->cpu_ms = (uint64_t)(used->ru_utime.tv_sec + used->ru_stime.tv_sec) * 1000 +
                (uint64_t)(used->ru_utime.tv_usec + used->ru_stime.tv_usec) / 1000;
    r->peak_bytes = (uint64_t)used->ru_maxrss << 10;
}

/* Takes every process that has ended. */
static void reap(struct end *e, pid_t program, struct launch_report *r)
{
    int status;
    struct rusage used;
    pid_t pid;
    while ((pid = wait4(-1, &status, WNOHANG, &used)) > 0) {
        if (pid != program) continue;
        e->program = true;
        r->wait_status = status;
        used_note(r, &used);
    }
    e->all = pid < 0 && errno == ECHILD;
}

/* No descendant survives this: a process whose parent has ended is a child of this one. */
static void clear(const struct keeper *k, pid_t program, struct launch_report *r)
{
    struct end e = { 0 };
    for (;;) {
        all_signal(k, SIGKILL);
        reap(&e, program, r);
        if (e.all) return;
        usleep(AGAIN_US);
    }
}

/* --- in between --- */

struct watch {
    struct pollfd fds[2]; /* the node's words, children that end */
    uint64_t kill_ms;     /* 0: not told to stop */
    bool gone;            /* the node */
};

/* What the node says. True: kill now. */
static bool is_told(struct watch *w, const struct keeper *k)
{
    char word = 0;
    ssize_t n = recv(k->control, &word, 1, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    w->gone = n <= 0;
    if (n <= 0 || word != LAUNCH_STOP) return true;
    if (w->kill_ms) return false;
    w->kill_ms = now_ms() + k->plan->grace_ms;
    all_signal(k, SIGTERM);
    return !k->plan->grace_ms;
}

static int wait_ms(const struct watch *w)
{
    uint64_t now = now_ms();
    if (!w->kill_ms) return -1;
    return w->kill_ms > now ? (int)(w->kill_ms - now) : 0;
}

/* Until the program has ended by itself, or has to. True: it has. */
static bool wait_for_end(struct watch *w, const struct keeper *k, pid_t program, struct launch_report *r)
{
    struct signalfd_siginfo info;
    struct end e = { 0 };
    for (;;) {
        if (poll(w->fds, 2, wait_ms(w)) < 0 && errno != EINTR) return false;
        if (w->fds[1].revents) (void)!read(w->fds[1].fd, &info, sizeof info);
        reap(&e, program, r);
        if (e.program) return true;
        if (w->fds[0].revents && is_told(w, k)) return false;
        if (w->kill_ms && now_ms() >= w->kill_ms) return false;
    }
}

static int children_watch(void)
{
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    return moved_up(signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
}

bool keeper_run(const struct keeper *k, struct launch_report *r)
{
    struct confine_fault fault = { 0 };
    struct watch w = { .fds = { { .fd = k->control, .events = POLLIN },
                                { .fd = children_watch(), .events = POLLIN } } };
    pid_t program = begin(k, &fault);
    if (program < 0) {
        r->end = LAUNCH_NOT_STARTED;
        r->error = fault.error;
        memcpy(r->text, fault.text, sizeof r->text);
        return true;
    }
    /* The program's streams are its own: held here too, they would look open after its end. */
    for (int fd = 0; fd <= LAUNCH_EXTRA; fd++) close(fd);
    if (wait_for_end(&w, k, program, r)) r->left = all_signal(k, 0);
    clear(k, program, r);
    r->end = LAUNCH_ENDED;
    return !w.gone;
}
