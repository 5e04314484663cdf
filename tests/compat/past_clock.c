/* Loaded before a broker's libraries (LD_PRELOAD): its time of day begins at PV_PAST_CLOCK_MS (Unix ms) and runs on from there.
 * The recorded state folders have a time of day in every row, and a broker deletes what is over for longer than the retention
 * (a year at most). With the clock of the recording the folder is opened as it lies there, byte for byte. */
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic int64_t shift_ms; /* 0: not known yet */

static int64_t ms_of(const struct timespec *t)
{
    return (int64_t)t->tv_sec * 1000 + t->tv_nsec / 1000000;
}

/* The first caller's shift counts, whoever else asks at the same moment. */
static int64_t shift_from(const struct timespec *now)
{
    const char *begin = getenv("PV_PAST_CLOCK_MS");
    int64_t known = 0, shift = begin ? strtoll(begin, NULL, 10) - ms_of(now) : 0;
    return atomic_compare_exchange_strong(&shift_ms, &known, shift) ? shift : known;
}

int clock_gettime(clockid_t id, struct timespec *t)
{
    if (syscall(SYS_clock_gettime, id, t)) return -1;
    if (id != CLOCK_REALTIME) return 0;
    int64_t shift = atomic_load(&shift_ms);
    if (!shift) shift = shift_from(t);
    t->tv_sec += shift / 1000;
    t->tv_nsec += shift % 1000 * 1000000;
    if (t->tv_nsec < 0) t->tv_sec--, t->tv_nsec += 1000000000;
    if (t->tv_nsec >= 1000000000) t->tv_sec++, t->tv_nsec -= 1000000000;
    return 0;
}
