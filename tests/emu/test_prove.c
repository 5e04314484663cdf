/* Whole proofs of real circuits with the kernels run on the CPU: with r and s fixed they are snarkjs's, character for
 * character, as the CPU's are (interop/fixed_proofs_test.c); and what the backend promises around that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "fixed_proof.h"

#include <stdatomic.h>
#include <stdio.h>

static json_t *vectors;
static const struct prove_run plain_run;

static struct prove_key *open_key(const char *name, size_t memory_bytes_max)
{
    const struct backend_options options = { .memory_bytes_max = memory_bytes_max };
    return fixed_key(name, &backend_cuda, &options, &plain_run);
}

static void prove_as_snarkjs(const char *name, json_t *want, size_t memory_bytes_max)
{
    struct prove_key *key = open_key(name, memory_bytes_max);
    fixed_prove(key, name, want, &plain_run);
    prove_key_destroy(&key);
}

static void kernels_give_snarkjs_proofs(void **state)
{
    (void)state;
    const char *name;
    json_t *want;
    json_object_foreach(vectors, name, want) prove_as_snarkjs(name, want, 0);
}

/* The smallest memory in which the key opens gives other plans: fewer table rows, more bucket sets. */
static void little_memory_gives_the_same_proof(void **state)
{
    (void)state;
    struct prove_key *key = NULL;
    struct prove_error err = { 0 };
    size_t bytes = (size_t)1 << 19;
    for (;; bytes += bytes / 2) {
        struct backend_options options = { .memory_bytes_max = bytes };
        pv_status status = prove_key_new(&key, "data/chain-7/circuit.zkey", &backend_cuda, &options, &plain_run, &err);
        if (status == PV_OK) break;
        assert_int_equal(status, PV_RESOURCES);
    }
    prove_key_destroy(&key);
    prove_as_snarkjs("chain-7", json_object_get(vectors, "chain-7"), bytes);
}

static void memory_is_known_before_the_work(void **state)
{
    (void)state;
    struct backend_options options = { .memory_bytes_max = (size_t)64 << 20 };
    struct backend_need need;
    struct prove_error err = { 0 };
    struct prove_key *key = open_key("chain-6", options.memory_bytes_max);
    assert_int_equal(backend_cuda.need(&need, prove_key_zkey(key), &options, &err), PV_OK);
    assert_true(need.key_bytes + need.proof_bytes <= options.memory_bytes_max);
    options.memory_bytes_max = 1000;
    assert_int_equal(backend_cuda.need(&need, prove_key_zkey(key), &options, &err), PV_RESOURCES);
    prove_key_destroy(&key);
}

static void a_raised_stop_flag_ends_the_proof(void **state)
{
    (void)state;
    atomic_int stop = 1;
    struct prove_key *key = open_key("chain-5", 0);
    struct wtns w;
    struct prove_run run = { .cpu = { .stop = &stop } };
    struct groth16_proof proof;
    struct prove_error err = { 0 };
    assert_int_equal(wtns_open(&w, "data/chain-5/witness.wtns", &err), PV_OK);
    assert_int_equal(prove_groth16(&proof, key, &w, NULL, &run, &err), PV_CANCELLED);
    wtns_close(&w);
    prove_key_destroy(&key);
}

/* As on a machine without a driver: auto says why and takes the CPU, cuda refuses. */
static void without_a_device_auto_falls_back(void **state)
{
    (void)state;
    struct backend_options options = { 0 };
    struct prove_error err = { 0 };
    assert_int_equal(backend_cuda.usable(&options, &err), PV_OK);
    setenv("EMU_NO_DEVICE", "1", 1);
    assert_int_equal(backend_cuda.usable(&options, &err), PV_NO_DEVICE);
    assert_non_null(strstr(err.text, "no NVIDIA driver here"));
    unsetenv("EMU_NO_DEVICE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_give_snarkjs_proofs),      cmocka_unit_test(little_memory_gives_the_same_proof),
        cmocka_unit_test(memory_is_known_before_the_work),  cmocka_unit_test(a_raised_stop_flag_ends_the_proof),
        cmocka_unit_test(without_a_device_auto_falls_back),
    };
    vectors = fixed_vectors();
    if (!vectors || json_object_size(vectors) == 0) return fprintf(stderr, "no vectors\n"), 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(vectors);
    return failed;
}
