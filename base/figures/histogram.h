/** How often a duration fell into which bucket, as Prometheus has it. A value type: zero is empty, nothing is allocated.
 *
 *  The buckets are fixed, so that figures of several processes and releases can be added up.
 */
#ifndef PV_HISTOGRAM_H
#define PV_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum { HISTOGRAM_BOUNDS_MAX = 18 };

/** Upper bounds of buckets, in microseconds, ascending; the bucket above the last has no bound. */
struct histogram_bounds {
    size_t n;
    uint64_t us[HISTOGRAM_BOUNDS_MAX];
};

/** 50 ms to a day: what a task waits and runs. A proof takes 0.1 s to hours, and a backlog lasts a night. */
extern const struct histogram_bounds histogram_of_tasks;
/** 100 us to 10 s: a sync of a disk, a turn of a loop. */
extern const struct histogram_bounds histogram_of_turns;

struct histogram {
    uint64_t at[HISTOGRAM_BOUNDS_MAX + 1]; /* in each bucket alone, not added up */
    uint64_t sum_us;                       /* stays at UINT64_MAX when it comes there */
};

void histogram_add(struct histogram *h, const struct histogram_bounds *bounds, uint64_t us);
void histogram_add_ms(struct histogram *h, const struct histogram_bounds *bounds, uint64_t ms);
/** How many there are. */
uint64_t histogram_count(const struct histogram *h, const struct histogram_bounds *bounds);

#endif
