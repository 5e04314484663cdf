/** Points of the twist that need not be in the subgroup, for tests: they need square roots, which crypto/ does not. */
#ifndef TEST_TWIST_POINT_H
#define TEST_TWIST_POINT_H

#include "g2.h"

#include <string.h>

/* A square root of a in Fp (p = 3 mod 4), or false. */
static inline bool fp_sqrt(bn254_fp *r, const bn254_fp *a)
{
    bn254_scalar e = { { 1, 0, 0, 0 } };
    bn254_fp root, square;
    limbs_add(e.l, e.l, BN254_FP_MODULUS);
    for (int i = 0; i < 4; i++) e.l[i] = e.l[i] >> 2 | (i < 3 ? e.l[i + 1] << 62 : 0);
    bn254_fp_pow(&root, a, &e);
    bn254_fp_sqr(&square, &root);
    bool found = bn254_fp_eq(&square, a);
    *r = root;
    return found;
}

/* By the norm: (x + y u)^2 = a where x^2 = (a0 + |a|) / 2 or (a0 - |a|) / 2, y = a1 / 2x. */
static inline bool fp2_sqrt(bn254_fp2 *r, const bn254_fp2 *a)
{
    bn254_fp norm, t, x;
    bn254_fp2 square, root;
    bn254_fp_sqr(&norm, &a->c0);
    bn254_fp_sqr(&t, &a->c1);
    bn254_fp_add(&norm, &norm, &t);
    if (!fp_sqrt(&norm, &norm)) return false;
    bn254_fp_add(&t, &a->c0, &norm);
    bn254_fp_mul(&t, &t, &BN254_FP_HALF);
    if (!fp_sqrt(&x, &t)) bn254_fp_sub(&t, &t, &norm), fp_sqrt(&x, &t);
    root.c0 = x;
    bn254_fp_dbl(&t, &x);
    bn254_fp_inv(&t, &t);
    bn254_fp_mul(&root.c1, &a->c1, &t);
    bn254_fp2_sqr(&square, &root);
    if (!bn254_fp2_eq(&square, a)) return false;
    *r = root;
    return true;
}

/** A point of the twist with this x; false where there is none. */
static inline bool twist_point_above(bn254_g2_affine *p, const bn254_fp2 *x)
{
    bn254_fp2 y;
    bn254_fp2_sqr(&y, x);
    bn254_fp2_mul(&y, &y, x);
    bn254_fp2_add(&y, &y, &BN254_G2_B);
    if (!fp2_sqrt(&y, &y)) return false;
    *p = (bn254_g2_affine){ *x, y };
    return true;
}

/** The cofactor's primes: 10069, 5864401, 1875725156269 and one of 178 bits. Their product is 2p - r, none is there twice. */
enum { TWIST_PRIMES = 4 };
static const bn254_scalar twist_prime[TWIST_PRIMES] = { { { 10069, 0, 0, 0 } },
                                                        { { 5864401, 0, 0, 0 } },
                                                        { { 1875725156269, 0, 0, 0 } },
                                                        { { 0x9b6e0b358e0d894d, 0xe9dab9240f0c6ab8, 0x000210315729f570,
                                                            0 } } };

/** A point of that prime's order, outside the group: r and the other primes times any point of the twist; another one
 *  where that is infinity. */
static inline void twist_point_of_order(bn254_g2 *to, int prime)
{
    bn254_scalar r;
    bn254_fp2 x = { { { 1, 0, 0, 0 } }, { { 0, 0, 0, 0 } } };
    memcpy(r.l, BN254_FR_MODULUS, sizeof r.l);
    do {
        bn254_g2_affine p;
        while (!twist_point_above(&p, &x)) x.c0.l[0]++;
        x.c0.l[0]++;
        bn254_g2_from_affine(to, &p);
        bn254_g2_mul(to, to, &r);
        for (int i = 0; i < TWIST_PRIMES; i++)
            if (i != prime) bn254_g2_mul(to, to, &twist_prime[i]);
    } while (bn254_g2_is_infinity(to));
}

/** The smallest order outside the group. */
static inline void twist_point_of_10069(bn254_g2 *to)
{
    twist_point_of_order(to, 0);
}

#endif
