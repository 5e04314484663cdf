/** Whether proofs can be forged for a well-formed key.
 *
 *  A key is sound only while nobody knows how its points relate. A zkey before its first contribution to phase 2 has
 *  delta = gamma = the generator; whoever holds the verification key can then choose C = -(IC_0 + sum x_i IC_i) for any
 *  x, with A = alpha and B = beta. gamma = the generator alone is no fault: every key of snarkjs has it (Bowe, Gabizon,
 *  Miers, eprint 2017/1050, drop gamma). What is refused:
 *    - beta2, delta2 as a small multiple, up to sign, of gamma2, of the generator or of each other, or the reverse. With
 *      delta = k gamma: C = -X / k, X = IC_0 + sum x_i IC_i. With beta = k gamma: A = alpha + X / k, B = beta, C = 0.
 *      delta known as a multiple of the generator: X gamma can be computed from the public powers of tau.
 *    - alpha1 as a small multiple of the generator: there was no ceremony.
 *    - IC[i] at infinity: signal i is not checked, or, for IC[0], signals of 0 need no proof.
 *    - IC[i] = +-IC[j]: their signals can be exchanged, or, for i = 0, the sum made zero, with the proof (alpha, beta,
 *      0). IC[i] = +-alpha1 or the generator: A = alpha, B = beta + k gamma. snarkjs adds a row for each public signal
 *      and for the constant (zkey_new.js), so no key of its has such points.
 *  A relation that only the key's maker knows cannot be seen.
 */
#ifndef GROTH16_SOUNDNESS_H
#define GROTH16_SOUNDNESS_H

#include "vkey.h"

/** The largest multiple that is looked for: the whole check takes 0.14 ms with 16 (reading the key 0.66 ms, one core of
 *  Zen 5). */
enum { GROTH16_SMALL_MULTIPLE = 16 };

/** GROTH16_OK; WEAK_KEY with the reason in *why (may be NULL); NO_MEMORY. */
enum groth16_error groth16_soundness(const struct groth16_vkey *vkey, struct groth16_text *why);

/** Whether a proving key's beta1 and delta1, points of the curve, are the multiples that vkey's beta2 and delta2 are, by
 *  pairings, and no IC is either of them. BAD_POINT (halves that differ: no proof with this key can verify), WEAK_KEY,
 *  with the reason in *why (may be NULL). Cost: two products of two pairings, 0.5 ms each. */
enum groth16_error groth16_halves(const struct groth16_vkey *vkey, const bn254_g1_affine *beta1,
                                  const bn254_g1_affine *delta1, struct groth16_text *why);

#endif
