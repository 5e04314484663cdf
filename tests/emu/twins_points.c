/* Sums of points: the kernels beside crypto/. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "twins_scene.h"

#include "twins.h"

#include <string.h>

enum { POINTS = 70 };

/* Which of the cases a pair is: infinity left, right, both; equal; opposite; any. */
static void awkward_g1(bn254_g1 *p, bn254_g1 *q, int i)
{
    const bn254_g1 none = { { { 0 } }, { { 0 } }, { { 0 } } };
    *p = random_g1(&twins_rng);
    *q = random_g1(&twins_rng);
    if (i % 8 == 1 || i % 8 == 5) *p = none;
    if (i % 8 == 2 || i % 8 == 5) *q = none;
    if (i % 8 == 3) *q = *p;
    if (i % 8 == 4) bn254_g1_neg(q, p);
}

static void awkward_g2(bn254_g2 *p, bn254_g2 *q, int i)
{
    bn254_g2 none;
    memset(&none, 0, sizeof none);
    *p = random_g2(&twins_rng);
    *q = random_g2(&twins_rng);
    if (i % 8 == 1 || i % 8 == 5) *p = none;
    if (i % 8 == 2 || i % 8 == 5) *q = none;
    if (i % 8 == 3) *q = *p;
    if (i % 8 == 4) bn254_g2_neg(q, p);
}

/* ZZ = z^2, ZZZ = z^3; infinity is all zero */
static bn254_g1_xyzz g1_xyzz(const bn254_g1 *p)
{
    bn254_g1_xyzz r = { .x = p->x, .y = p->y };
    bn254_fp_sqr(&r.zz, &p->z);
    bn254_fp_mul(&r.zzz, &r.zz, &p->z);
    return r;
}

static bn254_g2_xyzz g2_xyzz(const bn254_g2 *p)
{
    bn254_g2_xyzz r = { .x = p->x, .y = p->y };
    bn254_fp2_sqr(&r.zz, &p->z);
    bn254_fp2_mul(&r.zzz, &r.zz, &p->z);
    return r;
}

static void assert_g1(bn254_g1_xyzz *got, const bn254_g1 *want)
{
    bn254_g1_affine w;
    bn254_fp x, y;
    bn254_fp *coordinate[] = { &got->x, &got->y, &got->zz, &got->zzz };
    bn254_g1_to_affine(&w, want);
    for (int k = 0; k < 4; k++) twins_canonical(coordinate[k]->l, BN254_FP_MODULUS);
    assert_int_equal(bn254_fp_is_zero(&got->zz), bn254_g1_affine_is_infinity(&w));
    bn254_fp_mul(&x, &w.x, &got->zz);
    bn254_fp_mul(&y, &w.y, &got->zzz);
    if (bn254_fp_is_zero(&got->zz)) return;
    assert_memory_equal(&x, &got->x, sizeof x);
    assert_memory_equal(&y, &got->y, sizeof y);
}

static void assert_g2(bn254_g2_xyzz *got, const bn254_g2 *want)
{
    bn254_g2_affine w;
    bn254_fp2 x, y;
    bn254_fp2 *coordinate[] = { &got->x, &got->y, &got->zz, &got->zzz };
    bn254_g2_to_affine(&w, want);
    for (int k = 0; k < 4; k++) {
        twins_canonical(coordinate[k]->c0.l, BN254_FP_MODULUS);
        twins_canonical(coordinate[k]->c1.l, BN254_FP_MODULUS);
    }
    assert_int_equal(bn254_fp2_is_zero(&got->zz), bn254_g2_affine_is_infinity(&w));
    bn254_fp2_mul(&x, &w.x, &got->zz);
    bn254_fp2_mul(&y, &w.y, &got->zzz);
    if (bn254_fp2_is_zero(&got->zz)) return;
    assert_memory_equal(&x, &got->x, sizeof x);
    assert_memory_equal(&y, &got->y, sizeof y);
}

static void g1_sums_are_crypto_s(void **state)
{
    (void)state;
    bn254_g1 p[POINTS], q[POINTS], want;
    bn254_g1_xyzz a[POINTS], b[POINTS];
    bn254_g1_affine c[POINTS];
    for (int i = 0; i < POINTS; i++) awkward_g1(&p[i], &q[i], i);
    for (enum twin_point op = TWIN_ADD_AFFINE; op <= TWIN_ADD_XYZZ; op++) {
        for (int i = 0; i < POINTS; i++) {
            a[i] = g1_xyzz(&p[i]);
            b[i] = g1_xyzz(&q[i]);
            bn254_g1_to_affine(&c[i], &q[i]);
        }
        assert_true(twin_points(1, op, a, op == TWIN_ADD_AFFINE ? (void *)c : b, POINTS));
        for (int i = 0; i < POINTS; i++) {
            if (op == TWIN_DBL)
                bn254_g1_dbl(&want, &p[i]);
            else
                bn254_g1_add(&want, &p[i], &q[i]);
            assert_g1(&a[i], &want);
        }
    }
}

static void g2_sums_are_crypto_s(void **state)
{
    (void)state;
    bn254_g2 p[POINTS], q[POINTS], want;
    bn254_g2_xyzz a[POINTS], b[POINTS];
    bn254_g2_affine c[POINTS];
    for (int i = 0; i < POINTS; i++) awkward_g2(&p[i], &q[i], i);
    for (enum twin_point op = TWIN_ADD_AFFINE; op <= TWIN_ADD_XYZZ; op++) {
        for (int i = 0; i < POINTS; i++) {
            a[i] = g2_xyzz(&p[i]);
            b[i] = g2_xyzz(&q[i]);
            bn254_g2_to_affine(&c[i], &q[i]);
        }
        assert_true(twin_points(2, op, a, op == TWIN_ADD_AFFINE ? (void *)c : b, POINTS));
        for (int i = 0; i < POINTS; i++) {
            if (op == TWIN_DBL)
                bn254_g2_dbl(&want, &p[i]);
            else
                bn254_g2_add(&want, &p[i], &q[i]);
            assert_g2(&a[i], &want);
        }
    }
}

int twins_points(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(g1_sums_are_crypto_s),
        cmocka_unit_test(g2_sums_are_crypto_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
