/** The verification key that every zkey carries in its sections 2 and 3, checked.
 */
#ifndef PV_ZKEY_VKEY_H
#define PV_ZKEY_VKEY_H

#include "vkey.h"
#include "prove_error.h"
#include "zkey.h"

/** Every point on its curve and in its group; alpha, beta, gamma, delta not infinity. *vkey is the caller's to
 *  groth16_vkey_clear. PV_BAD_ZKEY with a sentence, PV_NO_MEMORY; then *vkey is untouched. */
pv_status zkey_vkey(struct groth16_vkey *vkey, const struct zkey *zkey, struct prove_error *err);

#endif
