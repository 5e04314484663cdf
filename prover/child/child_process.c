#include "child_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

/* Settings of this program, such as where its key is, are none of a child's. */
static const char own_prefix[] = "PROVOST_";

static size_t name_bytes(const char *entry)
{
    return strcspn(entry, "=");
}

static bool is_set(const char *entry, const char *const *set)
{
    size_t n = name_bytes(entry);
    for (; set && *set; set++)
        if (name_bytes(*set) == n && !strncmp(*set, entry, n)) return true;
    return false;
}

/* The strings are borrowed. NULL: no memory. */
static const char **environment_new(const char *const *set, const char *parent)
{
    size_t all = CHILD_ENV_MAX + 2, n = 0;
    for (char **e = environ; e && *e; e++) all++;
    const char **env = calloc(all, sizeof *env);
    if (!env) return NULL;
    for (char **e = environ; e && *e; e++)
        if (strncmp(*e, own_prefix, sizeof own_prefix - 1) != 0 && !is_set(*e, set)) env[n++] = *e;
    for (unsigned i = 0; set && set[i] && i < CHILD_ENV_MAX; i++)
        if (set[i][name_bytes(set[i])] == '=' && set[i][name_bytes(set[i]) + 1]) env[n++] = set[i];
    env[n] = parent;
    return env;
}

/* What the child has open: nothing else, whatever was opened in this process without close-on-exec. */
static int files_plan(posix_spawn_file_actions_t *files, int socket, int said)
{
    int e = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);
    if (!e) e = posix_spawn_file_actions_adddup2(files, said, 1);
    if (!e) e = posix_spawn_file_actions_adddup2(files, said, 2);
    if (!e) e = posix_spawn_file_actions_adddup2(files, socket, CHILD_SOCKET);
    if (!e) e = posix_spawn_file_actions_addclosefrom_np(files, CHILD_SOCKET + 1);
    return e;
}

static int attributes_plan(posix_spawnattr_t *how)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int e = posix_spawnattr_setsigmask(how, &none);
    if (!e) e = posix_spawnattr_setsigdefault(how, &all);
    if (!e) e = posix_spawnattr_setflags(how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    return e;
}

static int spawn(pid_t *pid, const struct child_program *p, const char **env, int socket, int said)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    int e = posix_spawn_file_actions_init(&files);
    if (e) return e;
    e = posix_spawnattr_init(&how);
    if (!e) {
        e = files_plan(&files, socket, said);
        if (!e) e = attributes_plan(&how);
        if (!e)
            e = posix_spawn(pid, p->argv[0], &files, &how, (char *const *)(uintptr_t)p->argv,
                            (char *const *)(uintptr_t)env);
        posix_spawnattr_destroy(&how);
    }
    posix_spawn_file_actions_destroy(&files);
    return e;
}

static int start(struct child_process *c, const struct child_program *p, const int sockets[2], const int said[2])
{
    char parent[64];
    snprintf(parent, sizeof parent, CHILD_PARENT "=%ld", (long)getpid());
    const char **env = environment_new(p->env, parent);
    if (!env) return ENOMEM;
    int e = spawn(&c->pid, p, env, sockets[1], said[1]);
    free(env);
    if (e) return e;
    c->end = (int)syscall(SYS_pidfd_open, c->pid, 0);
    c->socket = sockets[0];
    c->said = said[0];
    return 0;
}

static void not_blocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0) (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static void close_one(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

pv_status child_process_start(struct child_process *c, const struct child_program *program, char why[CHILD_TEXT_BYTES])
{
    struct child_process made = { .end = -1, .socket = -1, .said = -1 };
    int sockets[2] = { -1, -1 }, said[2] = { -1, -1 };
    int e = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) || pipe2(said, O_CLOEXEC) ? errno : 0;
    if (!e) e = start(&made, program, sockets, said);
    close_one(&sockets[1]);
    close_one(&said[1]);
    if (e) {
        close_one(&sockets[0]);
        close_one(&said[0]);
        snprintf(why, CHILD_TEXT_BYTES, "%.160s cannot be started: %s", program->argv[0], strerror(e));
        return PV_IO;
    }
    not_blocking(made.socket);
    not_blocking(made.said);
    *c = made;
    return PV_OK;
}

/* The group is its own from the first instruction on (POSIX_SPAWN_SETSID). */
void child_process_kill(const struct child_process *c)
{
    if (c->pid <= 0) return;
    (void)kill(-c->pid, SIGKILL);
    (void)kill(c->pid, SIGKILL);
}

void child_process_abandon(struct child_process *c)
{
    close_one(&c->end);
    close_one(&c->socket);
    close_one(&c->said);
    c->pid = 0;
}

/* The group is killed while the zombie still keeps its number from being given to others. */
bool child_process_reap(struct child_process *c, int *status)
{
    siginfo_t info = { 0 };
    if (c->pid <= 0) return false;
    if (waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0) return false;
    (void)kill(-c->pid, SIGKILL);
    if (waitpid(c->pid, status, WNOHANG) != c->pid) *status = 0;
    child_process_abandon(c);
    return true;
}

void child_process_how(char text[CHILD_TEXT_BYTES], int status)
{
    if (WIFSIGNALED(status))
        snprintf(text, CHILD_TEXT_BYTES, "killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(text, CHILD_TEXT_BYTES, "ended with status %d", WEXITSTATUS(status));
}
