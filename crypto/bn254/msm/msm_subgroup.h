/** Whether many points of the twist are all in G2, the subgroup of order r, by random combinations of them instead of a
 *  multiplication of each.
 *
 *  The twist's group has the order h r, h = 2p - r = 10069 * 5864401 * 1875725156269 * l, l a prime of 178 bits: without
 *  a factor twice, so it is cyclic. A point outside G2 has a part of order l' for one of these primes. In a sum with
 *  coefficients d that are uniform in 2^c neighbouring integers and independent of each other, that part vanishes for
 *  one residue class of this point's d modulo l' at most, whatever the other points are: with probability
 *      2^-c                                for c <= 13, for 2^13 < 10069 <= l';
 *      2 / 2^14, 4 / 2^15, 7 / 2^16        for c = 14, 15, 16: more than 2^-13.2 cannot be had from one sum.
 *  The windows of a multi-scalar multiplication are such sums, and independent where the scalars are uniform. So ten
 *  windows of 13 to 16 bits, or 130 bits in more and narrower ones, miss a bad point with probability 2^-130 at most.
 *
 *  Cost: ten or a few more additions a point, many of them with one shared inversion, where bn254_g2_is_in_subgroup
 *  takes 63 doublings and 28 additions (tests/bench/RESULTS.md).
 */
#ifndef BN254_MSM_SUBGROUP_H
#define BN254_MSM_SUBGROUP_H
#include <stdbool.h>
#include <stddef.h>
#include "g2.h"
#include "run.h"

/** The bits of a coefficient for n points, at most 160. 0: so few points that each is tested by itself, without one. */
unsigned bn254_subgroup_bits(size_t n);

/** *all = whether points[0 .. n) are all in G2. They must be on the twist, or infinity.
 *  k       k[i] uniform below 2^bn254_subgroup_bits(n), independent of each other, and unknown to whoever made the
 *          points. May be NULL where that is 0.
 *  scratch bn254_subgroup_scratch_bytes(n, run) bytes.
 *  False, *all untouched, when run->stop has become non-zero. */
bool bn254_subgroup_has_all(bool *all, const bn254_g2_packed *points, const bn254_scalar_packed *k, size_t n,
                            const struct bn254_run *run, void *scratch);
size_t bn254_subgroup_scratch_bytes(size_t n, const struct bn254_run *run);

/** The first of n such points that is not in G2, or n; each is tested by itself. Unspecified after a stop. */
size_t bn254_subgroup_first_outside(const bn254_g2_packed *points, size_t n, const struct bn254_run *run);
#endif
