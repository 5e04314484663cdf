#include "program_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    ABOVE_THEIRS = 16,      /* the descriptors here do not overlap those that the launcher gets */
    PIPE_BYTES = 256 << 10, /* of stdout and stderr */
};

/* The ends of the launcher. */
struct theirs {
    int fds[LAUNCH_EXTRA + 1];
};

static int moved_up(int fd)
{
    int up = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, ABOVE_THEIRS);
    if (fd >= 0) close(fd);
    return up;
}

static bool pair_open(int *ours, int *their, bool socket)
{
    int fds[2];
    if (socket ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) : pipe2(fds, O_CLOEXEC)) return false;
    *ours = moved_up(fds[0]);
    *their = moved_up(fds[1]);
    if (!socket)
        (void)fcntl(*ours, F_SETPIPE_SZ, PIPE_BYTES); /* fewer turns between the two; a refusal only costs time */
    return *ours >= 0 && *their >= 0 && !fcntl(*ours, F_SETFL, O_NONBLOCK);
}

static bool streams_open(struct program_process *p, struct theirs *t, const struct launch_plan *plan, int input)
{
    t->fds[0] =
        input < 0 ? moved_up(open("/dev/null", O_RDONLY | O_CLOEXEC)) : fcntl(input, F_DUPFD_CLOEXEC, ABOVE_THEIRS);
    return t->fds[0] >= 0 && pair_open(&p->streams[PROGRAM_OUT], &t->fds[1], false) &&
           pair_open(&p->streams[PROGRAM_ERRORS], &t->fds[2], false) &&
           pair_open(&p->streams[PROGRAM_CONTROL], &t->fds[LAUNCH_CONTROL], true) &&
           (!plan->extra || pair_open(&p->streams[PROGRAM_EXTRA], &t->fds[LAUNCH_EXTRA], false));
}

/* Its environment is empty: what the program gets is in the plan, and means nothing to the launcher. */
static int start(struct program_process *p, const char *launcher, const struct theirs *t)
{
    char *const argv[] = { "provost-launch", NULL }, *const none[] = { NULL };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t all, nothing;
    sigfillset(&all);
    sigemptyset(&nothing);
    int error = posix_spawn_file_actions_init(&actions);
    if (error) return error;
    error = posix_spawnattr_init(&attr);
    for (int fd = 0; !error && fd <= LAUNCH_EXTRA; fd++)
        if (t->fds[fd] >= 0) error = posix_spawn_file_actions_adddup2(&actions, t->fds[fd], fd);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setsigmask(&attr, &nothing);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    if (!error) error = posix_spawn(&p->launcher, launcher, &actions, &attr, argv, none);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

void program_stream_close(struct program_process *p, enum program_stream s)
{
    if (p->streams[s] >= 0) close(p->streams[s]);
    p->streams[s] = -1;
}

static void all_close(struct program_process *p)
{
    for (int s = 0; s < PROGRAM_STREAMS; s++) program_stream_close(p, (enum program_stream)s);
}

/* A plan fits the socket's buffer; a launcher that is not ours, and ends at once, gives EPIPE. */
static pv_status plan_say(struct program_process *p, const struct launch_plan *plan, struct prove_error *err)
{
    if (launch_plan_send(p->streams[PROGRAM_CONTROL], plan)) return PV_OK;
    int error = errno;
    all_close(p); /* the end of the socket ends the launcher */
    waitpid(p->launcher, NULL, 0);
    return prove_error_set(err, PV_FAILED, "the launcher takes no plan: %s", strerror(error));
}

pv_status program_spawn(struct program_process *p, const char *launcher, const struct launch_plan *plan, int input,
                        struct prove_error *err)
{
    struct theirs t = { .fds = { -1, -1, -1, -1, -1 } };
    *p = (struct program_process){ .streams = { -1, -1, -1, -1 } };
    int error = streams_open(p, &t, plan, input) ? start(p, launcher, &t) : errno;
    for (int fd = 0; fd <= LAUNCH_EXTRA; fd++)
        if (t.fds[fd] >= 0) close(t.fds[fd]);
    if (!error) return plan_say(p, plan, err);
    all_close(p);
    return prove_error_set(err, PV_FAILED, "%.150s: %s", launcher, strerror(error));
}
