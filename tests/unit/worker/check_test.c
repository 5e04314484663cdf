/* Results of Groth16: proofs are verified, files are written byte for byte as snarkjs writes them. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_proof_of_snarkjs_verifies_and_gives_its_files_again),
        cmocka_unit_test(test_a_proof_for_other_signals_is_refused_with_a_sentence),
        cmocka_unit_test(test_what_is_no_proof_is_refused),
        cmocka_unit_test(test_more_values_than_a_proof_has_are_refused_unparsed),
        cmocka_unit_test(test_what_is_no_key_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
