/* Keys for which proofs can be forged are refused, whatever way they are weak, and taken only when asked to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "g1.h"
#include "g2.h"
#include "soundness.h"
#include "vector_file.h"
#include "verify.h"

static struct groth16_vkey key; /* a sound one, changed by each test */

static int setup(void **state)
{
    size_t bytes;
    char *text = vector_file(&bytes, "vectors/groth16/mul.vkey.json");
    enum groth16_error e = groth16_vkey_from_json(&key, text, bytes, NULL);
    free(text);
    return e != GROTH16_OK || key.publics != 2;
}

static int teardown(void **state)
{
    groth16_vkey_clear(&key);
    return 0;
}

/* As a file it is refused with these words, and accepted as a development key. */
static void refused(const char *words)
{
    struct groth16_text why = { "" };
    struct groth16_vkey read;
    char *json = groth16_vkey_to_json(&key);
    assert_int_equal(groth16_vkey_from_json(&read, json, strlen(json), &why), GROTH16_WEAK_KEY);
    if (!strstr(why.text, words)) fail_msg("wanted \"%s\", got \"%s\"", words, why.text);
    assert_int_equal(groth16_vkey_from_json_of(&read, json, strlen(json), GROTH16_KEYS_DEVELOPMENT, NULL), GROTH16_OK);
    groth16_vkey_clear(&read);
    free(json);
}

static bn254_g2_affine times_g2(const bn254_g2_affine *p, int k)
{
    bn254_g2 sum;
    bn254_g2_affine r;
    bn254_g2_from_affine(&sum, p);
    for (int i = 1; i < abs(k); i++) bn254_g2_add_affine(&sum, &sum, p);
    bn254_g2_to_affine(&r, &sum);
    if (k < 0) bn254_g2_affine_neg(&r, &r);
    return r;
}

static void as_it_is(void **state)
{
    assert_int_equal(groth16_soundness(&key, NULL), GROTH16_OK);
    assert_true(bn254_g2_affine_eq(&key.gamma2, &BN254_G2_GENERATOR)); /* as snarkjs makes them: no fault alone */
}

/* No contribution to phase 2. The forgery needs the key alone: A = alpha, B = beta, C = -(IC0 + x0 IC1 + x1 IC2). */
static void delta_is_gamma(void **state)
{
    struct groth16_proof forged = { .a = key.alpha1, .b = key.beta2 };
    bn254_scalar_packed publics[2] = { { { 1 } }, { { 1 } } };
    bn254_g1 x;
    key.delta2 = key.gamma2;
    bn254_g1_from_affine(&x, &key.ic[0]);
    bn254_g1_add_affine(&x, &x, &key.ic[1]);
    bn254_g1_add_affine(&x, &x, &key.ic[2]);
    bn254_g1_to_affine(&forged.c, &x);
    bn254_g1_affine_neg(&forged.c, &forged.c);
    assert_int_equal(groth16_verify(&key, &forged, publics, 2), GROTH16_OK);
    refused("delta2 is gamma2");
}

static void delta_is_known(void **state)
{
    const int multiples[] = { -1, 2, -3, GROTH16_SMALL_MULTIPLE };
    for (size_t i = 0; i < sizeof multiples / sizeof *multiples; i++) {
        key.delta2 = times_g2(&key.gamma2, multiples[i]);
        refused("delta2 is ");
    }
    key.delta2 = key.beta2;
    refused("beta2");
}

/* gamma need not be the generator; then delta must not be it either. */
static void delta_is_the_generator_beside_another_gamma(void **state)
{
    key.gamma2 = times_g2(&key.beta2, 17);
    key.delta2 = BN254_G2_GENERATOR;
    refused("the generator of G2");
}

static void gamma_is_a_multiple_of_delta(void **state)
{
    key.gamma2 = times_g2(&key.delta2, 2);
    refused("gamma2");
}

static void beta_or_alpha_is_known(void **state)
{
    bn254_g2_affine beta2 = key.beta2;
    key.beta2 = times_g2(&key.gamma2, -1);
    refused("beta2 is minus gamma2");
    key.beta2 = beta2;
    key.alpha1 = BN254_G1_GENERATOR;
    refused("alpha1 is the generator of G1");
}

static void a_signal_goes_unchecked(void **state)
{
    bn254_g1_affine kept = key.ic[2];
    memset(&key.ic[2], 0, sizeof key.ic[2]);
    assert_true(bn254_g1_affine_is_infinity(&key.ic[2]));
    refused("IC[2] is infinity, so public signal 1 is not checked");
    key.ic[2] = key.ic[1];
    refused("IC[1] and IC[2] are equal or opposite");
    bn254_g1_affine_neg(&key.ic[2], &key.ic[1]);
    refused("IC[1] and IC[2] are equal or opposite");
    key.ic[2] = key.alpha1;
    refused("IC[2] is alpha1");
    key.ic[2] = kept;
    key.ic[0] = key.ic[1];
    refused("IC[0] and IC[1]");
    memset(&key.ic[0], 0, sizeof key.ic[0]);
    refused("IC[0] is infinity");
}

/* The parts of a proving key in G1 and G2: e(beta1, G2) = e(G1, beta2), and so for delta. */
static void halves_belong_together(void **state)
{
    struct groth16_text why = { "" };
    bn254_g1 x;
    bn254_g1_affine one = BN254_G1_GENERATOR, three;
    bn254_g1_from_affine(&x, &one);
    bn254_g1_add_affine(&x, &x, &one);
    bn254_g1_add_affine(&x, &x, &one);
    bn254_g1_to_affine(&three, &x);
    key.beta2 = times_g2(&BN254_G2_GENERATOR, 3);
    key.delta2 = BN254_G2_GENERATOR;
    assert_int_equal(groth16_halves(&key, &three, &one, &why), GROTH16_OK);
    assert_int_equal(groth16_halves(&key, &one, &one, &why), GROTH16_BAD_POINT);
    assert_non_null(strstr(why.text, "beta1"));
    assert_int_equal(groth16_halves(&key, &three, &three, &why), GROTH16_BAD_POINT);
    assert_non_null(strstr(why.text, "delta1"));
    key.ic[1] = three;
    assert_int_equal(groth16_halves(&key, &three, &one, &why), GROTH16_WEAK_KEY);
    assert_non_null(strstr(why.text, "IC[1] is beta1"));
}

#define T(x) cmocka_unit_test_setup_teardown(x, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(as_it_is),
        T(delta_is_gamma),
        T(delta_is_known),
        T(delta_is_the_generator_beside_another_gamma),
        T(gamma_is_a_multiple_of_delta),
        T(beta_or_alpha_is_known),
        T(a_signal_goes_unchecked),
        T(halves_belong_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
