/** The optimal ate pairing e: G1 x G2 -> Fp12.
 *
 *  Source  Vercauteren, eprint 2008/096 (loop over 6x + 2); lines of Aranha, Barreto, Longa, Ricardini, eprint
 *          2013/722; hard part of Fuentes-Castaneda, Knapp, Rodriguez-Henriquez (SAC 2011), the chain libff and
 *          ffjavascript use: values are theirs, bit for bit, and so is a verification key's vk_alphabeta_12.
 *  Points are assumed to be in their groups (codec.h checks). e is 1 where either is infinity. Variable time: for
 *  public values only. Takes the ADX body when the processor can run it.
 */
#ifndef BN254_PAIRING_H
#define BN254_PAIRING_H

#include "types.h"

/** r = e(p, q) */
void bn254_pairing(bn254_fp12 *r, const bn254_g1_affine *p, const bn254_g2_affine *q);

/** r = the product of e(p[i], q[i]) over n pairs. One final exponentiation in all; 1 for n = 0. */
void bn254_pairing_product(bn254_fp12 *r, const bn254_g1_affine *p, const bn254_g2_affine *q, size_t n);

/** Whether the product of e(p[i], q[i]) over n pairs is 1. */
bool bn254_pairing_product_is_one(const bn254_g1_affine *p, const bn254_g2_affine *q, size_t n);

/** A product of pairings in parts that are not all known at the same time: the Miller values of n pairs multiplied, which may be
 *  multiplied with those of others; and the pairings' product from the product of all the Miller values. */
void bn254_miller_product(bn254_fp12 *r, const bn254_g1_affine *p, const bn254_g2_affine *q, size_t n);
void bn254_pairing_value(bn254_fp12 *r, const bn254_fp12 *miller);

/* The bodies, one per path (paths.h), defined by the twins pairing_portable.c and pairing_adx.c; for tests and benches.
 * */
void bn254_miller_product_portable(bn254_fp12 *r, const bn254_g1_affine *p, const bn254_g2_affine *q, size_t n);
void bn254_miller_product_adx(bn254_fp12 *r, const bn254_g1_affine *p, const bn254_g2_affine *q, size_t n);
void bn254_pairing_value_portable(bn254_fp12 *r, const bn254_fp12 *miller);
void bn254_pairing_value_adx(bn254_fp12 *r, const bn254_fp12 *miller);

#endif
