/* G1 and G2: the laws of both, the subgroup check of G2, decimals. Built once per path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "run.h"
#include "bn254_random.h"
#include "twist_point.h"

static struct seeded rng;

static bn254_g1 g1_random(struct seeded *s)
{
    return random_g1(s);
}

static bn254_g2 g2_random(struct seeded *s)
{
    return random_g2(s);
}

#define CURVE_N(name) g1_##name
#define CURVE_T bn254_g1
#define CURVE_AFFINE_T bn254_g1_affine
#define CURVE_XYZZ_T bn254_g1_xyzz
#define CURVE_PACKED_T bn254_g1_packed
#define CURVE_DECODE(r, bytes) bn254_g1_decode(r, bytes)
#define CURVE_F(name) bn254_g1_##name
#define CURVE_E_T bn254_fp
#define CURVE_E(name) bn254_fp_##name
#define CURVE_E_RANDOM random_fp
#include "curve_laws.h"
#undef CURVE_N
#undef CURVE_T
#undef CURVE_AFFINE_T
#undef CURVE_XYZZ_T
#undef CURVE_PACKED_T
#undef CURVE_DECODE
#undef CURVE_F
#undef CURVE_E_T
#undef CURVE_E
#undef CURVE_E_RANDOM

#define CURVE_N(name) g2_##name
#define CURVE_T bn254_g2
#define CURVE_AFFINE_T bn254_g2_affine
#define CURVE_XYZZ_T bn254_g2_xyzz
#define CURVE_PACKED_T bn254_g2_packed
#define CURVE_DECODE(r, bytes) bn254_g2_decode(r, bytes, BN254_G2_ON_CURVE)
#define CURVE_F(name) bn254_g2_##name
#define CURVE_E_T bn254_fp2
#define CURVE_E(name) bn254_fp2_##name
#define CURVE_E_RANDOM random_fp2
#include "curve_laws.h"

static bn254_g2_affine random_twist_point(struct seeded *s)
{
    bn254_g2_affine p;
    bn254_fp2 x;
    do x = random_fp2(s);
    while (!twist_point_above(&p, &x));
    return p;
}

static bool killed_by_r(const bn254_g2 *p)
{
    bn254_scalar order;
    bn254_g2 t;
    memcpy(order.l, BN254_FR_MODULUS, sizeof order.l);
    bn254_g2_mul(&t, p, &order);
    return bn254_g2_is_infinity(&t);
}

/* On a point of the group, on any point of the twist, and on points of every order the cofactor 2p - r has a small factor
 * of: each is asked of multiplication by r too. */
static void subgroup_check_agrees_with_multiplication_by_r(void **state)
{
    bn254_scalar cofactor;
    uint64_t twice[4];
    int outside = 0;
    limbs_add(twice, BN254_FP_MODULUS, BN254_FP_MODULUS);
    limbs_sub(cofactor.l, twice, BN254_FR_MODULUS);
    for (int i = 0; i < 30; i++) {
        bn254_g2_affine a = random_twist_point(&rng), b;
        bn254_g2 p, q;
        bn254_scalar order;
        memcpy(order.l, BN254_FR_MODULUS, sizeof order.l);
        assert_true(bn254_g2_is_on_curve(&a));
        bn254_g2_from_affine(&p, &a);
        assert_int_equal(bn254_g2_is_in_subgroup(&a), killed_by_r(&p));
        outside += !bn254_g2_is_in_subgroup(&a);
        bn254_g2_mul(&q, &p, &cofactor); /* into the group */
        bn254_g2_to_affine(&b, &q);
        assert_true(killed_by_r(&q) && bn254_g2_is_in_subgroup(&b));
        bn254_g2_mul(&p, &p, &order); /* into the other part, of order 2p - r */
        bn254_g2_to_affine(&b, &p);
        assert_int_equal(bn254_g2_is_in_subgroup(&b), killed_by_r(&p));
        bn254_g2_add(&p, &p, &q);
        bn254_g2_to_affine(&b, &p);
        assert_int_equal(bn254_g2_is_in_subgroup(&b), killed_by_r(&p));
    }
    assert_true(outside == 30); /* a random point is in the group with probability 2^-254 */
    bn254_g2_affine infinity;
    bn254_g2_affine_set_infinity(&infinity);
    assert_true(bn254_g2_is_in_subgroup(&infinity) && bn254_g2_is_in_subgroup(&BN254_G2_GENERATOR));
}

static void decode_asks_for_the_subgroup_unless_told_not_to(void **state)
{
    bn254_g2_affine a = random_twist_point(&rng), got;
    bn254_g2_packed bytes;
    bn254_g2_pack(&bytes, &a);
    memset(&got, 0x5a, sizeof got);
    bn254_g2_affine before = got;
    assert_false(bn254_g2_decode(&got, &bytes, BN254_G2_IN_SUBGROUP));
    assert_memory_equal(&got, &before, sizeof got);
    assert_true(bn254_g2_decode(&got, &bytes, BN254_G2_ON_CURVE));
    bn254_g2_pack(&bytes, &BN254_G2_GENERATOR);
    assert_true(bn254_g2_decode(&got, &bytes, BN254_G2_IN_SUBGROUP));
}

static void scalars_and_field_elements_decode_below_r_only(void **state)
{
    bn254_scalar_packed bytes;
    bn254_fr_packed fr_bytes;
    bn254_scalar k, got = { { 7, 7, 7, 7 } };
    bn254_fr f;
    memcpy(k.l, BN254_FR_MODULUS, sizeof k.l);
    bn254_scalar_pack(&bytes, &k);
    memcpy(&fr_bytes, &bytes, sizeof fr_bytes);
    assert_false(bn254_scalar_decode(&got, &bytes) || bn254_fr_decode(&f, &fr_bytes));
    assert_true(got.l[0] == 7 && got.l[3] == 7);
    k.l[0] -= 1;
    bn254_scalar_pack(&bytes, &k);
    memcpy(&fr_bytes, &bytes, sizeof fr_bytes);
    assert_true(bn254_scalar_decode(&got, &bytes) && bn254_fr_decode(&f, &fr_bytes));
    assert_true(bn254_scalar_eq(&got, &k));
}

static void decimals_come_back(void **state)
{
    char text[BN254_DECIMAL_BYTES];
    bn254_scalar back, most = { { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX } };
    for (int i = 0; i < 2000; i++) {
        bn254_scalar k = i == 0 ? most : i < 100 ? bn254_scalar_of_u64((uint64_t)i - 1) : random_limbs(&rng);
        bn254_scalar_to_decimal(text, &k);
        assert_true(bn254_scalar_from_decimal(&back, text) && bn254_scalar_eq(&back, &k));
    }
    bn254_scalar_to_decimal(text, &most);
    assert_string_equal(text, "115792089237316195423570985008687907853269984665640564039457584007913129639935");
    bn254_scalar ten19 = bn254_scalar_of_u64(10000000000000000000u);
    bn254_scalar_to_decimal(text, &ten19);
    assert_string_equal(text, "10000000000000000000");
}

static void bad_decimals_are_refused(void **state)
{
    const char *bad[] = { "",
                          "00",
                          "01",
                          "-1",
                          "+1",
                          " 1",
                          "1 ",
                          "0x1",
                          "1e3",
                          "12a",
                          "1.0",
                          "115792089237316195423570985008687907853269984665640564039457584007913129639936",
                          "999999999999999999999999999999999999999999999999999999999999999999999999999999999999999" };
    bn254_scalar k = { { 7, 0, 0, 0 } };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) assert_false(bn254_scalar_from_decimal(&k, bad[i]));
    assert_true(k.l[0] == 7);
}

static void windows_put_a_scalar_together_again(void **state)
{
    for (unsigned width = 1; width <= 32; width++) {
        bn254_scalar k = random_limbs(&rng), sum = { { 0, 0, 0, 0 } };
        for (unsigned at = 0; at < 256; at += width) {
            uint32_t v = bn254_scalar_window(&k, at, width);
            for (unsigned i = 0; i < width; i++) {
                assert_int_equal(v >> i & 1, bn254_scalar_bit(&k, at + i));
                if (at + i < 256) sum.l[(at + i) / 64] |= (uint64_t)(v >> i & 1) << ((at + i) % 64);
            }
        }
        assert_true(bn254_scalar_eq(&k, &sum));
        unsigned length = bn254_scalar_bit_length(&k);
        assert_true(length == 0 || bn254_scalar_bit(&k, length - 1));
        for (unsigned i = length; i < 256; i++) assert_false(bn254_scalar_bit(&k, i));
    }
}

static const struct CMUnitTest other_tests[] = {
    cmocka_unit_test(subgroup_check_agrees_with_multiplication_by_r),
    cmocka_unit_test(decode_asks_for_the_subgroup_unless_told_not_to),
    cmocka_unit_test(scalars_and_field_elements_decode_below_r_only),
    cmocka_unit_test(decimals_come_back),
    cmocka_unit_test(bad_decimals_are_refused),
    cmocka_unit_test(windows_put_a_scalar_together_again),
};

int main(void)
{
#ifdef BN254_BUILD_ADX
    if (!bn254_path_available(BN254_PATH_ADX)) return 77;
#endif
    rng = seeded_start();
    return cmocka_run_group_tests(g1_tests, NULL, NULL) + cmocka_run_group_tests(g2_tests, NULL, NULL) +
           cmocka_run_group_tests(other_tests, NULL, NULL);
}
