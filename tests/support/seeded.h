/** Seeded random numbers for tests: the same seed, the same run. The seed is printed; PV_SEED sets it. */
#ifndef TEST_SEEDED_H
#define TEST_SEEDED_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct seeded {
    uint64_t state;
};

/** A stream from PV_SEED, or from the clock; says which on stdout. */
static inline struct seeded seeded_start(void)
{
    const char *text = getenv("PV_SEED");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seed = text ? strtoull(text, NULL, 0) : (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    printf("PV_SEED=%" PRIu64 "\n", seed);
    return (struct seeded){ seed };
}

/** splitmix64 */
static inline uint64_t seeded_u64(struct seeded *s)
{
    uint64_t z = s->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/** Below n, n > 0. */
static inline uint64_t seeded_below(struct seeded *s, uint64_t n)
{
    return seeded_u64(s) % n;
}

#endif
