#include "startable.h"

#include "own_limits.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { GONE_MS = 1000 }; /* the longest wait until the kernel has forgotten a thread that was joined */

struct starter {
    pthread_t thread;
    pid_t id;
    sem_t *end;
};

static void *wait_for_end(void *arg)
{
    struct starter *s = arg;
    s->id = gettid();
    while (sem_wait(s->end) != 0) {
    }
    return NULL;
}

/* Signals are for the threads that stay. */
static unsigned start(struct starter *s, unsigned most, const pthread_attr_t *attr, sem_t *end)
{
    sigset_t all, before;
    unsigned n = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (; n < most; n++) {
        s[n].end = end;
        if (pthread_create(&s[n].thread, attr, wait_for_end, &s[n])) break;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return n;
}

/* pthread_join returns a little before the kernel takes the thread off its counts: who starts one at once could find the
 * limit still reached. */
static void wait_until_gone(pid_t id)
{
    const struct timespec nap = { 0, 50000 };
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d", (int)id);
    for (int i = 0; i < GONE_MS * 20 && access(path, F_OK) == 0; i++) nanosleep(&nap, NULL);
}

static unsigned start_and_end(struct starter *s, unsigned most, const pthread_attr_t *attr)
{
    sem_t end;
    sem_init(&end, 0, 0);
    unsigned n = start(s, most, attr, &end);
    for (unsigned i = 0; i < n; i++) sem_post(&end);
    for (unsigned i = 0; i < n; i++) pthread_join(s[i].thread, NULL);
    for (unsigned i = 0; i < n; i++) wait_until_gone(s[i].id);
    sem_destroy(&end);
    return n;
}

unsigned startable_threads(unsigned most, size_t stack_bytes)
{
    pthread_attr_t attr;
    struct starter *s = calloc(most ? most : 1, sizeof *s);
    if (!s) return 0;
    pthread_attr_init(&attr);
    if (stack_bytes) pthread_attr_setstacksize(&attr, stack_bytes);
    unsigned n = start_and_end(s, most, &attr);
    pthread_attr_destroy(&attr);
    free(s);
    return n;
}

unsigned startable_descriptors(unsigned most)
{
    int *fds = calloc(most, sizeof *fds);
    unsigned n = 0;
    if (!fds) return 0;
    while (n < most && (fds[n] = eventfd(0, EFD_CLOEXEC)) >= 0) n++; /* of no file: a sandbox may have no /dev */
    for (unsigned i = 0; i < n; i++) close(fds[i]);
    free(fds);
    return n;
}

static bool memory_there(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return false;
    munmap(at, bytes);
    return true;
}

/* Read only when something is lacking: it is a dozen files. */
static const char *limits_here(char text[LIMITS_TEXT_BYTES])
{
    struct limits l;
    limits_read(&l, LIMITS_ROOT);
    limits_threads_text(text, &l);
    return text;
}

pv_status startable_check(const struct startable *need, char *why, size_t why_bytes)
{
    char text[LIMITS_TEXT_BYTES];
    unsigned files = startable_descriptors(need->descriptors);
    if (files < need->descriptors) {
        snprintf(why, why_bytes, "%s needs %u more open files, and only %u can be opened: raise the limit (ulimit -n)",
                 need->who, need->descriptors, files);
        return PV_BUSY;
    }
    if (need->memory && !memory_there(need->memory)) {
        snprintf(why, why_bytes, "%s needs %zu MiB of memory at its start, and cannot have them: %s", need->who,
                 need->memory >> 20, limits_here(text));
        return PV_NO_MEMORY;
    }
    unsigned threads = startable_threads(need->threads, 0);
    if (threads >= need->threads) return PV_OK;
    snprintf(why, why_bytes, "%s needs %u more threads, and only %u can be started: %s", need->who, need->threads,
             threads, limits_here(text));
    return PV_BUSY;
}
