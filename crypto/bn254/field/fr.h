/** Fr, the scalar field of BN254: witnesses, polynomials. prime_field.h has the contract of every function. */
#ifndef BN254_FR_H
#define BN254_FR_H

#include "constants.h"
#include "limbs.h"
#include "scalar.h"
#include "types.h"

#define PRIME_T bn254_fr
#define PRIME_F(name) bn254_fr_##name
#define PRIME_K(name) BN254_FR_##name
#include "prime_field.h"
#undef PRIME_T
#undef PRIME_F
#undef PRIME_K

/** w = 5^((r - 1) / 2^log_n), a primitive 2^log_n-th root of unity; log_n in 0..28.
 *  Source  5 is the smallest non-residue, from which ffjavascript squares down: another root breaks every zkey. */
void bn254_fr_root_of_unity(bn254_fr *w, unsigned log_n);

#endif
