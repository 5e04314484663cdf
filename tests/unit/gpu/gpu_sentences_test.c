/* What keys need of cards of some sizes, byte for byte, and every way a proof on the CPU beside a GPU can end, word for word.
 * `gpu_sentences_test write` writes the golden text anew. */
#include "cpu_proof.h"
#include "golden.h"
#include "gpu_need.h"
#include "zkey_survey.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char golden[] = "vectors/prover/gpu.txt";

static void tell_need(const struct zkey *z, size_t mib, unsigned sm_count, unsigned places)
{
    struct prove_error err = { 0 };
    struct backend_need n = { 0 };
    const struct gpu_need_card card = { mib << 20, sm_count, places };
    pv_status s = gpu_need(&n, z, &card, &err);
    golden_tell("  %zu MiB, %u, %u: %s%s%s key %zu proof %zu places %u host %zu best %zu slower %u\n", mib, sm_count,
                places, pv_status_word(s), *err.text ? ": " : "", err.text, n.key_bytes, n.proof_bytes, n.places,
                n.place_host_bytes, n.best_bytes, n.slower);
}

static void tell_key(const char *what, const struct zkey *z)
{
    static const size_t mib[] = { 2, 3, 4, 5, 6, 8, 16, 32, 64, 1024, 24575, 24576, 49151, 49152, 81920 };
    golden_tell("%s: at least %zu, of 16 multiprocessors %zu\n", what, gpu_need_least(z, 0), gpu_need_least(z, 16));
    for (size_t i = 0; i < sizeof mib / sizeof *mib; i++) tell_need(z, mib[i], 0, 0);
    tell_need(z, 81920, 16, 1);
    tell_need(z, 16, 16, 4);
}

static void tell_needs(void)
{
    static const char *const keys[] = { "data/chain-5/circuit.zkey", "data/bits/circuit.zkey",
                                        "data/member/circuit.zkey" };
    for (int i = 0; i < 3; i++) {
        struct prove_error err = { 0 };
        uint8_t digest[32];
        struct zkey z;
        assert_int_equal(zkey_open(&z, keys[i], &err), PV_OK);
        tell_key(keys[i], &z);
        zkey_close(&z);
        assert_int_equal(zkey_survey(&z, digest, keys[i], NULL, &err), PV_OK);
        tell_key("surveyed", &z);
        zkey_close(&z);
    }
    for (size_t gib = 23; gib <= 49; gib++) golden_tell("%zu GiB: %u places\n", gib, gpu_need_places(gib << 30));
}

static void tell_proof(const char *what, const struct prove_key *key, const struct wtns *w, size_t most,
                       const struct prove_run *run)
{
    struct prove_error err = { .text = "the GPU's proof does not verify" };
    struct groth16_proof proof, before;
    memset(&proof, 0x5a, sizeof proof);
    memcpy(&before, &proof, sizeof proof);
    pv_status s = cpu_proof(&proof, key, w, most, run, &err);
    golden_tell("%s: %s: %s%s\n", what, pv_status_word(s), err.text,
                memcmp(&proof, &before, sizeof proof) ? ", a proof" : "");
}

static void tell_proofs(void)
{
    static const struct backend_options options = { .threads = 1 };
    atomic_int stop = 1;
    struct prove_run run = { .cpu = { .threads = 1 } }, stopped = { .cpu = { .threads = 1, .stop = &stop } };
    struct prove_error err = { 0 };
    struct prove_key *key;
    struct wtns w, other;
    size_t bytes = 0;
    assert_int_equal(prove_key_new(&key, "data/chain-5/circuit.zkey", &backend_cpu, &options, &run, &err), PV_OK);
    assert_int_equal(wtns_open(&w, "data/chain-5/witness.wtns", &err), PV_OK);
    assert_int_equal(wtns_open(&other, "data/chain-6/witness.wtns", &err), PV_OK);
    assert_int_equal(cpu_proof_need(&bytes, key, &run, &err), PV_OK);
    tell_proof("as it is", key, &w, 0, &run);
    tell_proof("with what it needs", key, &w, bytes, &run);
    tell_proof("with a byte less", key, &w, bytes - 1, &run);
    tell_proof("another's witness", key, &other, 0, &run);
    tell_proof("stopped", key, &w, 0, &stopped);
    wtns_close(&w);
    wtns_close(&other);
    prove_key_destroy(&key);
}

static void all_is_as_it_was(void **state)
{
    tell_needs();
    tell_proofs();
    golden_is(golden);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(all_is_as_it_was) };
    golden_writes(argc > 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
