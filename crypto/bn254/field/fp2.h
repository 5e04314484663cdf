/** Fp2 = Fp[u] / (u^2 + 1): coordinates of G2, and the tower under the pairing. Results may alias inputs; reduced in
 *  and out. */
#ifndef BN254_FP2_H
#define BN254_FP2_H

#include "fp.h"

static inline void bn254_fp2_set_zero(bn254_fp2 *r)
{
    *r = (bn254_fp2){ { { 0, 0, 0, 0 } }, { { 0, 0, 0, 0 } } };
}

static inline void bn254_fp2_set_one(bn254_fp2 *r)
{
    bn254_fp_set_one(&r->c0);
    bn254_fp_set_zero(&r->c1);
}

static inline bool bn254_fp2_is_zero(const bn254_fp2 *a)
{
    return bn254_fp_is_zero(&a->c0) && bn254_fp_is_zero(&a->c1);
}

static inline bool bn254_fp2_is_one(const bn254_fp2 *a)
{
    return bn254_fp_is_one(&a->c0) && bn254_fp_is_zero(&a->c1);
}

static inline bool bn254_fp2_eq(const bn254_fp2 *a, const bn254_fp2 *b)
{
    return bn254_fp_eq(&a->c0, &b->c0) && bn254_fp_eq(&a->c1, &b->c1);
}

static inline bool bn254_fp2_is_reduced(const bn254_fp2 *a)
{
    return bn254_fp_is_reduced(&a->c0) && bn254_fp_is_reduced(&a->c1);
}

static inline void bn254_fp2_add(bn254_fp2 *r, const bn254_fp2 *a, const bn254_fp2 *b)
{
    bn254_fp_add(&r->c0, &a->c0, &b->c0);
    bn254_fp_add(&r->c1, &a->c1, &b->c1);
}

static inline void bn254_fp2_sub(bn254_fp2 *r, const bn254_fp2 *a, const bn254_fp2 *b)
{
    bn254_fp_sub(&r->c0, &a->c0, &b->c0);
    bn254_fp_sub(&r->c1, &a->c1, &b->c1);
}

/** r = a - b - c */
static inline void bn254_fp2_sub_two(bn254_fp2 *r, const bn254_fp2 *a, const bn254_fp2 *b, const bn254_fp2 *c)
{
    bn254_fp_sub_two(&r->c0, &a->c0, &b->c0, &c->c0);
    bn254_fp_sub_two(&r->c1, &a->c1, &b->c1, &c->c1);
}

static inline void bn254_fp2_dbl(bn254_fp2 *r, const bn254_fp2 *a)
{
    bn254_fp_dbl(&r->c0, &a->c0);
    bn254_fp_dbl(&r->c1, &a->c1);
}

static inline void bn254_fp2_neg(bn254_fp2 *r, const bn254_fp2 *a)
{
    bn254_fp_neg(&r->c0, &a->c0);
    bn254_fp_neg(&r->c1, &a->c1);
}

/** a = negate ? -a : a, without a branch */
static inline void bn254_fp2_neg_if(bn254_fp2 *a, uint64_t negate)
{
    bn254_fp_neg_if(&a->c0, negate);
    bn254_fp_neg_if(&a->c1, negate);
}

/** r = a^p = c0 - c1 u */
static inline void bn254_fp2_conj(bn254_fp2 *r, const bn254_fp2 *a)
{
    r->c0 = a->c0;
    bn254_fp_neg(&r->c1, &a->c1);
}

#if LIMBS_ADX
#include "fp2_adx.h"
#else
/* Karatsuba: three products */
LIMBS_INLINE void bn254_fp2_mul_inline(bn254_fp2 *r, const bn254_fp2 *a, const bn254_fp2 *b)
{
    bn254_fp v0, v1, sa, sb;
    bn254_fp_mul(&v0, &a->c0, &b->c0);
    bn254_fp_mul(&v1, &a->c1, &b->c1);
    bn254_fp_add(&sa, &a->c0, &a->c1);
    bn254_fp_add(&sb, &b->c0, &b->c1);
    bn254_fp_mul(&sa, &sa, &sb);
    bn254_fp_sub(&r->c0, &v0, &v1);
    bn254_fp_sub(&sa, &sa, &v0);
    bn254_fp_sub(&r->c1, &sa, &v1);
}
#endif

/** r = a b. bn254_fp2_mul_inline is the same function, for loops that call it in few places: it saves 7 % of an MSM's
 *  addition (mulx). */
static inline void bn254_fp2_mul(bn254_fp2 *r, const bn254_fp2 *a, const bn254_fp2 *b)
{
    bn254_fp2_mul_inline(r, a, b);
}

/** r = a^2 = (c0 + c1)(c0 - c1) + 2 c0 c1 u: two products */
static inline void bn254_fp2_sqr(bn254_fp2 *r, const bn254_fp2 *a)
{
    bn254_fp sum, diff, twice;
    limbs_add(sum.l, a->c0.l, a->c1.l); /* loose, as the other two */
    bn254_fp_sub_loose(&diff, &a->c0, &a->c1);
    limbs_add(twice.l, a->c0.l, a->c0.l);
    bn254_fp_mul(&r->c1, &twice, &a->c1);
    bn254_fp_mul(&r->c0, &sum, &diff);
}

/** r = a k, for k in Fp */
static inline void bn254_fp2_mul_fp(bn254_fp2 *r, const bn254_fp2 *a, const bn254_fp *k)
{
    bn254_fp factor = *k;
    bn254_fp_mul(&r->c0, &a->c0, &factor);
    bn254_fp_mul(&r->c1, &a->c1, &factor);
}

/** r = (9 + u) a: the non-residue the tower is built on */
static inline void bn254_fp2_mul_xi(bn254_fp2 *r, const bn254_fp2 *a)
{
    bn254_fp2 t = *a, nine;
    bn254_fp2_dbl(&nine, &t);
    bn254_fp2_dbl(&nine, &nine);
    bn254_fp2_dbl(&nine, &nine);
    bn254_fp2_add(&nine, &nine, &t);
    bn254_fp_sub(&r->c0, &nine.c0, &t.c1);
    bn254_fp_add(&r->c1, &nine.c1, &t.c0);
}

/** r = 1/a, and 0 for a = 0 */
void bn254_fp2_inv(bn254_fp2 *r, const bn254_fp2 *a);

/** v[i] = 1/v[i], zeros stay zero.  scratch: n elements.  Cost: one inversion and 3n products. */
static inline void bn254_fp2_batch_inv(bn254_fp2 *v, size_t n, bn254_fp2 *scratch)
{
    bn254_fp2 acc;
    bn254_fp2_set_one(&acc);
    for (size_t i = 0; i < n; i++) {
        scratch[i] = acc;
        if (!bn254_fp2_is_zero(&v[i])) bn254_fp2_mul(&acc, &acc, &v[i]);
    }
    bn254_fp2_inv(&acc, &acc);
    for (size_t i = n; i-- > 0;) {
        if (bn254_fp2_is_zero(&v[i])) continue;
        bn254_fp2 next;
        bn254_fp2_mul(&next, &acc, &v[i]);
        bn254_fp2_mul(&v[i], &acc, &scratch[i]);
        acc = next;
    }
}

#endif
