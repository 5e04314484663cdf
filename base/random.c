#include "random.h"

#include <errno.h>
#include <sys/random.h>

pv_status pv_random(void *to, size_t bytes)
{
    uint8_t *next = to;
    while (bytes) {
        ssize_t n = getrandom(next, bytes, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return PV_INTERNAL;
        next += n;
        bytes -= (size_t)n;
    }
    return PV_OK;
}

uint32_t pv_random_below(uint32_t bound)
{
    uint32_t r;
    if (pv_random(&r, sizeof r) != PV_OK) return 0;
    return (uint32_t)((uint64_t)r * bound >> 32);
}
