/* With r and s fixed, our proof is snarkjs's, character for character, on every path of this CPU and with any number of
 * threads. The expected proofs were made by snarkjs itself: tests/interop/fixed_proofs.mjs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "prove.h"

#include <gmp.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *vectors;

/* The source of randomness that gives the decimal strings in turn. */
struct fixed {
    const char *decimal[2];
    int next;
};

static pv_status fixed_random(void *arg, uint8_t *bytes, size_t n)
{
    struct fixed *f = arg;
    mpz_t k;
    assert_int_equal(n, 32);
    assert_true(f->next < 2);
    mpz_init_set_str(k, f->decimal[f->next++], 10);
    memset(bytes, 0, n);
    mpz_export(bytes, NULL, -1, 1, -1, 0, k);
    mpz_clear(k);
    return PV_OK;
}

static void check_against(json_t *want, const struct groth16_proof *proof, const struct wtns *w, uint32_t publics)
{
    char *text = groth16_proof_to_json(proof), *signals = groth16_publics_to_json(w->values + 1, publics);
    json_t *ours = json_loads(text, 0, NULL), *ours_public = json_loads(signals, 0, NULL);
    assert_true(json_equal(ours, json_object_get(want, "proof")));
    assert_true(json_equal(ours_public, json_object_get(want, "public")));
    json_decref(ours);
    json_decref(ours_public);
    free(text);
    free(signals);
}

static void prove_as_snarkjs(const char *name, json_t *want, enum bn254_path path, unsigned threads)
{
    char zkey[128], wtns[128];
    snprintf(zkey, sizeof zkey, "data/%s/circuit.zkey", name);
    snprintf(wtns, sizeof wtns, "data/%s/witness.wtns", name);
    struct prove_run run = { .cpu = { .path = path, .threads = threads } };
    struct backend_options options = { 0 };
    struct prove_key *key;
    struct wtns w;
    struct groth16_proof proof;
    struct prove_error err = { 0 };
    struct fixed fixed = {
        { json_string_value(json_object_get(want, "r")), json_string_value(json_object_get(want, "s")) }, 0
    };
    struct prove_options fixing = { .random = fixed_random, .random_arg = &fixed };
    if (prove_key_new(&key, zkey, &backend_cpu, &options, &run, &err) != PV_OK) fail_msg("%s", err.text);
    if (wtns_open(&w, wtns, &err) != PV_OK) fail_msg("%s", err.text);
    if (prove_groth16(&proof, key, &w, &fixing, &run, &err) != PV_OK) fail_msg("%s: %s", name, err.text);
    assert_int_equal(fixed.next, 2);
    check_against(want, &proof, &w, prove_key_zkey(key)->publics);
    wtns_close(&w);
    prove_key_destroy(&key);
}

static void same_proofs(enum bn254_path path, unsigned threads)
{
    const char *name;
    json_t *want;
    if (!bn254_path_available(path)) {
        print_message("this CPU has no %s arithmetic\n", bn254_path_name(path));
        skip();
    }
    json_object_foreach(vectors, name, want) prove_as_snarkjs(name, want, path, threads);
}

static void portable_gives_snarkjs_proofs(void **state)
{
    (void)state;
    same_proofs(BN254_PATH_PORTABLE, 2);
}

static void adx_gives_snarkjs_proofs(void **state)
{
    (void)state;
    same_proofs(BN254_PATH_ADX, 2);
}

static void ifma_gives_snarkjs_proofs(void **state)
{
    (void)state;
    same_proofs(BN254_PATH_IFMA, 2);
}

static void one_thread_or_seven_make_no_difference(void **state)
{
    (void)state;
    same_proofs(BN254_PATH_AUTO, 1);
    same_proofs(BN254_PATH_AUTO, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(portable_gives_snarkjs_proofs),
        cmocka_unit_test(adx_gives_snarkjs_proofs),
        cmocka_unit_test(ifma_gives_snarkjs_proofs),
        cmocka_unit_test(one_thread_or_seven_make_no_difference),
    };
    vectors = json_load_file("vectors/groth16_fixed.json", 0, NULL);
    if (!vectors || json_object_size(vectors) != 6) return fprintf(stderr, "no vectors\n"), 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(vectors);
    return failed;
}
