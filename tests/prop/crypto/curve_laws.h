/** The laws of a curve's group, and agreement of its three coordinate forms. Included by curve_test.c for G1 and for G2. */

static CURVE_T CURVE_N(naive_multiple)(const CURVE_T *p, unsigned k)
{
    CURVE_T r;
    CURVE_F(set_infinity)(&r);
    for (unsigned i = 0; i < k; i++) CURVE_F(add)(&r, &r, p);
    return r;
}

static CURVE_XYZZ_T CURVE_N(xyzz_of)(const CURVE_T *p)
{
    CURVE_AFFINE_T a;
    CURVE_XYZZ_T r;
    CURVE_E_T l, l2, l3;
    do l = CURVE_E_RANDOM(&rng);
    while (CURVE_E(is_zero)(&l));
    CURVE_F(to_affine)(&a, p);
    CURVE_F(xyzz_from_affine)(&r, &a);
    CURVE_E(sqr)(&l2, &l);
    CURVE_E(mul)(&l3, &l2, &l);
    CURVE_E(mul)(&r.x, &r.x, &l2);
    CURVE_E(mul)(&r.zz, &r.zz, &l2);
    CURVE_E(mul)(&r.y, &r.y, &l3);
    CURVE_E(mul)(&r.zzz, &r.zzz, &l3);
    return r;
}

static void CURVE_N(expect)(const CURVE_T *got, const CURVE_T *want)
{
    CURVE_AFFINE_T a, b;
    CURVE_F(to_affine)(&a, got);
    CURVE_F(to_affine)(&b, want);
    assert_true(CURVE_F(is_on_curve)(&a));
    assert_true(CURVE_F(affine_eq)(&a, &b));
    assert_true(CURVE_F(eq)(got, want));
}

/* One sum in every form, and with the result on top of each input. */
static void CURVE_N(expect_sum)(const CURVE_T *p, const CURVE_T *q, const CURVE_T *want)
{
    CURVE_T r, x = *p, y = *q;
    CURVE_AFFINE_T qa;
    CURVE_XYZZ_T px = CURVE_N(xyzz_of)(p), qx = CURVE_N(xyzz_of)(q), rx;
    CURVE_F(add)(&r, p, q);
    CURVE_N(expect)(&r, want);
    CURVE_F(add)(&x, &x, q);
    CURVE_N(expect)(&x, want);
    CURVE_F(add)(&y, p, &y);
    CURVE_N(expect)(&y, want);
    CURVE_F(to_affine)(&qa, q);
    CURVE_F(add_affine)(&r, p, &qa);
    CURVE_N(expect)(&r, want);
    x = *p;
    CURVE_F(add_affine)(&x, &x, &qa);
    CURVE_N(expect)(&x, want);
    CURVE_F(xyzz_add)(&rx, &px, &qx);
    CURVE_F(from_xyzz)(&r, &rx);
    CURVE_N(expect)(&r, want);
    CURVE_F(xyzz_add)(&qx, &px, &qx);
    CURVE_F(from_xyzz)(&r, &qx);
    CURVE_N(expect)(&r, want);
    CURVE_F(xyzz_add_affine)(&px, &px, &qa);
    CURVE_F(from_xyzz)(&r, &px);
    CURVE_N(expect)(&r, want);
}

static void CURVE_N(sums_are_exact_for_every_pair)(void **state)
{
    CURVE_T p = CURVE_N(random)(&rng), multiple[9], negative;
    for (unsigned i = 0; i < 9; i++) multiple[i] = CURVE_N(naive_multiple)(&p, i);
    for (unsigned i = 0; i < 9; i++) /* includes infinity on either side and equal points with other z */
        for (unsigned j = 0; i + j < 9; j++) CURVE_N(expect_sum)(&multiple[i], &multiple[j], &multiple[i + j]);
    for (unsigned i = 0; i < 9; i++) /* opposite points where j = i */
        for (unsigned j = 0; j <= i; j++) {
            CURVE_F(neg)(&negative, &multiple[j]);
            CURVE_N(expect_sum)(&multiple[i], &negative, &multiple[i - j]);
        }
}

static void CURVE_N(addition_is_a_group)(void **state)
{
    for (int i = 0; i < 20; i++) {
        CURVE_T p = CURVE_N(random)(&rng), q = CURVE_N(random)(&rng), s = CURVE_N(random)(&rng), l, r;
        CURVE_F(add)(&l, &p, &q);
        CURVE_F(add)(&r, &q, &p);
        CURVE_N(expect)(&l, &r);
        CURVE_F(add)(&l, &l, &s);
        CURVE_F(add)(&r, &q, &s);
        CURVE_F(add)(&r, &p, &r);
        CURVE_N(expect)(&l, &r);
    }
}

static void CURVE_N(doubling_is_adding_to_itself)(void **state)
{
    CURVE_T inf;
    CURVE_F(set_infinity)(&inf);
    for (int i = 0; i < 20; i++) {
        CURVE_T p = i ? CURVE_N(random)(&rng) : inf, want, r;
        CURVE_XYZZ_T x = CURVE_N(xyzz_of)(&p);
        CURVE_F(neg)(&want, &p); /* p + p by other formulas: (p + p + p) - p */
        CURVE_T three = CURVE_N(naive_multiple)(&p, 3);
        CURVE_F(add)(&want, &three, &want);
        CURVE_F(dbl)(&r, &p);
        CURVE_N(expect)(&r, &want);
        CURVE_F(dbl)(&p, &p);
        CURVE_N(expect)(&p, &want);
        CURVE_F(xyzz_dbl)(&x, &x);
        CURVE_F(from_xyzz)(&r, &x);
        CURVE_N(expect)(&r, &want);
    }
}

static void CURVE_N(small_multiples_are_repeated_sums)(void **state)
{
    CURVE_T p = CURVE_N(random)(&rng), r, want;
    CURVE_F(set_infinity)(&want);
    for (unsigned k = 0; k < 300; k++) {
        bn254_scalar s = bn254_scalar_of_u64(k);
        CURVE_F(mul)(&r, &p, &s);
        CURVE_N(expect)(&r, &want);
        CURVE_F(add)(&want, &want, &p);
    }
}

static void CURVE_N(multiples_add_up_and_r_kills)(void **state)
{
    bn254_scalar order, sum;
    memcpy(order.l, BN254_FR_MODULUS, sizeof order.l);
    for (int i = 0; i < 20; i++) {
        CURVE_T p = CURVE_N(random)(&rng), r, u, v;
        bn254_scalar j = random_limbs(&rng), k = random_limbs(&rng);
        bn254_fr fj, fk;
        CURVE_F(mul)(&r, &p, &order);
        assert_true(CURVE_F(is_infinity)(&r));
        bn254_fr_from_scalar(&fj, &j);
        bn254_fr_from_scalar(&fk, &k);
        bn254_fr_add(&fj, &fj, &fk);
        bn254_fr_to_scalar(&sum, &fj);
        CURVE_F(mul)(&u, &p, &j);
        CURVE_F(mul)(&v, &p, &k);
        CURVE_F(add)(&u, &u, &v);
        CURVE_F(mul)(&p, &p, &sum);
        CURVE_N(expect)(&p, &u);
    }
}

static void CURVE_N(a_batch_becomes_affine_with_its_infinities)(void **state)
{
    enum { N = 17 };
    CURVE_T p[N];
    CURVE_AFFINE_T a[N], want;
    CURVE_E_T scratch[2 * N];
    for (int i = 0; i < N; i++) {
        p[i] = CURVE_N(random)(&rng);
        if (i % 5 == 3) CURVE_F(set_infinity)(&p[i]);
    }
    CURVE_F(batch_to_affine)(a, p, N, scratch);
    for (int i = 0; i < N; i++) {
        CURVE_F(to_affine)(&want, &p[i]);
        assert_true(CURVE_F(affine_eq)(&a[i], &want));
        assert_int_equal(CURVE_F(affine_is_infinity)(&a[i]), i % 5 == 3);
    }
}

static void CURVE_N(decode_refuses_what_is_off_the_curve)(void **state)
{
    for (int i = 0; i < 200; i++) {
        CURVE_T p = CURVE_N(random)(&rng);
        CURVE_AFFINE_T a, got;
        CURVE_PACKED_T bytes;
        CURVE_F(to_affine)(&a, &p);
        CURVE_F(pack)(&bytes, &a);
        assert_true(CURVE_DECODE(&got, &bytes));
        assert_true(CURVE_F(affine_eq)(&got, &a));
        bytes.bytes[seeded_below(&rng, sizeof bytes.bytes)] ^= (uint8_t)(1u << seeded_below(&rng, 8));
        memset(&got, 0x5a, sizeof got);
        CURVE_AFFINE_T before = got;
        assert_false(CURVE_DECODE(&got, &bytes));
        assert_memory_equal(&got, &before, sizeof got);
    }
}

static void CURVE_N(decode_takes_infinity_and_refuses_coordinates_plus_p)(void **state)
{
    CURVE_PACKED_T bytes = { { 0 } };
    CURVE_AFFINE_T got;
    assert_true(CURVE_DECODE(&got, &bytes));
    assert_true(CURVE_F(affine_is_infinity)(&got));
    memset(&bytes, 0xff, sizeof bytes);
    assert_false(CURVE_DECODE(&got, &bytes));
    for (size_t at = 0; at < sizeof bytes.bytes; at += 32) {
        CURVE_T p = CURVE_N(random)(&rng);
        uint64_t limbs[4];
        CURVE_F(to_affine)(&got, &p);
        CURVE_F(pack)(&bytes, &got);
        memcpy(limbs, bytes.bytes + at, 32);
        limbs_add(limbs, limbs, BN254_FP_MODULUS);
        memcpy(bytes.bytes + at, limbs, 32);
        assert_false(CURVE_DECODE(&got, &bytes));
    }
}

static const struct CMUnitTest CURVE_N(tests)[] = {
    cmocka_unit_test(CURVE_N(sums_are_exact_for_every_pair)),
    cmocka_unit_test(CURVE_N(addition_is_a_group)),
    cmocka_unit_test(CURVE_N(doubling_is_adding_to_itself)),
    cmocka_unit_test(CURVE_N(small_multiples_are_repeated_sums)),
    cmocka_unit_test(CURVE_N(multiples_add_up_and_r_kills)),
    cmocka_unit_test(CURVE_N(a_batch_becomes_affine_with_its_infinities)),
    cmocka_unit_test(CURVE_N(decode_refuses_what_is_off_the_curve)),
    cmocka_unit_test(CURVE_N(decode_takes_infinity_and_refuses_coordinates_plus_p)),
};
