/* The tower's laws and the pairing's, and its values beside ffjavascript's. Built once per path: the tower is inline, and
 * the pairing is that path's body. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <jansson.h>

#include "fp12.h"
#include "pairing.h"
#include "paths.h"
#include "run.h"
#include "bn254_random.h"

/* In two parts: the Miller values of the first half, then those of the rest. */
static void product(bn254_fp12 *r, const bn254_g1_affine *p, const bn254_g2_affine *q, size_t n)
{
    bn254_fp12 first, rest;
    BN254_PATHED(bn254_miller_product)(&first, p, q, n / 2);
    BN254_PATHED(bn254_miller_product)(&rest, p + n / 2, q + n / 2, n - n / 2);
    bn254_fp12_mul(&first, &first, &rest);
    BN254_PATHED(bn254_pairing_value)(r, &first);
}

static struct seeded rng;

#define PRODUCT product

static bn254_fp6 random_fp6(void)
{
    return (bn254_fp6){ random_fp2(&rng), random_fp2(&rng), random_fp2(&rng) };
}

static bn254_fp12 random_fp12(void)
{
    return (bn254_fp12){ random_fp6(), random_fp6() };
}

/* a^k by plain squares and products. */
static void fp12_pow_limbs(bn254_fp12 *r, const bn254_fp12 *a, const uint64_t k[4])
{
    bn254_scalar e;
    bn254_fp12 acc;
    memcpy(e.l, k, sizeof e.l);
    bn254_fp12_set_one(&acc);
    for (unsigned i = bn254_scalar_bit_length(&e); i-- > 0;) {
        bn254_fp12_mul(&acc, &acc, &acc);
        if (bn254_scalar_bit(&e, i)) bn254_fp12_mul(&acc, &acc, a);
    }
    *r = acc;
}

static void the_tower_is_a_field(void **state)
{
    for (int i = 0; i < 300; i++) {
        bn254_fp12 a = random_fp12(), b = random_fp12(), c = random_fp12(), l, r, t;
        bn254_fp12_mul(&l, &a, &b);
        bn254_fp12_mul(&r, &b, &a);
        assert_true(bn254_fp12_eq(&l, &r));
        bn254_fp12_mul(&l, &l, &c);
        bn254_fp12_mul(&r, &b, &c);
        bn254_fp12_mul(&r, &a, &r);
        assert_true(bn254_fp12_eq(&l, &r));
        bn254_fp6_add(&t.c0, &a.c0, &b.c0); /* (a + b) c = a c + b c */
        bn254_fp6_add(&t.c1, &a.c1, &b.c1);
        bn254_fp12_mul(&t, &t, &c);
        bn254_fp12_mul(&l, &a, &c);
        bn254_fp12_mul(&r, &b, &c);
        bn254_fp6_add(&l.c0, &l.c0, &r.c0);
        bn254_fp6_add(&l.c1, &l.c1, &r.c1);
        assert_true(bn254_fp12_eq(&t, &l));
        bn254_fp12_mul(&l, &a, &a);
        bn254_fp12_sqr(&r, &a);
        assert_true(bn254_fp12_eq(&l, &r));
        bn254_fp12_inv(&l, &a);
        bn254_fp12_mul(&l, &l, &a);
        assert_true(bn254_fp12_is_one(&l));
    }
}

static void the_tower_stands_on_its_relations(void **state)
{
    bn254_fp2 u = { { { 0 } }, { { 0 } } }, minus_one, xi;
    bn254_fp6 v, v3;
    bn254_fp12 w, w2;
    bn254_fp_set_one(&u.c1);
    bn254_fp2_set_one(&minus_one);
    bn254_fp2_mul_xi(&xi, &minus_one);
    bn254_fp2_neg(&minus_one, &minus_one);
    bn254_fp2 u2;
    bn254_fp2_mul(&u2, &u, &u);
    assert_true(bn254_fp2_eq(&u2, &minus_one));
    bn254_fp nine;
    bn254_fp_from_u64(&nine, 9);
    assert_true(bn254_fp_eq(&xi.c0, &nine) && bn254_fp_is_one(&xi.c1));
    bn254_fp6_set_zero(&v);
    bn254_fp2_set_one(&v.c1);
    bn254_fp6_mul(&v3, &v, &v);
    bn254_fp6_mul(&v3, &v3, &v);
    assert_true(bn254_fp2_eq(&v3.c0, &xi) && bn254_fp2_is_zero(&v3.c1) && bn254_fp2_is_zero(&v3.c2));
    bn254_fp6_set_zero(&w.c0);
    bn254_fp6_set_one(&w.c1);
    bn254_fp12_mul(&w2, &w, &w);
    assert_true(bn254_fp6_eq(&w2.c0, &v) && bn254_fp6_is_zero(&w2.c1));
}

static void frobenius_is_the_power_p(void **state)
{
    for (int i = 0; i < 10; i++) {
        bn254_fp12 a = random_fp12(), want = a, got;
        for (unsigned power = 1; power <= 3; power++) {
            fp12_pow_limbs(&want, &want, BN254_FP_MODULUS);
            bn254_fp12_frobenius(&got, &a, power);
            assert_true(bn254_fp12_eq(&got, &want));
        }
    }
}

static void a_line_is_a_sparse_product(void **state)
{
    for (int i = 0; i < 100; i++) {
        bn254_fp12 a = random_fp12(), line, want;
        bn254_fp2 l0 = random_fp2(&rng), l1 = random_fp2(&rng), l3 = random_fp2(&rng);
        memset(&line, 0, sizeof line);
        line.c0.c0 = l0, line.c1.c0 = l1, line.c1.c1 = l3;
        bn254_fp12_mul(&want, &a, &line);
        bn254_fp12_mul_line(&a, &a, &l0, &l1, &l3);
        assert_true(bn254_fp12_eq(&a, &want));
    }
}

/* The values of pairings are in the cyclotomic subgroup. */
static void cyclotomic_squares_are_squares(void **state)
{
    bn254_g1_affine p = random_g1_affine(&rng);
    bn254_g2_affine q = random_g2_affine(&rng);
    bn254_fp12 e, want;
    PRODUCT(&e, &p, &q, 1);
    for (int i = 0; i < 20; i++) {
        bn254_fp12_sqr(&want, &e);
        bn254_fp12_cyclotomic_sqr(&e, &e);
        assert_true(bn254_fp12_eq(&e, &want));
    }
}

static void the_pairing_is_bilinear(void **state)
{
    for (int i = 0; i < 8; i++) {
        bn254_g1 p = random_g1(&rng);
        bn254_g2 q = random_g2(&rng);
        bn254_scalar k = random_scalar(&rng);
        bn254_g1_affine pa;
        bn254_g2_affine qa;
        bn254_fp12 e, kp, kq;
        bn254_g1_to_affine(&pa, &p);
        bn254_g2_to_affine(&qa, &q);
        PRODUCT(&e, &pa, &qa, 1);
        fp12_pow_limbs(&e, &e, k.l);
        bn254_g1_mul(&p, &p, &k);
        bn254_g2_mul(&q, &q, &k);
        bn254_g1_affine kpa;
        bn254_g2_affine kqa;
        bn254_g1_to_affine(&kpa, &p);
        bn254_g2_to_affine(&kqa, &q);
        PRODUCT(&kp, &kpa, &qa, 1);
        PRODUCT(&kq, &pa, &kqa, 1);
        assert_true(bn254_fp12_eq(&kp, &e) && bn254_fp12_eq(&kq, &e));
    }
}

static void the_pairing_is_not_degenerate_and_has_order_r(void **state)
{
    bn254_fp12 e;
    PRODUCT(&e, &BN254_G1_GENERATOR, &BN254_G2_GENERATOR, 1);
    assert_false(bn254_fp12_is_one(&e));
    fp12_pow_limbs(&e, &e, BN254_FR_MODULUS);
    assert_true(bn254_fp12_is_one(&e));
}

/* Across the groups of the body, and with infinities at every place. */
static void a_product_is_the_product(void **state)
{
    enum { N = 9 };
    bn254_g1_affine p[N];
    bn254_g2_affine q[N];
    bn254_fp12 want, got, one;
    bn254_fp12_set_one(&want);
    for (int i = 0; i < N; i++) {
        p[i] = random_g1_affine(&rng);
        q[i] = random_g2_affine(&rng);
        if (seeded_below(&rng, 4) == 0) bn254_g1_affine_set_infinity(&p[i]);
        if (seeded_below(&rng, 4) == 0) bn254_g2_affine_set_infinity(&q[i]);
    }
    PRODUCT(&got, p, q, 0);
    assert_true(bn254_fp12_is_one(&got));
    for (size_t n = 1; n <= N; n++) {
        PRODUCT(&one, &p[n - 1], &q[n - 1], 1);
        bn254_fp12_mul(&want, &want, &one);
        PRODUCT(&got, p, q, n);
        assert_true(bn254_fp12_eq(&got, &want));
    }
}

static void a_pair_and_its_opposite_make_one(void **state)
{
    bn254_g1_affine p[2] = { random_g1_affine(&rng) };
    bn254_g2_affine q[2] = { random_g2_affine(&rng) };
    bn254_g1_affine_neg(&p[1], &p[0]);
    q[1] = q[0];
    assert_true(bn254_pairing_product_is_one(p, q, 2));
    assert_false(bn254_pairing_product_is_one(p, q, 1));
    p[1] = random_g1_affine(&rng);
    assert_false(bn254_pairing_product_is_one(p, q, 2));
}

static bn254_fp fp_of(const json_t *text)
{
    bn254_scalar v;
    bn254_fp r;
    assert_true(bn254_scalar_from_decimal(&v, json_string_value(text)));
    bn254_fp_from_scalar(&r, &v);
    return r;
}

static bn254_fp2 fp2_of(const json_t *pair)
{
    return (bn254_fp2){ fp_of(json_array_get(pair, 0)), fp_of(json_array_get(pair, 1)) };
}

static bn254_fp6 fp6_of(const json_t *three)
{
    return (bn254_fp6){ fp2_of(json_array_get(three, 0)), fp2_of(json_array_get(three, 1)),
                        fp2_of(json_array_get(three, 2)) };
}

static bn254_scalar scalar_of(const json_t *text)
{
    bn254_scalar v;
    assert_true(bn254_scalar_from_decimal(&v, json_string_value(text)));
    return v;
}

/* j G1 and k G2, their coordinates, and e: all as ffjavascript has them. */
static void expect_as_ffjavascript(const json_t *v)
{
    bn254_scalar j = scalar_of(json_object_get(v, "j")), k = scalar_of(json_object_get(v, "k"));
    const json_t *p = json_object_get(v, "p"), *q = json_object_get(v, "q"), *e = json_object_get(v, "e");
    bn254_g1 pj;
    bn254_g2 qj;
    bn254_g1_affine pa;
    bn254_g2_affine qa;
    bn254_g1_from_affine(&pj, &BN254_G1_GENERATOR);
    bn254_g2_from_affine(&qj, &BN254_G2_GENERATOR);
    bn254_g1_mul(&pj, &pj, &j);
    bn254_g2_mul(&qj, &qj, &k);
    bn254_g1_to_affine(&pa, &pj);
    bn254_g2_to_affine(&qa, &qj);
    if (!bn254_scalar_is_zero(&j)) {
        bn254_g1_affine want = { fp_of(json_array_get(p, 0)), fp_of(json_array_get(p, 1)) };
        assert_true(bn254_g1_affine_eq(&pa, &want));
    }
    bn254_g2_affine want_q = { fp2_of(json_array_get(q, 0)), fp2_of(json_array_get(q, 1)) };
    assert_true(bn254_g2_affine_eq(&qa, &want_q));
    bn254_fp12 got, want = { fp6_of(json_array_get(e, 0)), fp6_of(json_array_get(e, 1)) };
    PRODUCT(&got, &pa, &qa, 1);
    assert_true(bn254_fp12_eq(&got, &want));
    bn254_pairing(&got, &pa, &qa);
    assert_true(bn254_fp12_eq(&got, &want));
}

static void values_are_those_of_ffjavascript(void **state)
{
    json_t *all = json_load_file("vectors/groth16/pairings.json", 0, NULL), *one;
    size_t i;
    assert_int_equal(json_array_size(all), 5);
    json_array_foreach(all, i, one) expect_as_ffjavascript(one);
    json_decref(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tower_is_a_field),
        cmocka_unit_test(the_tower_stands_on_its_relations),
        cmocka_unit_test(frobenius_is_the_power_p),
        cmocka_unit_test(a_line_is_a_sparse_product),
        cmocka_unit_test(cyclotomic_squares_are_squares),
        cmocka_unit_test(the_pairing_is_bilinear),
        cmocka_unit_test(the_pairing_is_not_degenerate_and_has_order_r),
        cmocka_unit_test(a_product_is_the_product),
        cmocka_unit_test(a_pair_and_its_opposite_make_one),
        cmocka_unit_test(values_are_those_of_ffjavascript),
    };
#ifdef BN254_BUILD_ADX
    if (!bn254_path_available(BN254_PATH_ADX)) return 77;
#endif
    rng = seeded_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
