/* A child for tests of the supervisor: it does what its first argument, or a job, says.
 *
 *      serve            takes the jobs below on two threads     stubborn   the same, and TERM means nothing to it
 *      refuse TEXT      says that it cannot serve
 *      mute             never says that it is ready             garbage    says bytes that are no frame
 *      early            says DONE to a job that nobody gave      flood      says PONG for ever
 *      dies             ends with status 7 at once              unread     is ready and reads nothing
 *      silent           is ready, and stops itself (SIGSTOP) */
#include "child_actor.h"

#include "child_serve.h"
#include "shared_bytes.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void say(uint16_t kind, uint32_t tag)
{
    const struct frame f = { .kind = kind, .tag = tag };
    if (frame_write(CHILD_SOCKET, &f, -1) != PV_OK) exit(0);
}

static void wait_for_ever(void)
{
    for (;;) pause();
}

/* Open descriptors but that of the listing, variables of ours, blocked or ignored signals: "fds=4 env=0 signals=0". */
static void surroundings(struct child_answer *a)
{
    int fds = 0, env = 0, signals = 0;
    sigset_t blocked;
    struct sigaction act;
    DIR *open = opendir("/proc/self/fd");
    for (struct dirent *e; open && (e = readdir(open));) fds += e->d_name[0] != '.';
    if (open) closedir(open);
    for (char **e = environ; *e; e++)
        env += !strncmp(*e, "PROVOST_", 8) && strncmp(*e, CHILD_PARENT, strlen(CHILD_PARENT)) != 0;
    sigprocmask(SIG_BLOCK, NULL, &blocked);
    for (int i = 1; i < 32; i++)
        signals += sigismember(&blocked, i) == 1 || (sigaction(i, NULL, &act) == 0 && act.sa_handler == SIG_IGN);
    a->bytes = (size_t)snprintf((char *)a->body, sizeof a->body, "fds=%d env=%d signals=%d extra=%s", fds - 1, env,
                                signals, getenv("ACTOR_EXTRA") ? getenv("ACTOR_EXTRA") : "");
}

static pv_status add_up(struct child_job *job, struct child_answer *a)
{
    struct shared_bytes s;
    uint32_t sum = 0, bytes;
    memcpy(&bytes, job->body, sizeof bytes);
    int fd = job->fds[0];
    job->fds[0] = -1;
    pv_status status = shared_bytes_of(&s, fd, bytes);
    if (status != PV_OK) return status;
    for (size_t i = 0; i < s.bytes; i++) sum += s.at[i];
    memcpy(a->body, &sum, a->bytes = sizeof sum);
    shared_bytes_clear(&s);
    return PV_OK;
}

/* A grandchild that has all that its parent has open and lives on, in a session of its own or not. */
static void leave_a_grandchild(struct child_answer *a, bool session)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (session) setsid();
        wait_for_ever();
    }
    memcpy(a->body, &pid, a->bytes = sizeof pid);
}

static pv_status until_stopped(struct child_job *job)
{
    child_progress(job, "waiting", 10);
    while (!atomic_load(&job->stop)) usleep(1000);
    return PV_CANCELLED;
}

static pv_status run(void *arg, struct child_job *job, struct child_answer *a)
{
    switch ((enum child_actor_job)job->kind) {
    case ACTOR_ECHO: memcpy(a->body, job->body, a->bytes = job->bytes); return PV_OK;
    case ACTOR_HANG: wait_for_ever(); return PV_OK;
    case ACTOR_CRASH: raise(SIGUSR1); return PV_OK; /* no sanitizer catches it */
    case ACTOR_EXIT: fputs("the last words\n", stderr); _exit(9);
    case ACTOR_UNTIL_STOPPED: return until_stopped(job);
    case ACTOR_FAIL: strcpy(a->why, "as it was told"); return PV_BAD_WITNESS;
    case ACTOR_BREAK: strcpy(a->why, "an illegal memory access"); return PV_DEVICE;
    case ACTOR_SURROUNDINGS: surroundings(a); return PV_OK;
    case ACTOR_ADD_UP: return add_up(job, a);
    case ACTOR_GRANDCHILD: leave_a_grandchild(a, false); return PV_OK;
    case ACTOR_ESCAPED_GRANDCHILD: leave_a_grandchild(a, true); return PV_OK;
    case ACTOR_LARGE: a->bytes = sizeof a->body; return PV_OK;
    case ACTOR_CHATTER:
        for (int i = 0; i < 100000; i++) fputs("all work and no play\n", stderr);
        return PV_OK;
    }
    strcpy(a->why, "no such job");
    return PV_INVALID_INPUT;
}

static int serve(void)
{
    static const struct child_serve_options o = { .threads = 2, .run = run };
    const struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_CORE, &none);
    return child_serve(&o, (const uint8_t *)"facts", 5);
}

static int begun(const char *what, const char *text)
{
    if (!strcmp(what, "serve")) return serve();
    if (!strcmp(what, "refuse")) return child_refuse(text);
    if (!strcmp(what, "mute")) wait_for_ever();
    if (!strcmp(what, "dies")) return 7;
    if (!strcmp(what, "early")) say(CHILD_READY, 0), say(CHILD_DONE, UINT32_MAX), wait_for_ever();
    if (!strcmp(what, "silent")) say(CHILD_READY, 0), raise(SIGSTOP), wait_for_ever();
    if (!strcmp(what, "unread")) say(CHILD_READY, 0), wait_for_ever();
    if (!strcmp(what, "garbage")) (void)!write(CHILD_SOCKET, "Traceback (most recent call last)", 33), wait_for_ever();
    if (!strcmp(what, "flood"))
        for (say(CHILD_READY, 0);;) say(CHILD_PONG, 1);
    return 2;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (!child_begin()) return 2;
    if (!strcmp(what, "stubborn")) signal(SIGTERM, SIG_IGN), what = "serve";
    return begun(what, argc > 2 ? argv[2] : "");
}
