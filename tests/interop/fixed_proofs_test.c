/* With r and s fixed, our proof is snarkjs's, character for character, on every path of this CPU and with any number of
 * threads. The expected proofs were made by snarkjs itself: tests/interop/fixed_proofs.mjs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "fixed_proof.h"

#include <stdio.h>

static json_t *vectors;

static void prove_as_snarkjs(const char *name, json_t *want, enum bn254_path path, unsigned threads)
{
    const struct prove_run run = { .cpu = { .path = path, .threads = threads } };
    const struct backend_options options = { 0 };
    struct prove_key *key = fixed_key(name, &backend_cpu, &options, &run);
    fixed_prove(key, name, want, &run);
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
    vectors = fixed_vectors();
    if (!vectors || json_object_size(vectors) != 6) return fprintf(stderr, "no vectors\n"), 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(vectors);
    return failed;
}
