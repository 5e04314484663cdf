/** G1: y^2 = x^3 + 3 over Fp; every point of the curve is in the group (cofactor 1). curve.h has the contract of the
 *  functions. */
#ifndef BN254_G1_H
#define BN254_G1_H

#include "fp.h"
#include "scalar.h"

#define CURVE_T bn254_g1
#define CURVE_AFFINE_T bn254_g1_affine
#define CURVE_XYZZ_T bn254_g1_xyzz
#define CURVE_F(name) bn254_g1_##name
#define CURVE_E_T bn254_fp
#define CURVE_E(name) bn254_fp_##name
#define CURVE_B BN254_G1_B
#include "curve.h"
#undef CURVE_T
#undef CURVE_AFFINE_T
#undef CURVE_XYZZ_T
#undef CURVE_F
#undef CURVE_E_T
#undef CURVE_E
#undef CURVE_B

#endif
