/** Eight lanes of the MSM: points to which bases are added, one addition at a time.
 *
 *  A lane (x, y) is kept as n = 12p - x and y' = -y, so that nearly all differences of an addition become sums or start
 *  a product's upper columns; other operations share the multiplier's pipes, and a quarter of a cycle each adds up.
 *  With (qx, qy) from the files below 4p and 2p:
 *    n    in [5p, 12p]     y'  in [2p, 6p]       or both all zero: infinity
 *    den  = qx + n         = qx - x + 12p        in [5p, 16p]
 *    rise = y' +- qy       = +-qy - y            in [0, 8p]
 *    x3   = slope^2 + n - qx = slope^2 - x - qx + 12p, at most 14p; 7p less from 7p on, so at most 7p
 *    n3   = 12p - x3
 *    y3'  = slope*(x3 + n) - y' + 8p = slope*(x3 - x) + y, in [2p, 9p]; 3p less from 5p on
 *  give or take 2^-38 p; products below 2p in G1, 2.8p in G2. A value that is only multiplied needs
 *  no limb below 2^52, because a multiplication reads 52 bits of it: what a limb has above is added to the next one and
 *  stays. Such a value is called a `factor` here; it serves for nothing else. */
#ifndef BN254_MSM_IFMA_LANES_H
#define BN254_MSM_IFMA_LANES_H
#include "msm_ifma_points.h"

/* Multiples of p, hidden from gcc by `unseen`: it would build each from an immediate in a general register. */
static const uint64_t lane_3p[5] = P52_TIMES(3), lane_7p[5] = P52_TIMES(7), lane_8p[5] = P52_TIMES(8),
                      lane_12p[5] = P52_TIMES(12);

IFMA_INLINE const uint64_t *unseen(const uint64_t *p)
{
    __asm__("" : "+r"(p));
    return p;
}

IFMA_INLINE vec vec_each(const uint64_t *p)
{
    return _mm512_set1_epi64((long long)*p);
}

/* Columns, which may be negative, to the limbs of a value that is not: as a factor. */
IFMA_INLINE fe8 fe8_factor(fe8 t)
{
    for (int i = 0; i < 4; i++) t.v[i + 1] = _mm512_add_epi64(t.v[i + 1], _mm512_srai_epi64(t.v[i], 52));
    return t;
}

/* a*b/2^260 as a factor below 2p, for a*b <= 73 p^2 */
IFMA_INLINE fe8 fe8_mul_factor(fe8 a, fe8 b)
{
    columns t = columns_zero();
    fe8_product(&t, a, b);
    return fe8_factor(fe8_montgomery_columns(t));
}

/* a*b/2^260 + c, limbs not carried */
IFMA_INLINE fe8 fe8_mul_plus(fe8 a, fe8 b, fe8 c)
{
    columns t = columns_zero();
    for (int i = 0; i < 5; i++) t.lo[5 + i] = c.v[i];
    fe8_product(&t, a, b);
    return fe8_montgomery_columns(t);
}

IFMA_INLINE fe8 fe8_sqr_plus(fe8 a, fe8 c)
{
    columns t = fe8_square(a);
    for (int i = 0; i < 5; i++) t.lo[5 + i] = _mm512_add_epi64(t.lo[5 + i], c.v[i]);
    return fe8_montgomery_columns(t);
}

/* t, minus `multiple` when t is at least `least`*p. Limbs are not carried before and carried after; they move the top
 * one by < 64. */
IFMA_INLINE fe8 fe8_drop(fe8 t, uint64_t least, const uint64_t *multiple)
{
    const __mmask8 above = _mm512_cmpgt_epi64_mask(t.v[4], vec_set(least * P52[4] + 64));
    for (int i = 0; i < 5; i++) t.v[i] = _mm512_mask_sub_epi64(t.v[i], above, t.v[i], vec_each(multiple + i));
    return fe8_carry(t);
}

IFMA_INLINE fe8 fe8_plus(fe8 a, fe8 b)
{
    for (int i = 0; i < 5; i++) a.v[i] = _mm512_add_epi64(a.v[i], b.v[i]);
    return a;
}

/* multiple - a */
IFMA_INLINE fe8 fe8_from(const uint64_t *multiple, fe8 a)
{
    for (int i = 0; i < 5; i++) a.v[i] = _mm512_sub_epi64(vec_each(multiple + i), a.v[i]);
    return a;
}

/* A factor's limbs. */
IFMA_INLINE fe8 fe8_limbs(fe8 t)
{
    for (int i = 0; i < 4; i++) t.v[i] = _mm512_and_si512(t.v[i], vec_set(MASK52));
    return t;
}

/* All infinite lanes, and one in 2^52 of the others. */
IFMA_INLINE __mmask8 fe8_maybe_infinite(fe8 n)
{
    return _mm512_testn_epi64_mask(n.v[0], n.v[0]);
}

IFMA_INLINE fe8 fe8_lane_den(fe8 qx, fe8 n)
{
    return fe8_carry(fe8_plus(qx, n));
}

/* a factor */
IFMA_INLINE fe8 fe8_lane_rise(fe8 qy, __mmask8 negative, fe8 y)
{
    fe8 r = fe8_plus(y, qy);
    for (int i = 0; i < 5; i++) r.v[i] = _mm512_mask_sub_epi64(r.v[i], negative, y.v[i], qy.v[i]);
    return fe8_factor(r);
}

/* n + n - den: n - qx, and so 12p - x - qx */
IFMA_INLINE fe8 fe8_lane_rest(fe8 n, fe8 den)
{
    for (int i = 0; i < 5; i++) n.v[i] = _mm512_sub_epi64(_mm512_add_epi64(n.v[i], n.v[i]), den.v[i]);
    return n;
}

IFMA_INLINE fe8 fe8_lane_x(fe8 square_plus_rest)
{
    return fe8_drop(square_plus_rest, 7, unseen(lane_7p));
}

IFMA_INLINE fe8 fe8_lane_n(fe8 x)
{
    return fe8_from(unseen(lane_12p), x);
}

IFMA_INLINE fe8 fe8_lane_y(fe8 product_plus_rest)
{
    return fe8_drop(product_plus_rest, 5, unseen(lane_3p));
}

/* 8p - y', the start of y3' */
IFMA_INLINE fe8 fe8_lane_y_rest(fe8 y)
{
    return fe8_from(unseen(lane_8p), y);
}

/* -y' between 2p and 4p, for y up to 2p, and its opposite */
IFMA_INLINE fe8 fe8_lane_minus(fe8 y, __mmask8 negative)
{
    const fe8 plus = fe8_add(y, fe8_set((const uint64_t[5])P52_TIMES(2)));
    return fe8_blend(negative, fe8_sub(fe8_zero(), y, 4), plus);
}
#endif
