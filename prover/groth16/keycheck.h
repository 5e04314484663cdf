/** Is every point of a key what it claims to be? For a node that is given a key once and proves with it a thousand times.
 *
 *  Every coordinate reduced, every point on its curve or infinity, every G2 point in the subgroup of order r (G1 has
 *  cofactor 1). Runs on all cores.
 */
#ifndef PV_KEYCHECK_H
#define PV_KEYCHECK_H

#include "backend.h"
#include "prove_error.h"
#include "zkey.h"

/** PV_OK, or PV_BAD_ZKEY with a sentence naming the section and the first bad point, or PV_CANCELLED. */
pv_status keycheck_points(const struct zkey *zkey, const struct bn254_run *run, struct prove_error *err);

/** Only what is cheap enough for every one-shot proof: each coordinate of every point is reduced. */
pv_status keycheck_range(const struct zkey *zkey, const struct prove_run *run, struct prove_error *err);

#endif
