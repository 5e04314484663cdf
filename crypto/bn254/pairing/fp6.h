/** Fp6 = Fp2[v] / (v^3 - (9 + u)), the middle of the tower under the pairing. Results may alias inputs. */
#ifndef BN254_FP6_H
#define BN254_FP6_H

#include "fp2.h"

static inline void bn254_fp6_set_zero(bn254_fp6 *r)
{
    memset(r, 0, sizeof *r);
}

static inline void bn254_fp6_set_one(bn254_fp6 *r)
{
    bn254_fp6_set_zero(r);
    bn254_fp2_set_one(&r->c0);
}

static inline bool bn254_fp6_is_zero(const bn254_fp6 *a)
{
    return bn254_fp2_is_zero(&a->c0) && bn254_fp2_is_zero(&a->c1) && bn254_fp2_is_zero(&a->c2);
}

static inline bool bn254_fp6_is_one(const bn254_fp6 *a)
{
    return bn254_fp2_is_one(&a->c0) && bn254_fp2_is_zero(&a->c1) && bn254_fp2_is_zero(&a->c2);
}

static inline bool bn254_fp6_eq(const bn254_fp6 *a, const bn254_fp6 *b)
{
    return bn254_fp2_eq(&a->c0, &b->c0) && bn254_fp2_eq(&a->c1, &b->c1) && bn254_fp2_eq(&a->c2, &b->c2);
}

static inline void bn254_fp6_add(bn254_fp6 *r, const bn254_fp6 *a, const bn254_fp6 *b)
{
    bn254_fp2_add(&r->c0, &a->c0, &b->c0);
    bn254_fp2_add(&r->c1, &a->c1, &b->c1);
    bn254_fp2_add(&r->c2, &a->c2, &b->c2);
}

static inline void bn254_fp6_sub(bn254_fp6 *r, const bn254_fp6 *a, const bn254_fp6 *b)
{
    bn254_fp2_sub(&r->c0, &a->c0, &b->c0);
    bn254_fp2_sub(&r->c1, &a->c1, &b->c1);
    bn254_fp2_sub(&r->c2, &a->c2, &b->c2);
}

static inline void bn254_fp6_neg(bn254_fp6 *r, const bn254_fp6 *a)
{
    bn254_fp2_neg(&r->c0, &a->c0);
    bn254_fp2_neg(&r->c1, &a->c1);
    bn254_fp2_neg(&r->c2, &a->c2);
}

/** r = v a */
static inline void bn254_fp6_mul_v(bn254_fp6 *r, const bn254_fp6 *a)
{
    bn254_fp2 t;
    bn254_fp2_mul_xi(&t, &a->c2);
    r->c2 = a->c1;
    r->c1 = a->c0;
    r->c0 = t;
}

/* (ai + aj)(bi + bj) - vi - vj: a cross term, from the products vi = ai bi and vj = aj bj. */
static inline void bn254_fp6_cross(bn254_fp2 *r, const bn254_fp2 *ai, const bn254_fp2 *aj, const bn254_fp2 *bi,
                                   const bn254_fp2 *bj, const bn254_fp2 *vi, const bn254_fp2 *vj)
{
    bn254_fp2 s, t;
    bn254_fp2_add(&s, ai, aj);
    bn254_fp2_add(&t, bi, bj);
    bn254_fp2_mul(&s, &s, &t);
    bn254_fp2_sub(&s, &s, vi);
    bn254_fp2_sub(r, &s, vj);
}

/** r = a b, Karatsuba: six products in Fp2 */
static inline void bn254_fp6_mul(bn254_fp6 *r, const bn254_fp6 *a, const bn254_fp6 *b)
{
    bn254_fp2 v0, v1, v2, t0, t1, t2;
    bn254_fp2_mul(&v0, &a->c0, &b->c0);
    bn254_fp2_mul(&v1, &a->c1, &b->c1);
    bn254_fp2_mul(&v2, &a->c2, &b->c2);
    bn254_fp6_cross(&t0, &a->c1, &a->c2, &b->c1, &b->c2, &v1, &v2);
    bn254_fp6_cross(&t1, &a->c0, &a->c1, &b->c0, &b->c1, &v0, &v1);
    bn254_fp6_cross(&t2, &a->c0, &a->c2, &b->c0, &b->c2, &v0, &v2);
    bn254_fp2_mul_xi(&t0, &t0);
    bn254_fp2_add(&r->c0, &t0, &v0);
    bn254_fp2_mul_xi(&t0, &v2);
    bn254_fp2_add(&r->c1, &t1, &t0);
    bn254_fp2_add(&r->c2, &t2, &v1);
}

/** r = a (b0 + b1 v): five products */
static inline void bn254_fp6_mul_01(bn254_fp6 *r, const bn254_fp6 *a, const bn254_fp2 *b0, const bn254_fp2 *b1)
{
    bn254_fp2 v0, v1, t0, t1, t2;
    bn254_fp2_mul(&v0, &a->c0, b0);
    bn254_fp2_mul(&v1, &a->c1, b1);
    bn254_fp2_mul(&t0, &a->c2, b1);
    bn254_fp2_mul(&t2, &a->c2, b0);
    bn254_fp6_cross(&t1, &a->c0, &a->c1, b0, b1, &v0, &v1);
    bn254_fp2_mul_xi(&t0, &t0);
    bn254_fp2_add(&r->c0, &t0, &v0);
    r->c1 = t1;
    bn254_fp2_add(&r->c2, &t2, &v1);
}

static inline void bn254_fp6_mul_fp2(bn254_fp6 *r, const bn254_fp6 *a, const bn254_fp2 *k)
{
    bn254_fp2 factor = *k;
    bn254_fp2_mul(&r->c0, &a->c0, &factor);
    bn254_fp2_mul(&r->c1, &a->c1, &factor);
    bn254_fp2_mul(&r->c2, &a->c2, &factor);
}

/** r = 1/a, and 0 for a = 0 */
static inline void bn254_fp6_inv(bn254_fp6 *r, const bn254_fp6 *a)
{
    bn254_fp2 d0, d1, d2, t, norm;
    bn254_fp2_sqr(&d0, &a->c0); /* d0 = c0^2 - xi c1 c2, d1 = xi c2^2 - c0 c1, d2 = c1^2 - c0 c2 */
    bn254_fp2_mul(&t, &a->c1, &a->c2);
    bn254_fp2_mul_xi(&t, &t);
    bn254_fp2_sub(&d0, &d0, &t);
    bn254_fp2_sqr(&d1, &a->c2);
    bn254_fp2_mul_xi(&d1, &d1);
    bn254_fp2_mul(&t, &a->c0, &a->c1);
    bn254_fp2_sub(&d1, &d1, &t);
    bn254_fp2_sqr(&d2, &a->c1);
    bn254_fp2_mul(&t, &a->c0, &a->c2);
    bn254_fp2_sub(&d2, &d2, &t);
    bn254_fp2_mul(&norm, &a->c2, &d1); /* the norm: c0 d0 + xi (c2 d1 + c1 d2) */
    bn254_fp2_mul(&t, &a->c1, &d2);
    bn254_fp2_add(&norm, &norm, &t);
    bn254_fp2_mul_xi(&norm, &norm);
    bn254_fp2_mul(&t, &a->c0, &d0);
    bn254_fp2_add(&norm, &norm, &t);
    bn254_fp2_inv(&norm, &norm);
    bn254_fp2_mul(&r->c0, &d0, &norm);
    bn254_fp2_mul(&r->c1, &d1, &norm);
    bn254_fp2_mul(&r->c2, &d2, &norm);
}

#endif
