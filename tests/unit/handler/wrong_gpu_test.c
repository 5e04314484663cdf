/* A GPU that lies, fails or has no room, played by a backend over the CPU's: whose fault it is said to be, and whether the
 * GPU is used again. */
#include "handler_groth16.h"
#include "log.h"
#include "proof.h"
#include "verify.h"

#include <jansson.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* --- the GPU --- */

enum { SELFTEST_DOMAIN = 16 };

static struct gpu {
    int wrong;    /* so many sums of tasks more are wrong; -1: all sums are */
    int failing;  /* the same, and they end with PV_DEVICE */
    int crowded;  /* the self-test finds no room while more keys than these are open; -1: there is room */
    int open;     /* keys, that of the self-test not counted */
    int opened;   /* in all */
    int tests;    /* self-tests begun */
    int sums;     /* of tasks */
    bool testing; /* the key that is open last is the self-test's */
} gpu;

static pv_status fake_key_open(struct backend_key **key, const struct zkey *zkey, const struct backend_options *options,
                               const struct prove_run *run, struct prove_error *err)
{
    bool testing = zkey->domain == SELFTEST_DOMAIN;
    gpu.tests += testing;
    if (testing && gpu.crowded >= 0 && gpu.open > gpu.crowded)
        return prove_error_set(err, PV_NO_MEMORY, "the GPU is full");
    TRY(backend_cpu.key_open(key, zkey, options, run, err));
    gpu.testing = testing;
    gpu.open += !testing;
    gpu.opened += !testing;
    return PV_OK;
}

static void fake_key_close(struct backend_key **key)
{
    if (*key && !gpu.testing) gpu.open--;
    gpu.testing = false;
    backend_cpu.key_close(key);
}

/* Whether this one does; a number is for tasks alone. */
static bool does(int *left)
{
    if (*left < 0) return true;
    if (!*left || gpu.testing) return false;
    (*left)--;
    return true;
}

static atomic_int sums_made;

static pv_status fake_sums(struct backend_sums *out, struct backend_key *key, const bn254_scalar_packed *witness,
                           const struct prove_run *run, struct prove_error *err)
{
    if (does(&gpu.failing)) return prove_error_set(err, PV_DEVICE, "GPU: an illegal memory access was encountered");
    TRY(backend_cpu.sums(out, key, witness, run, err));
    gpu.sums += !gpu.testing;
    atomic_fetch_add(&sums_made, !gpu.testing);
    if (does(&gpu.wrong)) bn254_g1_from_affine(&out->c, &BN254_G1_GENERATOR);
    return PV_OK;
}

static size_t fake_bytes(const struct backend_options *options)
{
    (void)options;
    return (size_t)1 << 30;
}

static struct backend fake;

/* --- the node --- */

static struct handler_groth16_context context;
static struct handler handler;
static atomic_int stop;
static bool checked, stop_in_check, take_in_check;
static pv_status taken;

static void cache_open(uint64_t host_most)
{
    struct prove_error err = { 0 };
    const struct keycache_options o = {
        .folder = "data", .ops = &handler_groth16_keys, .arg = &context, .host_most = host_most
    };
    keycache_destroy(&context.cache);
    if (keycache_new(&context.cache, &o, &err) != PV_OK) fail_msg("%s", err.text);
}

static int setup(void **state)
{
    (void)state;
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    fake = backend_cpu;
    fake.name = "fake";
    fake.proofs_at_once = 1;
    fake.device_bytes = fake_bytes;
    fake.key_open = fake_key_open;
    fake.key_close = fake_key_close;
    fake.sums = fake_sums;
    gpu = (struct gpu){ .crowded = -1 };
    context = (struct handler_groth16_context){ .backend = &fake };
    atomic_store(&stop, 0);
    checked = stop_in_check = take_in_check = false;
    cache_open(0);
    handler = handler_groth16(&context);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    keycache_destroy(&context.cache);
    return 0;
}

/* Whether another could prove with the key now. It does not wait. */
static void take_the_key(void)
{
    const atomic_int at_once = 1;
    const struct keycache_watch watch = { .stop = &at_once };
    struct prove_error err;
    struct keycache_key *key;
    taken = keycache_take(&key, context.cache, "chain-5", &watch, &err);
    if (taken == PV_OK) keycache_give(context.cache, &key);
}

static void on_progress(void *ctx, const char *phase, unsigned percent)
{
    (void)ctx;
    if (strcmp(phase, "cpu-check")) return;
    checked = true;
    if (stop_in_check) atomic_store(&stop, 1);
    if (take_in_check && percent > 0) take_the_key();
}

static uint8_t *file_read(const char *path, size_t *n)
{
    FILE *in = fopen(path, "rb");
    uint8_t *bytes = malloc(1 << 20);
    if (!in) fail_msg("%s is not there", path);
    *n = fread(bytes, 1, 1 << 20, in);
    fclose(in);
    return bytes;
}

/* A task of chain-5 with its witness, whole or with a constraint broken. */
static pv_status run(struct handler_output *out, bool good)
{
    size_t n;
    uint8_t *w = file_read("data/chain-5/witness.wtns", &n);
    if (!good) w[n - 32] ^= 1;
    const struct handler_input in = { "00000000000000000000000000000000", "chain-5", w, n, WIRE_INPUT_KIND_WTNS };
    const struct handler_watch watch = { &stop, on_progress, NULL };
    checked = false;
    pv_status s = handler_run(&handler, &in, &watch, out);
    free(w);
    return s;
}

static bool verifies(const struct handler_output *out)
{
    struct groth16_vkey vkey;
    struct groth16_proof proof;
    bn254_scalar_packed *publics;
    size_t n, vkey_bytes;
    uint8_t *text = file_read("data/chain-5/vkey.json", &vkey_bytes);
    json_t *o = json_loadb((const char *)out->bytes, out->size, 0, NULL);
    char *p = json_dumps(json_object_get(o, "proof"), 0), *s = json_dumps(json_object_get(o, "public"), 0);
    assert_int_equal(groth16_vkey_from_json(&vkey, (char *)text, vkey_bytes, NULL), GROTH16_OK);
    assert_int_equal(groth16_proof_from_json(&proof, p, strlen(p), NULL), GROTH16_OK);
    assert_int_equal(groth16_publics_from_json(&publics, &n, s, strlen(s), NULL), GROTH16_OK);
    bool right = groth16_verify(&vkey, &proof, publics, n) == GROTH16_OK;
    groth16_vkey_clear(&vkey);
    free(publics), free(p), free(s), free(text);
    json_decref(o);
    return right;
}

static void expect_proof(void)
{
    struct handler_output out;
    pv_status s = run(&out, true);
    if (s != PV_OK) fail_msg("%s", out.text);
    assert_true(verifies(&out));
    free(out.bytes);
}

static void expect_failure(bool good, pv_status status, enum handler_verdict verdict, const char *says)
{
    struct handler_output out;
    assert_int_equal(run(&out, good), status);
    assert_int_equal(out.verdict, verdict);
    assert_null(out.bytes);
    if (!strstr(out.text, says)) fail_msg("\"%s\" does not say \"%s\"", out.text, says);
}

static unsigned long wrong_proofs(void)
{
    return atomic_load(&context.tests.trust[0].wrong_proofs);
}

static enum gpu_trust_state trust(void)
{
    return gpu_trust_now(&context.tests.trust[0]);
}

/* --- whose fault --- */

static void bad_witnesses_are_the_witnesses_fault(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        expect_failure(false, PV_BAD_WITNESS, HANDLER_PERMANENT, "witness does not satisfy");
        assert_true(checked);
    }
    handler.after(handler.self);
    assert_int_equal(trust(), GPU_TRUSTED);
    assert_int_equal(gpu.tests, 0);
    assert_int_equal(wrong_proofs(), 0);
    gpu.sums = 0;
    expect_proof();
    assert_int_equal(gpu.sums, 1); /* by the GPU, without the CPU */
    assert_false(checked);
}

static void a_wrong_proof_is_replaced_by_the_cpus(void **state)
{
    (void)state;
    gpu.wrong = 1;
    expect_proof();
    assert_true(checked);
    assert_int_equal(wrong_proofs(), 1);
    assert_int_equal(trust(), GPU_SUSPECT);
    assert_int_equal(gpu.tests, 0);
    expect_proof(); /* tested first, then by the GPU again */
    assert_false(checked);
    assert_int_equal(gpu.tests, 1);
    assert_int_equal(trust(), GPU_TRUSTED);
    assert_int_equal(wrong_proofs(), 1);
}

/* What the GPU has of the key may be what is damaged. */
static void after_a_wrong_proof_the_key_is_made_ready_again(void **state)
{
    (void)state;
    expect_proof();
    assert_int_equal(gpu.opened, 1);
    gpu.wrong = 1;
    expect_proof();
    expect_proof();
    assert_int_equal(gpu.opened, 2);
    assert_int_equal(gpu.open, 1);
}

static void the_test_runs_between_tasks_too(void **state)
{
    (void)state;
    gpu.wrong = 1;
    expect_proof();
    handler.after(handler.self);
    assert_int_equal(gpu.tests, 1);
    assert_int_equal(trust(), GPU_TRUSTED);
    handler.after(handler.self);
    assert_int_equal(gpu.tests, 1);
}

static void a_gpu_that_is_always_wrong_serves_nothing(void **state)
{
    (void)state;
    gpu.wrong = -1;
    expect_proof();
    assert_int_equal(wrong_proofs(), 1);
    gpu.sums = 0;
    for (int i = 0; i < 3; i++)
        expect_failure(true, PV_NO_DEVICE, HANDLER_RESOURCE,
                       "failed its self-test: the proof made by fake does not verify");
    assert_int_equal(trust(), GPU_BROKEN);
    assert_int_equal(gpu.sums, 0);
    assert_int_equal(gpu.tests, 1);
    handler.after(handler.self);
    assert_int_equal(gpu.tests, 1);
}

static void a_failing_device_is_tested_before_it_goes_on(void **state)
{
    (void)state;
    gpu.failing = 1;
    expect_failure(true, PV_DEVICE, HANDLER_RETRYABLE, "illegal memory access");
    assert_false(checked);
    assert_int_equal(trust(), GPU_SUSPECT);
    expect_proof();
    assert_int_equal(gpu.tests, 1);
    gpu.failing = -1;
    expect_failure(true, PV_DEVICE, HANDLER_RETRYABLE, "illegal memory access");
    expect_failure(true, PV_NO_DEVICE, HANDLER_RESOURCE, "illegal memory access");
    assert_int_equal(trust(), GPU_BROKEN);
}

static void a_start_begins_with_the_test(void **state)
{
    (void)state;
    struct prove_error err = { 0 };
    assert_int_equal(handler_groth16_test(&context, NULL, &err), PV_OK);
    assert_int_equal(gpu.tests, 1);
    gpu.wrong = -1;
    assert_int_equal(handler_groth16_test(&context, NULL, &err), PV_NO_DEVICE);
    assert_non_null(strstr(err.text, "failed its self-test"));
    context = (struct handler_groth16_context){ .backend = &backend_cpu, .cache = context.cache };
    assert_int_equal(handler_groth16_test(&context, NULL, &err), PV_OK);
    assert_int_equal(gpu.tests, 2);
}

/* --- memory --- */

static uint64_t cpu_bytes(void)
{
    struct prove_error err = { 0 };
    struct backend_need need;
    struct zkey z;
    assert_int_equal(zkey_open(&z, "data/chain-5/circuit.zkey", &err), PV_OK);
    assert_int_equal(backend_cpu.need(&need, &z, &(struct backend_options){ 0 }, &err), PV_OK);
    zkey_close(&z);
    return need.key_bytes + need.proof_bytes;
}

static uint64_t host_bytes(void)
{
    struct handler_circuit list[40];
    size_t n = keycache_list(context.cache, "", list, 40);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(list[i].name, "chain-5")) return list[i].need_ram;
    fail_msg("chain-5 is not served");
    return 0;
}

/* N bytes are enough and N - 1 are not: then nobody is blamed, whether the witness is good or not. */
static void where_the_check_does_not_fit_nobody_is_blamed(void **state)
{
    (void)state;
    uint64_t enough = host_bytes() + cpu_bytes();
    cache_open(enough - 1);
    for (int i = 0; i < 3; i++) {
        gpu.wrong = i == 1;
        expect_failure(i == 1, PV_BAD_PROOF, HANDLER_RESOURCE,
                       "on the CPU here to tell whether the witness is at fault: it needs");
        assert_int_equal(trust(), GPU_SUSPECT);
    }
    assert_int_equal(wrong_proofs(), 0);
    cache_open(enough);
    expect_failure(false, PV_BAD_WITNESS, HANDLER_PERMANENT, "witness");
    cache_open(enough - 1); /* what was lent was given back, and the key is served on */
    expect_proof();
}

/* Keys that nobody proves with make room for the check. */
static void idle_keys_make_room(void **state)
{
    (void)state;
    struct keycache_key *idle;
    struct prove_error err = { 0 };
    cache_open(host_bytes() + cpu_bytes());
    assert_int_equal(keycache_take(&idle, context.cache, "bits", NULL, &err), PV_OK);
    keycache_give(context.cache, &idle);
    expect_failure(false, PV_BAD_WITNESS, HANDLER_PERMANENT, "witness");
    assert_int_equal(gpu.open, 1); /* chain-5 */
}

static void the_self_test_finds_room(void **state)
{
    (void)state;
    gpu.wrong = 1;
    expect_proof();
    gpu.crowded = 0;
    expect_proof(); /* chain-5 was idle and made room */
    assert_int_equal(gpu.tests, 2);
    assert_int_equal(trust(), GPU_TRUSTED);
}

static void *stop_later(void *arg)
{
    (void)arg;
    nanosleep(&(struct timespec){ .tv_nsec = 50 * 1000000L }, NULL);
    atomic_store(&stop, 1);
    return NULL;
}

static void without_room_for_the_self_test_a_task_waits(void **state)
{
    (void)state;
    struct keycache_key *busy;
    struct prove_error err = { 0 };
    pthread_t later;
    gpu.wrong = 1;
    expect_proof();
    assert_int_equal(keycache_take(&busy, context.cache, "bits", NULL, &err), PV_OK);
    gpu.crowded = 0;
    handler.after(handler.self); /* does not wait */
    assert_int_equal(trust(), GPU_SUSPECT);
    assert_int_equal(pthread_create(&later, NULL, stop_later, NULL), 0);
    expect_failure(true, PV_CANCELLED, HANDLER_RETRYABLE, "stopped before the GPU was tested");
    pthread_join(later, NULL);
    keycache_give(context.cache, &busy);
    atomic_store(&stop, 0);
    expect_proof();
}

/* A start has no stop, so it does not wait for room that may never come. */
static void without_room_for_the_self_test_a_start_says_so(void **state)
{
    (void)state;
    struct keycache_key *busy;
    struct prove_error err = { 0 };
    assert_int_equal(keycache_take(&busy, context.cache, "bits", NULL, &err), PV_OK);
    gpu.crowded = 0;
    alarm(20); /* the fault was a wait without end */
    assert_int_equal(handler_groth16_test(&context, NULL, &err), PV_NO_MEMORY);
    alarm(0);
    assert_non_null(strstr(err.text, "no room for the GPU's self-test"));
    keycache_give(context.cache, &busy);
    assert_int_equal(handler_groth16_test(&context, NULL, &err), PV_OK);
}

/* --- the check beside others --- */

static void a_stop_ends_the_check(void **state)
{
    (void)state;
    stop_in_check = true;
    gpu.wrong = 1;
    expect_failure(true, PV_CANCELLED, HANDLER_RETRYABLE, "stopped"); /* no proof of the CPU's comes any more */
    assert_int_equal(wrong_proofs(), 0);
    atomic_store(&stop, 0);
    expect_failure(false, PV_CANCELLED, HANDLER_RETRYABLE, "stopped");
    assert_int_equal(atomic_load(&handler.counters.stopped), 2);
    assert_int_equal(trust(), GPU_TRUSTED);
    stop_in_check = false;
    atomic_store(&stop, 0);
    cache_open(host_bytes() + cpu_bytes());
    expect_failure(false, PV_BAD_WITNESS, HANDLER_PERMANENT, "witness");
}

/* Once the GPU's wrong sums are there: what follows is the wait for the check. */
static void *stop_after_sums(void *arg)
{
    (void)arg;
    for (int i = 0; i < 2000 && !atomic_load(&sums_made); i++)
        nanosleep(&(struct timespec){ .tv_nsec = 5000000L }, NULL);
    nanosleep(&(struct timespec){ .tv_nsec = 300 * 1000000L }, NULL);
    atomic_store(&stop, 1);
    return NULL;
}

static void one_check_at_a_time(void **state)
{
    (void)state;
    pthread_t later;
    atomic_store(&context.check.busy, 1);
    atomic_store(&sums_made, 0);
    assert_int_equal(pthread_create(&later, NULL, stop_after_sums, NULL), 0);
    expect_failure(false, PV_CANCELLED, HANDLER_RETRYABLE, "before the CPU's check began");
    pthread_join(later, NULL);
    assert_int_equal(atomic_load(&context.check.busy), 1);
    atomic_store(&context.check.busy, 0);
    atomic_store(&stop, 0);
    expect_failure(false, PV_BAD_WITNESS, HANDLER_PERMANENT, "witness");
    assert_int_equal(atomic_load(&context.check.busy), 0);
}

/* The GPU has one proof at a time for a key, and the check is none of them. */
static void the_key_serves_others_during_the_check(void **state)
{
    (void)state;
    taken = PV_INTERNAL;
    take_in_check = true;
    expect_failure(false, PV_BAD_WITNESS, HANDLER_PERMANENT, "witness");
    assert_int_equal(taken, PV_OK);
    take_in_check = false;
    struct prove_error err;
    struct keycache_key *key;
    assert_int_equal(keycache_take(&key, context.cache, "chain-5", NULL, &err), PV_OK);
    take_the_key();
    assert_int_equal(taken, PV_CANCELLED); /* after it the key has its one place again */
    keycache_give(context.cache, &key);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bad_witnesses_are_the_witnesses_fault),
        TEST(a_wrong_proof_is_replaced_by_the_cpus),
        TEST(after_a_wrong_proof_the_key_is_made_ready_again),
        TEST(the_test_runs_between_tasks_too),
        TEST(a_gpu_that_is_always_wrong_serves_nothing),
        TEST(a_failing_device_is_tested_before_it_goes_on),
        TEST(a_start_begins_with_the_test),
        TEST(where_the_check_does_not_fit_nobody_is_blamed),
        TEST(idle_keys_make_room),
        TEST(the_self_test_finds_room),
        TEST(without_room_for_the_self_test_a_task_waits),
        TEST(without_room_for_the_self_test_a_start_says_so),
        TEST(a_stop_ends_the_check),
        TEST(one_check_at_a_time),
        TEST(the_key_serves_others_during_the_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
