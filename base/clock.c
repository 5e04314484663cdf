#include "clock.h"

#include <time.h>

static uint64_t clock_us(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    if (t.tv_sec < 0) return 0;
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t pv_clock_ms(void)
{
    return clock_us(CLOCK_MONOTONIC) / 1000;
}

uint64_t pv_clock_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

uint64_t pv_wall_ms(void)
{
    return clock_us(CLOCK_REALTIME) / 1000;
}
