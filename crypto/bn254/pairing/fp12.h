/** Fp12 = Fp6[w] / (w^2 - v), where pairings take their values. Results may alias inputs. */
#ifndef BN254_FP12_H
#define BN254_FP12_H

#include "fp6.h"

static inline void bn254_fp12_set_one(bn254_fp12 *r)
{
    bn254_fp6_set_one(&r->c0);
    bn254_fp6_set_zero(&r->c1);
}

static inline bool bn254_fp12_is_one(const bn254_fp12 *a)
{
    return bn254_fp6_is_one(&a->c0) && bn254_fp6_is_zero(&a->c1);
}

static inline bool bn254_fp12_eq(const bn254_fp12 *a, const bn254_fp12 *b)
{
    return bn254_fp6_eq(&a->c0, &b->c0) && bn254_fp6_eq(&a->c1, &b->c1);
}

/** r = a^(p^6) = c0 - c1 w: the inverse of an element of the cyclotomic subgroup */
static inline void bn254_fp12_conj(bn254_fp12 *r, const bn254_fp12 *a)
{
    r->c0 = a->c0;
    bn254_fp6_neg(&r->c1, &a->c1);
}

/** r = a b */
static inline void bn254_fp12_mul(bn254_fp12 *r, const bn254_fp12 *a, const bn254_fp12 *b)
{
    bn254_fp6 v0, v1, s, t;
    bn254_fp6_mul(&v0, &a->c0, &b->c0);
    bn254_fp6_mul(&v1, &a->c1, &b->c1);
    bn254_fp6_add(&s, &a->c0, &a->c1);
    bn254_fp6_add(&t, &b->c0, &b->c1);
    bn254_fp6_mul(&s, &s, &t);
    bn254_fp6_sub(&s, &s, &v0);
    bn254_fp6_sub(&r->c1, &s, &v1);
    bn254_fp6_mul_v(&v1, &v1);
    bn254_fp6_add(&r->c0, &v0, &v1);
}

/** r = a^2 = c0^2 + v c1^2 + 2 c0 c1 w, from c0 c1 and (c0 + c1)(c0 + v c1) */
static inline void bn254_fp12_sqr(bn254_fp12 *r, const bn254_fp12 *a)
{
    bn254_fp6 cross, s, t;
    bn254_fp6_mul(&cross, &a->c0, &a->c1);
    bn254_fp6_add(&s, &a->c0, &a->c1);
    bn254_fp6_mul_v(&t, &a->c1);
    bn254_fp6_add(&t, &t, &a->c0);
    bn254_fp6_mul(&s, &s, &t);
    bn254_fp6_mul_v(&t, &cross);
    bn254_fp6_sub(&s, &s, &t);
    bn254_fp6_sub(&r->c0, &s, &cross);
    bn254_fp6_add(&r->c1, &cross, &cross);
}

/** r = a (l0 + l1 w + l3 v w): a line of the Miller loop has only these */
static inline void bn254_fp12_mul_line(bn254_fp12 *r, const bn254_fp12 *a, const bn254_fp2 *l0, const bn254_fp2 *l1,
                                       const bn254_fp2 *l3)
{
    bn254_fp6 v0, v1, s;
    bn254_fp2 sum;
    bn254_fp6_mul_fp2(&v0, &a->c0, l0);
    bn254_fp6_mul_01(&v1, &a->c1, l1, l3);
    bn254_fp2_add(&sum, l0, l1);
    bn254_fp6_add(&s, &a->c0, &a->c1);
    bn254_fp6_mul_01(&s, &s, &sum, l3);
    bn254_fp6_sub(&s, &s, &v0);
    bn254_fp6_sub(&r->c1, &s, &v1);
    bn254_fp6_mul_v(&v1, &v1);
    bn254_fp6_add(&r->c0, &v0, &v1);
}

/** r = 1/a, and 0 for a = 0: (c0 - c1 w) / (c0^2 - v c1^2) */
static inline void bn254_fp12_inv(bn254_fp12 *r, const bn254_fp12 *a)
{
    bn254_fp6 norm, t;
    bn254_fp6_mul(&norm, &a->c0, &a->c0);
    bn254_fp6_mul(&t, &a->c1, &a->c1);
    bn254_fp6_mul_v(&t, &t);
    bn254_fp6_sub(&norm, &norm, &t);
    bn254_fp6_inv(&norm, &norm);
    bn254_fp6_neg(&t, &a->c1);
    bn254_fp6_mul(&r->c0, &a->c0, &norm);
    bn254_fp6_mul(&r->c1, &t, &norm);
}

/* One coefficient of Frobenius: conjugated for odd powers, times xi^(i (p^k - 1) / 6). */
static inline void bn254_fp12_frobenius_part(bn254_fp2 *r, const bn254_fp2 *a, unsigned power, unsigned i)
{
    bn254_fp2 t = *a;
    if (power & 1) bn254_fp2_conj(&t, &t);
    bn254_fp2_mul(r, &t, &BN254_FROBENIUS[power - 1][i]);
}

/** r = a^(p^power), power in 1..3. The coefficient of w^i lies in c(i mod 2).c(i / 2). */
static inline void bn254_fp12_frobenius(bn254_fp12 *r, const bn254_fp12 *a, unsigned power)
{
    bn254_fp12_frobenius_part(&r->c0.c0, &a->c0.c0, power, 0);
    bn254_fp12_frobenius_part(&r->c1.c0, &a->c1.c0, power, 1);
    bn254_fp12_frobenius_part(&r->c0.c1, &a->c0.c1, power, 2);
    bn254_fp12_frobenius_part(&r->c1.c1, &a->c1.c1, power, 3);
    bn254_fp12_frobenius_part(&r->c0.c2, &a->c0.c2, power, 4);
    bn254_fp12_frobenius_part(&r->c1.c2, &a->c1.c2, power, 5);
}

/* (x + y s)^2 in Fp4 = Fp2[s] / (s^2 - xi) */
static inline void bn254_fp4_sqr(bn254_fp2 *r0, bn254_fp2 *r1, const bn254_fp2 *x, const bn254_fp2 *y)
{
    bn254_fp2 xx, yy, sum;
    bn254_fp2_add(&sum, x, y);
    bn254_fp2_sqr(&xx, x);
    bn254_fp2_sqr(&yy, y);
    bn254_fp2_sqr(&sum, &sum);
    bn254_fp2_sub(&sum, &sum, &xx);
    bn254_fp2_sub(r1, &sum, &yy);
    bn254_fp2_mul_xi(&yy, &yy);
    bn254_fp2_add(r0, &xx, &yy);
}

/* 3t - 2a and 3t + 2a */
static inline void bn254_fp2_3t_minus_2a(bn254_fp2 *r, const bn254_fp2 *t, const bn254_fp2 *a)
{
    bn254_fp2 d;
    bn254_fp2_sub(&d, t, a);
    bn254_fp2_dbl(&d, &d);
    bn254_fp2_add(r, &d, t);
}

static inline void bn254_fp2_3t_plus_2a(bn254_fp2 *r, const bn254_fp2 *t, const bn254_fp2 *a)
{
    bn254_fp2 d;
    bn254_fp2_add(&d, t, a);
    bn254_fp2_dbl(&d, &d);
    bn254_fp2_add(r, &d, t);
}

/** r = a^2 for a in the cyclotomic subgroup (order dividing p^4 - p^2 + 1).
 *  Source  Granger, Scott, eprint 2009/565, section 3.2. */
static inline void bn254_fp12_cyclotomic_sqr(bn254_fp12 *r, const bn254_fp12 *a)
{
    bn254_fp2 t0, t1, t2, t3, t4, t5;
    bn254_fp4_sqr(&t0, &t1, &a->c0.c0, &a->c1.c1);
    bn254_fp4_sqr(&t2, &t3, &a->c1.c0, &a->c0.c2);
    bn254_fp4_sqr(&t4, &t5, &a->c0.c1, &a->c1.c2);
    bn254_fp2_mul_xi(&t5, &t5);
    bn254_fp2_3t_minus_2a(&r->c0.c0, &t0, &a->c0.c0);
    bn254_fp2_3t_plus_2a(&r->c1.c1, &t1, &a->c1.c1);
    bn254_fp2_3t_plus_2a(&r->c1.c0, &t5, &a->c1.c0);
    bn254_fp2_3t_minus_2a(&r->c0.c2, &t4, &a->c0.c2);
    bn254_fp2_3t_minus_2a(&r->c0.c1, &t2, &a->c0.c1);
    bn254_fp2_3t_plus_2a(&r->c1.c2, &t3, &a->c1.c2);
}

#endif
