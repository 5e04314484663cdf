/** The two clocks. Leases, heartbeats and back-offs use the monotonic clock; deadlines given by people use Unix time. */
#ifndef PV_CLOCK_H
#define PV_CLOCK_H

#include <stdint.h>

/** Milliseconds since some fixed moment of this boot; never goes back. */
uint64_t pv_clock_ms(void);

/** Microseconds on the same clock, for durations. */
uint64_t pv_clock_us(void);

/** Unix time in milliseconds. */
uint64_t pv_wall_ms(void);

#endif
