/** The verification key that every zkey carries in its sections 2 and 3. */
#ifndef PV_ZKEY_VKEY_H
#define PV_ZKEY_VKEY_H

#include "vkey.h"
#include "prove_error.h"
#include "zkey.h"

/** Reads and checks it: every point must be in its group, and alpha, beta, gamma and delta not infinity. The caller
 *  clears *vkey with groth16_vkey_clear. On failure (PV_BAD_ZKEY with a sentence, PV_NO_MEMORY) *vkey is untouched. */
pv_status zkey_vkey(struct groth16_vkey *vkey, const struct zkey *zkey, struct prove_error *err);

#endif
