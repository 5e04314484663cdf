/** The verification key that every zkey carries in its sections 2 and 3. */
#ifndef PV_ZKEY_VKEY_H
#define PV_ZKEY_VKEY_H

#include "vkey.h"
#include "prove_error.h"
#include "zkey.h"

/** Reads and checks it: every point must be in its group, alpha, beta, gamma and delta not infinity, and the key sound
 *  (soundness.h) unless keys allows others. The caller clears *vkey with groth16_vkey_clear. On failure (PV_BAD_ZKEY
 *  with a sentence, PV_NO_MEMORY) *vkey is untouched. */
pv_status zkey_vkey(struct groth16_vkey *vkey, const struct zkey *zkey, enum groth16_keys keys,
                    struct prove_error *err);

/** Whether beta1 and delta1 belong to vkey's beta2 and delta2 (groth16_halves). A proof with a key where they do not
 *  never verifies, so this is for who wants to know before the first proof, or why one failed. PV_BAD_ZKEY. */
pv_status zkey_halves(const struct zkey *zkey, const struct groth16_vkey *vkey, enum groth16_keys keys,
                      struct prove_error *err);

#endif
