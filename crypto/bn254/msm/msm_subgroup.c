#include "msm_subgroup.h"

#include "codec.h"
#include "msm.h"
#include "msm_plan.h"

/* Below FEW points the tests of the sums cost more than those of the points. A sum of SURE_BITS' width misses a bad point
 * with 2^-13 or less, ten of them with 2^-130. */
enum { FEW = 64, SURE_BITS = 13, SUMS = 10, SUMS_MOST = SURE_BITS * SUMS / 5 + 1 };

static unsigned sums_for(unsigned window_bits)
{
    return window_bits >= SURE_BITS ? SUMS : (SURE_BITS * SUMS + window_bits - 1) / window_bits;
}

unsigned bn254_subgroup_bits(size_t n)
{
    const unsigned c = msm_window_bits(n);
    return n < FEW ? 0 : c * sums_for(c);
}

size_t bn254_subgroup_scratch_bytes(size_t n, const struct bn254_run *run)
{
    return n < FEW ? 0 : bn254_msm_g2_scratch_bytes(n, run);
}

size_t bn254_subgroup_first_outside(const bn254_g2_packed *points, size_t n, const struct bn254_run *run)
{
    const unsigned threads = bn254_run_threads(run);
    size_t first = n;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 64) reduction(min : first)
    for (size_t i = 0; i < n; i++) {
        bn254_g2_affine p;
        if (i >= first || bn254_run_stopped(run)) continue;
        bn254_g2_unpack(&p, &points[i]);
        if (!bn254_g2_is_in_subgroup(&p)) first = i;
    }
    return first;
}

static bool each(bool *all, const bn254_g2_packed *points, size_t n, const struct bn254_run *run)
{
    const bool found = bn254_subgroup_first_outside(points, n, run) < n;
    if (bn254_run_stopped(run)) return false;
    *all = !found;
    return true;
}

static bool sums_are_in(const bn254_g2 *sum, unsigned count)
{
    for (unsigned w = 0; w < count; w++) {
        bn254_g2_affine p;
        bn254_g2_to_affine(&p, &sum[w]);
        if (!bn254_g2_is_in_subgroup(&p)) return false;
    }
    return true;
}

bool bn254_subgroup_has_all(bool *all, const bn254_g2_packed *points, const bn254_scalar_packed *k, size_t n,
                            const struct bn254_run *run, void *scratch)
{
    if (n < FEW) return each(all, points, n, run);
    const unsigned planned = msm_window_bits(n), count = sums_for(planned);
    bn254_g2 sum[SUMS_MOST];
    unsigned bits;
    if (!bn254_msm_g2_windows(sum, count, &bits, points, k, n, run, scratch)) return false;
    /* Narrower windows come from coefficients with 64 zeros on top: uniform ones do not have them. */
    if (bits != planned) return each(all, points, n, run);
    *all = sums_are_in(sum, count);
    return true;
}
