/* The check of a key's points by the kernels: each kind of bad point is refused as the CPU refuses it, in every section. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "codec.h"
#include "fixed_proof.h"
#include "keycheck.h"
#include "twist_point.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *vectors;
static struct mapfile file;
static struct zkey undamaged_zkey;
static struct backend_key *undamaged; /* the file's, open for all tests */
static const struct prove_run plain_run;

/* A private copy of the key's bytes, opened. */
static uint8_t *open_copy(struct zkey *z)
{
    uint8_t *bytes = malloc(file.size);
    memcpy(bytes, file.bytes, file.size);
    assert_int_equal(zkey_of(z, bytes, file.size, "copy", NULL), PV_OK);
    return bytes;
}

static pv_status check_with(const struct zkey *z, const struct prove_run *run)
{
    struct backend_key *key = NULL;
    struct prove_error err = { 0 };
    const struct backend_options options = { 0 };
    if (backend_cuda.key_open(&key, z, &options, &plain_run, &err) != PV_OK) fail_msg("%s", err.text);
    pv_status s = backend_cuda.key_check(key, z, run, &err);
    backend_cuda.key_close(&key);
    return s;
}

static void assert_verdict_of_the_cpu(const struct zkey *z, pv_status wanted, const char *what)
{
    struct prove_error err = { 0 };
    assert_int_equal(keycheck_points(z, &(struct bn254_run){ .threads = 1 }, &err), wanted);
    if (!strstr(err.text, what)) fail_msg("\"%s\" does not say \"%s\"", err.text, what);
}

/* What both say of it. */
static void assert_verdict(const struct zkey *z, pv_status wanted, const char *what)
{
    assert_verdict_of_the_cpu(z, wanted, what);
    assert_int_equal(check_with(z, &plain_run), wanted);
}

/* The same of a point that is damaged as the kernels can see: with the tables of the undamaged key, so that the sums find nothing and who
 * looks at the points has to. Opening a key is four fifths of a check where PTX runs on a CPU; one is enough for all such points. */
static void assert_seen(const struct zkey *z, const char *what)
{
    struct prove_error err = { 0 };
    assert_verdict_of_the_cpu(z, PV_BAD_ZKEY, what);
    assert_int_equal(backend_cuda.key_check(undamaged, z, &plain_run, &err), PV_BAD_ZKEY);
}

struct section {
    size_t offset; /* of the member of struct zkey */
    size_t size;
    const char *name;
};
static const struct section sections[] = {
    { offsetof(struct zkey, ic), 64, "IC" }, { offsetof(struct zkey, a), 64, "A" },
    { offsetof(struct zkey, b1), 64, "B1" }, { offsetof(struct zkey, b2), 128, "B2" },
    { offsetof(struct zkey, c), 64, "C" },   { offsetof(struct zkey, h), 64, "H" },
};
enum { SECTIONS = sizeof sections / sizeof *sections };

/* One of each group: a key of these damaged points is opened too. */
static bool has_own_tables(int section)
{
    return sections[section].offset == offsetof(struct zkey, a) ||
           sections[section].offset == offsetof(struct zkey, b2);
}

/* The last of the section's points that is not infinity, or its first. */
static uint8_t *some_point(const struct zkey *z, const struct section *s)
{
    static const uint8_t zero[128];
    const size_t counts[] = { (size_t)z->publics + 1, z->vars, z->vars, z->vars, zkey_c_count(z), z->domain };
    const uint8_t *points;
    memcpy(&points, (const uint8_t *)z + s->offset, sizeof points);
    size_t i = counts[s - sections] - 1;
    while (i && !memcmp(points + i * s->size, zero, s->size)) i--;
    return (uint8_t *)points + i * s->size;
}

/* chain-5 passes in a_stop_ends_it, chain-7 in proofs_beside_it_are_right. */
static void good_keys_pass(void **state)
{
    (void)state;
    static const char *const names[] = { "chain-6", "bits", "hidden" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[64];
        struct zkey z;
        struct prove_error err = { 0 };
        snprintf(path, sizeof path, "data/%s/circuit.zkey", names[i]);
        assert_int_equal(zkey_open(&z, path, &err), PV_OK);
        assert_int_equal(check_with(&z, &plain_run), PV_OK);
        zkey_close(&z);
    }
}

static void a_flipped_bit_is_found_in_every_section(void **state)
{
    (void)state;
    for (int i = 0; i < SECTIONS; i++) {
        struct zkey z;
        uint8_t *bytes = open_copy(&z);
        some_point(&z, &sections[i])[3] ^= 4;
        assert_seen(&z, "is not on the curve");
        if (has_own_tables(i)) assert_verdict(&z, PV_BAD_ZKEY, "is not on the curve");
        free(bytes);
    }
}

/* x + q in place of x: modulo q the point is on its curve. */
static void not_reduced(uint8_t *coordinate)
{
    uint64_t x[4];
    memcpy(x, coordinate, sizeof x);
    assert_int_equal(limbs_add(x, x, BN254_FP_MODULUS), 0);
    memcpy(coordinate, x, sizeof x);
}

static void a_coordinate_that_is_not_reduced_is_found_in_every_section(void **state)
{
    (void)state;
    for (int i = 0; i < SECTIONS; i++)
        for (size_t at = 0; at < sections[i].size; at += 32) {
            struct zkey z;
            uint8_t *bytes = open_copy(&z);
            not_reduced(some_point(&z, &sections[i]) + at);
            assert_seen(&z, "is not reduced");
            if (has_own_tables(i) && !at) assert_verdict(&z, PV_BAD_ZKEY, "is not reduced");
            free(bytes);
        }
}

static void infinity_is_a_point_like_others(void **state)
{
    (void)state;
    struct zkey z;
    uint8_t *bytes = open_copy(&z);
    for (int i = 0; i < SECTIONS; i++) memset(some_point(&z, &sections[i]), 0, sections[i].size);
    assert_verdict(&z, PV_OK, "");
    free(bytes);
}

/* Adds a point of order 10069, or its opposite, to one of B2. */
static void taint(uint8_t *at, bool opposite)
{
    bn254_g2_affine a;
    bn254_g2 p, more;
    twist_point_of_10069(&more);
    if (opposite) bn254_g2_neg(&more, &more);
    bn254_g2_unpack(&a, (const bn254_g2_packed *)at);
    bn254_g2_from_affine(&p, &a);
    bn254_g2_add(&p, &p, &more);
    bn254_g2_to_affine(&a, &p);
    bn254_g2_pack((bn254_g2_packed *)at, &a);
}

static void a_point_of_the_twist_outside_the_group_is_found(void **state)
{
    (void)state;
    struct zkey z;
    uint8_t *bytes = open_copy(&z);
    FILE *f = fopen("vectors/g2_outside_subgroup.bin", "rb");
    assert_non_null(f);
    assert_int_equal(fread(some_point(&z, &sections[3]), 1, 128, f), 128);
    fclose(f);
    assert_verdict(&z, PV_BAD_ZKEY, "is not in the group of order r");
    free(bytes);
}

/* The hardest: a sum with random coefficients misses it once in 10069 times. Also where it would cancel out in a plain sum. */
static void a_point_of_the_smallest_order_is_found(void **state)
{
    (void)state;
    for (int pair = 0; pair < 2; pair++) {
        struct zkey z;
        uint8_t *bytes = open_copy(&z);
        uint8_t *last = some_point(&z, &sections[3]);
        taint(last, false);
        if (pair) taint(last - 128, true);
        assert_verdict(&z, PV_BAD_ZKEY, "is not in the group of order r");
        free(bytes);
    }
}

static void a_stop_ends_it(void **state)
{
    (void)state;
    const atomic_int stop = 1;
    const struct prove_run run = { .cpu.stop = &stop };
    struct prove_error err = { 0 };
    assert_int_equal(backend_cuda.key_check(undamaged, &undamaged_zkey, &run, &err), PV_CANCELLED);
    assert_int_equal(backend_cuda.key_check(undamaged, &undamaged_zkey, &plain_run, &err), PV_OK);
}

/* It uses the places of proofs: those before and after it are right, and what they left it does not disturb. */
static void proofs_beside_it_are_right(void **state)
{
    (void)state;
    struct prove_error err = { 0 };
    struct prove_key *key = fixed_key("chain-7", &backend_cuda, NULL, &plain_run);
    for (int i = 0; i < 2; i++) {
        fixed_prove(key, "chain-7", json_object_get(vectors, "chain-7"), &plain_run);
        assert_int_equal(prove_key_check(key, &plain_run, &err), PV_OK);
    }
    prove_key_destroy(&key);
}

static bool open_undamaged(void)
{
    const struct backend_options options = { 0 };
    return mapfile_open(&file, "data/chain-5/circuit.zkey", NULL) == PV_OK &&
           zkey_of(&undamaged_zkey, file.bytes, file.size, "chain-5", NULL) == PV_OK &&
           backend_cuda.key_open(&undamaged, &undamaged_zkey, &options, &plain_run, NULL) == PV_OK;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_keys_pass),
        cmocka_unit_test(a_flipped_bit_is_found_in_every_section),
        cmocka_unit_test(a_coordinate_that_is_not_reduced_is_found_in_every_section),
        cmocka_unit_test(infinity_is_a_point_like_others),
        cmocka_unit_test(a_point_of_the_twist_outside_the_group_is_found),
        cmocka_unit_test(a_point_of_the_smallest_order_is_found),
        cmocka_unit_test(a_stop_ends_it),
        cmocka_unit_test(proofs_beside_it_are_right),
    };
    vectors = fixed_vectors();
    if (!vectors || !open_undamaged()) return fprintf(stderr, "no vectors or no key\n"), 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    backend_cuda.key_close(&undamaged);
    mapfile_close(&file);
    json_decref(vectors);
    return failed;
}
