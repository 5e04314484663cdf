#include "confine.h"

#include "net_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static bool failed(struct confine_fault *f, const char *what, const char *of)
{
    f->error = errno;
    snprintf(f->text, sizeof f->text, "%s%s%.120s", what, *of ? " " : "", of);
    return false;
}

static bool line_write(const char *path, const char *line)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool wrote = write(fd, line, strlen(line)) == (ssize_t)strlen(line);
    return !close(fd) && wrote;
}

/* The user keeps its number in the namespace: to the program nothing is different. */
static bool ids_map(uid_t uid, gid_t gid)
{
    char line[64];
    if (!line_write("/proc/self/setgroups", "deny")) return false;
    snprintf(line, sizeof line, "%u %u 1", gid, gid);
    if (!line_write("/proc/self/gid_map", line)) return false;
    snprintf(line, sizeof line, "%u %u 1", uid, uid);
    return line_write("/proc/self/uid_map", line);
}

unsigned confine_namespaces(const struct launch_plan *p, struct confine_fault *fault)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    int flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC;
    if (p->sandbox == LAUNCH_SANDBOX_NONE) return 0;
    if (uid) flags |= CLONE_NEWUSER;
    if (!p->network) flags |= CLONE_NEWNET;
    if (unshare(flags) || (uid && !ids_map(uid, gid))) {
        if (p->sandbox == LAUNCH_SANDBOX_NAMESPACES) failed(fault, "namespaces", "");
        return 0;
    }
    return LAUNCH_GOT_PROCESSES | (p->network ? 0 : LAUNCH_GOT_NETWORK);
}

static bool limit_set(int which, uint64_t value)
{
    struct rlimit now;
    if (!value) return true;
    if (getrlimit(which, &now)) return false;
    if (now.rlim_max != RLIM_INFINITY && value > now.rlim_max) value = now.rlim_max;
    struct rlimit wanted = { value, value };
    if (which == RLIMIT_CPU && value < RLIM_INFINITY - 1) wanted.rlim_max = value + 1; /* XCPU first, then KILL */
    if (now.rlim_max != RLIM_INFINITY && wanted.rlim_max > now.rlim_max) wanted.rlim_max = now.rlim_max;
    return !setrlimit(which, &wanted);
}

static bool limits_set(const struct launch_plan *p)
{
    static const int which[LAUNCH_LIMITS] = { [LAUNCH_LIMIT_MEMORY] = RLIMIT_AS,
                                              [LAUNCH_LIMIT_CPU] = RLIMIT_CPU,
                                              [LAUNCH_LIMIT_OPEN_FILES] = RLIMIT_NOFILE,
                                              [LAUNCH_LIMIT_FILE_SIZE] = RLIMIT_FSIZE,
                                              [LAUNCH_LIMIT_PROCESSES] = RLIMIT_NPROC };
    const struct rlimit no_core = { 0, 0 };
    for (size_t i = 0; i < LAUNCH_LIMITS; i++)
        if (!limit_set(which[i], p->limits[i])) return false;
    return !setrlimit(RLIMIT_CORE, &no_core);
}

/* With autogroups (sched(7)) a process's own niceness counts within its session alone, and the session has one of its own. */
static void niceness_set(uint32_t n)
{
    char text[16];
    if (!n) return;
    (void)!nice((int)n);
    snprintf(text, sizeof text, "%u", n);
    (void)line_write("/proc/self/autogroup", text);
}

static bool user_set(const struct launch_plan *p)
{
    gid_t groups[LAUNCH_GROUPS_MAX];
    if (p->uid == UINT32_MAX) return true;
    for (uint32_t i = 0; i < p->groups_n; i++) groups[i] = p->groups[i];
    return !setgroups(p->groups_n, groups) && !setresgid(p->gid, p->gid, p->gid) && !setresuid(p->uid, p->uid, p->uid);
}

static void signals_reset(void)
{
    sigset_t none;
    sigemptyset(&none);
    for (int s = 1; s < NSIG; s++) signal(s, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

bool confine_self(const struct launch_plan *p, unsigned got, struct confine_fault *f)
{
    pid_t parent = getppid();
    if (setsid() < 0) return failed(f, "setsid", "");
    if (chdir(p->folder)) return failed(f, "chdir", p->folder);
    if (!limits_set(p)) return failed(f, "limits", "");
    niceness_set(p->nice);
    if (!user_set(p)) return failed(f, "run_as", "");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return failed(f, "no_new_privs", "");
    if (!p->network && !(got & LAUNCH_GOT_NETWORK)) {
        if (!net_filter_set()) return failed(f, "seccomp", "");
    }
    umask(077);
    signals_reset();
    /* After the user, because a change of user takes it away. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL)) return failed(f, "parent's death", "");
    if (getppid() != parent) _exit(1);
    return true;
}
