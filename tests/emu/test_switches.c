/* Proofs with a switch of the plans in its other position (cuda/msm/gpu_msm_switches.h): compiled once with PV_COMB, once with
 * PV_ONE_SET, once with both, once with PV_WITNESS_DENSE. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "cuda_layout.h"
#include "fixed_proof.h"
#include "gpu_msm_switches.h"
#include "gpu_need.h"
#include "same_sum.h"
#include "zkey_survey.h"

#include <stdio.h>

static json_t *vectors;
static const struct prove_run plain_run;
static const char *const names[] = { "chain-5", "chain-7", "hidden" };
enum { NAMES = sizeof names / sizeof *names };

static void proofs_are_snarkjs_s(void **state)
{
    (void)state;
    for (int i = 0; i < NAMES; i++) {
        struct prove_key *key = fixed_key(names[i], &backend_cuda, NULL, &plain_run);
        fixed_prove(key, names[i], json_object_get(vectors, names[i]), &plain_run);
        fixed_prove(key, names[i], json_object_get(vectors, names[i]), &plain_run); /* what was recorded */
        prove_key_destroy(&key);
    }
}

static struct backend_sums sums_with(const struct backend *b, const struct zkey *z, const struct wtns *w)
{
    struct backend_key *key = NULL;
    struct backend_sums sums = { 0 };
    const struct backend_options options = { 0 };
    struct prove_error err = { 0 };
    if (b->key_open(&key, z, &options, &plain_run, &err) != PV_OK) fail_msg("%s: %s", b->name, err.text);
    if (b->sums(&sums, key, w->values, &plain_run, &err) != PV_OK) fail_msg("%s: %s", b->name, err.text);
    b->key_close(&key);
    return sums;
}

/* Each sum beside the CPU's; of C and H the sum of both, which is all that a proof needs. */
static void sums_are_the_cpu_s(void **state)
{
    (void)state;
    for (int i = 0; i < NAMES; i++) {
        char path[64];
        struct prove_error err = { 0 };
        struct zkey z;
        struct wtns w;
        snprintf(path, sizeof path, "data/%s/circuit.zkey", names[i]);
        assert_int_equal(zkey_open(&z, path, &err), PV_OK);
        snprintf(path, sizeof path, "data/%s/witness.wtns", names[i]);
        assert_int_equal(wtns_open(&w, path, &err), PV_OK);
        struct backend_sums want = sums_with(&backend_cpu, &z, &w), got = sums_with(&backend_cuda, &z, &w);
        assert_true(same_sum_g1(&got.a, &want.a));
        assert_true(same_sum_g1(&got.b1, &want.b1));
        assert_true(same_sum_g2(&got.b2, &want.b2));
        assert_true(same_sum_g1(&got.c, &want.c) == !PV_ONE_SET);
        bn254_g1_add(&want.c, &want.c, &want.h);
        bn254_g1_add(&got.c, &got.c, &got.h);
        assert_true(same_sum_g1(&got.c, &want.c));
        wtns_close(&w);
        zkey_close(&z);
    }
}

/* The plans are those of the switch, and what a survey says covers what the key takes: without the GPU, and without the points. */
static void the_need_follows_the_switch(void **state)
{
    (void)state;
    static const char *const keys[] = { "data/chain-7/circuit.zkey", "data/bits/circuit.zkey",
                                        "data/member/circuit.zkey" };
    const struct gpu_need_card card = { .bytes = (size_t)139 << 30, .sm_count = 4 }; /* the emulator's */
    const struct backend_options options = { 0 };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct backend_need there, here;
        struct prove_error err = { 0 };
        struct zkey z;
        struct cuda_sizes sizes;
        struct cuda_layout l;
        const struct cuda_room room = { .bytes = (size_t)100 << 30, .sm_count = 4, .places = 1 };
        uint8_t digest[32];
        assert_int_equal(zkey_open(&z, keys[i], &err), PV_OK);
        cuda_sizes_of(&sizes, &z, 0, 0);
        assert_int_equal(sizes.part[CUDA_H].joined, PV_ONE_SET);
        assert_int_equal(cuda_layout_for(&l, &sizes, &room), PV_OK);
        for (unsigned k = 0; k < sizes.parts; k++)
            assert_int_equal(l.plan[k].comb,
                             PV_COMB && sizes.part[k].scalars <= COMB_N_MOST ? (unsigned)COMB_ROWS_MOST : 0);
        for (unsigned k = 0; k < sizes.parts; k++)
            assert_int_equal(l.plan[k].dense, k == CUDA_H ? 100 : PV_WITNESS_DENSE);
        assert_int_equal(backend_cuda.need(&there, &z, &options, &err), PV_OK);
        assert_int_equal(gpu_need(&here, &z, &card, &err), PV_OK);
        size_t least = there.key_bytes + there.proof_bytes, found = here.key_bytes + here.proof_bytes;
        assert_in_range(found, least, least + least / 10 + ((size_t)4 << 20));
        zkey_close(&z);
        assert_int_equal(zkey_survey(&z, digest, keys[i], NULL, &err), PV_OK);
        assert_int_equal(backend_cuda.need(&here, &z, &options, &err), PV_OK);
        assert_true(here.key_bytes + here.proof_bytes >= least);
        assert_int_equal(gpu_need(&there, &z, &card, &err), PV_OK);
        assert_true(there.key_bytes + there.proof_bytes >= least);
        zkey_close(&z);
    }
}

/* Where the tables of combs do not fit, sums go by buckets. */
static void a_small_card_has_other_plans(void **state)
{
    (void)state;
    const struct backend_options options = { .memory_bytes_max = (size_t)3 << 20, .places = 1 };
    struct prove_key *key = fixed_key("chain-5", &backend_cuda, &options, &plain_run);
    fixed_prove(key, "chain-5", json_object_get(vectors, "chain-5"), &plain_run);
    prove_key_destroy(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proofs_are_snarkjs_s),
        cmocka_unit_test(sums_are_the_cpu_s),
        cmocka_unit_test(the_need_follows_the_switch),
        cmocka_unit_test(a_small_card_has_other_plans),
    };
    vectors = fixed_vectors();
    if (!vectors) return fprintf(stderr, "no vectors\n"), 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(vectors);
    return failed;
}
