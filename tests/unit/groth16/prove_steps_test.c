/* Each step of a proof and of the look at its key refused by itself, while all others are as they should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "codec.h"
#include "keycheck.h"
#include "prove.h"
#include "random.h"
#include "twist_point.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct backend_options options = { .threads = 1 };
static const struct prove_run one_thread = { .cpu = { .threads = 1 } };

/* ---- the header ---- */

static struct mapfile file;
static uint8_t *copy;
static struct zkey z;

static void expect_refused(const char *what)
{
    char wanted[128];
    struct prove_key *key = NULL;
    struct prove_error err = { 0 };
    snprintf(wanted, sizeof wanted, "copy: the key is damaged: section 2: %s is not a point of its group, or infinity",
             what);
    assert_int_equal(prove_key_new_of(&key, copy, file.size, "copy", &backend_cpu, &options, &one_thread, &err),
                     PV_BAD_ZKEY);
    assert_string_equal(err.text, wanted);
    assert_null(key);
}

static void damage(const char *what, const void *point, size_t bytes)
{
    uint8_t *p = copy + ((const uint8_t *)point - copy), was[128];
    memcpy(was, p, bytes);
    p[1] ^= 1;
    expect_refused(what);
    memset(p, 0, bytes); /* infinity */
    expect_refused(what);
    memcpy(p, was, bytes);
}

static void one_bad_point_of_the_header_is_named(void **state)
{
    struct prove_key *key = NULL;
    struct prove_error err = { 0 };
    assert_int_equal(mapfile_open(&file, "data/chain-5/circuit.zkey", NULL), PV_OK);
    copy = malloc(file.size);
    memcpy(copy, file.bytes, file.size);
    assert_int_equal(zkey_of(&z, copy, file.size, "copy", NULL), PV_OK);
    damage("alpha1", z.alpha1, 64);
    damage("beta1", z.beta1, 64);
    damage("beta2", z.beta2, 128);
    damage("delta1", z.delta1, 64);
    damage("delta2", z.delta2, 128);
    if (prove_key_new_of(&key, copy, file.size, "copy", &backend_cpu, &options, NULL, &err)) fail_msg("%s", err.text);
    prove_key_destroy(&key);
    free(copy);
    mapfile_close(&file);
}

/* ---- r and s ---- */

static int draws, refused, sums;

static pv_status draw(void *arg, uint8_t *bytes, size_t n)
{
    memset(bytes, 1, n);
    return draws++ == refused ? PV_IO : PV_OK;
}

static pv_status counted(struct backend_sums *out, struct backend_key *key, const bn254_scalar_packed *witness,
                         const struct prove_run *run, struct prove_error *err)
{
    sums++;
    return backend_cpu.sums(out, key, witness, run, err);
}

static void r_and_s_are_refused_each_on_its_own(void **state)
{
    static const struct prove_options random = { .random = draw };
    struct backend backend = backend_cpu;
    struct prove_key *key;
    struct wtns w;
    struct groth16_proof proof;
    struct prove_error err = { 0 };
    backend.sums = counted;
    assert_int_equal(prove_key_new(&key, "data/chain-5/circuit.zkey", &backend, &options, NULL, NULL), PV_OK);
    assert_int_equal(wtns_open(&w, "data/chain-5/witness.wtns", NULL), PV_OK);
    for (refused = 0; refused < 2; refused++) {
        draws = sums = 0;
        err = (struct prove_error){ 0 };
        assert_int_equal(prove_groth16(&proof, key, &w, &random, &one_thread, &err), PV_IO);
        assert_string_equal(err.text, "the source of randomness failed");
        assert_int_equal(draws, refused + 1);
        assert_int_equal(sums, 0); /* before the work */
    }
    draws = sums = 0;
    assert_int_equal(prove_groth16(&proof, key, &w, &random, &one_thread, &err), PV_OK);
    assert_int_equal(draws, 2);
    assert_int_equal(sums, 1);
    wtns_close(&w);
    prove_key_destroy(&key);
}

/* ---- the halving of a list ---- */

enum { POINTS = 600, BAD = 5 }; /* looked at: all, the first half, the first quarter; the rest one by one */

static int mixes, mix_refused;
static atomic_int stop;
static bool stops;

pv_status __real_pv_random(void *bytes, size_t n);
pv_status __wrap_pv_random(void *bytes, size_t n);
pv_status __wrap_pv_random(void *bytes, size_t n)
{
    if (++mixes != mix_refused) return __real_pv_random(bytes, n);
    if (!stops) return PV_IO;
    atomic_store(&stop, 1);
    return __real_pv_random(bytes, n);
}

static void pack(bn254_g2_packed *to, const bn254_g2 *p)
{
    bn254_g2_affine a;
    bn254_g2_to_affine(&a, p);
    bn254_g2_pack(to, &a);
}

static void many(bn254_g2_packed b2[POINTS])
{
    bn254_g2 p, generator, outside;
    bn254_g2_from_affine(&generator, &BN254_G2_GENERATOR);
    bn254_g2_dbl(&p, &generator);
    twist_point_of_10069(&outside);
    for (int i = 0; i < POINTS; i++) {
        bn254_g2 q = p;
        if (i == BAD) bn254_g2_add(&q, &q, &outside);
        pack(&b2[i], &q);
        bn254_g2_add(&p, &p, &generator);
    }
}

static void expect_halving(const struct zkey *of, pv_status status, const char *text, int mixes_most)
{
    const struct bn254_run run = { .threads = 1, .stop = &stop };
    struct prove_error err = { 0 };
    atomic_store(&stop, 0);
    mixes = 0;
    assert_int_equal(keycheck_points(of, &run, &err), status);
    assert_string_equal(err.text, text);
    assert_int_equal(mixes, mixes_most);
}

static void each_step_of_the_halving_can_be_refused(void **state)
{
    static bn254_g2_packed b2[POINTS];
    static const bn254_g1_packed nothing[POINTS];
    many(b2);
    const struct zkey of = {
        .vars = POINTS, .domain = 4, .ic = nothing, .a = nothing, .b1 = nothing, .b2 = b2, .c = nothing, .h = nothing
    };
    mix_refused = 0;
    expect_halving(&of, PV_BAD_ZKEY, "the key is damaged: section 7 (B2): point 5 is not in the group of order r", 3);
    for (mix_refused = 1; mix_refused <= 3; mix_refused++) {
        stops = false;
        expect_halving(&of, PV_IO, "the source of randomness failed", mix_refused);
        stops = true;
        expect_halving(&of, PV_CANCELLED, "stopped while the key was checked", mix_refused);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_bad_point_of_the_header_is_named),
        cmocka_unit_test(r_and_s_are_refused_each_on_its_own),
        cmocka_unit_test(each_step_of_the_halving_can_be_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
