/** The two numbers that make a proof zero-knowledge: uniform in [0, r), from the system, by rejection.
 *  (rapidsnark fills 31 of the 32 bytes: its r and s are below 2^248.)
 */
#ifndef PV_BLINDING_H
#define PV_BLINDING_H

#include "scalar.h"
#include "prove_error.h"

#include <stddef.h>
#include <stdint.h>

/** Fills n bytes with randomness; anything but PV_OK ends the draw. */
typedef pv_status prove_random(void *arg, uint8_t *bytes, size_t n);

/** *k is one draw from random (NULL: getrandom(2)): 32 little-endian bytes, the top two bits cleared, drawn again while
 *  not below r (r / 2^254 = 0.756: 1.3 draws on average). *k is the caller's to wipe. PV_IO when the source fails. */
pv_status blinding_draw(bn254_scalar *k, prove_random *random, void *arg, struct prove_error *err);

#endif
