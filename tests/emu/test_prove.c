/* Whole proofs of real circuits with the kernels run on the CPU: with r and s fixed they are snarkjs's, character for
 * character, as the CPU's are (interop/fixed_proofs_test.c); and what the backend promises around that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "fixed_proof.h"
#include "gpu_need.h"
#include "zkey_survey.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* A driver of CUDA 12, and cards from before and after the kernels' first. */
static void drivers_and_cards_are_told_by_a_sentence(void **state)
{
    (void)state;
    const struct backend_options options = { 0 };
    struct prove_error err = { 0 };
    setenv("EMU_DRIVER", "12020", 1);
    assert_int_equal(backend_cuda.usable(&options, &err), PV_NO_DEVICE);
    assert_non_null(strstr(err.text, "has CUDA 12.2, but 13.0 is needed"));
    unsetenv("EMU_DRIVER");
    setenv("EMU_CARD", "75", 1);
    assert_int_equal(backend_cuda.usable(&options, &err), PV_NO_DEVICE);
    assert_non_null(strstr(err.text, "has compute capability 7.5, but the kernels need 8.0"));
    static const char *const good[] = { "80", "86", "89", "90", "100", "120" };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        setenv("EMU_CARD", good[i], 1);
        assert_int_equal(backend_cuda.usable(&options, &err), PV_OK);
    }
    unsetenv("EMU_CARD");
}

/* Where there is no GPU it is counted from sizes alone (prover/gpu/gpu_need.c): a little more, never less. */
static void the_need_is_known_without_the_device(void **state)
{
    (void)state;
    static const char *const keys[] = { "data/chain-7/circuit.zkey", "data/bits/circuit.zkey",
                                        "data/member/circuit.zkey" };
    const struct backend_options options = { 0 };
    const struct gpu_need_card card = { .bytes = (size_t)139 << 30, .sm_count = 4 }; /* the emulator's */
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct backend_need there, here;
        struct prove_error err = { 0 };
        struct zkey z;
        uint8_t digest[32];
        assert_int_equal(zkey_open(&z, keys[i], &err), PV_OK);
        assert_int_equal(backend_cuda.need(&there, &z, &options, &err), PV_OK);
        assert_int_equal(gpu_need(&here, &z, &card, &err), PV_OK);
        size_t least = there.key_bytes + there.proof_bytes, found = here.key_bytes + here.proof_bytes;
        assert_in_range(found, least, least + least / 10 + ((size_t)4 << 20));
        zkey_close(&z);
        assert_int_equal(zkey_survey(&z, digest, keys[i], NULL, &err), PV_OK);
        assert_int_equal(backend_cuda.need(&here, &z, &options, &err), PV_OK);
        assert_true(here.key_bytes + here.proof_bytes >= least); /* a node's survey has no points to count */
        zkey_close(&z);
    }
}

/* The witness with a bit turned: what the GPU makes of it does not verify, and what the CPU makes neither. */
static void a_bad_witness_is_told_by_the_cpu(void **state)
{
    (void)state;
    struct prove_key *key = open_key("chain-5", 0);
    struct wtns w;
    struct groth16_proof proof;
    struct prove_error err = { 0 };
    assert_int_equal(wtns_open(&w, "data/chain-5/witness.wtns", &err), PV_OK);
    assert_int_equal(prove_groth16_on_cpu(&proof, key, &w, 0, &plain_run, &err), PV_OK);
    bn254_scalar_packed *values = malloc(w.count * sizeof *values);
    memcpy(values, w.values, w.count * sizeof *values);
    ((uint8_t *)values)[(w.count - 1) * sizeof *values] ^= 1;
    struct wtns bad = w;
    bad.values = values;
    assert_int_equal(prove_groth16(&proof, key, &bad, NULL, &plain_run, &err), PV_BAD_PROOF);
    assert_int_equal(prove_groth16_on_cpu(&proof, key, &bad, 0, &plain_run, &err), PV_BAD_WITNESS);
    assert_int_equal(prove_groth16(&proof, key, &w, NULL, &plain_run, &err), PV_OK);
    free(values);
    wtns_close(&w);
    prove_key_destroy(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_give_snarkjs_proofs),      cmocka_unit_test(little_memory_gives_the_same_proof),
        cmocka_unit_test(memory_is_known_before_the_work),  cmocka_unit_test(a_raised_stop_flag_ends_the_proof),
        cmocka_unit_test(without_a_device_auto_falls_back), cmocka_unit_test(drivers_and_cards_are_told_by_a_sentence),
        cmocka_unit_test(a_bad_witness_is_told_by_the_cpu), cmocka_unit_test(the_need_is_known_without_the_device),
    };
    vectors = fixed_vectors();
    if (!vectors || json_object_size(vectors) == 0) return fprintf(stderr, "no vectors\n"), 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(vectors);
    return failed;
}
