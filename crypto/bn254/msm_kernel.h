/** The point arithmetic under the MSM, one table per path and group. Inside the MSM a point has the path's own form
 *  (`point_bytes`, 64-byte aligned; all zero = infinity); only `load` and `store` know how it relates to the files' form. */
#ifndef BN254_MSM_KERNEL_H
#define BN254_MSM_KERNEL_H
#include <stddef.h>
#include <stdint.h>
#include "bn254/run.h"

#define MSM_TMP_EXTRA 8192
#define MSM_NEGATE 0x80000000u /* in an index of a base: its opposite */

struct msm_kernel {
    size_t point_bytes;
    size_t base_bytes;
    size_t tmp_bytes_per_add; /* tmp for a batch of n additions: n times this, and MSM_TMP_EXTRA bytes more */
    /** dst[k] = bases[pair[2k]] + bases[pair[2k+1]], signs in the indices. */
    void (*add_bases)(void *dst, const void *bases, const uint32_t *pair, size_t n, void *tmp);
    /** dst[k] = src[pair[2k]] + src[pair[2k+1]]. Results are written from the last to the first, each after its own inputs were
     *  read: dst[k] may be one of the inputs of sum k and of sums after k. Equal, opposite and infinite inputs are exact. */
    void (*add)(void *dst, const void *src, const uint32_t *pair, size_t n, void *tmp);
    /** dst[k] = bases[index[k]]. */
    void (*load)(void *dst, const void *bases, const uint32_t *index, size_t n);
    /** An affine point in the library's form (bn254_g1_affine or bn254_g2_affine). */
    void (*store)(void *affine, const void *point);
};

extern const struct msm_kernel bn254_msm_kernel_g1_portable, bn254_msm_kernel_g2_portable;
extern const struct msm_kernel bn254_msm_kernel_g1_adx, bn254_msm_kernel_g2_adx;
extern const struct msm_kernel bn254_msm_kernel_g1_ifma, bn254_msm_kernel_g2_ifma;

enum msm_group { MSM_G1, MSM_G2 };
const struct msm_kernel *msm_kernel_for(enum msm_group group, enum bn254_path path);
#endif
