#include "process.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

enum { THREAD_STACK = 2 << 20 };

void process_no_core(void)
{
    struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__
    prctl(PR_SET_DUMPABLE, 0);
#endif
}

void process_thread_stacks(void)
{
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    if (pthread_attr_setstacksize(&attr, THREAD_STACK) == 0) pthread_setattr_default_np(&attr);
    pthread_attr_destroy(&attr);
}

void process_ignore_pipe(void)
{
    signal(SIGPIPE, SIG_IGN);
}

bool process_ignores(int signal)
{
    struct sigaction now;
    return sigaction(signal, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

/* SIGHUP is a daemon's command to read its files again, also under nohup. */
static bool left_off(int signal)
{
    return (signal == SIGINT || signal == SIGTERM || signal == SIGQUIT) && process_ignores(signal);
}

int process_signals(const int *signals)
{
    sigset_t set;
    sigemptyset(&set);
    for (; *signals; signals++)
        if (!left_off(*signals)) sigaddset(&set, *signals);
    int error = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (!error) return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    errno = error;
    return -1;
}
