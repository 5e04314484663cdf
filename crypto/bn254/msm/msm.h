/** Multi-scalar multiplication: r = sum of k[i] * bases[i], on the CPU.
 *
 *  Bases are read in place as the files hold them (Montgomery, little-endian, any alignment, all zero bytes = infinity)
 *  and must be on the curve; infinity, equal and opposite bases are exact. Scalars are canonical little-endian integers
 *  below r, any alignment: whoever reads them refuses larger ones (one that slips through gives a wrong point, never a
 *  wrong access). n is below 2^31. Results are normalised (z = 1, or infinity), so their bits depend neither on the
 *  path nor on the threads.
 *
 *  Method: signed windows of min(k, r - k); zeros are dropped and +-1 summed apart; one counting sort per window serves
 *  all sets; buckets are filled by affine additions to many of them at once with a shared inversion (Montgomery's
 *  trick); long buckets are cut into parts. So neither equal scalars nor equal bases make a slow case.
 *
 *  scratch is the caller's: x_scratch_bytes(n, run) bytes of any alignment, for the same run.
 *  run may be NULL (best path, all cores). Returns false when *run->stop has become non-zero; results are then
 *  untouched. Scratch holds digits of the scalars afterwards: a caller with secret scalars wipes it. */
#ifndef BN254_MSM_H
#define BN254_MSM_H
#include <stdbool.h>
#include <stddef.h>
#include "g1.h"
#include "g2.h"
#include "run.h"
#include "scalar.h"

bool bn254_msm_g1(bn254_g1 *r, const bn254_g1_packed *bases, const bn254_scalar_packed *k, size_t n,
                  const struct bn254_run *run, void *scratch);
size_t bn254_msm_g1_scratch_bytes(size_t n, const struct bn254_run *run);

bool bn254_msm_g2(bn254_g2 *r, const bn254_g2_packed *bases, const bn254_scalar_packed *k, size_t n,
                  const struct bn254_run *run, void *scratch);
size_t bn254_msm_g2_scratch_bytes(size_t n, const struct bn254_run *run);

/** The sums of the windows themselves, which bn254_msm_g2 would add up: sum[w] = sum over i of d[w][i] * bases[i],
 *  w < count, where k[i] = sum over w of d[w][i] * 2^(bits w) and -2^(bits-1) <= d[w][i] < 2^(bits-1).
 *  Here bases may be any points of the twist, in the subgroup or not.
 *  k       below 2^192, so that none is taken as its opposite
 *  sum     count >= 1 of them, not normalised; *bits is the width that was taken, msm_window_bits(n) for scalars that
 *          are neither 0 nor 1 nor below 2^64
 *  scratch bn254_msm_g2_scratch_bytes(n, run) bytes. */
bool bn254_msm_g2_windows(bn254_g2 *sum, unsigned count, unsigned *bits, const bn254_g2_packed *bases,
                          const bn254_scalar_packed *k, size_t n, const struct bn254_run *run, void *scratch);

/** One base set of a shared MSM. Exactly one of r1 and r2 is set and says the group:
 *  *r = sum over i < count of k[first + i] * bases[i],  first + count <= n. */
struct bn254_msm_set {
    const void *bases; /* bn254_g1_packed or bn254_g2_packed, count of them */
    size_t first, count;
    bn254_g1 *r1;
    bn254_g2 *r2;
};

#define BN254_MSM_SETS_MAX 8

/** Several base sets over one scalar vector: digits are made once, and so are sorts of few scalars. Infinite bases cost
 *  nothing. This is the shape of a Groth16 witness: A and B1 in G1, B2 in G2, C in G1 from the first private signal on.
 *  */
bool bn254_msm_shared(const struct bn254_msm_set *sets, size_t n_sets, const bn254_scalar_packed *k, size_t n,
                      const struct bn254_run *run, void *scratch);
size_t bn254_msm_shared_scratch_bytes(const struct bn254_msm_set *sets, size_t n_sets, size_t n,
                                      const struct bn254_run *run);
#endif
