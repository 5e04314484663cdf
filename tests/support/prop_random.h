/** Seeded random numbers for property tests: the seed comes from PV_SEED or the clock, and is printed. */
#ifndef PROP_RANDOM_H
#define PROP_RANDOM_H
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t prop_state;

static inline uint64_t prop_random(void) /* splitmix64 */
{
    uint64_t z = prop_state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline void prop_seed(void)
{
    const char *given = getenv("PV_SEED");
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    prop_state = given ? strtoull(given, NULL, 0) : (uint64_t)t.tv_sec * 1000000007u + (uint64_t)t.tv_nsec;
    printf("PV_SEED=%" PRIu64 "\n", prop_state);
}

/* Prints where and stops: one broken law is enough. */
#define PROP(holds, ...)                                                                                               \
    do {                                                                                                               \
        if (!(holds)) {                                                                                                \
            fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);                                                            \
            fprintf(stderr, __VA_ARGS__);                                                                              \
            fprintf(stderr, "  (%s)\n", #holds);                                                                       \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)
#endif
