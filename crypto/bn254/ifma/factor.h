/** Products of vec.h's elements by a factor that many values share: 60 multiply-adds instead of 100.
 *
 *  A factor z is written out as five rows Z_i = z * 2^(52i - 208) mod p (z with its 2^260, as tables hold it). Then x z
 *  / 2^260 is sum x_i Z_i over 2^52: that sum has six columns instead of ten, and only one limb to reduce. Each row
 *  comes from the next one by a reduction of one limb, 10 multiply-adds a row, eight factors at a time: rows are made
 *  when needed, not stored. */
#ifndef BN254_IFMA_FACTOR_H
#define BN254_IFMA_FACTOR_H
#include "vec.h"

/* Eight factors, limb j of row i in limbs[5i + j]. Words, because one factor for all lanes is read word by word. */
struct factor8 {
    uint64_t limbs[25][8] __attribute__((aligned(64)));
};

#define FACTOR_BOUND 6 /* of a product by a factor, in p */

/* Five columns as the operand of a product: carried but not masked, because a multiplication reads 52 bits. Columns may
 * be negative, the value not, and it is below 2^260. */
IFMA_INLINE fe8 fe8_operand(fe8 t)
{
    for (int i = 0; i < 4; i++) t.v[i + 1] = _mm512_add_epi64(t.v[i + 1], _mm512_srai_epi64(t.v[i], 52));
    return t;
}

/* Six columns over 2^52, into c[1..5]; the lowest is below 2^63. */
IFMA_INLINE void fe8_reduce_limb(vec c[6])
{
    const vec q = LO52(_mm512_setzero_si512(), c[0], vec_set(N52));
    /* see fe8_montgomery */
    c[1] = _mm512_add_epi64(c[1], _mm512_srli_epi64(_mm512_add_epi64(c[0], vec_set(MASK52)), 52));
#pragma GCC unroll 4
    for (int j = 1; j < 5; j++) c[j] = LO52(c[j], q, vec_set(P52[j]));
#pragma GCC unroll 5
    for (int j = 0; j < 5; j++) c[j + 1] = HI52(c[j + 1], q, vec_set(P52[j]));
}

IFMA_INLINE void factor8_set_row(struct factor8 *f, int i, fe8 row)
{
    for (int j = 0; j < 5; j++) _mm512_store_si512(f->limbs[5 * i + j], row.v[j]);
}

/* n times eight factors, z below p; the rows are below p (1 + 2^-52). n is a constant: the chains of rows run
 * side by side, because each waits for its own results most of the time. */
IFMA_INLINE void factor8_expand_beside(struct factor8 *f, const fe8 *z, int n)
{
    vec c[4][6];
#pragma GCC unroll 4
    for (int k = 0; k < n; k++) {
        for (int j = 0; j < 5; j++) c[k][j] = z[k].v[j];
        factor8_set_row(&f[k], 4, z[k]);
        c[k][5] = _mm512_setzero_si512();
    }
#pragma GCC unroll 4
    for (int i = 3; i >= 0; i--) {
#pragma GCC unroll 4
        for (int k = 0; k < n; k++) {
            fe8_reduce_limb(c[k]);
            for (int j = 0; j < 5; j++) c[k][j] = c[k][j + 1];
            c[k][5] = _mm512_setzero_si512();
            factor8_set_row(&f[k], i, fe8_operand((fe8){ { c[k][0], c[k][1], c[k][2], c[k][3], c[k][4] } }));
        }
    }
}

IFMA_INLINE void factor8_expand(struct factor8 *f, fe8 z)
{
    factor8_expand_beside(f, &z, 1);
}

/* A factor as products take it: one of eight for all lanes, or one for each lane. */
struct factor {
    const uint64_t *at;
    int spread;
};

IFMA_INLINE struct factor factor_of_all(const struct factor8 *f, int lane)
{
    return (struct factor){ (const uint64_t *)f->limbs + lane, 1 };
}

IFMA_INLINE struct factor factor_by_lane(const struct factor8 *f)
{
    return (struct factor){ (const uint64_t *)f->limbs, 0 };
}

IFMA_INLINE vec factor_limb(struct factor z, int k)
{
    return z.spread ? vec_set(z.at[8 * k]) : _mm512_load_si512(z.at + 8 * k);
}

/* Limbs are read where they are used: gcc would read the 25 of a factor before a loop and, for lack of registers, put
 * them on the stack. Only the offset is hidden, so that the compiler still knows which memory this is. */
IFMA_INLINE struct factor factor_kept_in_memory(struct factor z)
{
    size_t nothing = 0;
    __asm__ volatile("" : "+r"(nothing));
    z.at += nothing;
    return z;
}

/* base + x z / 2^260 for any x of fe8_operand; columns: the product adds less than 6p, and each column less than 2^56.
 * */
IFMA_INLINE fe8 fe8_add_product(fe8 base, fe8 x, struct factor z)
{
    z = factor_kept_in_memory(z);
    vec c[6] = { _mm512_setzero_si512(), base.v[0], base.v[1], base.v[2], base.v[3], base.v[4] };
#pragma GCC unroll 5
    for (int i = 0; i < 5; i++) {
#pragma GCC unroll 5
        for (int j = 0; j < 5; j++) {
            const vec limb = factor_limb(z, 5 * i + j);
            c[j] = LO52(c[j], x.v[i], limb);
            c[j + 1] = HI52(c[j + 1], x.v[i], limb);
        }
    }
    fe8_reduce_limb(c);
    return (fe8){ { c[1], c[2], c[3], c[4], c[5] } };
}

/* The same twice with one factor: its limbs are loaded once, and two chains run side by side. */
IFMA_INLINE void fe8_add_product_two(fe8 sum[2], const fe8 x[2], struct factor z)
{
    vec c[2][6];
    z = factor_kept_in_memory(z);
#pragma GCC unroll 2
    for (int k = 0; k < 2; k++) {
        c[k][0] = _mm512_setzero_si512();
        for (int j = 0; j < 5; j++) c[k][j + 1] = sum[k].v[j];
    }
#pragma GCC unroll 5
    for (int i = 0; i < 5; i++) {
#pragma GCC unroll 5
        for (int j = 0; j < 5; j++) {
            const vec limb = factor_limb(z, 5 * i + j);
#pragma GCC unroll 2
            for (int k = 0; k < 2; k++) {
                c[k][j] = LO52(c[k][j], x[k].v[i], limb);
                c[k][j + 1] = HI52(c[k][j + 1], x[k].v[i], limb);
            }
        }
    }
#pragma GCC unroll 2
    for (int k = 0; k < 2; k++) {
        fe8_reduce_limb(c[k]);
        for (int j = 0; j < 5; j++) sum[k].v[j] = c[k][j + 1];
    }
}
#endif
