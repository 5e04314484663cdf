/** The laws of one prime field beside GMP. Included twice by prime_field_test.c, with the names of fp and of fr. */

static PRIME_T PRIME_T_NAME(sample)(int i)
{
    bn254_scalar m1, s;
    memcpy(m1.l, PRIME_K(MODULUS), sizeof m1.l);
    m1.l[0] -= 1;
    const bn254_scalar edge[] = {
        { { 0 } }, { { 1 } }, m1, { { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX >> 2 } }
    };
    PRIME_T r;
    if (i < 3) return memcpy(r.l, edge[i].l, sizeof r.l), r;     /* as a Montgomery form */
    if (i < 7) return PRIME_F(from_scalar)(&r, &edge[i - 3]), r; /* as a value */
    if (i == 7) return memcpy(r.l, PRIME_K(R2), sizeof r.l), r;
    s = random_below(&rng, PRIME_K(MODULUS));
    return memcpy(r.l, s.l, sizeof r.l), r;
}

/* The value of a as GMP sees it: its limbs over R. */
static void PRIME_T_NAME(value)(mpz_t v, const PRIME_T *a)
{
    assert_true(PRIME_F(is_reduced)(a));
    mpz_import(v, 4, -1, 8, 0, 0, a->l);
    mpz_mul(v, v, PRIME_T_NAME(r_inverse));
    mpz_mod(v, v, PRIME_T_NAME(modulus));
}

static void PRIME_T_NAME(expect)(const PRIME_T *got, mpz_t want)
{
    mpz_t v;
    mpz_init(v);
    mpz_mod(want, want, PRIME_T_NAME(modulus));
    PRIME_T_NAME(value)(v, got);
    assert_int_equal(mpz_cmp(v, want), 0);
    mpz_clear(v);
}

/* Every binary operation, also with its result on top of either input. */
#define EXPECT_BINARY(op, mpz_op)                                                                                      \
    do {                                                                                                               \
        PRIME_T r, x = a, y = b;                                                                                       \
        PRIME_F(op)(&r, &a, &b);                                                                                       \
        PRIME_F(op)(&x, &x, &b);                                                                                       \
        PRIME_F(op)(&y, &a, &y);                                                                                       \
        mpz_op(w, u, v);                                                                                               \
        PRIME_T_NAME(expect)(&r, w);                                                                                   \
        assert_true(PRIME_F(eq)(&r, &x) && PRIME_F(eq)(&r, &y));                                                       \
    } while (0)

#define EXPECT_UNARY(op, ...)                                                                                          \
    do {                                                                                                               \
        PRIME_T r, x = a;                                                                                              \
        PRIME_F(op)(&r, &a);                                                                                           \
        PRIME_F(op)(&x, &x);                                                                                           \
        __VA_ARGS__;                                                                                                   \
        PRIME_T_NAME(expect)(&r, w);                                                                                   \
        assert_true(PRIME_F(eq)(&r, &x));                                                                              \
    } while (0)

static void PRIME_T_NAME(agrees_with_gmp)(void **state)
{
    mpz_t u, v, w;
    mpz_inits(u, v, w, NULL);
    for (int i = 0; i < 20000; i++) {
        PRIME_T a = PRIME_T_NAME(sample)(i < 100 ? i / 10 : 99), b = PRIME_T_NAME(sample)(i < 100 ? i % 10 : 99);
        PRIME_T_NAME(value)(u, &a);
        PRIME_T_NAME(value)(v, &b);
        EXPECT_BINARY(add, mpz_add);
        EXPECT_BINARY(sub, mpz_sub);
        EXPECT_BINARY(mul, mpz_mul);
        EXPECT_UNARY(sqr, mpz_mul(w, u, u));
        EXPECT_UNARY(dbl, mpz_add(w, u, u));
        EXPECT_UNARY(neg, mpz_neg(w, u));
        assert_int_equal(PRIME_F(is_zero)(&a), mpz_sgn(u) == 0);
        assert_int_equal(PRIME_F(is_one)(&a), mpz_cmp_ui(u, 1) == 0);
        assert_int_equal(PRIME_F(eq)(&a, &b), mpz_cmp(u, v) == 0);
    }
    mpz_clears(u, v, w, NULL);
}

/* A loose value: the ends of both halves of [0, 2 m), then any. */
static PRIME_T PRIME_T_NAME(loose_sample)(int i)
{
    static const uint64_t one[4] = { 1 };
    PRIME_T r = PRIME_T_NAME(sample)(i / 2 < 3 ? i / 2 : 99);
    if (i & 1) limbs_add(r.l, r.l, PRIME_K(MODULUS));
    if (i == 6) limbs_sub(r.l, PRIME_K(MONTGOMERY).twice, one);
    return r;
}

static void PRIME_T_NAME(expect_loose)(PRIME_T *got, mpz_t want)
{
    assert_true(limbs_less(got->l, PRIME_K(MONTGOMERY).twice));
    PRIME_F(reduce)(got, got);
    PRIME_T_NAME(expect)(got, want);
}

/* Loose factors, and what is subtracted from loose values. */
static void PRIME_T_NAME(keeps_loose_values_loose)(void **state)
{
    mpz_t u, v, w, x;
    mpz_inits(u, v, w, x, NULL);
    for (int i = 0; i < 20000; i++) {
        PRIME_T a = PRIME_T_NAME(loose_sample)(i < 100 ? i / 10 : i),
                b = PRIME_T_NAME(loose_sample)(i < 100 ? i % 10 : i), r;
        PRIME_T c, d = PRIME_T_NAME(sample)(i < 100 ? i % 10 : 99);
        PRIME_F(reduce)(&c, &a);
        PRIME_T_NAME(value)(u, &c);
        PRIME_F(reduce)(&c, &b);
        PRIME_T_NAME(value)(v, &c);
        PRIME_T_NAME(value)(x, &d);
        mpz_mul(w, u, v);
        PRIME_F(mul_loose)(&r, &a, &b);
        PRIME_T_NAME(expect_loose)(&r, w);
        PRIME_F(mul)(&r, &a, &b);
        PRIME_T_NAME(expect)(&r, w);
        mpz_mul(w, u, u);
        PRIME_F(sqr_loose)(&r, &a);
        PRIME_T_NAME(expect_loose)(&r, w);
        mpz_sub(w, v, x);
        PRIME_F(sub_loose)(&r, &c, &d);
        PRIME_T_NAME(expect_loose)(&r, w);
        mpz_sub(w, u, x);
        PRIME_F(sub_one)(&r, &a, &d);
        PRIME_T_NAME(expect)(&r, w);
        mpz_sub(w, w, v);
        PRIME_F(sub_two)(&r, &a, &c, &d);
        PRIME_T_NAME(expect)(&r, w);
        mpz_neg(w, x);
        PRIME_F(neg_if)(&d, 0);
        PRIME_F(neg_if)(&d, 1u << 31);
        PRIME_T_NAME(expect)(&d, w);
    }
    mpz_clears(u, v, w, x, NULL);
}

static void PRIME_T_NAME(inverts_and_raises_like_gmp)(void **state)
{
    mpz_t u, v, w, e;
    mpz_inits(u, v, w, e, NULL);
    for (int i = 0; i < 500; i++) {
        PRIME_T a = PRIME_T_NAME(sample)(i);
        bn254_scalar k = random_limbs(&rng);
        PRIME_T_NAME(value)(u, &a);
        if (mpz_sgn(u))
            EXPECT_UNARY(inv, mpz_invert(w, u, PRIME_T_NAME(modulus)));
        else
            EXPECT_UNARY(inv, mpz_set_ui(w, 0));
        if (i % 10 == 0) k = (bn254_scalar){ { (uint64_t)i / 10, 0, 0, 0 } };
        mpz_import(e, 4, -1, 8, 0, 0, k.l);
        mpz_powm(w, u, e, PRIME_T_NAME(modulus));
        PRIME_F(pow)(&a, &a, &k);
        PRIME_T_NAME(expect)(&a, w);
    }
    mpz_clears(u, v, w, e, NULL);
}

static void PRIME_T_NAME(reduces_any_256_bits_and_comes_back)(void **state)
{
    mpz_t w;
    mpz_init(w);
    for (int i = 0; i < 5000; i++) {
        bn254_scalar k = i ? random_limbs(&rng) : (bn254_scalar){ { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX } },
                     back;
        PRIME_T a;
        PRIME_F(from_scalar)(&a, &k);
        mpz_import(w, 4, -1, 8, 0, 0, k.l);
        PRIME_T_NAME(expect)(&a, w); /* leaves w reduced */
        PRIME_F(to_scalar)(&back, &a);
        mpz_t v;
        mpz_init(v);
        mpz_import(v, 4, -1, 8, 0, 0, back.l);
        assert_int_equal(mpz_cmp(v, w), 0);
        mpz_clear(v);
    }
    mpz_clear(w);
}

static void PRIME_T_NAME(inverts_a_batch_and_keeps_its_zeros)(void **state)
{
    PRIME_T v[33], was[33], scratch[33], one;
    for (size_t n = 0; n <= 33; n++) {
        for (size_t i = 0; i < n; i++) was[i] = v[i] = PRIME_T_NAME(sample)(seeded_below(&rng, 3) ? 99 : 0);
        PRIME_F(batch_inv)(v, n, scratch);
        for (size_t i = 0; i < n; i++) {
            PRIME_F(mul)(&one, &v[i], &was[i]);
            assert_true(PRIME_F(is_zero)(&was[i]) ? PRIME_F(is_zero)(&v[i]) : PRIME_F(is_one)(&one));
        }
    }
}

static void PRIME_T_NAME(selects_without_changing)(void **state)
{
    PRIME_T a = PRIME_T_NAME(sample)(99), b = PRIME_T_NAME(sample)(99), r;
    PRIME_F(select)(&r, &a, &b, 0);
    assert_true(PRIME_F(eq)(&r, &a));
    PRIME_F(select)(&r, &a, &b, 1);
    assert_true(PRIME_F(eq)(&r, &b));
}
#undef EXPECT_BINARY
#undef EXPECT_UNARY
