/** Fp, the base field of BN254: coordinates. prime_field.h has the contract of every function. */
#ifndef BN254_FP_H
#define BN254_FP_H

#include "constants.h"
#include "limbs.h"
#include "scalar.h"
#include "types.h"

#define PRIME_T bn254_fp
#define PRIME_F(name) bn254_fp_##name
#define PRIME_K(name) BN254_FP_##name
#include "prime_field.h"
#undef PRIME_T
#undef PRIME_F
#undef PRIME_K

#endif
