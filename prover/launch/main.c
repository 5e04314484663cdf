/* provost-launch: stands between a node and a program that it runs for a task (launch_plan.h). It is small and starts from
 * nothing, so that a node with gigabytes of keys forks none of them; it takes from the program whatever it is not given, and
 * leaves nothing of it behind. It is not meant to be called by hand.
 *
 *      node -- posix_spawn --> provost-launch -- fork --> keeper (first of its namespace) -- fork, execve --> program
 *
 * Without namespaces both are subreapers, so that one of them may be killed. */
#include "confine.h"
#include "descendants.h"
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CONTROL_HERE = 10 };

static void report_send(int control, const struct launch_report *r)
{
    (void)!send(control, r, sizeof *r, MSG_NOSIGNAL);
}

static int keep(struct keeper *k)
{
    struct launch_report r = { .magic = LAUNCH_REPORT_MAGIC };
    struct confine_fault fault = { 0 };
#ifndef __SANITIZE_ADDRESS__   /* whose leak check traces its own process */
    prctl(PR_SET_DUMPABLE, 0); /* the program may be of the same user: it must not reach into this process */
#endif
    if (k->got & LAUNCH_GOT_PROCESSES) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        k->got |= confine_files(k->plan, &fault);
    } else {
        prctl(PR_SET_CHILD_SUBREAPER, 1);
    }
    r.sandbox = k->got | (k->plan->network || k->got & LAUNCH_GOT_NETWORK ? 0 : LAUNCH_GOT_FILTER);
    if (fault.error) {
        r.end = LAUNCH_NOT_STARTED;
        r.error = fault.error;
        memcpy(r.text, fault.text, sizeof r.text);
    } else if (!keeper_run(k, &r)) {
        return 1;
    }
    report_send(k->control, &r);
    return 0;
}

/* The keeper was killed, and no namespace went with it: what it kept has come to this process. */
static void clear_after(void)
{
    while (waitpid(-1, NULL, WNOHANG) >= 0 || errno == EINTR) {
        descendants_signal(SIGKILL);
        usleep(500);
    }
}

/* The keeper is a process of its own: the first of the new namespace, or one whose death leaves this one to clear up. */
static int keep_below(struct keeper *k)
{
    int status;
    pid_t keeper = fork();
    if (!keeper) _exit(keep(k));
    if (keeper < 0) {
        struct launch_report r = { .magic = LAUNCH_REPORT_MAGIC, .end = LAUNCH_NOT_STARTED, .error = errno };
        report_send(k->control, &r);
        return 1;
    }
    close_range(0, ~0u, 0); /* the node must see the keeper's end, and the program's */
    while (waitpid(keeper, &status, 0) < 0 && errno == EINTR) {
    }
    if (!(k->got & LAUNCH_GOT_PROCESSES)) clear_after();
    return 0;
}

/* This process, and so whatever it starts. While it still has the node's files and user. */
static bool group_joined(const char *procs, struct confine_fault *fault)
{
    if (!*procs) return true;
    int fd = open(procs, O_WRONLY | O_CLOEXEC);
    bool joined = fd >= 0 && write(fd, "0", 1) == 1;
    fault->error = errno;
    if (fd >= 0) close(fd);
    if (joined)
        fault->error = 0;
    else
        snprintf(fault->text, sizeof fault->text, "control group %.120s", procs);
    return joined;
}

int main(void)
{
    static struct launch_plan plan;
    struct confine_fault fault = { 0 };
    int control = fcntl(LAUNCH_CONTROL, F_DUPFD_CLOEXEC, CONTROL_HERE);
    if (control < 0 || !launch_plan_receive(&plan, control)) {
        fprintf(stderr, "provost-launch: started by a node, not by hand\n");
        return 2;
    }
    close(LAUNCH_CONTROL);
    close_range(LAUNCH_CONTROL + 1 + (plan.extra ? 1 : 0), (unsigned)control - 1, 0);
    close_range((unsigned)control + 1, ~0u, 0);
    struct keeper k = { .plan = &plan, .control = control };
    if (group_joined(plan.group, &fault)) k.got = confine_namespaces(&plan, &fault);
    if (fault.error) {
        struct launch_report r = { .magic = LAUNCH_REPORT_MAGIC, .end = LAUNCH_NOT_STARTED, .error = fault.error };
        memcpy(r.text, fault.text, sizeof r.text);
        report_send(control, &r);
        return 0;
    }
    if (!(k.got & LAUNCH_GOT_PROCESSES)) prctl(PR_SET_CHILD_SUBREAPER, 1);
    return keep_below(&k);
}
