/* What is said of each result, key and statement that is not what it should be, and of none that is: golden, with no memory for any step too.
 * `check_words_test FILE write` writes the text anew. */
#include "golden.h"
#include "heap_watch.h"
#include "provost.h"
#include "status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *file;
static char why[PV_TEXT_BYTES];
static char *key, *proof, *publics, *witness;
static size_t key_n, proof_n, publics_n, witness_n;
static pv_vkey *good;

static char *read_data(const char *name, size_t *n)
{
    char path[64];
    snprintf(path, sizeof path, "data/chain-5/%s", name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *bytes = calloc(1, 65536);
    *n = fread(bytes, 1, 65535, f);
    fclose(f);
    return bytes;
}

static int set_up(void **state)
{
    key = read_data("vkey.json", &key_n);
    proof = read_data("proof.json", &proof_n);
    publics = read_data("public.json", &publics_n);
    witness = read_data("witness.wtns", &witness_n);
    return pv_vkey_of_json(&good, key, key_n, NULL) != PV_OK;
}

static int tear_down(void **state)
{
    pv_vkey_free(&good);
    free(key), free(proof), free(publics), free(witness);
    return 0;
}

static void tell(const char *what, pv_status st)
{
    golden_tell("%s: %s%s%s\n", what, pv_status_word(st), *why ? ", " : "", why);
    why[0] = 0;
}

/* --- results --- */

static struct pv_result result_of(const char *first, const char *second)
{
    struct pv_result r = { .status = PV_OK };
    char *text = NULL;
    int n = asprintf(&text, "{%s%s%s}", first, *first && *second ? ", " : "", second);
    assert_true(n > 0);
    r.bytes = (uint8_t *)text;
    r.bytes_n = (size_t)n;
    return r;
}

static void verified(const pv_vkey *vk, const char *what, const char *first, const char *second)
{
    struct pv_result r = result_of(first, second);
    struct pv_proof_files f = { 0 };
    pv_status st = pv_verify(vk, &r, why);
    tell(what, st);
    assert_int_equal(pv_verify(vk, &r, NULL), st);
    st = pv_proof_files_of(&f, &r);
    golden_tell("  files %s %zu %zu\n", pv_status_word(st), f.proof_bytes, f.publics_bytes);
    pv_proof_files_clear(&f);
    pv_result_clear(&r);
}

static void each_result(void **state)
{
    static const char *const values[] = { "null", "[]", "5", "{}", "[\"1\"]", "[\"1\", \"2\"]", "[1]", "[\"x\"]" };
    char with_proof[4096], with_publics[4096], text[4096];
    snprintf(with_proof, sizeof with_proof, "\"proof\": %s", proof);
    snprintf(with_publics, sizeof with_publics, "\"public\": %s", publics);
    verified(good, "a proof", with_proof, with_publics);
    verified(good, "the other way round", with_publics, with_proof);
    verified(good, "no public signals", with_proof, "");
    verified(good, "no proof", with_publics, "");
    verified(good, "nothing", "", "");
    verified(good, "no object", "5", "");
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        snprintf(text, sizeof text, "\"public\": %s", values[i]);
        verified(good, text, with_proof, text);
        snprintf(text, sizeof text, "\"proof\": %s", values[i]);
        verified(good, text, text, with_publics);
    }
    struct pv_result none = { 0 };
    tell("no bytes", pv_verify(good, &none, why));
    static char deep[70000];
    memset(deep, '[', sizeof deep - 1);
    verified(good, "deep", deep, "");
}

/* --- keys --- */

static void key_read(const char *what, const char *json, size_t n)
{
    pv_vkey *vk = NULL;
    tell(what, pv_vkey_of_json(&vk, json, n, why));
    pv_vkey_free(&vk);
    tell("  for development", pv_vkey_of_development_json(&vk, json, n, why));
    pv_vkey_free(&vk);
}

/* The key of a trusted setup that nobody took part in: gamma and delta are equal. */
static void weak_key(void)
{
    char *weak = strdup(key), *gamma = strstr(weak, "\"vk_gamma_2\""), *delta = strstr(weak, "\"vk_delta_2\"");
    assert_true(gamma && delta);
    char *text = calloc(1, 2 * key_n), *value = strchr(gamma, '['), *end = strstr(value, "],\n \"");
    assert_true(value && end);
    char *rest = strstr(strchr(delta, '['), "],\n \"");
    assert_non_null(rest);
    snprintf(text, 2 * key_n, "%.*s\"vk_delta_2\": %.*s%s", (int)(delta - weak), weak, (int)(end - value), value, rest);
    key_read("gamma for delta", text, strlen(text));
    free(weak);
    free(text);
}

static void each_key(void **state)
{
    static const char *const texts[] = { "",
                                         "{}",
                                         "[]",
                                         "5",
                                         "{\"protocol\": \"groth16\"}",
                                         "{\"protocol\": \"plonk\"}",
                                         "{\"protocol\": \"groth16\", \"curve\": \"bls12381\"}" };
    key_read("a key", key, key_n);
    key_read("a key that is cut", key, key_n - 10);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) key_read(texts[i], texts[i], strlen(texts[i]));
    weak_key();
}

/* --- statements --- */

static void bound(const char *what, pv_status st, pv_vkey **vk)
{
    char with_proof[4096], with_publics[4096];
    snprintf(with_proof, sizeof with_proof, "\"proof\": %s", proof);
    snprintf(with_publics, sizeof with_publics, "\"public\": %s", publics);
    tell(what, st);
    if (st == PV_OK) verified(*vk, "  its proof", with_proof, with_publics);
    pv_vkey_free(vk);
}

static void by_publics(const char *json)
{
    pv_vkey *vk = NULL;
    pv_status st = pv_vkey_for_publics(&vk, good, json, strlen(json), why);
    bound(json, st, &vk);
    assert_int_equal(pv_vkey_for_publics(&vk, good, json, strlen(json), NULL), st);
    pv_vkey_free(&vk);
}

static void by_witness(const char *what, const char *bytes, size_t n)
{
    pv_vkey *vk = NULL;
    pv_status st = pv_vkey_for_witness(&vk, good, bytes, n, why);
    bound(what, st, &vk);
    assert_int_equal(pv_vkey_for_witness(&vk, good, bytes, n, NULL), st);
    pv_vkey_free(&vk);
}

static void each_byte_of_the_head(void)
{
    char what[64];
    for (size_t i = 0; i < 88 && i < witness_n; i++) {
        witness[i] = (char)(witness[i] + 1);
        snprintf(what, sizeof what, "a witness with byte %zu one more", i);
        by_witness(what, witness, witness_n);
        witness[i] = (char)(witness[i] - 1);
    }
    for (size_t n = 0; n < 140; n++) {
        snprintf(what, sizeof what, "%zu bytes of it", n);
        by_witness(what, witness, n);
    }
    by_witness("all but one byte", witness, witness_n - 1);
}

/* A third section, before the others and behind them. */
static void other_sections(void)
{
    static const char third[] = { 3, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 'a', 'b' };
    char *more = calloc(1, witness_n + sizeof third);
    memcpy(more, witness, 12);
    more[8] = 3;
    memcpy(more + 12, third, sizeof third);
    memcpy(more + 12 + sizeof third, witness + 12, witness_n - 12);
    by_witness("a third section before the others", more, witness_n + sizeof third);
    memcpy(more, witness, witness_n);
    more[8] = 3;
    memcpy(more + witness_n, third, sizeof third);
    by_witness("a third section behind them", more, witness_n + sizeof third);
    more[witness_n] = 1;
    by_witness("a second header", more, witness_n + sizeof third);
    free(more);
}

static void each_statement(void **state)
{
    static const char *const texts[] = {
        "",
        "[]",
        "5",
        "[\"1\"]",
        "[\"1\", \"2\"]",
        "[1]",
        "[\"x\"]",
        "[\"21888242871839275222246405745257275088548364400416034343698204186575808495617\"]"
    };
    by_publics(publics);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) by_publics(texts[i]);
    by_witness("its witness", witness, witness_n);
    each_byte_of_the_head();
    other_sections();
    by_witness("no witness at all", "input", 5);
}

/* --- no memory --- */

static pv_status all_once(void)
{
    pv_vkey *vk = NULL, *with = NULL, *of = NULL;
    char text[8192];
    struct pv_result r = { .bytes = (uint8_t *)text };
    struct pv_proof_files f = { 0 };
    r.bytes_n = (size_t)snprintf(text, sizeof text, "{\"proof\": %s, \"public\": %s}", proof, publics);
    pv_status st = pv_vkey_of_json(&vk, key, key_n, why);
    if (st == PV_OK) st = pv_vkey_for_publics(&with, vk, publics, publics_n, why);
    if (st == PV_OK) st = pv_vkey_for_witness(&of, with, witness, witness_n, why);
    if (st == PV_OK) st = pv_verify(of, &r, why);
    if (st == PV_OK) st = pv_proof_files_of(&f, &r);
    pv_vkey_free(&of);
    pv_vkey_free(&with);
    pv_vkey_free(&vk);
    pv_proof_files_clear(&f);
    return st;
}

static void no_memory(void **state)
{
    char last[PV_TEXT_BYTES + 64] = "";
    bool more = true;
    for (long n = 0; more; n++) {
        char line[PV_TEXT_BYTES + 64];
        why[0] = 0;
        heap_fail_after(n);
        pv_status st = all_once();
        more = heap_failed();
        heap_fail_after(-1);
        snprintf(line, sizeof line, "%s %s\n", pv_status_word(st), why);
        if (strcmp(line, last))
            golden_tell("without memory: %s", line); /* what libraries allocate differs: not how often */
        snprintf(last, sizeof last, "%s", line);
        assert_true(n < 100000);
    }
    why[0] = 0;
}

static void all_is_golden(void **state)
{
    golden_is(file);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_result), cmocka_unit_test(each_key),
                                        cmocka_unit_test(each_statement), cmocka_unit_test(no_memory),
                                        cmocka_unit_test(all_is_golden) };
    file = argv[1];
    golden_writes(argc > 2 && !strcmp(argv[2], "write"));
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
