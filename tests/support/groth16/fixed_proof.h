/** A proof with r and s fixed, held to the one that snarkjs made with the same numbers (vectors/groth16_fixed.json). For cmocka
 *  tests that link pv_prove_groth16, jansson and gmp. */
#ifndef FIXED_PROOF_H
#define FIXED_PROOF_H

#include "prove.h"

#include <gmp.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* The source of randomness: r, then s, each a decimal number. */
struct fixed_blinding {
    const char *decimal[2];
    int next;
};

static inline pv_status fixed_random(void *arg, uint8_t *bytes, size_t n)
{
    struct fixed_blinding *f = arg;
    mpz_t k;
    assert_int_equal(n, 32);
    assert_true(f->next < 2);
    mpz_init_set_str(k, f->decimal[f->next++], 10);
    memset(bytes, 0, n);
    mpz_export(bytes, NULL, -1, 1, -1, 0, k);
    mpz_clear(k);
    return PV_OK;
}

static inline void fixed_compare(const json_t *want, const struct groth16_proof *proof, const struct wtns *w,
                                 uint32_t publics)
{
    char *text = groth16_proof_to_json(proof), *signals = groth16_publics_to_json(w->values + 1, publics);
    json_t *ours = json_loads(text, 0, NULL), *ours_public = json_loads(signals, 0, NULL);
    assert_true(json_equal(ours, json_object_get(want, "proof")));
    assert_true(json_equal(ours_public, json_object_get(want, "public")));
    json_decref(ours);
    json_decref(ours_public);
    free(text);
    free(signals);
}

/** Proves data/NAME/ with key and want's r and s, and fails the test unless proof and public signals are want's. */
static inline void fixed_prove(struct prove_key *key, const char *name, const json_t *want, const struct prove_run *run)
{
    char path[128];
    struct prove_error err = { 0 };
    struct wtns w;
    struct groth16_proof proof;
    struct fixed_blinding fixed = {
        { json_string_value(json_object_get(want, "r")), json_string_value(json_object_get(want, "s")) }, 0
    };
    const struct prove_options fixing = { .random = fixed_random, .random_arg = &fixed };
    snprintf(path, sizeof path, "data/%s/witness.wtns", name);
    if (wtns_open(&w, path, &err) != PV_OK) fail_msg("%s: %s", name, err.text);
    if (prove_groth16(&proof, key, &w, &fixing, run, &err) != PV_OK) fail_msg("%s: %s", name, err.text);
    assert_int_equal(fixed.next, 2);
    fixed_compare(want, &proof, &w, prove_key_zkey(key)->publics);
    wtns_close(&w);
}

/** The key of data/NAME/, opened with backend; fails the test when it cannot be. */
static inline struct prove_key *fixed_key(const char *name, const struct backend *backend,
                                          const struct backend_options *options, const struct prove_run *run)
{
    char path[128];
    struct prove_error err = { 0 };
    struct prove_key *key = NULL;
    snprintf(path, sizeof path, "data/%s/circuit.zkey", name);
    if (prove_key_new(&key, path, backend, options, run, &err) != PV_OK) fail_msg("%s: %s", name, err.text);
    return key;
}

/** The expected proofs, a member for each circuit in data/; NULL when they cannot be read. */
static inline json_t *fixed_vectors(void)
{
    return json_load_file("vectors/groth16_fixed.json", 0, NULL);
}

#endif
