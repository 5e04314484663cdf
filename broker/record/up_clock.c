#include "up_clock.h"

#include "clock.h"

#include <stdio.h>

/* Sixteen hex digits of the system's random number. */
uint64_t clock_boot(void)
{
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
    unsigned a = 0, b = 0, c = 0;
    if (!f) return 0;
    if (fscanf(f, "%8x-%4x-%4x", &a, &b, &c) != 3) a = b = c = 0;
    fclose(f);
    return (uint64_t)(a & 0x7fffffff) << 32 | (uint64_t)b << 16 | c;
}

struct clock_reading clock_reading_take(uint64_t boot)
{
    return (struct clock_reading){ pv_clock_ms(), pv_wall_ms(), boot };
}

static uint64_t sum(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static int64_t bounded(uint64_t ms)
{
    return ms < INT64_MAX ? (int64_t)ms : INT64_MAX;
}

static int64_t difference(uint64_t a, uint64_t b)
{
    return a >= b ? bounded(a - b) : -bounded(b - a);
}

static bool one_boot(const struct clock_reading *before, const struct clock_reading *after)
{
    return before->boot && before->boot == after->boot && before->monotonic_ms <= after->monotonic_ms;
}

void up_clock_begin(struct up_clock *c, const struct up_clock *saved, const struct clock_reading *now,
                    struct clock_jump *jump)
{
    const struct clock_reading *then = &saved->then;
    bool known = one_boot(then, now), wall = saved->up_ms && then->wall_ms;
    uint64_t away = saved->up_ms && known ? now->monotonic_ms - then->monotonic_ms : 0;
    int64_t ms = wall ? difference(now->wall_ms, sum(then->wall_ms, away)) : 0;
    *jump = (struct clock_jump){ .ms = ms, .sure = known || ms < 0, .away_ms = away };
    *c = (struct up_clock){
        .up_ms = saved->up_ms ? saved->up_ms : UP_CLOCK_FIRST_MS,
        .away_ms = sum(saved->away_ms, away),
        .then = *now,
    };
}

uint64_t up_clock_ms(const struct up_clock *c, uint64_t monotonic_ms)
{
    uint64_t then = c->then.monotonic_ms;
    return monotonic_ms > then ? sum(c->up_ms, monotonic_ms - then) : c->up_ms;
}

struct up_clock up_clock_at(const struct up_clock *c, const struct clock_reading *now)
{
    return (struct up_clock){ up_clock_ms(c, now->monotonic_ms), c->away_ms, *now };
}

int64_t clock_jump_ms(const struct clock_reading *before, const struct clock_reading *after)
{
    uint64_t passed = after->monotonic_ms > before->monotonic_ms ? after->monotonic_ms - before->monotonic_ms : 0;
    return difference(after->wall_ms, sum(before->wall_ms, passed));
}

bool clock_jump_large(int64_t ms)
{
    return ms >= CLOCK_JUMP_MS || ms <= -CLOCK_JUMP_MS;
}

bool clock_jump_found(const struct clock_jump *jump)
{
    return jump->sure ? clock_jump_large(jump->ms) : jump->ms >= CLOCK_UNSURE_MS;
}
