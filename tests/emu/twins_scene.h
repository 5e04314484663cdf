/** What the groups of test_twins.c share: one device, one sequence of random numbers. */
#ifndef TWINS_SCENE_H
#define TWINS_SCENE_H

#include "bn254_random.h"
#include "gpu.h"

#include <stddef.h>

extern struct seeded twins_rng;
extern struct gpu *twins_gpu;

/** n zeroed elements; the test fails without memory. Freed by the caller. */
void *twins_take(size_t n, size_t bytes);

/** Makes v, which the kernels may leave anywhere below 2p, canonical as crypto's values are; fails when it is 2p or more. */
void twins_canonical(uint64_t v[4], const uint64_t p[4]);

/* The groups, a file each. Each runs its tests and returns how many failed. */
int twins_fields(void);
int twins_points(void);
int twins_transforms(void);
int twins_sums(void);

#endif
