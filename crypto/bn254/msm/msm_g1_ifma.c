/* The G1 kernel of the MSM on AVX-512 IFMA. */
#include <stdbool.h>

#include "g1.h"

#include "fp52.h"
#include "msm_ifma_lanes.h"

#define GROUP(name) g1_##name
#define KERNEL bn254_msm_kernel_g1_ifma
#define POINT_BYTES 64

typedef fe8 el;
#define el_zero fe8_zero
#define el_blend fe8_blend
#define el_add fe8_add
#define el_sub4(a, b) fe8_sub(a, b, 4)
#define el_mul fe8_mul
#define el_sqr fe8_sqr
#define el_sub_two fe8_sub_two
#define el_sub_one fe8_sub_one
#define el_negate fe8_negate
#define el_reduce fe8_reduce
#define el_mul_factor fe8_mul_factor
#define el_mul_plus fe8_mul_plus
#define el_sqr_plus fe8_sqr_plus
#define el_factor fe8_factor
#define el_plus fe8_plus
#define el_lane_den fe8_lane_den
#define el_lane_rise fe8_lane_rise
#define el_lane_rest fe8_lane_rest
#define el_lane_x fe8_lane_x
#define el_lane_n fe8_lane_n
#define el_lane_y fe8_lane_y
#define el_lane_y_rest fe8_lane_y_rest
#define el_lane_minus fe8_lane_minus
#define el_maybe_zero fe8_maybe_zero
#define el_is_zero fe8_is_zero
#define el_zero_lanes fe8_zero_lanes
#define el_maybe_infinite fe8_maybe_infinite
#define el_limbs fe8_limbs
#define el_reduce_wide fe8_reduce_wide
#define el_invert_chains fe8_invert_chains

IFMA_INLINE el el_one(void)
{
    return fe8_set(R52);
}

struct point8 {
    el x, y;
};

/* Without their signs. */
IFMA_INLINE void load_bases(struct point8 *p, const void *bases, const uint32_t *index)
{
    vec r[8];
    load_rows(r, bases, index, 1, 64, 0);
    p->x = fe8_from_words(r[0], r[1], r[2], r[3], 2);
    p->y = fe8_from_words(r[4], r[5], r[6], r[7], 1);
}

IFMA_INLINE void load_points(struct point8 *p, const void *points, const uint32_t *index, int every)
{
    vec r[8];
    load_rows(r, points, index, every, 64, 0);
    p->x = fe8_from_words(r[0], r[1], r[2], r[3], 0);
    p->y = fe8_from_words(r[4], r[5], r[6], r[7], 0);
}

IFMA_INLINE void load_xs(el *p, el *q, const void *from, const uint32_t *pair)
{
    vec r[8];
    load_half_rows(r, from, pair, 64);
    *p = fe8_from_words(r[0], r[1], r[2], r[3], 0);
    *q = fe8_from_words(r[4], r[5], r[6], r[7], 0);
}

IFMA_INLINE void scatter_points(void *points, const uint32_t *index, el x, el y, size_t n)
{
    vec r[8];
    fe8_to_words(r, x);
    fe8_to_words(r + 4, y);
    scatter_rows(points, index, r, n, 64, 0);
}

IFMA_INLINE void store_points(char *dst, el x, el y)
{
    vec r[8];
    fe8_to_words(r, x);
    fe8_to_words(r + 4, y);
    store_rows(dst, r, 64, 0);
}

static void g1_store(void *affine, const void *point)
{
    bn254_g1_affine *a = affine;
    uint64_t w[8];
    memcpy(w, point, sizeof w);
    fp_x_back(&a->x, w);
    fp_y_back(&a->y, w + 4);
}

#include "msm_ifma_body.h"
