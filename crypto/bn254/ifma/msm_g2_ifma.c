/* The G2 kernel of the MSM on AVX-512 IFMA: coordinates in Fp2 = Fp[u]/(u^2 + 1).
 * A product is two sums of two products with one reduction each: 300 multiply-adds, as many as Karatsuba's three products
 * take, and fewer additions. */
#include <stdbool.h>

#include "bn254/g2.h"

#include "fp52.h"
#include "vec.h"
#include "points.h"

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

/* 2*8 + 2*8 = 32 p^2 each */
IFMA_INLINE el el_mul(el x, el y)
{
    return (el){ fe8_mul2(x.a, y.a, fe8_sub(fe8_zero(), x.b, 2), y.b), fe8_mul2(x.a, y.b, x.b, y.a) };
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

IFMA_INLINE __mmask8 el_maybe_zero(el x)
{
    return fe8_maybe_zero(x.a) & fe8_maybe_zero(x.b);
}

IFMA_INLINE __mmask8 el_is_zero(el x)
{
    return fe8_is_zero(x.a) & fe8_is_zero(x.b);
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
    for (int i = 0; i < 4; i++) c[i] = (el){ fe8_mul(c[i].a, norm[i]), fe8_mul(fe8_sub(fe8_zero(), c[i].b, 2), norm[i]) };
}

struct point8 {
    el x, y;
};

IFMA_INLINE el el_from_rows(const vec r[8], int up)
{
    return (el){ fe8_from_words(r[0], r[1], r[2], r[3], up), fe8_from_words(r[4], r[5], r[6], r[7], up) };
}

IFMA_INLINE void load_bases(struct point8 *p, const void *bases, const uint32_t *index)
{
    const __mmask8 negative = negated_lanes(index);
    vec r[8];
    load_rows(r, bases, index, 128, 0);
    p->x = el_from_rows(r, 2);
    load_rows(r, bases, index, 128, 64);
    p->y = el_from_rows(r, 1);
    p->y = (el){ fe8_negate(negative, p->y.a), fe8_negate(negative, p->y.b) };
}

IFMA_INLINE void load_points(struct point8 *p, const void *points, const uint32_t *index)
{
    vec r[8];
    load_rows(r, points, index, 128, 0);
    p->x = el_from_rows(r, 0);
    load_rows(r, points, index, 128, 64);
    p->y = el_from_rows(r, 0);
}

IFMA_INLINE void load_xs(el *p, el *q, const void *from, const uint32_t *pair, bool bases)
{
    vec r[8];
    load_rows(r, from, pair, 128, 0);
    *p = el_from_rows(r, bases ? 2 : 0);
    load_rows(r, from, pair + 1, 128, 0);
    *q = el_from_rows(r, bases ? 2 : 0);
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
