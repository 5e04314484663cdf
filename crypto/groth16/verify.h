/** Whether a proof is right for its public signals.
 *
 *  e(A, B) = e(alpha, beta) e(IC_0 + sum x_i IC_i, gamma) e(C, delta): Groth, eprint 2016/260, as snarkjs checks it.
 */
#ifndef GROTH16_VERIFY_H
#define GROTH16_VERIFY_H

#include "proof.h"
#include "vkey.h"

/** GROTH16_OK; NOT_VERIFIED; PUBLIC_COUNT (n is not vkey->publics), BAD_PUBLIC (one is r or more), BAD_POINT (of the
 *  proof: it is checked whatever its source). No allocation. Variable time: all of it is public. */
enum groth16_error groth16_verify(const struct groth16_vkey *vkey, const struct groth16_proof *proof,
                                  const bn254_scalar_packed *publics, size_t n);

#endif
