#include "fp.h"
#include "inverse.h"

#define PRIME_T bn254_fp
#define PRIME_F(name) bn254_fp_##name
#define PRIME_K(name) BN254_FP_##name
#include "prime_field_body.h"
