/* Results of Groth16: proofs are verified, files are written byte for byte as snarkjs writes them. */
#include "heap_watch.h"
#include "provost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *slurp(const char *circuit, const char *part, size_t *n)
{
    char path[128];
    snprintf(path, sizeof path, "vectors/groth16/%s.%s.json", circuit, part);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *text = calloc(1, 65536);
    *n = fread(text, 1, 65535, f);
    fclose(f);
    return text;
}

/* Makes the prover's answer from snarkjs's two files. */
static struct pv_result result_of(const char *circuit)
{
    size_t n, k;
    char *proof = slurp(circuit, "proof", &n), *publics = slurp(circuit, "public", &k);
    struct pv_result r = { .status = PV_OK, .bytes = calloc(1, n + k + 64) };
    r.bytes_n = (size_t)sprintf((char *)r.bytes, "{\"proof\": %s, \"public\": %s}", proof, publics);
    free(proof);
    free(publics);
    return r;
}

static pv_vkey *vkey_of(const char *circuit)
{
    size_t n;
    char *json = slurp(circuit, "vkey", &n);
    pv_vkey *vk = NULL;
    assert_int_equal(pv_vkey_of_json(&vk, json, n, NULL), PV_OK);
    free(json);
    return vk;
}

static void test_a_proof_of_snarkjs_verifies_and_gives_its_files_again(void **state)
{
    static const char *const circuits[] = { "mul", "none" };
    for (size_t i = 0; i < 2; i++) {
        struct pv_result r = result_of(circuits[i]);
        pv_vkey *vk = vkey_of(circuits[i]);
        char why[PV_TEXT_BYTES] = "";
        assert_int_equal(pv_verify(vk, &r, why), PV_OK);
        struct pv_proof_files f;
        assert_int_equal(pv_proof_files_of(&f, &r), PV_OK);
        size_t n, k;
        char *proof = slurp(circuits[i], "proof", &n), *publics = slurp(circuits[i], "public", &k);
        assert_int_equal(f.proof_bytes, n);
        assert_memory_equal(f.proof, proof, n);
        assert_int_equal(f.publics_bytes, k);
        assert_memory_equal(f.publics, publics, k);
        free(proof);
        free(publics);
        pv_proof_files_clear(&f);
        pv_vkey_free(&vk);
        pv_result_clear(&r);
    }
}

static void test_a_proof_for_other_signals_is_refused_with_a_sentence(void **state)
{
    struct pv_result r = result_of("mul");
    pv_vkey *vk = vkey_of("mul");
    char *digit = strstr(strstr((char *)r.bytes, "\"public\""), "[");
    digit += strcspn(digit, "0123456789");
    *digit = *digit == '1' ? '2' : '1';
    char why[PV_TEXT_BYTES] = "";
    assert_int_equal(pv_verify(vk, &r, why), PV_BAD_PROOF);
    assert_true(strlen(why) > 5);
    pv_vkey_free(&vk);
    pv_result_clear(&r);
    r = result_of("none"); /* a valid proof of another circuit */
    vk = vkey_of("mul");
    assert_int_equal(pv_verify(vk, &r, why), PV_BAD_PROOF);
    pv_vkey_free(&vk);
    pv_result_clear(&r);
}

static void test_what_is_no_proof_is_refused(void **state)
{
    static const char *const texts[] = { "",
                                         "proof",
                                         "[]",
                                         "{}",
                                         "{\"proof\": {}}",
                                         "{\"proof\": null, \"public\": []}",
                                         "{\"proof\": 5, \"public\": []}",
                                         "{\"proof\": \"text\", \"public\": []}",
                                         "{\"proof\": {}, \"public\": []}",
                                         "{\"proof\": {}, \"proof\": {}, \"public\": []}" };
    pv_vkey *vk = vkey_of("mul");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char why[PV_TEXT_BYTES] = "";
        struct pv_result r = { .bytes = (uint8_t *)strdup(texts[i]), .bytes_n = strlen(texts[i]) };
        struct pv_proof_files f;
        assert_int_equal(pv_verify(vk, &r, why), PV_BAD_PROOF);
        assert_true(strlen(why) > 5);
        assert_int_equal(pv_proof_files_of(&f, &r), PV_BAD_PROOF);
        pv_result_clear(&r);
    }
    struct pv_result nothing = { 0 };
    assert_int_equal(pv_verify(vk, &nothing, NULL), PV_BAD_PROOF);
    pv_vkey_free(&vk);
}

/* A prover may send as many bytes as the broker takes. What is larger than any proof is not parsed, because parsing takes
 * fifty times as much memory. */
static void test_more_values_than_a_proof_has_are_refused_unparsed(void **state)
{
    static const char head[] = "{\"proof\": {}, \"public\": [", tail[] = "{}]}";
    enum { PAIRS = 400000 };
    size_t n = sizeof head - 1 + 3 * PAIRS + sizeof tail - 1;
    struct pv_result r = { .bytes = malloc(n + 1), .bytes_n = n };
    char why[PV_TEXT_BYTES] = "", *at = stpcpy((char *)r.bytes, head);
    for (int i = 0; i < PAIRS; i++) at = stpcpy(at, "{},");
    strcpy(at, tail);
    struct pv_proof_files f;
    assert_int_equal(pv_proof_files_of(&f, &r), PV_BAD_PROOF);
    pv_vkey *vk = vkey_of("mul");
    assert_int_equal(pv_verify(vk, &r, why), PV_BAD_PROOF);
    assert_non_null(strstr(why, "larger than any proof"));
    pv_vkey_free(&vk);
    pv_result_clear(&r);
}

static void test_what_is_no_key_is_refused(void **state)
{
    pv_vkey *vk = NULL;
    char why[PV_TEXT_BYTES] = "";
    assert_int_equal(pv_vkey_of_json(&vk, "{}", 2, why), PV_BAD_VKEY);
    assert_true(strlen(why) > 5);
    size_t n;
    char *json = slurp("mul", "vkey", &n);
    assert_int_equal(pv_vkey_of_json(&vk, json, n / 2, why), PV_BAD_VKEY);
    free(json);
    assert_null(vk);
    pv_vkey_free(&vk);
}

/* ---- the statement ---- */

static char *read_data(const char *file, size_t *n)
{
    char path[128];
    snprintf(path, sizeof path, "data/chain-5/%s", file);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *bytes = calloc(1, 65536);
    *n = fread(bytes, 1, 65535, f);
    fclose(f);
    return bytes;
}

struct proved {
    pv_vkey *vkey;
    struct pv_result r;
    char *publics, *witness;
    size_t publics_n, witness_n;
    char why[PV_TEXT_BYTES];
    long fail_after; /* of the tests without memory */
    bool failed;
};

static struct proved proved_set_up(void)
{
    struct proved p = { .publics = NULL };
    size_t n, k;
    char *json = read_data("vkey.json", &n), *proof = read_data("proof.json", &k);
    assert_int_equal(pv_vkey_of_json(&p.vkey, json, n, NULL), PV_OK);
    p.publics = read_data("public.json", &p.publics_n);
    p.witness = read_data("witness.wtns", &p.witness_n);
    p.r.bytes = calloc(1, k + p.publics_n + 64);
    p.r.bytes_n = (size_t)sprintf((char *)p.r.bytes, "{\"proof\": %s, \"public\": %s}", proof, p.publics);
    free(json);
    free(proof);
    return p;
}

static void proved_clear(struct proved *p)
{
    pv_vkey_free(&p->vkey);
    pv_result_clear(&p->r);
    free(p->publics);
    free(p->witness);
}

/* With a good proof: what is beside it. */
static void test_values_that_are_no_array_are_no_proof(void **state)
{
    static const char *const values[] = { "null", "5", "\"5\"", "true", "{}" };
    pv_vkey *vk = vkey_of("mul");
    struct pv_result good = result_of("mul");
    char *end = strstr((char *)good.bytes, "\"public\"");
    assert_non_null(end);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char *text = NULL, why[PV_TEXT_BYTES] = "";
        int n = asprintf(&text, "%.*s\"public\": %s}", (int)(end - (char *)good.bytes), (char *)good.bytes, values[i]);
        assert_true(n > 0);
        struct pv_result r = { .bytes = (uint8_t *)text, .bytes_n = (size_t)n };
        if (pv_verify(vk, &r, why) != PV_BAD_PROOF) fail_msg("%s: %s", values[i], why);
        pv_result_clear(&r);
    }
    pv_result_clear(&good);
    pv_vkey_free(&vk);
}

static void test_a_bound_key_takes_the_proof_of_its_statement_alone(void **state)
{
    struct proved p = proved_set_up();
    char why[PV_TEXT_BYTES] = "";
    pv_vkey *bound = NULL, *again = NULL;
    assert_int_equal(pv_vkey_for_publics(&bound, p.vkey, p.publics, p.publics_n, why), PV_OK);
    assert_int_equal(pv_verify(bound, &p.r, why), PV_OK);
    assert_int_equal(pv_vkey_for_publics(&again, bound, "[\"7\"]", 5, why), PV_OK); /* of a bound key: the new values */
    assert_int_equal(pv_verify(p.vkey, &p.r, why), PV_OK);
    assert_int_equal(pv_verify(again, &p.r, why), PV_BAD_PROOF);
    assert_non_null(strstr(why, "another statement"));
    pv_vkey_free(&again);
    pv_vkey_free(&bound);
    assert_int_equal(pv_vkey_for_witness(&bound, p.vkey, p.witness, p.witness_n, why), PV_OK);
    assert_int_equal(pv_verify(bound, &p.r, why), PV_OK);
    pv_vkey_free(&bound);
    proved_clear(&p);
}

/* Forms of the same number, and numbers that are the same modulo r, are other statements: they are refused. */
static void test_values_that_are_not_public_json_bind_no_key(void **state)
{
    static const char *const texts[] = {
        "",
        "7",
        "[7.0]",
        "[7e0]",
        "[-7]",
        "[\"07\"]",
        "[\"+7\"]",
        "[\" 7\"]",
        "[\"-1\"]",
        "[\"7\", \"7\"]",
        "[]",
        "[\"7\"] x",
        "{\"0\": \"7\"}",
        "[\"21888242871839275222246405745257275088548364400416034343698204186575808495617\"]",  /* r */
        "[\"21888242871839275222246405745257275088548364400416034343698204186575808495624\"]",  /* r + 7 */
        "[\"115792089237316195423570985008687907853269984665640564039457584007913129639943\"]", /* 2^256 + 7 */
    };
    struct proved p = proved_set_up();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char why[PV_TEXT_BYTES] = "";
        pv_vkey *bound = NULL;
        assert_int_not_equal(pv_vkey_for_publics(&bound, p.vkey, texts[i], strlen(texts[i]), why), PV_OK);
        assert_null(bound);
        assert_true(strlen(why) > 5);
    }
    proved_clear(&p);
}

/* The same forms from a prover. */
static void test_a_result_with_another_form_of_its_values_is_refused(void **state)
{
    struct proved p = proved_set_up();
    static const char *const tails[] = { "[\"0%s\"]", "[\"%s\", \"0\"]", "[%s.0]", "[\"%s\"], \"public\": [\"7\"]",
                                         "[\"7\"], \"p\\u0075blic\": [\"%s\"]" };
    char value[128] = "", text[8192];
    sscanf(p.publics, " [ \"%127[0-9]", value);
    char *proof = strdup((char *)p.r.bytes);
    *strstr(proof, "\"public\"") = '\0';
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        int n = snprintf(text, sizeof text, "%s\"public\": ", proof);
        n += snprintf(text + n, sizeof text - n, tails[i], value);
        n += snprintf(text + n, sizeof text - n, "}");
        struct pv_result r = { .bytes = (uint8_t *)text, .bytes_n = (size_t)n };
        assert_int_equal(pv_verify(p.vkey, &r, NULL), PV_BAD_PROOF);
    }
    free(proof);
    proved_clear(&p);
}

static void test_a_damaged_or_short_witness_binds_no_key(void **state)
{
    struct proved p = proved_set_up();
    pv_vkey *bound = NULL;
    for (size_t n = 0; n < p.witness_n; n++) {
        assert_int_equal(pv_vkey_for_witness(&bound, p.vkey, p.witness, n, NULL), PV_BAD_WTNS);
        if (n >= 64 + 12) continue; /* the values */
        char was = p.witness[n];
        p.witness[n] ^= 0x10;
        pv_status s = pv_vkey_for_witness(&bound, p.vkey, p.witness, p.witness_n, NULL);
        assert_int_equal(s, PV_BAD_WTNS);
        p.witness[n] = was;
    }
    assert_null(bound);
    proved_clear(&p);
}

/* ---- no memory ---- */

static pv_status read_key(struct proved *p)
{
    size_t n;
    pv_vkey *vk = NULL;
    char *json = read_data("vkey.json", &n);
    heap_fail_after(p->fail_after);
    pv_status s = pv_vkey_of_json(&vk, json, n, p->why);
    assert_int_equal(vk != NULL, s == PV_OK);
    pv_vkey_free(&vk);
    p->failed = heap_failed();
    heap_fail_after(-1);
    free(json);
    return s;
}

static pv_status bind_publics(struct proved *p)
{
    pv_vkey *vk = NULL;
    heap_fail_after(p->fail_after);
    pv_status s = pv_vkey_for_publics(&vk, p->vkey, p->publics, p->publics_n, p->why);
    p->failed = heap_failed();
    heap_fail_after(-1);
    assert_int_equal(vk != NULL, s == PV_OK);
    pv_vkey_free(&vk);
    return s;
}

static pv_status bind_witness(struct proved *p)
{
    pv_vkey *vk = NULL;
    heap_fail_after(p->fail_after);
    pv_status s = pv_vkey_for_witness(&vk, p->vkey, p->witness, p->witness_n, p->why);
    p->failed = heap_failed();
    heap_fail_after(-1);
    assert_int_equal(vk != NULL, s == PV_OK);
    pv_vkey_free(&vk);
    return s;
}

static pv_status verify(struct proved *p)
{
    heap_fail_after(p->fail_after);
    pv_status s = pv_verify(p->vkey, &p->r, p->why);
    p->failed = heap_failed();
    heap_fail_after(-1);
    return s;
}

static pv_status lay_out(struct proved *p)
{
    struct pv_proof_files f = { 0 };
    strcpy(p->why, "the library says no more of this one");
    heap_fail_after(p->fail_after);
    pv_status s = pv_proof_files_of(&f, &p->r);
    p->failed = heap_failed();
    heap_fail_after(-1);
    if (s == PV_OK) pv_proof_files_clear(&f);
    return s;
}

static void test_no_memory_is_no_verdict(void **state)
{
    static pv_status (*const all[])(struct proved *) = { read_key, bind_publics, bind_witness, verify, lay_out };
    struct proved p = proved_set_up();
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        p.failed = true;
        for (p.fail_after = 0; p.failed; p.fail_after++) {
            p.why[0] = '\0';
            pv_status s = all[i](&p);
            assert_int_equal(s, p.failed ? PV_NO_MEMORY : PV_OK);
            if (p.failed) assert_true(strlen(p.why) > 5);
        }
        assert_true(p.fail_after > 1);
    }
    proved_clear(&p);
}

static void test_the_result_keeps_its_size_for_programs_built_before(void **state)
{
    /* As 0.1.0 laid it out. */
    struct before {
        pv_task_id id;
        pv_status status;
        enum pv_task_state state;
        uint32_t generation;
        uint64_t measured_ms;
        bool verified;
        char prover[PV_NAME_BYTES], text[PV_TEXT_BYTES];
        uint8_t *bytes;
        size_t bytes_n;
    };
    assert_int_equal(sizeof(struct before), sizeof(struct pv_result));
    assert_int_equal(offsetof(struct before, bytes), offsetof(struct pv_result, bytes));
    assert_int_equal(offsetof(struct before, text), offsetof(struct pv_result, text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_proof_of_snarkjs_verifies_and_gives_its_files_again),
        cmocka_unit_test(test_values_that_are_no_array_are_no_proof),
        cmocka_unit_test(test_a_bound_key_takes_the_proof_of_its_statement_alone),
        cmocka_unit_test(test_values_that_are_not_public_json_bind_no_key),
        cmocka_unit_test(test_a_result_with_another_form_of_its_values_is_refused),
        cmocka_unit_test(test_a_damaged_or_short_witness_binds_no_key),
        cmocka_unit_test(test_no_memory_is_no_verdict),
        cmocka_unit_test(test_the_result_keeps_its_size_for_programs_built_before),
        cmocka_unit_test(test_a_proof_for_other_signals_is_refused_with_a_sentence),
        cmocka_unit_test(test_what_is_no_proof_is_refused),
        cmocka_unit_test(test_more_values_than_a_proof_has_are_refused_unparsed),
        cmocka_unit_test(test_what_is_no_key_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
