/* Fp and Fr beside GMP. Built once per path: with BN254_BUILD_ADX the inline arithmetic is the assembly. */
#include <gmp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "fp2.h"
#include "run.h"
#include "bn254_random.h"

static struct seeded rng;
static mpz_t fp_modulus, fp_r_inverse, fr_modulus, fr_r_inverse;

#define PRIME_T bn254_fp
#define PRIME_T_NAME(name) fp_##name
#define PRIME_F(name) bn254_fp_##name
#define PRIME_K(name) BN254_FP_##name
#include "prime_field_laws.h"
#undef PRIME_T
#undef PRIME_T_NAME
#undef PRIME_F
#undef PRIME_K

#define PRIME_T bn254_fr
#define PRIME_T_NAME(name) fr_##name
#define PRIME_F(name) bn254_fr_##name
#define PRIME_K(name) BN254_FR_##name
#include "prime_field_laws.h"

/* The textbook's primes, in decimal, so that constants.h is not its own witness. */
static void set_up_modulus(mpz_t m, mpz_t r_inverse, const char *decimal, const uint64_t limbs[4])
{
    mpz_t R, check;
    mpz_inits(m, r_inverse, R, check, NULL);
    mpz_set_str(m, decimal, 10);
    mpz_import(check, 4, -1, 8, 0, 0, limbs);
    assert_int_equal(mpz_cmp(m, check), 0);
    mpz_ui_pow_ui(R, 2, 256);
    mpz_invert(r_inverse, R, m);
    mpz_clears(R, check, NULL);
}

static int set_up(void **state)
{
    set_up_modulus(fp_modulus, fp_r_inverse,
                   "21888242871839275222246405745257275088696311157297823662689037894645226208583", BN254_FP_MODULUS);
    set_up_modulus(fr_modulus, fr_r_inverse,
                   "21888242871839275222246405745257275088548364400416034343698204186575808495617", BN254_FR_MODULUS);
    return 0;
}

static int tear_down(void **state)
{
    mpz_clears(fp_modulus, fp_r_inverse, fr_modulus, fr_r_inverse, NULL);
    return 0;
}

static void expect_fp2(const bn254_fp2 *got, mpz_t c0, mpz_t c1)
{
    fp_expect(&got->c0, c0);
    fp_expect(&got->c1, c1);
}

/* (a + b u)(c + d u), and (a + b u)^2; the assembly has its own products in Fp2, with their own bounds. */
static void fp2_multiplies_like_gmp(void **state)
{
    mpz_t a, b, c, d, re, im;
    mpz_inits(a, b, c, d, re, im, NULL);
    for (int i = 0; i < 20000; i++) {
        bn254_fp2 x = { fp_sample(i < 10000 ? i % 10 : 99), fp_sample(i < 10000 ? i / 10 % 10 : 99) };
        bn254_fp2 y = { fp_sample(i < 10000 ? i / 100 % 10 : 99), fp_sample(i < 10000 ? i / 1000 : 99) }, r, on_x = x,
                  on_y = y;
        fp_value(a, &x.c0), fp_value(b, &x.c1), fp_value(c, &y.c0), fp_value(d, &y.c1);
        mpz_mul(re, a, c), mpz_submul(re, b, d);
        mpz_mul(im, a, d), mpz_addmul(im, b, c);
        bn254_fp2_mul(&r, &x, &y);
        expect_fp2(&r, re, im);
        bn254_fp2_mul(&on_x, &on_x, &y);
        bn254_fp2_mul(&on_y, &x, &on_y);
        assert_true(bn254_fp2_eq(&r, &on_x) && bn254_fp2_eq(&r, &on_y));
        mpz_mul(re, a, a), mpz_submul(re, b, b);
        mpz_mul(im, a, b), mpz_mul_2exp(im, im, 1);
        bn254_fp2_sqr(&r, &x);
        expect_fp2(&r, re, im);
        bn254_fp2_sqr(&x, &x);
        assert_true(bn254_fp2_eq(&r, &x));
    }
    mpz_clears(a, b, c, d, re, im, NULL);
}

static void roots_of_unity_are_those_of_5(void **state)
{
    mpz_t e, w;
    mpz_inits(e, w, NULL);
    for (unsigned log_n = 0; log_n <= 28; log_n++) {
        bn254_fr root;
        bn254_fr_root_of_unity(&root, log_n);
        mpz_sub_ui(e, fr_modulus, 1);
        mpz_tdiv_q_2exp(e, e, log_n);
        mpz_set_ui(w, 5);
        mpz_powm(w, w, e, fr_modulus);
        fr_expect(&root, w);
    }
    mpz_clears(e, w, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fp_agrees_with_gmp),
        cmocka_unit_test(fr_agrees_with_gmp),
        cmocka_unit_test(fp_keeps_loose_values_loose),
        cmocka_unit_test(fr_keeps_loose_values_loose),
        cmocka_unit_test(fp2_multiplies_like_gmp),
        cmocka_unit_test(fp_inverts_and_raises_like_gmp),
        cmocka_unit_test(fr_inverts_and_raises_like_gmp),
        cmocka_unit_test(fp_reduces_any_256_bits_and_comes_back),
        cmocka_unit_test(fr_reduces_any_256_bits_and_comes_back),
        cmocka_unit_test(fp_inverts_a_batch_and_keeps_its_zeros),
        cmocka_unit_test(fr_inverts_a_batch_and_keeps_its_zeros),
        cmocka_unit_test(fp_selects_without_changing),
        cmocka_unit_test(fr_selects_without_changing),
        cmocka_unit_test(roots_of_unity_are_those_of_5),
    };
#ifdef BN254_BUILD_ADX
    if (!bn254_path_available(BN254_PATH_ADX)) return 77;
#endif
    rng = seeded_start();
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
