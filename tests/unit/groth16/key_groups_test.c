/* Every kind of point that is on the twist but outside G2, in every place of a key that has points of G2, is refused: B2's list (section 7),
 * whose group is asked of random combinations where it is long enough for them, and beta2, gamma2 and delta2 of the header (section 2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "codec.h"
#include "keycheck.h"
#include "msm_subgroup.h"
#include "prove.h"
#include "twist_point.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct backend_options options = { .threads = 1 };
static const struct prove_run one_thread = { .cpu = { .threads = 1 } };

static struct mapfile file;
static uint8_t *copy; /* of a good key's bytes, damaged by each scene */
static struct zkey z; /* over the copy */
static bn254_g2 outside[TWIST_PRIMES];

static int a_key(void **state)
{
    (void)state;
    if (mapfile_open(&file, "data/bits/circuit.zkey", NULL) != PV_OK) return 1;
    copy = malloc(file.size);
    for (int i = 0; i < TWIST_PRIMES; i++) twist_point_of_order(&outside[i], i);
    return zkey_of(&z, memcpy(copy, file.bytes, file.size), file.size, "copy", NULL);
}

static int a_key_end(void **state)
{
    (void)state;
    free(copy);
    mapfile_close(&file);
    return 0;
}

static void as_it_was(void)
{
    memcpy(copy, file.bytes, file.size);
}

static bn254_g2_packed *writable(const bn254_g2_packed *at)
{
    return (bn254_g2_packed *)(copy + ((const uint8_t *)at - copy));
}

/* *at += m times a point of that order; or that alone. */
static void taint(const bn254_g2_packed *at, int order, uint64_t m, bool alone)
{
    bn254_g2_affine a;
    bn254_g2 p, more;
    bn254_g2_unpack(&a, at);
    bn254_g2_from_affine(&p, &a);
    bn254_g2_mul(&more, &outside[order], &(const bn254_scalar){ { m, 0, 0, 0 } });
    if (alone)
        p = more;
    else
        bn254_g2_add(&p, &p, &more);
    bn254_g2_to_affine(&a, &p);
    bn254_g2_pack(writable(at), &a);
}

/* *at -= m times a point of that order */
static void taint_back(const bn254_g2_packed *at, int order, uint64_t m)
{
    bn254_g2_neg(&outside[order], &outside[order]);
    taint(at, order, m, false);
    bn254_g2_neg(&outside[order], &outside[order]);
}

/* ---- B2 ---- */

enum { B2_SHORT = 40 }; /* too few for combinations: each is looked at */

static size_t lengths[2]; /* of B2 in a scene: few points, and all of the key's */

static void refused(size_t length, size_t first, const char *what)
{
    char wanted[128];
    struct prove_error err = { 0 };
    struct zkey of = z;
    of.vars = (uint32_t)length;
    snprintf(wanted, sizeof wanted, "the key is damaged: section 7 (B2): point %zu is not in the group of order r",
             first);
    if (keycheck_points(&of, &one_thread.cpu, &err) != PV_BAD_ZKEY)
        fail_msg("%s among %zu points passes", what, length);
    assert_string_equal(err.text, wanted);
    as_it_was();
}

static void both_ways_are_asked(void **state)
{
    (void)state;
    lengths[0] = B2_SHORT, lengths[1] = z.vars;
    assert_int_equal(bn254_subgroup_bits(B2_SHORT), 0);
    assert_true(bn254_subgroup_bits(z.vars) >= 130);
    for (int i = 0; i < 2; i++) {
        struct zkey of = z;
        of.vars = (uint32_t)lengths[i];
        assert_int_equal(keycheck_points(&of, &one_thread.cpu, NULL), PV_OK);
    }
}

static void one_point_of_each_order_is_refused(void **state)
{
    (void)state;
    for (int l = 0; l < 2; l++)
        for (int order = 0; order < TWIST_PRIMES; order++)
            for (int alone = 0; alone < 2; alone++) {
                const size_t at = alone ? lengths[l] - 1 : 17;
                taint(&z.b2[at], order, 1, alone);
                refused(lengths[l], at, alone ? "a point of a small order alone" : "a point with a part of it");
            }
}

/* All that a sum with equal coefficients sees of them is a point of G2. */
static void several_that_cancel_are_refused(void **state)
{
    (void)state;
    for (int l = 0; l < 2; l++)
        for (int order = 0; order < TWIST_PRIMES; order++) {
            taint(&z.b2[3], order, 1, false);
            taint_back(&z.b2[31], order, 1);
            refused(lengths[l], 3, "a point and its opposite");
            for (size_t i = 0; i < 9; i++) taint(&z.b2[5 + i], order, i + 1, false);
            taint_back(&z.b2[30], order, 45);
            refused(lengths[l], 5, "ten that cancel");
        }
}

/* One of each order; and the same bad point everywhere. */
static void many_bad_points_are_refused(void **state)
{
    (void)state;
    for (int l = 0; l < 2; l++) {
        for (int order = 0; order < TWIST_PRIMES; order++) taint(&z.b2[20 + order], order, 1, false);
        refused(lengths[l], 20, "one of each order");
        for (size_t i = 0; i < lengths[l]; i++) taint(&z.b2[i], 0, 1, true);
        refused(lengths[l], 0, "one point of order 10069, everywhere");
    }
}

/* ---- the header ---- */

static void header_refused(const char *text)
{
    struct prove_key *key = NULL;
    struct prove_error err = { 0 };
    assert_int_equal(prove_key_new_of(&key, copy, file.size, "copy", &backend_cpu, &options, &one_thread, &err),
                     PV_BAD_ZKEY);
    assert_string_equal(err.text, text);
    as_it_was();
}

static void the_headers_points_are_refused(void **state)
{
    static const char *const text[] = {
        "copy: the key is damaged: section 2: beta2 is not a point of its group, or infinity",
        "copy: the key is damaged: sections 2 and 3: a point is not in its group",
        "copy: the key is damaged: section 2: delta2 is not a point of its group, or infinity",
    };
    const bn254_g2_packed *const at[] = { z.beta2, z.gamma2, z.delta2 };
    (void)state;
    for (int order = 0; order < TWIST_PRIMES; order++) {
        for (int i = 0; i < 3; i++)
            for (int alone = 0; alone < 2; alone++) {
                taint(at[i], order, 1, alone);
                header_refused(text[i]);
            }
        taint(at[1], order, 1, false); /* gamma and delta, whose parts cancel */
        taint_back(at[2], order, 1);
        header_refused(text[2]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways_are_asked),
        cmocka_unit_test(one_point_of_each_order_is_refused),
        cmocka_unit_test(several_that_cancel_are_refused),
        cmocka_unit_test(many_bad_points_are_refused),
        cmocka_unit_test(the_headers_points_are_refused),
    };
    return cmocka_run_group_tests(tests, a_key, a_key_end);
}
