/** Checks every point of a key, for a node that gets a key once and proves with it a thousand times.
 *
 *  Every coordinate must be reduced, every point on its curve or infinity, every G2 point in the subgroup of order r
 *  (G1 has cofactor 1). The subgroup is asked of random combinations of the points, which overlook a bad point with
 *  probability 2^-130 at most (msm_subgroup.h); where a combination is bad, the first bad point is found by halving.
 *  Runs on all cores. Takes up to 4 MiB for coefficients and 6 MiB and 3 MiB a thread for the sums; without that
 *  memory each point is looked at.
 */
#ifndef PV_KEYCHECK_H
#define PV_KEYCHECK_H

#include "backend.h"
#include "prove_error.h"
#include "zkey.h"

/** The full check. PV_BAD_ZKEY with a sentence that names the section and the first bad point; PV_CANCELLED. */
pv_status keycheck_points(const struct zkey *zkey, const struct bn254_run *run, struct prove_error *err);

/** The check that is cheap enough for every one-shot proof: each coordinate of every point is reduced. */
pv_status keycheck_range(const struct zkey *zkey, const struct prove_run *run, struct prove_error *err);

#endif
