/** Eight field elements at a time with AVX-512 IFMA: lane k of five vectors holds element k in 52-bit limbs.
 *
 *  Montgomery with R = 2^260: p < 2^254 leaves 6 bits, so values stay below a small multiple of p, given at each
 *  function, and a product needs no final subtraction: a*b <= 73 p^2 gives a result below 2p. In memory an element
 *  takes four 64-bit words, as everywhere else, any value below 2^256 (5.29 p). Only the sources of the IFMA path
 *  include this file: it needs avx512f, dq, vl, ifma, vbmi2. */
#ifndef BN254_IFMA_VEC_H
#define BN254_IFMA_VEC_H
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

typedef __m512i vec;
typedef struct {
    vec v[5];
} fe8;

#define IFMA_INLINE static inline __attribute__((always_inline))
#define MASK52 0xfffffffffffffull

IFMA_INLINE vec vec_set(uint64_t x)
{
    return _mm512_set1_epi64((long long)x);
}

/* The modulus, chosen by the file that includes this one: P52[5], N52 = -p^-1 mod 2^52, M52 = (N52*p + 1)/2^52. */
IFMA_INLINE fe8 fe8_set(const uint64_t limb[5])
{
    fe8 r;
    for (int i = 0; i < 5; i++) r.v[i] = vec_set(limb[i]);
    return r;
}

/* Limbs back below 2^52 (the top one takes what is left); limbs may be negative, the value not. */
IFMA_INLINE fe8 fe8_carry(fe8 t)
{
    const vec m = vec_set(MASK52);
    for (int i = 0; i < 4; i++) {
        t.v[i + 1] = _mm512_add_epi64(t.v[i + 1], _mm512_srai_epi64(t.v[i], 52));
        t.v[i] = _mm512_and_si512(t.v[i], m);
    }
    return t;
}

#define LO52(c, a, b) _mm512_madd52lo_epu64(c, a, b)
#define HI52(c, a, b) _mm512_madd52hi_epu64(c, a, b)

/* Products of limbs by column, lower and upper halves apart: two short chains of additions instead of one of twice the
 * length. The processor looks ahead little further than one product, so latency counts even where products do not
 * depend on each other. Zen 5, cycles for eight lanes: 50.4 in four chains, which is what two multiply-adds a cycle
 * allow, and 67 in one; with one accumulator a column 57 and 95, reduced row by row 61. */
typedef struct {
    vec lo[10], hi[10];
} columns;

IFMA_INLINE columns columns_zero(void)
{
    columns t;
    for (int i = 0; i < 10; i++) t.lo[i] = t.hi[i] = _mm512_setzero_si512();
    return t;
}

/* t += a*b. Limbs of a and b below 2^52. */
IFMA_INLINE void fe8_product(columns *t, fe8 a, fe8 b)
{
#pragma GCC unroll 5
    for (int i = 0; i < 5; i++)
#pragma GCC unroll 5
        for (int j = 0; j < 5; j++) {
            t->lo[i + j] = LO52(t->lo[i + j], a.v[j], b.v[i]);
            t->hi[i + j + 1] = HI52(t->hi[i + j + 1], a.v[j], b.v[i]);
        }
}

/* a*a: 30 multiply-adds, where a product takes 50. */
IFMA_INLINE columns fe8_square(fe8 a)
{
    columns t = columns_zero();
#pragma GCC unroll 5
    for (int i = 0; i < 5; i++)
#pragma GCC unroll 5
        for (int j = i + 1; j < 5; j++) {
            t.lo[i + j] = LO52(t.lo[i + j], a.v[j], a.v[i]);
            t.hi[i + j + 1] = HI52(t.hi[i + j + 1], a.v[j], a.v[i]);
        }
    for (int i = 1; i < 8; i++) {
        t.lo[i] = _mm512_add_epi64(t.lo[i], t.lo[i]);
        t.hi[i + 1] = _mm512_add_epi64(t.hi[i + 1], t.hi[i + 1]);
    }
    for (int i = 0; i < 5; i++) {
        t.lo[2 * i] = LO52(t.lo[2 * i], a.v[i], a.v[i]);
        t.hi[2 * i + 1] = HI52(t.hi[2 * i + 1], a.v[i], a.v[i]);
    }
    return t;
}

/* The columns, which may be negative, over 2^260; limbs not carried. Adding d*(-1/p mod 2^52)*p, whose lowest limb is
 * -d, clears a limb d: so only d * M52 is added, one limb up, and no quotient has to be waited for. That adds at most
 * 0.127p * 2^260. The last limb is cleared by its quotient, because only that brings the value down; it adds p * 2^260.
 * So t <= 73 p^2 ends below 73/84.4 p + 1.127p < 2p. */
IFMA_INLINE fe8 fe8_montgomery_columns(columns t)
{
    vec d = _mm512_add_epi64(t.lo[0], t.hi[0]);
    fe8 r;
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        t.hi[i + 1] = _mm512_add_epi64(t.hi[i + 1], _mm512_srai_epi64(d, 52)); /* a multiplication reads 52 bits of d */
#pragma GCC unroll 5
        for (int j = 0; j < 5; j++) {
            t.lo[i + 1 + j] = LO52(t.lo[i + 1 + j], d, vec_set(M52[j]));
            t.hi[i + 2 + j] = HI52(t.hi[i + 2 + j], d, vec_set(M52[j]));
        }
        d = _mm512_add_epi64(t.lo[i + 1], t.hi[i + 1]);
    }
    const vec q = LO52(_mm512_setzero_si512(), d, vec_set(N52));
    /* the lowest column becomes zero: what it carries is its upper bits, and one if it was not zero */
    t.hi[5] = _mm512_add_epi64(t.hi[5], _mm512_srai_epi64(_mm512_add_epi64(d, vec_set(MASK52)), 52));
#pragma GCC unroll 5
    for (int j = 0; j < 5; j++) t.hi[5 + j] = HI52(t.hi[5 + j], q, vec_set(P52[j]));
#pragma GCC unroll 4
    for (int j = 1; j < 5; j++) t.lo[4 + j] = LO52(t.lo[4 + j], q, vec_set(P52[j]));
    for (int i = 0; i < 5; i++) r.v[i] = _mm512_add_epi64(t.lo[5 + i], t.hi[5 + i]);
    return r;
}

IFMA_INLINE fe8 fe8_montgomery(columns t)
{
    return fe8_carry(fe8_montgomery_columns(t));
}

/* a*b/2^260 for a*b <= 73 p^2: below 2p. Limbs of a and b below 2^52. */
IFMA_INLINE fe8 fe8_mul(fe8 a, fe8 b)
{
    columns t = columns_zero();
    fe8_product(&t, a, b);
    return fe8_montgomery(t);
}

/* (a*b + c*d)/2^260 for a*b + c*d <= 73 p^2: below 2p, with one reduction. */
IFMA_INLINE fe8 fe8_mul2(fe8 a, fe8 b, fe8 c, fe8 d)
{
    columns t = columns_zero();
    fe8_product(&t, a, b);
    fe8_product(&t, c, d);
    return fe8_montgomery(t);
}

/* a*a/2^260 for a*a <= 73 p^2 */
IFMA_INLINE fe8 fe8_sqr(fe8 a)
{
    return fe8_montgomery(fe8_square(a));
}

/* a + b; the limbs are carried. */
IFMA_INLINE fe8 fe8_add(fe8 a, fe8 b)
{
    for (int i = 0; i < 5; i++) a.v[i] = _mm512_add_epi64(a.v[i], b.v[i]);
    return fe8_carry(a);
}

/* a - b + k*p for a constant k with b < k*p. */
IFMA_INLINE fe8 fe8_sub(fe8 a, fe8 b, uint64_t k)
{
    for (int i = 0; i < 5; i++) a.v[i] = _mm512_sub_epi64(_mm512_add_epi64(a.v[i], vec_set(k * P52[i])), b.v[i]);
    return fe8_carry(a);
}

/* t minus the right small multiple of p: below 2p + 2^-40 p, for 0 <= t < 16p with limbs not carried (each below 2^57
 * in size). The quotient is never taken too large: 2^52 / (top limb + 16) leaves room for what the lower limbs may
 * borrow. */
IFMA_INLINE fe8 fe8_reduce(fe8 t)
{
    const vec q = HI52(_mm512_setzero_si512(), t.v[4], vec_set(((uint64_t)1 << 52) / (P52[4] + 16)));
    for (int i = 0; i < 5; i++) {
        const vec low =
            _mm512_set_epi64(7 * P52[i], 6 * P52[i], 5 * P52[i], 4 * P52[i], 3 * P52[i], 2 * P52[i], P52[i], 0);
        const vec high = _mm512_add_epi64(low, vec_set(8 * P52[i]));
        t.v[i] = _mm512_sub_epi64(t.v[i], _mm512_permutex2var_epi64(low, q, high));
    }
    return fe8_carry(t);
}

/* The same for t < 84p, with products in place of a table. */
IFMA_INLINE fe8 fe8_reduce_wide(fe8 t)
{
    const vec zero = _mm512_setzero_si512();
    const vec q = HI52(zero, t.v[4], vec_set(((uint64_t)1 << 52) / (P52[4] + 16)));
    for (int i = 0; i < 5; i++) t.v[i] = _mm512_sub_epi64(t.v[i], LO52(zero, q, vec_set(P52[i])));
    for (int i = 0; i < 4; i++) t.v[i + 1] = _mm512_sub_epi64(t.v[i + 1], HI52(zero, q, vec_set(P52[i])));
    return fe8_carry(t);
}

/* Canonical: for t < 16p. */
IFMA_INLINE fe8 fe8_canonical(fe8 t)
{
    t = fe8_reduce(t);
    for (int k = 0; k < 2; k++) {
        fe8 s;
        for (int i = 0; i < 5; i++) s.v[i] = _mm512_sub_epi64(t.v[i], vec_set(P52[i]));
        s = fe8_carry(s);
        __mmask8 keep = _mm512_movepi64_mask(s.v[4]); /* negative: t was below p */
        for (int i = 0; i < 5; i++) t.v[i] = _mm512_mask_mov_epi64(s.v[i], keep, t.v[i]);
    }
    return t;
}

IFMA_INLINE fe8 fe8_blend(__mmask8 m, fe8 no, fe8 yes)
{
    for (int i = 0; i < 5; i++) no.v[i] = _mm512_mask_mov_epi64(no.v[i], m, yes.v[i]);
    return no;
}

/* Lanes that may be a multiple of p (value below 16p, limbs carried): all of those that are, and one in 2^48 of the
 * others. */
IFMA_INLINE __mmask8 fe8_maybe_zero(fe8 a)
{
    const vec k =
        LO52(_mm512_setzero_si512(), a.v[0], vec_set((((uint64_t)1 << 52) - N52) & MASK52)); /* a/p mod 2^52 */
    return _mm512_cmplt_epu64_mask(k, vec_set(16));
}

IFMA_INLINE __mmask8 fe8_is_zero(fe8 a)
{
    a = fe8_canonical(a);
    vec any =
        _mm512_or_si512(_mm512_or_si512(a.v[0], a.v[1]), _mm512_or_si512(a.v[2], _mm512_or_si512(a.v[3], a.v[4])));
    return _mm512_testn_epi64_mask(any, any);
}

/* Four vectors of 64-bit words (word i of eight elements) to limbs and back. up: the value is shifted left by so many
 * bits, < 4. */
IFMA_INLINE fe8 fe8_from_words(vec w0, vec w1, vec w2, vec w3, int up)
{
    const vec m = vec_set(MASK52);
    fe8 r;
    r.v[0] = _mm512_and_si512(_mm512_slli_epi64(w0, up), m);
    r.v[1] = _mm512_and_si512(_mm512_shrdi_epi64(w0, w1, 52 - up), m);
    r.v[2] = _mm512_and_si512(_mm512_shrdi_epi64(w1, w2, 40 - up), m);
    r.v[3] = _mm512_and_si512(_mm512_shrdi_epi64(w2, w3, 28 - up), m);
    r.v[4] = _mm512_srli_epi64(w3, 16 - up);
    return r;
}

IFMA_INLINE void fe8_to_words(vec w[4], fe8 a)
{
    w[0] = _mm512_or_si512(a.v[0], _mm512_slli_epi64(a.v[1], 52));
    w[1] = _mm512_or_si512(_mm512_srli_epi64(a.v[1], 12), _mm512_slli_epi64(a.v[2], 40));
    w[2] = _mm512_or_si512(_mm512_srli_epi64(a.v[2], 24), _mm512_slli_epi64(a.v[3], 28));
    w[3] = _mm512_or_si512(_mm512_srli_epi64(a.v[3], 36), _mm512_slli_epi64(a.v[4], 16));
}

/* Eight rows of eight words: row i lane j <-> row j lane i. */
IFMA_INLINE void vec_transpose(vec r[8])
{
    vec a[8], b[8];
    for (int i = 0; i < 4; i++) {
        a[2 * i] = _mm512_unpacklo_epi64(r[2 * i], r[2 * i + 1]);
        a[2 * i + 1] = _mm512_unpackhi_epi64(r[2 * i], r[2 * i + 1]);
    }
    for (int i = 0; i < 2; i++) {
        b[4 * i] = _mm512_shuffle_i64x2(a[4 * i], a[4 * i + 2], 0x88);
        b[4 * i + 1] = _mm512_shuffle_i64x2(a[4 * i + 1], a[4 * i + 3], 0x88);
        b[4 * i + 2] = _mm512_shuffle_i64x2(a[4 * i], a[4 * i + 2], 0xdd);
        b[4 * i + 3] = _mm512_shuffle_i64x2(a[4 * i + 1], a[4 * i + 3], 0xdd);
    }
    r[0] = _mm512_shuffle_i64x2(b[0], b[4], 0x88), r[1] = _mm512_shuffle_i64x2(b[1], b[5], 0x88);
    r[2] = _mm512_shuffle_i64x2(b[2], b[6], 0x88), r[3] = _mm512_shuffle_i64x2(b[3], b[7], 0x88);
    r[4] = _mm512_shuffle_i64x2(b[0], b[4], 0xdd), r[5] = _mm512_shuffle_i64x2(b[1], b[5], 0xdd);
    r[6] = _mm512_shuffle_i64x2(b[2], b[6], 0xdd), r[7] = _mm512_shuffle_i64x2(b[3], b[7], 0xdd);
}
#endif
