/** The two clocks. What is timed uses the monotonic clock; Unix time is for people, and may be wrong. */
#ifndef PV_CLOCK_H
#define PV_CLOCK_H

#include <stdint.h>

/** Milliseconds since some fixed moment of this boot; never goes back. */
uint64_t pv_clock_ms(void);

/** Microseconds on the same clock, for durations. */
uint64_t pv_clock_us(void);

/** Unix time in milliseconds; 0 before 1970. */
uint64_t pv_wall_ms(void);

#endif
