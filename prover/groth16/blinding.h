/** The two numbers that make a proof zero-knowledge: uniform in [0, r), drawn from the system by rejection.
 *  (rapidsnark fills only 31 of the 32 bytes: its r and s are below 2^248.)
 */
#ifndef PV_BLINDING_H
#define PV_BLINDING_H

#include "scalar.h"
#include "prove_error.h"

#include <stddef.h>
#include <stdint.h>

/** Fills n bytes with randomness; any status but PV_OK ends the draw. */
typedef pv_status prove_random(void *arg, uint8_t *bytes, size_t n);

/** Draws *k from random (NULL: getrandom(2)): 32 little-endian bytes with the top two bits cleared, drawn again until
 *  below r (r / 2^254 = 0.756: 1.3 draws on average). The caller wipes *k. PV_IO when the source fails. */
pv_status blinding_draw(bn254_scalar *k, prove_random *random, void *arg, struct prove_error *err);

#endif
