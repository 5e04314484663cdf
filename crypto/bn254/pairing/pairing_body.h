/** The pairing, compiled once per path (paths.h). */
#include "fp12.h"
#include "g2.h"
#include "pairing.h"
#include "paths.h"

/* Pairs that share the squarings of one Miller loop; more are taken in groups. Four is what Groth16 needs. */
enum { PAIRS_AT_ONCE = 4 };

/* A pair in the loop: the running multiple of q in homogeneous coordinates (x/z, y/z). */
struct pair {
    bn254_fp px, py;
    bn254_g2_affine q;
    bn254_fp2 x, y, z;
};

/* f times the line's value at P: c0 yP + c1 xP w + c3 v w. */
static void take_line(bn254_fp12 *f, const struct pair *t, bn254_fp2 *c0, bn254_fp2 *c1, const bn254_fp2 *c3)
{
    bn254_fp2_mul_fp(c0, c0, &t->py);
    bn254_fp2_mul_fp(c1, c1, &t->px);
    bn254_fp12_mul_line(f, f, c0, c1, c3);
}

/* T <- 2T, f <- f times the tangent: h = 2yz, e = 3b'z^2, line -h yP + 3x^2 xP w + (e - y^2) v w. */
static void double_step(bn254_fp12 *f, struct pair *t)
{
    bn254_fp2 a, b, c, e, e3, g, h, i, j;
    bn254_fp2_mul(&a, &t->x, &t->y);
    bn254_fp2_mul_fp(&a, &a, &BN254_FP_HALF);
    bn254_fp2_sqr(&b, &t->y);
    bn254_fp2_sqr(&c, &t->z);
    bn254_fp2_mul(&e, &c, &BN254_G2_B3);
    bn254_fp2_dbl(&e3, &e);
    bn254_fp2_add(&e3, &e3, &e);
    bn254_fp2_add(&g, &b, &e3);
    bn254_fp2_mul_fp(&g, &g, &BN254_FP_HALF);
    bn254_fp2_add(&h, &t->y, &t->z);
    bn254_fp2_sqr(&h, &h);
    bn254_fp2_sub(&h, &h, &b);
    bn254_fp2_sub(&h, &h, &c);
    bn254_fp2_sub(&i, &e, &b);
    bn254_fp2_sqr(&j, &t->x);
    bn254_fp2_sqr(&e, &e);
    bn254_fp2_sub(&t->x, &b, &e3);
    bn254_fp2_mul(&t->x, &t->x, &a);
    bn254_fp2_sqr(&t->y, &g);
    bn254_fp2_sub(&t->y, &t->y, &e);
    bn254_fp2_dbl(&e, &e);
    bn254_fp2_sub(&t->y, &t->y, &e);
    bn254_fp2_mul(&t->z, &b, &h);
    bn254_fp2_neg(&h, &h);
    bn254_fp2_dbl(&a, &j);
    bn254_fp2_add(&j, &j, &a);
    take_line(f, t, &h, &j, &i);
}

/* T <- T + Q, f <- f times the chord: theta = y - yQ z, lambda = x - xQ z, line lambda yP - theta xP w
 * + (theta xQ - lambda yQ) v w. */
static void add_step(bn254_fp12 *f, struct pair *t, const bn254_g2_affine *q)
{
    bn254_fp2 theta, lambda, c, d, e, g, h, j;
    bn254_fp2_mul(&theta, &q->y, &t->z);
    bn254_fp2_sub(&theta, &t->y, &theta);
    bn254_fp2_mul(&lambda, &q->x, &t->z);
    bn254_fp2_sub(&lambda, &t->x, &lambda);
    bn254_fp2_sqr(&c, &theta);
    bn254_fp2_sqr(&d, &lambda);
    bn254_fp2_mul(&e, &lambda, &d);
    bn254_fp2_mul(&c, &c, &t->z);
    bn254_fp2_mul(&g, &t->x, &d);
    bn254_fp2_add(&h, &e, &c);
    bn254_fp2_sub(&h, &h, &g);
    bn254_fp2_sub(&h, &h, &g);
    bn254_fp2_mul(&t->x, &lambda, &h);
    bn254_fp2_sub(&g, &g, &h);
    bn254_fp2_mul(&g, &g, &theta);
    bn254_fp2_mul(&t->y, &t->y, &e);
    bn254_fp2_sub(&t->y, &g, &t->y);
    bn254_fp2_mul(&t->z, &t->z, &e);
    bn254_fp2_mul(&j, &theta, &q->x);
    bn254_fp2_mul(&c, &lambda, &q->y);
    bn254_fp2_sub(&j, &j, &c);
    bn254_fp2_neg(&theta, &theta);
    take_line(f, t, &lambda, &theta, &j);
}

/* psi on an affine point */
static void untwist_frobenius_twist(bn254_g2_affine *r, const bn254_g2_affine *a)
{
    bn254_fp2_conj(&r->x, &a->x);
    bn254_fp2_mul(&r->x, &r->x, &BN254_FROBENIUS[0][2]);
    bn254_fp2_conj(&r->y, &a->y);
    bn254_fp2_mul(&r->y, &r->y, &BN254_FROBENIUS[0][3]);
}

/* The two last lines: + psi(Q), then - psi^2(Q). */
static void last_steps(bn254_fp12 *f, struct pair *t)
{
    bn254_g2_affine image;
    untwist_frobenius_twist(&image, &t->q);
    add_step(f, t, &image);
    untwist_frobenius_twist(&image, &image);
    bn254_g2_affine_neg(&image, &image);
    add_step(f, t, &image);
}

static void pair_start(struct pair *t, const bn254_g1_affine *p, const bn254_g2_affine *q)
{
    t->px = p->x;
    t->py = p->y;
    t->q = *q;
    t->x = q->x;
    t->y = q->y;
    bn254_fp2_set_one(&t->z);
}

/* f = the product of n Miller values, n <= PAIRS_AT_ONCE. */
static void miller_loop(bn254_fp12 *f, struct pair *t, size_t n)
{
    bn254_fp12_set_one(f);
    for (int i = BN254_ATE_DIGITS - 1; i-- > 0;) {
        int digit = BN254_ATE_DIGIT[i];
        bn254_fp12_sqr(f, f);
        for (size_t k = 0; k < n; k++) {
            double_step(f, &t[k]);
            if (!digit) continue;
            bn254_g2_affine q = t[k].q;
            if (digit < 0) bn254_g2_affine_neg(&q, &q);
            add_step(f, &t[k], &q);
        }
    }
    for (size_t k = 0; k < n; k++) last_steps(f, &t[k]);
}

/* r = a^-x for a in the cyclotomic subgroup. */
static void power_minus_x(bn254_fp12 *r, const bn254_fp12 *a)
{
    bn254_fp12 inverse, acc = *a;
    bn254_fp12_conj(&inverse, a);
    for (int i = BN254_X_DIGITS - 1; i-- > 0;) {
        bn254_fp12_cyclotomic_sqr(&acc, &acc);
        if (BN254_X_DIGIT[i] > 0) bn254_fp12_mul(&acc, &acc, a);
        if (BN254_X_DIGIT[i] < 0) bn254_fp12_mul(&acc, &acc, &inverse);
    }
    bn254_fp12_conj(r, &acc);
}

/* f^((p^6 - 1)(p^2 + 1)): into the cyclotomic subgroup. */
static void easy_part(bn254_fp12 *r, const bn254_fp12 *f)
{
    bn254_fp12 t;
    bn254_fp12_inv(&t, f);
    bn254_fp12_conj(r, f);
    bn254_fp12_mul(r, r, &t);
    bn254_fp12_frobenius(&t, r, 2);
    bn254_fp12_mul(r, r, &t);
}

/* r^(2x (6x^2 + 3x + 1) (p^4 - p^2 + 1) / r). y0..y16 are the paper's and libff's names. */
static void hard_part(bn254_fp12 *r)
{
    bn254_fp12 y1, y3, y4, y6, y8, y9, t;
    power_minus_x(&t, r); /* y0 */
    bn254_fp12_cyclotomic_sqr(&y1, &t);
    bn254_fp12_cyclotomic_sqr(&t, &y1); /* y2 */
    bn254_fp12_mul(&y3, &t, &y1);
    power_minus_x(&y4, &y3);
    bn254_fp12_cyclotomic_sqr(&t, &y4); /* y5 */
    power_minus_x(&y6, &t);
    bn254_fp12_conj(&y3, &y3);
    bn254_fp12_conj(&y6, &y6);
    bn254_fp12_mul(&t, &y6, &y4); /* y7 */
    bn254_fp12_mul(&y8, &t, &y3);
    bn254_fp12_mul(&y9, &y8, &y1);
    bn254_fp12_mul(&t, &y8, &y4);      /* y10 */
    bn254_fp12_mul(&t, &t, r);         /* y11 */
    bn254_fp12_frobenius(&y1, &y9, 1); /* y12 */
    bn254_fp12_mul(&t, &y1, &t);       /* y13 */
    bn254_fp12_frobenius(&y8, &y8, 2);
    bn254_fp12_mul(&t, &y8, &t); /* y14 */
    bn254_fp12_conj(r, r);
    bn254_fp12_mul(&y9, r, &y9); /* y15 */
    bn254_fp12_frobenius(&y9, &y9, 3);
    bn254_fp12_mul(r, &y9, &t); /* y16 */
}

static void final_exponentiation(bn254_fp12 *f)
{
    bn254_fp12 r;
    easy_part(&r, f);
    hard_part(&r);
    *f = r;
}

void BN254_PATHED(bn254_miller_product)(bn254_fp12 *r, const bn254_g1_affine *p, const bn254_g2_affine *q, size_t n)
{
    struct pair pairs[PAIRS_AT_ONCE];
    bn254_fp12 f, part;
    bn254_fp12_set_one(&f);
    for (size_t i = 0, held = 0; i < n; i++) {
        bool infinity = bn254_g2_affine_is_infinity(&q[i]) || (bn254_fp_is_zero(&p[i].x) && bn254_fp_is_zero(&p[i].y));
        if (!infinity) pair_start(&pairs[held++], &p[i], &q[i]);
        if (held == 0 || (held < PAIRS_AT_ONCE && i + 1 < n)) continue;
        miller_loop(&part, pairs, held);
        bn254_fp12_mul(&f, &f, &part);
        held = 0;
    }
    *r = f;
}

void BN254_PATHED(bn254_pairing_value)(bn254_fp12 *r, const bn254_fp12 *miller)
{
    bn254_fp12 f = *miller;
    final_exponentiation(&f);
    *r = f;
}
