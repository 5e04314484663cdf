/* The fields of the kernels beside those of crypto/. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "twins_scene.h"

#include "twins.h"

#include <string.h>

enum { VALUES = 300 };

static void fp_want(bn254_fp *r, enum twin_op op, const bn254_fp *a, const bn254_fp *b)
{
    bn254_scalar s;
    switch (op) {
    case TWIN_ADD: bn254_fp_add(r, a, b); break;
    case TWIN_SUB: bn254_fp_sub(r, a, b); break;
    case TWIN_NEG: bn254_fp_neg(r, a); break;
    case TWIN_MUL: bn254_fp_mul(r, a, b); break;
    case TWIN_SQR: bn254_fp_sqr(r, a); break;
    case TWIN_FROM_MONT:
        bn254_fp_to_scalar(&s, a);
        memcpy(r, &s, sizeof *r);
        break;
    case TWIN_TO_MONT:
        memcpy(&s, a, sizeof s);
        bn254_fp_from_scalar(r, &s);
        break;
    case TWIN_INV: bn254_fp_inv(r, a); break;
    default: *r = *a;
    }
}

static void fr_want(bn254_fr *r, enum twin_op op, const bn254_fr *a, const bn254_fr *b)
{
    bn254_scalar s;
    switch (op) {
    case TWIN_ADD: bn254_fr_add(r, a, b); break;
    case TWIN_SUB: bn254_fr_sub(r, a, b); break;
    case TWIN_NEG: bn254_fr_neg(r, a); break;
    case TWIN_MUL: bn254_fr_mul(r, a, b); break;
    case TWIN_SQR: bn254_fr_sqr(r, a); break;
    case TWIN_FROM_MONT:
        bn254_fr_to_scalar(&s, a);
        memcpy(r, &s, sizeof *r);
        break;
    case TWIN_TO_MONT:
        memcpy(&s, a, sizeof s);
        bn254_fr_from_scalar(r, &s);
        break;
    case TWIN_INV: bn254_fr_inv(r, a); break;
    default: *r = *a;
    }
}

static void base_field_is_crypto_s(void **state)
{
    (void)state;
    bn254_fp a[VALUES], b[VALUES], r[VALUES], want;
    for (int i = 0; i < VALUES; i++) a[i] = random_fp(&twins_rng), b[i] = random_fp(&twins_rng);
    memset(&a[0], 0, sizeof *a);
    for (int op = 0; op < TWIN_OPS; op++) {
        assert_true(twin_field(false, op, r, a, b, VALUES));
        for (int i = 0; i < VALUES; i++) {
            twins_canonical(r[i].l, BN254_FP_MODULUS);
            fp_want(&want, op, &a[i], &b[i]);
            assert_memory_equal(&r[i], &want, sizeof want);
        }
    }
}

static void scalar_field_is_crypto_s(void **state)
{
    (void)state;
    bn254_fr a[VALUES], b[VALUES], r[VALUES], want;
    for (int i = 0; i < VALUES; i++) a[i] = random_fr(&twins_rng), b[i] = random_fr(&twins_rng);
    memset(&a[0], 0, sizeof *a);
    for (int op = 0; op < TWIN_OPS; op++) {
        assert_true(twin_field(true, op, r, a, b, VALUES));
        for (int i = 0; i < VALUES; i++) {
            twins_canonical(r[i].l, BN254_FR_MODULUS);
            fr_want(&want, op, &a[i], &b[i]);
            assert_memory_equal(&r[i], &want, sizeof want);
        }
    }
}

int twins_fields(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base_field_is_crypto_s),
        cmocka_unit_test(scalar_field_is_crypto_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
