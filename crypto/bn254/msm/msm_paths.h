/* Both groups' kernels on the scalar arithmetic of the file that includes this one; PATH is the end of their names. */
#include <stdbool.h>
#include <string.h>

#include "msm_kernel.h"

#define PASTE_(a, b) a##_##b
#define PASTE(a, b) PASTE_(a, b)

static inline void g1_unpack(bn254_g1_affine *p, const bn254_g1_packed *packed)
{
    memcpy(p, packed, sizeof *p);
}

static inline void g2_unpack(bn254_g2_affine *p, const bn254_g2_packed *packed)
{
    memcpy(p, packed, sizeof *p);
}

#define GROUP(name) g1_##name
#define KERNEL PASTE(bn254_msm_kernel_g1, PATH)
#define AFFINE bn254_g1_affine
#define PACKED bn254_g1_packed
#define FE bn254_fp
#define FE_IS_ZERO bn254_fp_is_zero
#define FE_EQ bn254_fp_eq
#define FE_ADD bn254_fp_add
#define FE_SUB bn254_fp_sub
#define FE_NEG_IF bn254_fp_neg_if
#define FE_REDUCE bn254_fp_reduce
#define FE_MUL_LOOSE bn254_fp_mul_loose
#define FE_SUB_LOOSE bn254_fp_sub_loose
#define FE_SQR_LOOSE bn254_fp_sqr_loose
#define FE_SUB_ONE bn254_fp_sub_one
#define FE_SUB_TWO bn254_fp_sub_two
#define FE_SQR bn254_fp_sqr
#define FE_INV bn254_fp_inv
#define FE_ONE bn254_fp_set_one
#include "msm_kernel_body.h"

#undef GROUP
#undef KERNEL
#undef AFFINE
#undef PACKED
#undef FE
#undef FE_IS_ZERO
#undef FE_EQ
#undef FE_ADD
#undef FE_SUB
#undef FE_NEG_IF
#undef FE_REDUCE
#undef FE_MUL_LOOSE
#undef FE_SUB_LOOSE
#undef FE_SQR_LOOSE
#undef FE_SUB_ONE
#undef FE_SUB_TWO
#undef FE_SQR
#undef FE_INV
#undef FE_ONE

#define GROUP(name) g2_##name
#define KERNEL PASTE(bn254_msm_kernel_g2, PATH)
#define AFFINE bn254_g2_affine
#define PACKED bn254_g2_packed
#define FE bn254_fp2
#define FE_IS_ZERO bn254_fp2_is_zero
#define FE_EQ bn254_fp2_eq
#define FE_ADD bn254_fp2_add
#define FE_SUB bn254_fp2_sub
#define FE_NEG_IF bn254_fp2_neg_if
#define FE_REDUCE(r, a) (*(r) = *(a))
#define FE_MUL_LOOSE bn254_fp2_mul_inline
#define FE_SUB_LOOSE bn254_fp2_sub
#define FE_SQR_LOOSE bn254_fp2_sqr
#define FE_SUB_ONE bn254_fp2_sub
#define FE_SUB_TWO bn254_fp2_sub_two
#define FE_SQR bn254_fp2_sqr
#define FE_INV bn254_fp2_inv
#define FE_ONE bn254_fp2_set_one
#include "msm_kernel_body.h"
