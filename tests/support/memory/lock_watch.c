/* Counts the locks that are held, for left_behind.c: one that is taken is given back. A test that wraps one of these calls itself has its own; its locks are
 * not counted here. */
#include "lock_watch.h"

#include <pthread.h>
#include <stdatomic.h>

#define WRAPPED(name) __attribute__((weak)) __wrap_##name

int __real_pthread_mutex_lock(pthread_mutex_t *m);
int __real_pthread_mutex_trylock(pthread_mutex_t *m);
int __real_pthread_mutex_unlock(pthread_mutex_t *m);
int __real_pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m);
int __real_pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until);
int __wrap_pthread_mutex_lock(pthread_mutex_t *m);
int __wrap_pthread_mutex_trylock(pthread_mutex_t *m);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *m);
int __wrap_pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m);
int __wrap_pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until);

static atomic_long held;

long locks_held(void)
{
    return atomic_load(&held);
}

int WRAPPED(pthread_mutex_lock)(pthread_mutex_t *m)
{
    int error = __real_pthread_mutex_lock(m);
    if (!error) atomic_fetch_add(&held, 1);
    return error;
}

int WRAPPED(pthread_mutex_trylock)(pthread_mutex_t *m)
{
    int error = __real_pthread_mutex_trylock(m);
    if (!error) atomic_fetch_add(&held, 1);
    return error;
}

int WRAPPED(pthread_mutex_unlock)(pthread_mutex_t *m)
{
    int error = __real_pthread_mutex_unlock(m);
    if (!error) atomic_fetch_sub(&held, 1);
    return error;
}

static void has_it_again(void *unused)
{
    atomic_fetch_add(&held, 1);
}

/* Who waits has no lock meanwhile, and has it again, also when it is cancelled there. */
int WRAPPED(pthread_cond_wait)(pthread_cond_t *c, pthread_mutex_t *m)
{
    int error;
    atomic_fetch_sub(&held, 1);
    pthread_cleanup_push(has_it_again, NULL);
    error = __real_pthread_cond_wait(c, m);
    pthread_cleanup_pop(1);
    return error;
}

int WRAPPED(pthread_cond_timedwait)(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until)
{
    int error;
    atomic_fetch_sub(&held, 1);
    pthread_cleanup_push(has_it_again, NULL);
    error = __real_pthread_cond_timedwait(c, m, until);
    pthread_cleanup_pop(1);
    return error;
}
