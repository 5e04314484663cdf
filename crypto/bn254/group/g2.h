/** G2: the subgroup of order r of the twist y^2 = x^3 + 3 / (9 + u) over Fp2. curve.h has the contract of the
 *  functions. */
#ifndef BN254_G2_H
#define BN254_G2_H

#include "fp2.h"
#include "scalar.h"

#define CURVE_T bn254_g2
#define CURVE_AFFINE_T bn254_g2_affine
#define CURVE_XYZZ_T bn254_g2_xyzz
#define CURVE_F(name) bn254_g2_##name
#define CURVE_E_T bn254_fp2
#define CURVE_E(name) bn254_fp2_##name
#define CURVE_B BN254_G2_B
#include "curve.h"
#undef CURVE_T
#undef CURVE_AFFINE_T
#undef CURVE_XYZZ_T
#undef CURVE_F
#undef CURVE_E_T
#undef CURVE_E
#undef CURVE_B

/** r = psi(a) = untwist, Frobenius, twist: on G2, multiplication by p. */
static inline void bn254_g2_psi(bn254_g2 *r, const bn254_g2 *a)
{
    bn254_fp2_conj(&r->x, &a->x);
    bn254_fp2_mul(&r->x, &r->x, &BN254_FROBENIUS[0][2]);
    bn254_fp2_conj(&r->y, &a->y);
    bn254_fp2_mul(&r->y, &r->y, &BN254_FROBENIUS[0][3]);
    bn254_fp2_conj(&r->z, &a->z);
}

/** Whether a, a point of the twist, is in the subgroup of order r. Infinity is.
 *  Cost    one multiplication by the 63-bit x instead of one by the 254-bit r.
 *  Source  Dai, Lin, Zhao, Zhou, eprint 2022/348: [x + 1]a + psi([x]a) + psi^2([x]a) = psi^3([2x]a). */
bool bn254_g2_is_in_subgroup(const bn254_g2_affine *a);

#endif
