/* What the handler that proves makes of each way in which a GPU's sums can end: the verdict, the sentence, and whether it tries again. */
#include "handler_groth16.h"
#include "log.h"
#include "temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static struct backend fake;
static struct handler_groth16_context context;
static struct handler handler;
static pv_status ends[8]; /* of the sums, one after the other; then PV_OK */
static unsigned sums, good;

void __wrap_gpus_good(struct gpus *g, unsigned i);
void __wrap_gpus_good(struct gpus *g, unsigned i)
{
    assert_int_equal(i, 0);
    good++;
}

static pv_status fake_sums(struct backend_sums *out, struct backend_key *key, const bn254_scalar_packed *witness,
                           const struct prove_run *run, struct prove_error *err)
{
    pv_status s = sums < sizeof ends / sizeof *ends ? ends[sums] : PV_OK;
    sums++;
    if (s != PV_OK) return prove_error_set(err, s, "the sums came to %s", pv_status_word(s));
    return backend_cpu.sums(out, key, witness, run, err);
}

static char dir[64];

/* Two of the keys: the others take long to be read. */
static void key_copy(const char *name)
{
    static uint8_t bytes[1 << 20];
    char path[128];
    snprintf(path, sizeof path, "data/%s/circuit.zkey", name);
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    size_t n = fread(bytes, 1, sizeof bytes, in);
    fclose(in);
    snprintf(path, sizeof path, "%s/%s.zkey", dir, name);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, n, out), n);
    fclose(out);
}

static int setup(void **state)
{
    struct prove_error err = { 0 };
    const struct keycache_options o = { .folder = dir, .ops = &handler_groth16_keys, .arg = &context };
    temp_dir_make(dir);
    key_copy("chain-5");
    key_copy("bits");
    log_setup(LOG_LEVEL_ERROR + 1, LOG_FORMAT_TEXT);
    fake = backend_cpu;
    fake.name = "fake";
    fake.sums = fake_sums;
    context = (struct handler_groth16_context){ .backend = &fake };
    if (keycache_new(&context.cache, &o, &err) != PV_OK) fail_msg("%s", err.text);
    handler = handler_groth16(&context);
    return 0;
}

static int teardown(void **state)
{
    keycache_destroy(&context.cache);
    temp_dir_remove(dir);
    return 0;
}

static void believe(void)
{
    atomic_store(&context.tests.trust[0].state, GPU_TRUSTED);
}

static pv_status run(struct handler_output *out, bool gpus, pv_status first, pv_status second)
{
    static char handle; /* never looked at */
    static uint8_t w[4096];
    FILE *in = fopen("data/chain-5/witness.wtns", "rb");
    assert_non_null(in);
    size_t n = fread(w, 1, sizeof w, in);
    fclose(in);
    const struct handler_input input = { "00", "chain-5", w, n, WIRE_INPUT_KIND_WTNS };
    const struct handler_watch watch = { NULL, NULL, NULL };
    ends[0] = first;
    ends[1] = second;
    sums = good = 0;
    context.options.gpus = gpus ? (struct gpus *)(void *)&handle : NULL;
    believe();
    return handler_run(&handler, &input, &watch, out);
}

static void expect(bool gpus, pv_status s, enum handler_verdict verdict)
{
    char text[128];
    struct handler_output out = { 0 };
    snprintf(text, sizeof text, "the sums came to %s", pv_status_word(s));
    assert_int_equal(run(&out, gpus, s, PV_OK), s);
    if (out.verdict != verdict) fail_msg("%s: verdict %d, not %d", pv_status_word(s), out.verdict, verdict);
    assert_string_equal(out.text, text);
    assert_null(out.bytes);
    assert_int_equal(sums, 1);
    assert_int_equal(good, 0);
}

static void each_end_has_its_verdict(void **state)
{
    static const struct {
        pv_status s;
        enum handler_verdict verdict;
    } all[] = {
        { PV_BUSY, HANDLER_UNSTARTED },
        { PV_BAD_WTNS, HANDLER_PERMANENT },
        { PV_BAD_WITNESS, HANDLER_PERMANENT },
        { PV_INVALID_INPUT, HANDLER_PERMANENT },
        { PV_UNKNOWN_CIRCUIT, HANDLER_RESOURCE },
        { PV_NO_MEMORY, HANDLER_RESOURCE },
        { PV_RESOURCES, HANDLER_RESOURCE },
        { PV_DISK_FULL, HANDLER_RESOURCE },
        { PV_NOT_FOUND, HANDLER_RESOURCE },
        { PV_BAD_CONFIG, HANDLER_RESOURCE },
        { PV_BAD_ZKEY, HANDLER_RESOURCE },
        { PV_NO_DEVICE, HANDLER_RESOURCE },
        { PV_IO, HANDLER_RETRYABLE },
        { PV_INTERNAL, HANDLER_RETRYABLE },
        { PV_HASH_MISMATCH, HANDLER_RETRYABLE },
        { PV_CANCELLED, HANDLER_RETRYABLE },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) expect(false, all[i].s, all[i].verdict);
    expect(false, PV_DEVICE, HANDLER_RETRYABLE);
    assert_int_equal(gpu_trust_now(&context.tests.trust[0]), GPU_SUSPECT);
    expect(false, PV_BAD_STATE, HANDLER_RETRYABLE);
    expect(true, PV_DEVICE, HANDLER_LOST); /* the task may have ended its process */
    expect(true, PV_BUSY, HANDLER_UNSTARTED);
}

/* Its process ended before it had the task: another's turn. */
static void a_task_that_was_not_begun_is_tried_again(void **state)
{
    struct handler_output out = { 0 };
    assert_int_equal(run(&out, true, PV_BAD_STATE, PV_BAD_STATE), PV_OK);
    assert_int_equal(sums, 3);
    assert_int_equal(good, 1);
    free(out.bytes);
    assert_int_equal(run(&out, false, PV_OK, PV_OK), PV_OK);
    assert_int_equal(sums, 1);
    assert_int_equal(good, 0); /* there is no process */
    free(out.bytes);
}

/* The key is opened on a GPU that has no room for it until one that nobody proves with has gone. */
static void an_idle_key_makes_room_on_a_gpu(void **state)
{
    struct handler_output out = { 0 };
    struct keycache_key *idle;
    struct prove_error err = { 0 };
    for (int i = 0; i < 2; i++) {
        assert_int_equal(keycache_take(&idle, context.cache, "bits", NULL, &err), PV_OK);
        keycache_give(context.cache, &idle);
        assert_int_equal(run(&out, true, i ? PV_RESOURCES : PV_NO_MEMORY, PV_OK), PV_OK);
        assert_int_equal(sums, 2);
        free(out.bytes);
    }
    expect(true, PV_NO_MEMORY, HANDLER_RESOURCE); /* there is none any more */
    assert_int_equal(keycache_take(&idle, context.cache, "bits", NULL, &err), PV_OK);
    keycache_give(context.cache, &idle);
    expect(false, PV_NO_MEMORY, HANDLER_RESOURCE); /* without a GPU nothing is opened there */
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(each_end_has_its_verdict),
        T(a_task_that_was_not_begun_is_tried_again),
        T(an_idle_key_makes_room_on_a_gpu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
