/** The point arithmetic under the MSM, one table per path and group. Inside the MSM a point has the path's own form
 *  (`point_bytes`, 64-byte aligned; all zero = infinity); only what reads bases, and `store`, know the files' form. */
#ifndef BN254_MSM_KERNEL_H
#define BN254_MSM_KERNEL_H
#include <stddef.h>
#include <stdint.h>

#define MSM_TMP_EXTRA 16384
#define MSM_NEGATE 0x80000000u /* in an index of a base: its opposite */

/** Lanes: points to which bases are added many times, side by side, in a form that suits this (`bytes` each, 64-byte
 *  aligned). An array of lanes has room for MSM_LANES_PAD more than are used, and so has the array of indices that goes
 *  with it: the entries there are read and must be valid indices, but change nothing. */
#define MSM_LANES_PAD 64

struct msm_lane_kernel {
    size_t bytes;
    /** lanes[k] = bases[index[k]], signs in the indices. */
    void (*open_bases)(void *lanes, const void *bases, const uint32_t *index, size_t n);
    /** lanes[k] = points[index[k]]. */
    void (*open_points)(void *lanes, const void *points, const uint32_t *index, size_t n);
    /** lanes[k] += bases[index[k]], none of these bases infinite. Equal and opposite points and infinite lanes are
     *  exact. */
    void (*add_bases)(void *lanes, const void *bases, const uint32_t *index, size_t n, void *tmp);
    /** points[index[k]] = lanes[k]; all indices differ. */
    void (*close)(void *points, const uint32_t *index, const void *lanes, size_t n);
};

struct msm_kernel {
    size_t point_bytes;
    size_t base_bytes;
    size_t tmp_bytes_per_add; /* tmp for a batch of n additions: n times this plus MSM_TMP_EXTRA bytes */
    /** dst[k] = src[pair[2k]] + src[pair[2k+1]]. Results are written from the last to the first, each after its own
     *  inputs were read: dst[k] may be one of the inputs of sum k and of sums after k. Equal, opposite and infinite
     *  inputs are exact. */
    void (*add)(void *dst, const void *src, const uint32_t *pair, size_t n, void *tmp);
    /** dst[k] = bases[index[k]]; NULL where there are lanes. */
    void (*load)(void *dst, const void *bases, const uint32_t *index, size_t n);
    /** An affine point in the library's form (bn254_g1_affine or bn254_g2_affine). */
    void (*store)(void *affine, const void *point);
    /** NULL: a lane is a point. */
    const struct msm_lane_kernel *lanes;
};

/** The tables. Twin sources define them, one pair per path: msm_portable.c, msm_adx.c, and msm_g1_ifma.c with
 *  msm_g2_ifma.c. They share this header and have none of their own; msm.c chooses. */
extern const struct msm_kernel bn254_msm_kernel_g1_portable, bn254_msm_kernel_g2_portable;
extern const struct msm_kernel bn254_msm_kernel_g1_adx, bn254_msm_kernel_g2_adx;
extern const struct msm_kernel bn254_msm_kernel_g1_ifma, bn254_msm_kernel_g2_ifma;
#endif
