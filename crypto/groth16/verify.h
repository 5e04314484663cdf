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

/** The same in two parts, the first of which needs no proof: a third of the work, which can be done while the proof is made. */
struct groth16_begun {
    const struct groth16_vkey *vkey; /* borrowed until the end */
    bn254_fp12 statement;            /* Miller value of (IC_0 + sum x_i IC_i, gamma) */
};
/** GROTH16_OK; PUBLIC_COUNT, BAD_PUBLIC: *begun is untouched. */
enum groth16_error groth16_verify_begin(struct groth16_begun *begun, const struct groth16_vkey *vkey,
                                        const bn254_scalar_packed *publics, size_t n);
/** GROTH16_OK; NOT_VERIFIED, BAD_POINT. May be called for several proofs of the statement. */
enum groth16_error groth16_verify_end(const struct groth16_begun *begun, const struct groth16_proof *proof);

#endif
