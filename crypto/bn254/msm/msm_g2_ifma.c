/* The G2 kernel of the MSM on AVX-512 IFMA: coordinates in Fp2 = Fp[u]/(u^2 + 1). */
#include <stdbool.h>

#include "g2.h"

#include "fp52.h"
#include "msm_ifma_lanes.h"

#define GROUP(name) g2_##name
#define KERNEL bn254_msm_kernel_g2_ifma
#define POINT_BYTES 128

typedef struct {
    fe8 a, b; /* a + b u */
} el;

IFMA_INLINE el el_one(void)
{
    return (el){ fe8_set(R52), fe8_zero() };
}

IFMA_INLINE el el_zero(void)
{
    return (el){ fe8_zero(), fe8_zero() };
}

IFMA_INLINE el el_blend(__mmask8 lanes, el no, el yes)
{
    return (el){ fe8_blend(lanes, no.a, yes.a), fe8_blend(lanes, no.b, yes.b) };
}

IFMA_INLINE el el_add(el x, el y)
{
    return (el){ fe8_add(x.a, y.a), fe8_add(x.b, y.b) };
}

IFMA_INLINE el el_sub4(el x, el y)
{
    return (el){ fe8_sub(x.a, y.a, 4), fe8_sub(x.b, y.b, 4) };
}

/* Karatsuba on columns, before they are reduced: 250 multiply-adds instead of 300. Sums of a factor's coordinates stay
 * below 84p = 2^260. For x below 2.8p and y below 19p: a*c - b*d is between -54 p^2 and 54 p^2, so plus p, over 2^260,
 * in (0.3p, 2.8p); the other sum is below 107 p^2, and so ends below 2.4p. */
IFMA_INLINE void el_columns(columns *real, columns *imaginary, el x, el y)
{
    columns ac = columns_zero(), bd = columns_zero(), all = columns_zero();
    fe8_product(&ac, x.a, y.a);
    fe8_product(&bd, x.b, y.b);
    fe8_product(&all, fe8_add(x.a, x.b), fe8_add(y.a, y.b));
    for (int i = 0; i < 10; i++) {
        const vec p = i < 5 ? _mm512_setzero_si512() : vec_set(P52[i - 5]);
        const vec re = _mm512_add_epi64(ac.lo[i], ac.hi[i]), im = _mm512_add_epi64(bd.lo[i], bd.hi[i]);
        real->lo[i] = re, real->hi[i] = _mm512_sub_epi64(p, im);
        imaginary->lo[i] = _mm512_sub_epi64(all.lo[i], re), imaginary->hi[i] = _mm512_sub_epi64(all.hi[i], im);
    }
}

IFMA_INLINE el el_mul(el x, el y)
{
    columns re, im;
    el_columns(&re, &im, x, y);
    return (el){ fe8_montgomery(re), fe8_montgomery(im) };
}

/* x*y + z, limbs not carried */
IFMA_INLINE el el_mul_plus(el x, el y, el z)
{
    columns re, im;
    el_columns(&re, &im, x, y);
    for (int i = 0; i < 5; i++)
        re.lo[5 + i] = _mm512_add_epi64(re.lo[5 + i], z.a.v[i]),
                  im.lo[5 + i] = _mm512_add_epi64(im.lo[5 + i], z.b.v[i]);
    return (el){ fe8_montgomery_columns(re), fe8_montgomery_columns(im) };
}

/* (a + b)(a - b), 2ab: 8*8 = 64 and 4*8 = 32 p^2 */
IFMA_INLINE el el_sqr(el x)
{
    return (el){ fe8_mul(fe8_add(x.a, x.b), fe8_sub(x.a, x.b, 4)), fe8_mul(x.a, fe8_add(x.b, x.b)) };
}

IFMA_INLINE el el_sub_two(el x, el y, el z)
{
    return (el){ fe8_sub_two(x.a, y.a, z.a), fe8_sub_two(x.b, y.b, z.b) };
}

IFMA_INLINE el el_sub_one(el x, el y)
{
    return (el){ fe8_sub_one(x.a, y.a), fe8_sub_one(x.b, y.b) };
}

IFMA_INLINE el el_negate(__mmask8 lanes, el x)
{
    return (el){ fe8_negate(lanes, x.a), fe8_negate(lanes, x.b) };
}

IFMA_INLINE el el_reduce(el x)
{
    return (el){ fe8_reduce(x.a), fe8_reduce(x.b) };
}

IFMA_INLINE el el_reduce_wide(el x)
{
    return (el){ fe8_reduce_wide(x.a), fe8_reduce_wide(x.b) };
}

IFMA_INLINE el el_plus(el x, el y)
{
    return (el){ fe8_plus(x.a, y.a), fe8_plus(x.b, y.b) };
}

#define el_mul_factor el_mul /* whose coordinates are added: all limbs below 2^52 */
#define el_limbs(x) (x)

IFMA_INLINE el el_factor(el x)
{
    return (el){ fe8_carry(x.a), fe8_carry(x.b) };
}

IFMA_INLINE el el_lane_den(el qx, el n)
{
    return (el){ fe8_lane_den(qx.a, n.a), fe8_lane_den(qx.b, n.b) };
}

IFMA_INLINE el el_lane_rise(el qy, __mmask8 negative, el y)
{
    return (el){ fe8_limbs(fe8_lane_rise(qy.a, negative, y.a)), fe8_limbs(fe8_lane_rise(qy.b, negative, y.b)) };
}

/* For x below 2.8p: (a + b)(a - b + 4p) + c is below 39 p^2, 2ab below 16 p^2. */
IFMA_INLINE el el_sqr_plus(el x, el c)
{
    return (el){ fe8_mul_plus(fe8_add(x.a, x.b), fe8_sub(x.a, x.b, 4), c.a),
                 fe8_mul_plus(x.a, fe8_add(x.b, x.b), c.b) };
}

IFMA_INLINE el el_lane_rest(el n, el den)
{
    return (el){ fe8_lane_rest(n.a, den.a), fe8_lane_rest(n.b, den.b) };
}

IFMA_INLINE el el_lane_x(el x)
{
    return (el){ fe8_lane_x(x.a), fe8_lane_x(x.b) };
}

IFMA_INLINE el el_lane_n(el x)
{
    return (el){ fe8_lane_n(x.a), fe8_lane_n(x.b) };
}

IFMA_INLINE el el_lane_y(el y)
{
    return (el){ fe8_lane_y(y.a), fe8_lane_y(y.b) };
}

IFMA_INLINE el el_lane_y_rest(el y)
{
    return (el){ fe8_lane_y_rest(y.a), fe8_lane_y_rest(y.b) };
}

IFMA_INLINE el el_lane_minus(el y, __mmask8 negative)
{
    return (el){ fe8_lane_minus(y.a, negative), fe8_lane_minus(y.b, negative) };
}

IFMA_INLINE __mmask8 el_maybe_zero(el x)
{
    return fe8_maybe_zero(x.a) & fe8_maybe_zero(x.b);
}

IFMA_INLINE __mmask8 el_is_zero(el x)
{
    return fe8_is_zero(x.a) & fe8_is_zero(x.b);
}

IFMA_INLINE __mmask8 el_maybe_infinite(el n)
{
    return fe8_maybe_infinite(n.a) & fe8_maybe_infinite(n.b);
}

IFMA_INLINE __mmask8 el_zero_lanes(el x)
{
    return fe8_zero_lanes(x.a) & fe8_zero_lanes(x.b);
}

/* 1/(a + b u) = (a - b u)/(a^2 + b^2) */
static inline void el_invert_chains(el c[4])
{
    fe8 norm[4];
    for (int i = 0; i < 4; i++) norm[i] = fe8_mul2(c[i].a, c[i].a, c[i].b, c[i].b);
    fe8_invert_chains(norm);
    for (int i = 0; i < 4; i++)
        c[i] = (el){ fe8_mul(c[i].a, norm[i]), fe8_mul(fe8_sub(fe8_zero(), c[i].b, 4), norm[i]) };
}

struct point8 {
    el x, y;
};

IFMA_INLINE el el_from_rows(const vec r[8], int up)
{
    return (el){ fe8_from_words(r[0], r[1], r[2], r[3], up), fe8_from_words(r[4], r[5], r[6], r[7], up) };
}

/* Without their signs. */
IFMA_INLINE void load_bases(struct point8 *p, const void *bases, const uint32_t *index)
{
    vec r[8];
    load_rows(r, bases, index, 1, 128, 0);
    p->x = el_from_rows(r, 2);
    load_rows(r, bases, index, 1, 128, 64);
    p->y = el_from_rows(r, 1);
}

IFMA_INLINE void load_points(struct point8 *p, const void *points, const uint32_t *index, int every)
{
    vec r[8];
    load_rows(r, points, index, every, 128, 0);
    p->x = el_from_rows(r, 0);
    load_rows(r, points, index, every, 128, 64);
    p->y = el_from_rows(r, 0);
}

IFMA_INLINE void load_xs(el *p, el *q, const void *from, const uint32_t *pair)
{
    vec r[8];
    load_rows(r, from, pair, 2, 128, 0);
    *p = el_from_rows(r, 0);
    load_rows(r, from, pair + 1, 2, 128, 0);
    *q = el_from_rows(r, 0);
}

IFMA_INLINE void scatter_points(void *points, const uint32_t *index, el x, el y, size_t n)
{
    vec r[8];
    fe8_to_words(r, x.a);
    fe8_to_words(r + 4, x.b);
    scatter_rows(points, index, r, n, 128, 0);
    fe8_to_words(r, y.a);
    fe8_to_words(r + 4, y.b);
    scatter_rows(points, index, r, n, 128, 64);
}

IFMA_INLINE void store_points(char *dst, el x, el y)
{
    vec r[8];
    fe8_to_words(r, x.a);
    fe8_to_words(r + 4, x.b);
    store_rows(dst, r, 128, 0);
    fe8_to_words(r, y.a);
    fe8_to_words(r + 4, y.b);
    store_rows(dst, r, 128, 64);
}

static void g2_store(void *affine, const void *point)
{
    bn254_g2_affine *a = affine;
    uint64_t w[16];
    memcpy(w, point, sizeof w);
    fp_x_back(&a->x.c0, w);
    fp_x_back(&a->x.c1, w + 4);
    fp_y_back(&a->y.c0, w + 8);
    fp_y_back(&a->y.c1, w + 12);
}

#include "msm_ifma_body.h"
