/* The handler that proves, on real keys: its proofs verify, and each failure gets the right verdict. */
#include "proof.h"
#include "verify.h"
#include "handler_groth16.h"
#include "log.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct handler_groth16_context context;
static struct handler handler;
static atomic_int stop;
static unsigned phases;

static int setup(void **state)
{
    struct prove_error err = { 0 };
    struct keycache_options o = { .folder = "data", .ops = &handler_groth16_keys, .arg = &context };
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    context = (struct handler_groth16_context){ .backend = &backend_cpu };
    atomic_store(&stop, 0);
    phases = 0;
    if (keycache_new(&context.cache, &o, &err) != PV_OK) fail_msg("%s", err.text);
    handler = handler_groth16(&context);
    return 0;
}

static int teardown(void **state)
{
    keycache_destroy(&context.cache);
    return 0;
}

static void on_progress(void *ctx, const char *phase, unsigned percent)
{
    assert_true(wire_name_valid(phase, strlen(phase)));
    assert_true(percent <= 100);
    phases++;
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

static pv_status run(const char *circuit, const uint8_t *bytes, size_t n, struct handler_output *out)
{
    struct handler_input in = { "00000000000000000000000000000000", circuit, bytes, n, WIRE_INPUT_KIND_WTNS };
    struct handler_watch watch = { &stop, on_progress, NULL };
    return handler_run(&handler, &in, &watch, out);
}

static pv_status run_file(const char *circuit, const char *witness, struct handler_output *out)
{
    size_t n;
    uint8_t *bytes = file_read(witness, &n);
    pv_status s = run(circuit, bytes, n, out);
    free(bytes);
    return s;
}

/* By the published parts alone: the result's JSON and the key's vkey.json. */
static bool verifies(const struct handler_output *out, const char *vkey_file)
{
    struct groth16_vkey vkey;
    struct groth16_proof proof;
    bn254_scalar_packed *publics;
    size_t vkey_bytes, n;
    uint8_t *vkey_text = file_read(vkey_file, &vkey_bytes);
    json_t *result = json_loadb((const char *)out->bytes, out->size, JSON_REJECT_DUPLICATES, NULL);
    assert_int_equal(json_object_size(result), 2);
    char *p = json_dumps(json_object_get(result, "proof"), 0), *s = json_dumps(json_object_get(result, "public"), 0);
    assert_int_equal(groth16_vkey_from_json(&vkey, (char *)vkey_text, vkey_bytes, NULL), GROTH16_OK);
    assert_int_equal(groth16_proof_from_json(&proof, p, strlen(p), NULL), GROTH16_OK);
    assert_int_equal(groth16_publics_from_json(&publics, &n, s, strlen(s), NULL), GROTH16_OK);
    bool right = groth16_verify(&vkey, &proof, publics, n) == GROTH16_OK;
    groth16_vkey_clear(&vkey);
    free(publics);
    free(p);
    free(s);
    free(vkey_text);
    json_decref(result);
    return right;
}

static void test_a_result_is_a_proof_that_verifies(void **state)
{
    struct handler_output out;
    assert_int_equal(run_file("chain-5", "data/chain-5/witness.wtns", &out), PV_OK);
    assert_true(verifies(&out, "data/chain-5/vkey.json"));
    assert_false(verifies(&out, "data/chain-6/vkey.json"));
    assert_true(phases > 0);
    free(out.bytes);
    assert_int_equal(run_file("bits", "data/bits/witness.wtns", &out), PV_OK);
    assert_true(verifies(&out, "data/bits/vkey.json"));
    free(out.bytes);
    assert_int_equal(atomic_load(&handler.counters.succeeded), 2);
}

static void test_a_circuit_is_found_by_its_digest(void **state)
{
    struct handler_circuit list[20];
    struct handler_output out;
    char text[WIRE_HASH_TEXT] = "";
    size_t n = keycache_list(context.cache, "", list, 20);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(list[i].name, "chain-5")) wire_hash_text(text, list[i].digest);
    assert_int_equal(run_file(text, "data/chain-5/witness.wtns", &out), PV_OK);
    free(out.bytes);
}

static struct handler_output out_of_failure;

static void expect_failure(const char *circuit, const uint8_t *bytes, size_t n, pv_status status,
                           enum handler_verdict verdict)
{
    struct handler_output out;
    assert_int_equal(run(circuit, bytes, n, &out), status);
    assert_int_equal(out.verdict, verdict);
    assert_true(strlen(out.text) > 10);
    assert_null(out.bytes);
    out_of_failure = out;
}

static void test_failures_are_blamed_on_the_right_one(void **state)
{
    size_t n;
    uint8_t *w = file_read("data/chain-5/witness.wtns", &n);
    expect_failure("unknown", w, n, PV_UNKNOWN_CIRCUIT, HANDLER_RESOURCE);
    expect_failure("chain-6", w, n, PV_BAD_WITNESS, HANDLER_PERMANENT);
    expect_failure("chain-5", w, n - 1, PV_BAD_WTNS, HANDLER_PERMANENT);
    expect_failure("chain-5", w, 0, PV_BAD_WTNS, HANDLER_PERMANENT);
    w[n - 32] ^= 1; /* the last value: well formed, but a constraint breaks */
    expect_failure("chain-5", w, n, PV_BAD_WITNESS, HANDLER_PERMANENT);
    assert_string_equal(out_of_failure.text,
                        "the finished proof does not verify: the witness does not satisfy the circuit, "
                        "or a coefficient of the key is damaged"); /* not what the look at the key came to */
    free(w);
}

/* Also when the witness has another length: it may be the key's header that is not what it was. */
static void test_a_key_that_changed_in_memory_blames_no_witness(void **state)
{
    struct prove_error err;
    struct keycache_key *k;
    size_t n;
    uint8_t *w = file_read("data/chain-5/witness.wtns", &n);
    assert_int_equal(keycache_take(&k, context.cache, "chain-6", NULL, &err), PV_OK);
    const struct zkey *z = prove_key_zkey(keycache_key(k));
    ((uint8_t *)z->file.bytes)[z->file.size - 1] ^= 1;
    keycache_give(context.cache, &k);
    expect_failure("chain-6", w, n, PV_HASH_MISMATCH, HANDLER_RETRYABLE);
    assert_string_equal(out_of_failure.text,
                        "the key of circuit chain-6 has changed in the memory of this node, and is loaded again");
    expect_failure("chain-6", w, n, PV_BAD_WITNESS, HANDLER_PERMANENT); /* it was loaded again */
    free(w);
}

/* An old broker may send one to a node that announced that it takes none. */
static void test_without_programs_for_witnesses_none_is_computed(void **state)
{
    struct handler_input in = { "00000000000000000000000000000000", "chain-5", (const uint8_t *)"{}", 2,
                                WIRE_INPUT_KIND_JSON };
    struct handler_watch watch = { &stop, on_progress, NULL };
    struct handler_output out;
    assert_int_equal(handler_run(&handler, &in, &watch, &out), PV_NOT_FOUND);
    assert_string_equal(out.text, "this node computes no witnesses");
    assert_null(out.bytes);
    assert_int_equal(phases, 0);
}

static void test_a_raised_stop_ends_it(void **state)
{
    struct handler_output out;
    atomic_store(&stop, 1);
    assert_int_equal(run_file("member", "data/member/witness.wtns", &out), PV_CANCELLED);
    assert_null(out.bytes);
    assert_int_equal(atomic_load(&handler.counters.stopped), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_result_is_a_proof_that_verifies),
        TEST(test_a_circuit_is_found_by_its_digest),
        TEST(test_failures_are_blamed_on_the_right_one),
        TEST(test_a_key_that_changed_in_memory_blames_no_witness),
        TEST(test_without_programs_for_witnesses_none_is_computed),
        TEST(test_a_raised_stop_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
