/* Loaded before a program's libraries (LD_PRELOAD): its wall clock is off by the milliseconds in the file PV_CLOCK_SHIFT (a number of
 * eight bytes), which a test may change while the program runs. The monotonic clock stays as it is. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const _Atomic int64_t *shift; /* NULL: right */

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("PV_CLOCK_SHIFT");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, fd, 0);
    if (fd >= 0) close(fd);
    if (at != MAP_FAILED) shift = at;
}

int clock_gettime(clockid_t id, struct timespec *t)
{
    if (syscall(SYS_clock_gettime, id, t)) return -1;
    if (id != CLOCK_REALTIME || !shift) return 0;
    int64_t ms = atomic_load(shift);
    t->tv_sec += ms / 1000;
    t->tv_nsec += ms % 1000 * 1000000;
    if (t->tv_nsec < 0) t->tv_sec--, t->tv_nsec += 1000000000;
    if (t->tv_nsec >= 1000000000) t->tv_sec++, t->tv_nsec -= 1000000000;
    return 0;
}
