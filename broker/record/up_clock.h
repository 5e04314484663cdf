/** A clock that counts how long a program was up, over all its starts. It moves on with the monotonic clock and stands while the
 *  program is down. The wall clock has no say in it: whoever sets that one, by two days or to 1970, moves nothing.
 *
 *      struct up_clock c;
 *      struct clock_reading now = clock_reading_take(clock_boot());
 *      up_clock_begin(&c, &saved, &now, &jump);             at a start
 *      up_clock_ms(&c, pv_clock_ms())                       what it shows
 *      struct up_clock saved = up_clock_at(&c, &now);       for the next start
 *
 *  Pure but for clock_boot and clock_reading_take. No sum of it wraps.
 */
#ifndef PV_UP_CLOCK_H
#define PV_UP_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum {
    UP_CLOCK_FIRST_MS = 1000000000, /* what a new one shows: no moment is near 0, which means none in many places */
    CLOCK_JUMP_MS = 10000,          /* less is no jump: the two clocks are not read at once, and one is slewed */
    CLOCK_UNSURE_MS = 86400000, /* so far ahead after a start of the machine it may be wrong, or the program was down */
};

/** What the clocks said at one moment. */
struct clock_reading {
    uint64_t monotonic_ms;
    uint64_t wall_ms; /* Unix time; 0: not known */
    uint64_t boot;    /* clock_boot: two readings of the monotonic clock compare only within one; 0: not known */
};

/** Tells one start of the machine, and so of its monotonic clock, from another; 0: the system does not say. */
uint64_t clock_boot(void);
struct clock_reading clock_reading_take(uint64_t boot);

struct up_clock {
    uint64_t up_ms;   /* what it showed then */
    uint64_t away_ms; /* how long the program was down until then, all times together, as far as that is known */
    struct clock_reading then;
};

/** What a start finds out about the wall clock. */
struct clock_jump {
    int64_t ms;       /* how far it is from where it should be; below 0: behind */
    bool sure;        /* false: the machine was started anew, and nobody knows how long it was off */
    uint64_t away_ms; /* how long the program was down, by the monotonic clock; 0: not known */
};

/** Goes on from what was saved; saved->up_ms 0: nothing was, it begins. The time since counts as away if the monotonic clock
 *  can tell it, that is within one start of the machine. */
void up_clock_begin(struct up_clock *c, const struct up_clock *saved, const struct clock_reading *now,
                    struct clock_jump *jump);
/** What it shows at a moment of the monotonic clock. */
uint64_t up_clock_ms(const struct up_clock *c, uint64_t monotonic_ms);
/** The same clock as it is now: what up_clock_begin wants at the next start. */
struct up_clock up_clock_at(const struct up_clock *c, const struct clock_reading *now);

/** How far the wall clock was set between two readings of one start of the machine; below 0: back. */
int64_t clock_jump_ms(const struct clock_reading *before, const struct clock_reading *after);
/** Whether that is worth a word: CLOCK_JUMP_MS or more, either way. */
bool clock_jump_large(int64_t ms);
/** Whether what a start found is. */
bool clock_jump_found(const struct clock_jump *jump);

#endif
