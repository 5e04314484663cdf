/* What prove.h promises around the sums: no proof without its check, a quick stop, a sentence for each error, real
 * randomness. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "prove.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct backend_options options;

static struct prove_key *open_key(const char *path, const struct backend *backend)
{
    struct prove_key *key = NULL;
    struct prove_error err = { 0 };
    if (prove_key_new(&key, path, backend, &options, NULL, &err) != PV_OK) fail_msg("%s", err.text);
    return key;
}

static struct wtns open_wtns(const char *path)
{
    struct wtns w;
    struct prove_error err = { 0 };
    if (wtns_open(&w, path, &err) != PV_OK) fail_msg("%s", err.text);
    return w;
}

static void a_proof_is_never_the_same_twice(void **state)
{
    (void)state;
    struct prove_key *key = open_key("data/hidden/circuit.zkey", &backend_cpu);
    struct wtns w = open_wtns("data/hidden/witness.wtns");
    struct groth16_proof one, two;
    assert_int_equal(prove_groth16(&one, key, &w, NULL, NULL, NULL), PV_OK);
    assert_int_equal(prove_groth16(&two, key, &w, NULL, NULL, NULL), PV_OK);
    assert_memory_not_equal(&one.a, &two.a, sizeof one.a);
    assert_memory_not_equal(&one.b, &two.b, sizeof one.b);
    assert_memory_not_equal(&one.c, &two.c, sizeof one.c);
    wtns_close(&w);
    prove_key_destroy(&key);
}

static void a_witness_of_another_circuit_is_refused_before_the_work(void **state)
{
    (void)state;
    struct prove_key *key = open_key("data/chain-6/circuit.zkey", &backend_cpu);
    struct wtns w = open_wtns("data/chain-5/witness.wtns");
    struct groth16_proof proof, untouched;
    struct prove_error err = { 0 };
    memset(&proof, 0x5a, sizeof proof);
    untouched = proof;
    assert_int_equal(prove_groth16(&proof, key, &w, NULL, NULL, &err), PV_BAD_WITNESS);
    assert_non_null(strstr(err.text, "another circuit"));
    assert_memory_equal(&proof, &untouched, sizeof proof);
    wtns_close(&w);
    prove_key_destroy(&key);
}

/* A witness whose last value is one more breaks a constraint. */
static void a_witness_that_does_not_satisfy_gets_no_proof(void **state)
{
    (void)state;
    struct prove_key *key = open_key("data/chain-7/circuit.zkey", &backend_cpu);
    struct wtns w = open_wtns("data/chain-7/witness.wtns");
    bn254_scalar_packed values[64];
    struct groth16_proof proof, untouched;
    struct prove_error err = { 0 };
    assert_true(w.count <= 64);
    memcpy(values, w.values, w.count * sizeof *values);
    values[w.count - 1].bytes[0] ^= 1;
    struct wtns wrong = { .values = values, .count = w.count };
    memset(&proof, 0x5a, sizeof proof);
    untouched = proof;
    assert_int_equal(prove_groth16(&proof, key, &wrong, NULL, NULL, &err), PV_BAD_WITNESS);
    assert_non_null(strstr(err.text, "does not satisfy"));
    assert_memory_equal(&proof, &untouched, sizeof proof);
    wtns_close(&w);
    prove_key_destroy(&key);
}

/* A device that sometimes returns a wrong point, as happens in the field. */
static pv_status wrong_sums(struct backend_sums *out, struct backend_key *key, const bn254_scalar_packed *witness,
                            const struct prove_run *run, struct prove_error *err)
{
    TRY(backend_cpu.sums(out, key, witness, run, err));
    bn254_g1_dbl(&out->h, &out->h);
    return PV_OK;
}

static void a_device_that_errs_is_told_from_a_bad_witness(void **state)
{
    (void)state;
    struct backend wrong = backend_cpu;
    wrong.name = "wrong";
    wrong.sums = wrong_sums;
    struct prove_key *key = open_key("data/chain-7/circuit.zkey", &wrong);
    struct wtns w = open_wtns("data/chain-7/witness.wtns");
    struct groth16_proof proof;
    struct prove_error err = { 0 };
    assert_int_equal(prove_groth16(&proof, key, &w, NULL, NULL, &err), PV_BAD_PROOF);
    assert_non_null(strstr(err.text, "wrong"));
    wtns_close(&w);
    prove_key_destroy(&key);
}

static pv_status no_randomness(void *arg, uint8_t *bytes, size_t n)
{
    (void)bytes;
    (void)n;
    return --*(int *)arg < 0 ? PV_IO : (memset(bytes, 1, n), PV_OK);
}

static void without_randomness_there_is_no_proof(void **state)
{
    (void)state;
    struct prove_key *key = open_key("data/hidden/circuit.zkey", &backend_cpu);
    struct wtns w = open_wtns("data/hidden/witness.wtns");
    struct groth16_proof proof;
    for (int draws = 0; draws < 2; draws++) {
        int left = draws;
        struct prove_options failing = { .random = no_randomness, .random_arg = &left };
        assert_int_equal(prove_groth16(&proof, key, &w, &failing, NULL, NULL), PV_IO);
    }
    wtns_close(&w);
    prove_key_destroy(&key);
}

/* First a draw of r itself and one above, which must be thrown away, then r - 1. */
static pv_status edges_of_r(void *arg, uint8_t *bytes, size_t n)
{
    static const uint8_t r[32] = { 0x01, 0x00, 0x00, 0xf0, 0x93, 0xf5, 0xe1, 0x43, 0x91, 0x70, 0xb9,
                                   0x79, 0x48, 0xe8, 0x33, 0x28, 0x5d, 0x58, 0x81, 0x81, 0xb6, 0x45,
                                   0x50, 0xb8, 0x29, 0xa0, 0x31, 0xe1, 0x72, 0x4e, 0x64, 0x30 };
    int *draw = arg;
    assert_int_equal(n, 32);
    memcpy(bytes, r, 32);
    if (*draw == 1) memset(bytes, 0xff, 32);
    if (*draw == 2) bytes[0] = 0, bytes[31] |= 0xc0; /* the top bits are cleared, not counted */
    ++*draw;
    return PV_OK;
}

static void blinding_is_drawn_again_until_below_r(void **state)
{
    (void)state;
    static const uint8_t r_minus_1[8] = { 0x00, 0x00, 0x00, 0xf0, 0x93, 0xf5, 0xe1, 0x43 };
    bn254_scalar k;
    int draw = 0;
    assert_int_equal(blinding_draw(&k, edges_of_r, &draw, NULL), PV_OK);
    assert_int_equal(draw, 3);
    assert_memory_equal(&k.l[0], r_minus_1, 8);
    assert_true(k.l[3] == 0x30644e72e131a029);
}

/* rapidsnark's 248 bits would show: one draw in 256 at most has a top byte of 0, here about one in 48. */
static void blinding_uses_the_whole_field(void **state)
{
    (void)state;
    bool seen[0x31] = { false };
    int different = 0;
    for (int i = 0; i < 2000; i++) {
        bn254_scalar k;
        assert_int_equal(blinding_draw(&k, NULL, NULL, NULL), PV_OK);
        uint8_t top = (uint8_t)(k.l[3] >> 56);
        assert_true(top <= 0x30);
        different += !seen[top];
        seen[top] = true;
    }
    assert_int_equal(different, 0x31); /* misses one by chance with probability 49 * (48/49)^2000 < 1e-16 */
}

struct watched {
    unsigned calls, last;
    bool phase[4];
};

static void watch(void *arg, const char *phase, unsigned percent)
{
    static const char *const phases[] = { "key", "quotient", "msm", "verify" };
    struct watched *w = arg;
    assert_true(percent >= w->last && percent <= 100);
    w->last = percent;
    w->calls++;
    for (int i = 0; i < 4; i++) w->phase[i] |= !strcmp(phase, phases[i]);
}

static void progress_goes_from_the_key_to_a_hundred(void **state)
{
    (void)state;
    struct watched seen = { 0 };
    struct prove_run run = { .progress = watch, .progress_arg = &seen };
    struct prove_key *key;
    struct wtns w = open_wtns("data/bits/witness.wtns");
    struct groth16_proof proof;
    assert_int_equal(prove_key_new(&key, "data/bits/circuit.zkey", &backend_cpu, &options, &run, NULL), PV_OK);
    assert_int_equal(prove_groth16(&proof, key, &w, NULL, &run, NULL), PV_OK);
    assert_int_equal(seen.last, 100);
    for (int i = 0; i < 4; i++) assert_true(seen.phase[i]);
    wtns_close(&w);
    prove_key_destroy(&key);
}

/* The flag is raised as a phase begins; the proof must be given up and not finished. */
static void raise_in_phase(void *arg, const char *phase, unsigned percent)
{
    struct {
        const char *phase;
        atomic_int stop;
    } *s = arg;
    (void)percent;
    if (!strcmp(phase, s->phase)) atomic_store(&s->stop, 1);
}

static void a_raised_flag_stops_every_phase(void **state)
{
    (void)state;
    static const char *const phases[] = { "quotient", "msm" };
    struct prove_key *key = open_key("data/member/circuit.zkey", &backend_cpu);
    struct wtns w = open_wtns("data/member/witness.wtns");
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) {
        struct {
            const char *phase;
            atomic_int stop;
        } s = { phases[i], 0 };
        struct prove_run run = { .cpu.stop = &s.stop, .progress = raise_in_phase, .progress_arg = &s };
        struct groth16_proof proof;
        assert_int_equal(prove_groth16(&proof, key, &w, NULL, &run, NULL), PV_CANCELLED);
    }
    wtns_close(&w);
    prove_key_destroy(&key);
}

static void *prove_three(void *arg)
{
    struct prove_key *key = arg;
    struct prove_run run = { .cpu.threads = 1 };
    struct wtns w = open_wtns("data/bits/witness.wtns");
    size_t good = 0;
    for (int i = 0; i < 3; i++) {
        struct groth16_proof proof;
        good += prove_groth16(&proof, key, &w, NULL, &run, NULL) == PV_OK;
    }
    wtns_close(&w);
    return (void *)good;
}

static void one_key_serves_two_proofs_at_once(void **state)
{
    (void)state;
    struct prove_key *key = open_key("data/bits/circuit.zkey", &backend_cpu);
    pthread_t other;
    void *good;
    assert_true(backend_cpu.proofs_at_once >= 2);
    assert_int_equal(pthread_create(&other, NULL, prove_three, key), 0);
    assert_ptr_equal(prove_three(key), (void *)3);
    pthread_join(other, &good);
    assert_ptr_equal(good, (void *)3);
    prove_key_destroy(&key);
}

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* Stopped at a share of the proof; processor time, which a busy machine does not stretch as it does the clock's. A run
   can still be over before that share: on a machine that others share, the first run took up to a quarter more. */
struct stopper {
    double at_ms, raised_ms;
    atomic_int stop, done;
};

static void *stop_at(void *arg)
{
    struct stopper *s = arg;
    while (!atomic_load(&s->done) && cpu_ms() < s->at_ms) usleep(500);
    s->raised_ms = cpu_ms();
    atomic_store(&s->stop, 1);
    return NULL;
}

/* The contract is 100 ms; the slowest path on one thread, all over the proof. */
static void a_raised_flag_stops_soon(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* ten times slower, and not what is promised */
#endif
    struct prove_key *key = open_key("data/member/circuit.zkey", &backend_cpu);
    struct wtns w = open_wtns("data/member/witness.wtns");
    struct prove_run run = { .cpu = { .path = BN254_PATH_PORTABLE, .threads = 1 } };
    struct groth16_proof proof;
    double whole = cpu_ms(), most = 0;
    int stopped = 0;
    assert_int_equal(prove_groth16(&proof, key, &w, NULL, &run, NULL), PV_OK);
    whole = cpu_ms() - whole;
    for (int i = 1; i < 20; i++) {
        struct stopper s = { .at_ms = cpu_ms() + whole * i / 21 };
        pthread_t thread;
        run.cpu.stop = &s.stop;
        assert_int_equal(pthread_create(&thread, NULL, stop_at, &s), 0);
        pv_status status = prove_groth16(&proof, key, &w, NULL, &run, NULL);
        double end = cpu_ms();
        atomic_store(&s.done, 1);
        pthread_join(thread, NULL);
        assert_true(status == PV_CANCELLED || status == PV_OK);
        if (status == PV_OK) assert_true(s.raised_ms > end - 100); /* nearly over, or over, when the flag was raised */
        if (status == PV_CANCELLED && end - s.raised_ms > most) most = end - s.raised_ms;
        stopped += status == PV_CANCELLED;
    }
    assert_true(stopped >= 10);
    print_message("a proof of %.0f ms stops within %.1f ms\n", whole, most);
    assert_true(most < 100);
    wtns_close(&w);
    prove_key_destroy(&key);
}

static void a_key_that_needs_more_than_allowed_is_refused(void **state)
{
    (void)state;
    struct backend_options little = { .memory_bytes_max = 1000000 };
    struct prove_key *key = NULL;
    struct prove_error err = { 0 };
    assert_int_equal(prove_key_new(&key, "data/member/circuit.zkey", &backend_cpu, &little, NULL, &err), PV_RESOURCES);
    assert_null(key);
    assert_non_null(strstr(err.text, "MiB"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_proof_is_never_the_same_twice),
        cmocka_unit_test(a_witness_of_another_circuit_is_refused_before_the_work),
        cmocka_unit_test(a_witness_that_does_not_satisfy_gets_no_proof),
        cmocka_unit_test(a_device_that_errs_is_told_from_a_bad_witness),
        cmocka_unit_test(without_randomness_there_is_no_proof),
        cmocka_unit_test(blinding_is_drawn_again_until_below_r),
        cmocka_unit_test(blinding_uses_the_whole_field),
        cmocka_unit_test(progress_goes_from_the_key_to_a_hundred),
        cmocka_unit_test(a_raised_flag_stops_every_phase),
        cmocka_unit_test(one_key_serves_two_proofs_at_once),
        cmocka_unit_test(a_raised_flag_stops_soon),
        cmocka_unit_test(a_key_that_needs_more_than_allowed_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
