/* Keys, proofs and signals that snarkjs made are read, written back byte for byte, and verified; any change in them is
 * refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <jansson.h>
#include <string.h>

#include "codec.h"
#include "run.h"
#include "json_limit.h"
#include "verify.h"
#include "twist_point.h"
#include "vector_file.h"

static const char *const circuits[] = { "mul", "none" };
enum { CIRCUITS = 2 };

/* One circuit's three files as text and as values. */
struct given {
    char *text[3];
    size_t bytes[3];
    struct groth16_vkey vkey;
    struct groth16_proof proof;
    bn254_scalar_packed *publics;
    size_t n;
};

static void given_init(struct given *g, const char *circuit)
{
    static const char *const kind[] = { "vkey", "proof", "public" };
    char path[80];
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "vectors/groth16/%s.%s.json", circuit, kind[i]);
        g->text[i] = vector_file(&g->bytes[i], path);
    }
    assert_int_equal(groth16_vkey_from_json(&g->vkey, g->text[0], g->bytes[0], NULL), GROTH16_OK);
    assert_int_equal(groth16_proof_from_json(&g->proof, g->text[1], g->bytes[1], NULL), GROTH16_OK);
    assert_int_equal(groth16_publics_from_json(&g->publics, &g->n, g->text[2], g->bytes[2], NULL), GROTH16_OK);
}

static void given_clear(struct given *g)
{
    for (int i = 0; i < 3; i++) free(g->text[i]);
    groth16_vkey_clear(&g->vkey);
    free(g->publics);
}

/* In one go and in two parts, which agree. */
static enum groth16_error verified(const struct groth16_vkey *vkey, const struct groth16_proof *proof,
                                   const bn254_scalar_packed *publics, size_t n)
{
    struct groth16_begun begun;
    enum groth16_error whole = groth16_verify(vkey, proof, publics, n);
    enum groth16_error parts = groth16_verify_begin(&begun, vkey, publics, n);
    if (parts == GROTH16_OK) parts = groth16_verify_end(&begun, proof);
    assert_int_equal(parts, whole);
    return whole;
}

static void what_snarkjs_made_verifies(void **state)
{
    for (int i = 0; i < CIRCUITS; i++) {
        struct given g;
        given_init(&g, circuits[i]);
        assert_int_equal(g.n, i == 0 ? 2 : 0);
        assert_int_equal(verified(&g.vkey, &g.proof, g.publics, g.n), GROTH16_OK);
        given_clear(&g);
    }
}

static void what_was_read_is_written_as_snarkjs_wrote_it(void **state)
{
    for (int i = 0; i < CIRCUITS; i++) {
        struct given g;
        given_init(&g, circuits[i]);
        char *again[3] = { groth16_vkey_to_json(&g.vkey), groth16_proof_to_json(&g.proof),
                           groth16_publics_to_json(g.publics, g.n) };
        for (int k = 0; k < 3; k++) {
            assert_string_equal(again[k], g.text[k]);
            free(again[k]);
        }
        given_clear(&g);
    }
}

static void a_proof_of_another_statement_does_not_verify(void **state)
{
    struct given g;
    given_init(&g, "mul");
    for (size_t i = 0; i < g.n; i++) {
        bn254_scalar_packed was = g.publics[i];
        g.publics[i].bytes[0] ^= 1;
        assert_int_equal(verified(&g.vkey, &g.proof, g.publics, g.n), GROTH16_NOT_VERIFIED);
        g.publics[i] = was;
    }
    assert_int_equal(verified(&g.vkey, &g.proof, g.publics, g.n - 1), GROTH16_PUBLIC_COUNT);
    assert_int_equal(verified(&g.vkey, &g.proof, g.publics, g.n + 1), GROTH16_PUBLIC_COUNT);
    bn254_scalar x;
    bn254_scalar_unpack(&x, &g.publics[0]); /* the same residue, not canonical */
    limbs_add(x.l, x.l, BN254_FR_MODULUS);
    bn254_scalar_pack(&g.publics[0], &x);
    assert_int_equal(verified(&g.vkey, &g.proof, g.publics, g.n), GROTH16_BAD_PUBLIC);
    given_clear(&g);
}

/* Other points of the right groups: each of the proof's and each of the key's. */
static void no_point_can_be_another(void **state)
{
    struct given g;
    given_init(&g, "mul");
    bn254_g1_affine *g1[] = { &g.proof.a, &g.proof.c, &g.vkey.ic[0], &g.vkey.ic[1], &g.vkey.ic[2] };
    bn254_g2_affine *g2[] = { &g.proof.b, &g.vkey.gamma2, &g.vkey.delta2 };
    for (size_t i = 0; i < sizeof g1 / sizeof g1[0]; i++) {
        bn254_g1_affine was = *g1[i];
        bn254_g1_affine_neg(g1[i], g1[i]);
        assert_int_equal(verified(&g.vkey, &g.proof, g.publics, g.n), GROTH16_NOT_VERIFIED);
        *g1[i] = BN254_G1_GENERATOR;
        assert_int_equal(verified(&g.vkey, &g.proof, g.publics, g.n), GROTH16_NOT_VERIFIED);
        bn254_g1_affine_set_infinity(g1[i]);
        assert_int_equal(verified(&g.vkey, &g.proof, g.publics, g.n), GROTH16_NOT_VERIFIED);
        *g1[i] = was;
    }
    for (size_t i = 0; i < sizeof g2 / sizeof g2[0]; i++) {
        bn254_g2_affine was = *g2[i];
        bn254_g2_affine_neg(g2[i], g2[i]);
        assert_int_equal(verified(&g.vkey, &g.proof, g.publics, g.n), GROTH16_NOT_VERIFIED);
        *g2[i] = was;
    }
    assert_int_equal(verified(&g.vkey, &g.proof, g.publics, g.n), GROTH16_OK);
    given_clear(&g);
}

static void points_off_their_curve_are_named_as_such(void **state)
{
    struct given g;
    given_init(&g, "mul");
    uint64_t *word[] = { &g.proof.a.x.l[0],    &g.proof.a.y.l[3], &g.proof.b.x.c0.l[1],
                         &g.proof.b.y.c1.l[0], &g.proof.c.x.l[2], &g.proof.c.y.l[0] };
    for (size_t i = 0; i < sizeof word / sizeof word[0]; i++) {
        *word[i] ^= 1;
        assert_int_equal(verified(&g.vkey, &g.proof, g.publics, g.n), GROTH16_BAD_POINT);
        *word[i] ^= 1;
    }
    given_clear(&g);
}

static void a_key_of_raw_points_is_the_key_of_the_json(void **state)
{
    struct given g;
    struct groth16_vkey raw;
    bn254_g1_packed alpha, ic[3];
    bn254_g2_packed beta, gamma, delta;
    given_init(&g, "mul");
    bn254_g1_pack(&alpha, &g.vkey.alpha1);
    bn254_g2_pack(&beta, &g.vkey.beta2);
    bn254_g2_pack(&gamma, &g.vkey.gamma2);
    bn254_g2_pack(&delta, &g.vkey.delta2);
    for (int i = 0; i < 3; i++) bn254_g1_pack(&ic[i], &g.vkey.ic[i]);
    assert_int_equal(groth16_vkey_from_points(&raw, &alpha, &beta, &gamma, &delta, ic, 3), GROTH16_OK);
    char *text = groth16_vkey_to_json(&raw);
    assert_string_equal(text, g.text[0]);
    free(text);
    groth16_vkey_clear(&raw);
    assert_int_equal(groth16_vkey_from_points(&raw, &alpha, &beta, &gamma, &delta, ic, 0), GROTH16_TOO_LARGE);
    assert_int_equal(groth16_vkey_from_points(&raw, &alpha, &beta, &gamma, &delta, ic, (size_t)GROTH16_PUBLICS_MAX + 2),
                     GROTH16_TOO_LARGE);
    ic[2].bytes[5] ^= 1;
    assert_int_equal(groth16_vkey_from_points(&raw, &alpha, &beta, &gamma, &delta, ic, 3), GROTH16_BAD_POINT);
    ic[2].bytes[5] ^= 1;
    memset(&delta, 0, sizeof delta);
    assert_int_equal(groth16_vkey_from_points(&raw, &alpha, &beta, &gamma, &delta, ic, 3), GROTH16_BAD_POINT);
    given_clear(&g);
}

static void infinity_is_written_and_read_as_snarkjs_has_it(void **state)
{
    struct groth16_proof p, back;
    memset(&p, 0, sizeof p);
    memset(&back, 1, sizeof back);
    char *text = groth16_proof_to_json(&p);
    assert_non_null(strstr(text, "\"pi_a\": [\n  \"0\",\n  \"1\",\n  \"0\"\n ]"));
    assert_non_null(strstr(text, "[\n   \"1\",\n   \"0\"\n  ],\n  [\n   \"0\",\n   \"0\"\n  ]\n ]"));
    assert_int_equal(groth16_proof_from_json(&back, text, strlen(text), NULL), GROTH16_OK);
    assert_memory_equal(&p, &back, sizeof p);
    free(text);
}

static void a_proof_without_a_curve_is_read(void **state)
{
    struct given g;
    given_init(&g, "mul");
    json_t *root = json_loads(g.text[1], 0, NULL);
    json_object_del(root, "curve");
    char *text = json_dumps(root, JSON_COMPACT);
    assert_int_equal(groth16_proof_from_json(&g.proof, text, strlen(text), NULL), GROTH16_OK);
    assert_int_equal(verified(&g.vkey, &g.proof, g.publics, g.n), GROTH16_OK);
    free(text);
    json_decref(root);
    given_clear(&g);
}

/* Sets the value at a path such as "pi_b/1/0" to the JSON text given, or deletes it for NULL; then reads the result. */
struct change {
    int file; /* 0 key, 1 proof, 2 signals */
    const char *at, *to;
    enum groth16_error error;
    const char *says;
};

static json_t *changed(const char *text, const char *at, const char *to)
{
    json_t *root = json_loads(text, 0, NULL), *here = root, *value = to ? json_loads(to, JSON_DECODE_ANY, NULL) : NULL;
    char path[64], *part, *rest = path, *next;
    snprintf(path, sizeof path, "%s", at);
    for (part = strtok_r(path, "/", &rest); (next = strtok_r(NULL, "/", &rest)); part = next)
        here = json_is_array(here) ? json_array_get(here, (size_t)atoi(part)) : json_object_get(here, part);
    assert_true(!to || value);
    if (json_is_array(here)) {
        if (value)
            json_array_set_new(here, (size_t)atoi(part), value);
        else
            json_array_remove(here, (size_t)atoi(part));
    } else if (value)
        json_object_set_new(here, part, value);
    else
        json_object_del(here, part);
    return root;
}

static enum groth16_error read_file(int file, const char *text, struct groth16_text *why)
{
    struct groth16_vkey vkey;
    struct groth16_proof proof;
    bn254_scalar_packed *publics;
    size_t n;
    memset(&proof, 0x5a, sizeof proof);
    struct groth16_proof before = proof;
    if (file == 0) {
        enum groth16_error e = groth16_vkey_from_json(&vkey, text, strlen(text), why);
        if (e == GROTH16_OK) groth16_vkey_clear(&vkey);
        return e;
    }
    if (file == 1) {
        enum groth16_error e = groth16_proof_from_json(&proof, text, strlen(text), why);
        assert_true(e == GROTH16_OK || memcmp(&proof, &before, sizeof proof) == 0);
        return e;
    }
    enum groth16_error e = groth16_publics_from_json(&publics, &n, text, strlen(text), why);
    if (e == GROTH16_OK) free(publics);
    return e;
}

#define P_DECIMAL "\"21888242871839275222246405745257275088696311157297823662689037894645226208583\""
#define R_DECIMAL "\"21888242871839275222246405745257275088548364400416034343698204186575808495617\""

static void each_wrong_field_is_refused_and_named(void **state)
{
    static const struct change changes[] = {
        { 0, "protocol", NULL, GROTH16_BAD_JSON, "protocol" },
        { 0, "protocol", "\"plonk\"", GROTH16_BAD_JSON, "plonk" },
        { 0, "curve", "\"bls12381\"", GROTH16_BAD_JSON, "bls12381" },
        { 0, "curve", NULL, GROTH16_BAD_JSON, "curve" },
        { 0, "nPublic", "3", GROTH16_BAD_JSON, "IC" },
        { 0, "nPublic", "-1", GROTH16_BAD_JSON, "nPublic" },
        { 0, "nPublic", "\"2\"", GROTH16_BAD_JSON, "nPublic" },
        { 0, "nPublic", "2000000000", GROTH16_TOO_LARGE, "2,000,000,000 public signals, the limit is 65,536" },
        { 0, "nPublic", "65537", GROTH16_TOO_LARGE, "65,537 public signals, the limit is 65,536" },
        { 0, "nPublic", "65536", GROTH16_BAD_JSON, "IC" },
        { 0, "IC", NULL, GROTH16_BAD_JSON, "IC" },
        { 0, "IC/2", NULL, GROTH16_BAD_JSON, "IC" },
        { 0, "IC/1", "7", GROTH16_BAD_JSON, "IC[1]" },
        { 0, "IC/1/0", "\"5\"", GROTH16_BAD_POINT, "IC[1]" },
        { 0, "vk_alpha_1", NULL, GROTH16_BAD_JSON, "vk_alpha_1" },
        { 0, "vk_alpha_1/2", "\"2\"", GROTH16_BAD_JSON, "vk_alpha_1" },
        { 0, "vk_alpha_1", "[\"0\",\"1\",\"0\"]", GROTH16_BAD_POINT, "infinity" },
        { 0, "vk_beta_2/0/1", "\"1\"", GROTH16_BAD_POINT, "vk_beta_2" },
        { 0, "vk_gamma_2/2", "[\"0\",\"1\"]", GROTH16_BAD_JSON, "vk_gamma_2" },
        { 0, "vk_delta_2", "[[\"0\",\"0\"],[\"1\",\"0\"],[\"0\",\"0\"]]", GROTH16_BAD_POINT, "infinity" },
        { 1, "protocol", "7", GROTH16_BAD_JSON, "protocol" },
        { 1, "curve", "\"bn25\"", GROTH16_BAD_JSON, "\"curve\" is \"bn25\"" },
        { 1, "curve", "\"bn254 of another\"", GROTH16_BAD_JSON, "curve" },
        { 1, "curve", "\"bn1280000000\"", GROTH16_BAD_JSON, "curve" },
        { 1, "curve", "\"\"", GROTH16_BAD_JSON, "curve" },
        { 1, "curve", "254", GROTH16_BAD_JSON, "curve" },
        { 1, "pi_a", NULL, GROTH16_BAD_JSON, "pi_a" },
        { 1, "pi_a/0", "5", GROTH16_BAD_POINT, "pi_a" }, /* a number, and not one of this curve */
        { 1, "pi_a/0", "-5", GROTH16_BAD_JSON, "pi_a" },
        { 1, "pi_a/0", "5.0", GROTH16_BAD_JSON, "pi_a" },
        { 1, "pi_a/0", "true", GROTH16_BAD_JSON, "pi_a" },
        { 1, "pi_a/0", "null", GROTH16_BAD_JSON, "pi_a" },
        { 1, "pi_a/0", "\"0x5\"", GROTH16_BAD_JSON, "\"pi_a\" has \"0x5\"" },
        { 1, "pi_a/0", "\"1\"", GROTH16_BAD_POINT, "pi_a" },
        { 1, "pi_a/1", P_DECIMAL, GROTH16_BAD_POINT, "pi_a" },
        { 1, "pi_a/2", "\"0\"", GROTH16_BAD_JSON, "pi_a" },
        { 1, "pi_a", "[\"1\"]", GROTH16_BAD_JSON, "pi_a" },
        { 1, "pi_a", "[\"1\",\"2\",\"1\",\"1\"]", GROTH16_BAD_JSON, "pi_a" },
        { 1, "pi_a", "[\"0\",\"0\"]", GROTH16_BAD_POINT, "pi_a" },
        { 1, "pi_a", "[\"0\",\"1\"]", GROTH16_BAD_POINT, "pi_a" },
        { 1, "pi_b", "[[\"0\",\"0\"],[\"1\",\"0\"]]", GROTH16_BAD_POINT, "pi_b" },
        { 1, "pi_a", "[\"0\",\"0\",\"1\"]", GROTH16_BAD_POINT, "pi_a" },
        { 1, "pi_b/0", "\"5\"", GROTH16_BAD_JSON, "pi_b" },
        { 1, "pi_b/1/0", "\"1\"", GROTH16_BAD_POINT, "pi_b" },
        { 1, "pi_b/2/1", "\"1\"", GROTH16_BAD_JSON, "pi_b" },
        { 1, "pi_c/0", "\"1\"", GROTH16_BAD_POINT, "pi_c" },
        { 2, "0", "-5", GROTH16_BAD_JSON, "0" },
        { 2, "0", "5.5", GROTH16_BAD_JSON, "0" },
        { 2, "0", "1e3", GROTH16_BAD_JSON, "0" },
        { 2, "0", "[5]", GROTH16_BAD_JSON, "0" },
        { 2, "0", "\"0x5\"", GROTH16_BAD_JSON, "0" },
        { 2, "0", "\"05\"", GROTH16_BAD_JSON, "0" },
        { 2, "1", "\"-5\"", GROTH16_BAD_JSON, "1" },
        { 2, "1", R_DECIMAL, GROTH16_BAD_PUBLIC, "1" },
    };
    struct given g;
    given_init(&g, "mul");
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        const struct change *c = &changes[i];
        struct groth16_text why = { "" };
        json_t *root = changed(g.text[c->file], c->at, c->to);
        char *text = json_dumps(root, 0);
        enum groth16_error e = read_file(c->file, text, &why);
        if (e != c->error || !strstr(why.text, c->says))
            fail_msg("%s <- %s: %d \"%s\"", c->at, c->to ? c->to : "(nothing)", e, why.text);
        free(text);
        json_decref(root);
    }
    given_clear(&g);
}

/* Reads file k of g, changed at a path, and what is read is what was read before. */
static void reads_the_same(const struct given *g, int k, const char *at, const char *to)
{
    json_t *root = changed(g->text[k], at, to);
    char *text = json_dumps(root, 0);
    struct groth16_text why = { "" };
    struct groth16_vkey vkey;
    struct groth16_proof proof;
    enum groth16_error e = k == 0 ? groth16_vkey_from_json(&vkey, text, strlen(text), &why)
                                  : groth16_proof_from_json(&proof, text, strlen(text), &why);
    if (e != GROTH16_OK) fail_msg("%s <- %s: \"%s\"", at, to ? to : "(nothing)", why.text);
    char *again = k == 0 ? groth16_vkey_to_json(&vkey) : groth16_proof_to_json(&proof);
    assert_string_equal(again, g->text[k]);
    if (k == 0) groth16_vkey_clear(&vkey);
    free(again);
    free(text);
    json_decref(root);
}

static void names_of_the_curve_and_points_of_two_coordinates_are_understood(void **state)
{
    static const char *const curves[] = { "\"bn254\"",     "\"BN254\"",     "\"bn128\"",     "\"Bn-128\"",
                                          "\"alt_bn128\"", "\"altbn-128\"", "\"alt-bn-128\"" };
    static const char *const points[] = { "pi_a/2", "pi_b/2", "pi_c/2" };
    static const char *const key_points[] = { "vk_alpha_1/2", "vk_beta_2/2", "vk_gamma_2/2", "vk_delta_2/2", "IC/1/2" };
    struct given g;
    given_init(&g, "mul");
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++)
        for (int k = 0; k < 2; k++) reads_the_same(&g, k, "curve", curves[i]);
    for (size_t i = 0; i < 3; i++) reads_the_same(&g, 1, points[i], NULL);
    for (size_t i = 0; i < 5; i++) reads_the_same(&g, 0, key_points[i], NULL);
    reads_the_same(&g, 1, "pi_a/2", "1");
    reads_the_same(&g, 1, "pi_b/2", "[1, 0]");
    given_clear(&g);
}

/* Takes the quotes off every string of digits, as Python's json writes whole numbers. */
static void unquote(char *text)
{
    char *to = text;
    for (char *from = text; *from;) {
        size_t n = *from == '"' ? strspn(from + 1, "0123456789") : 0;
        bool digits = n > 0 && from[n + 1] == '"';
        memmove(to, from + digits, digits ? n : 1);
        to += digits ? n : 1;
        from += digits ? n + 2 : 1;
    }
    *to = '\0';
}

static void whole_numbers_of_any_length_are_read_exactly(void **state)
{
    struct given g;
    given_init(&g, "mul");
    struct groth16_vkey vkey;
    struct groth16_proof proof;
    bn254_scalar_packed *publics;
    size_t n;
    char *text[3];
    for (int k = 0; k < 3; k++) {
        text[k] = strdup(g.text[k]);
        unquote(text[k]);
        assert_null(strstr(text[k], "\"1\""));
    }
    assert_int_equal(groth16_vkey_from_json(&vkey, text[0], strlen(text[0]), NULL), GROTH16_OK);
    assert_int_equal(groth16_proof_from_json(&proof, text[1], strlen(text[1]), NULL), GROTH16_OK);
    assert_int_equal(groth16_publics_from_json(&publics, &n, text[2], strlen(text[2]), NULL), GROTH16_OK);
    assert_int_equal(n, g.n);
    assert_memory_equal(publics, g.publics, n * sizeof *publics);
    assert_int_equal(verified(&vkey, &proof, publics, n), GROTH16_OK);
    free(publics);
    for (int k = 0; k < 3; k++) free(text[k]);
    groth16_vkey_clear(&vkey);
    given_clear(&g);
}

static void long_numbers_are_read_where_they_are_whole_and_outside_strings(void **state)
{
    static const struct {
        const char *text;
        enum groth16_error error;
    } cases[] = {
        { "[9223372036854775807, 9223372036854775808, 18446744073709551616]", GROTH16_OK },
        { "[0,123456789012345678901234567890\n]", GROTH16_OK },
        { "[\"9223372036854775808\", 9223372036854775808]", GROTH16_OK },
        { "[\"\\\"\", 9223372036854775808]", GROTH16_BAD_JSON },
        { "[-9223372036854775809]", GROTH16_BAD_JSON },
        { "[9223372036854775808.0]", GROTH16_BAD_JSON },
        { "[9223372036854775808e1]", GROTH16_BAD_JSON },
        { "[09223372036854775808]", GROTH16_BAD_JSON },
        { "[1.9223372036854775808, 9223372036854775808]", GROTH16_BAD_JSON },
        { "[9223372036854775808 1]", GROTH16_BAD_JSON },
        { "[9223372036854775808\"]", GROTH16_BAD_JSON },
        { "[21888242871839275222246405745257275088548364400416034343698204186575808495617]", GROTH16_BAD_PUBLIC },
        { "[115792089237316195423570985008687907853269984665640564039457584007913129639936]", GROTH16_BAD_JSON },
        { "9223372036854775808", GROTH16_BAD_JSON },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct groth16_text why = { "" };
        enum groth16_error e = read_file(2, cases[i].text, &why);
        if (e != cases[i].error) fail_msg("%s: %d \"%s\"", cases[i].text, e, why.text);
    }
    bn254_scalar_packed *publics;
    size_t n;
    assert_int_equal(groth16_publics_from_json(&publics, &n, cases[0].text, strlen(cases[0].text), NULL), GROTH16_OK);
    char text[BN254_DECIMAL_BYTES];
    bn254_scalar v;
    bn254_scalar_unpack(&v, &publics[2]);
    bn254_scalar_to_decimal(text, &v);
    assert_string_equal(text, "18446744073709551616");
    free(publics);
}

static void a_point_outside_the_subgroup_is_refused(void **state)
{
    struct given g;
    given_init(&g, "mul");
    bn254_g2_affine p;
    bn254_fp2 x;
    bn254_fp2_set_one(&x); /* the first x = 1, 2, 4 .. with a point above it; one in 2^254 of them is in the subgroup */
    while (!twist_point_above(&p, &x)) bn254_fp2_dbl(&x, &x);
    assert_true(bn254_g2_is_on_curve(&p) && !bn254_g2_is_in_subgroup(&p));
    g.proof.b = p;
    assert_int_equal(verified(&g.vkey, &g.proof, g.publics, g.n), GROTH16_BAD_POINT);
    char *text = groth16_proof_to_json(&g.proof);
    assert_int_equal(read_file(1, text, NULL), GROTH16_BAD_POINT);
    free(text);
    given_clear(&g);
}

static void what_is_not_such_json_is_refused(void **state)
{
    static const char *const bad[] = { "",        "{",     "null", "7",
                                       "\"x\"",   "{} {}", "[1,",  "{\"protocol\":\"groth16\"}",
                                       "\xff\xfe" };
    struct groth16_text why;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        for (int file = 0; file < 3; file++) {
            why.text[0] = '\0';
            assert_int_equal(read_file(file, bad[i], &why), GROTH16_BAD_JSON);
            assert_true(why.text[0] != '\0');
        }
    assert_int_equal(read_file(0, "[]", NULL), GROTH16_BAD_JSON);
    assert_int_equal(read_file(1, "[]", NULL), GROTH16_BAD_JSON);
    assert_int_equal(read_file(2, "{}", NULL), GROTH16_BAD_JSON);
    assert_int_equal(read_file(1, "{\"protocol\":\"groth16\",\"protocol\":\"groth16\"}", &why), GROTH16_BAD_JSON);
    assert_int_equal(read_file(2, "[]", NULL), GROTH16_OK);
}

/* Any text cut short is refused, without a crash. */
static void every_prefix_is_refused(void **state)
{
    struct given g;
    given_init(&g, "none");
    for (size_t n = 0; n < g.bytes[1]; n += 7) {
        struct groth16_proof p;
        assert_int_equal(groth16_proof_from_json(&p, g.text[1], n, NULL), GROTH16_BAD_JSON);
    }
    given_clear(&g);
}

static void too_large_is_refused_unread(void **state)
{
    struct groth16_proof p;
    struct groth16_text why;
    assert_int_equal(groth16_proof_from_json(&p, "x", (size_t)GROTH16_JSON_BYTES_MAX + 1, &why), GROTH16_TOO_LARGE);
    assert_string_equal(why.text, "33554433 bytes of JSON, the limit is 33554432");
    size_t n = (size_t)GROTH16_PUBLICS_MAX + 1;
    char *text = malloc(4 * n + 3), *at = text;
    *at++ = '[';
    for (size_t i = 0; i < n; i++) at += sprintf(at, "%s\"1\"", i ? "," : "");
    strcpy(at, "]");
    assert_int_equal(read_file(2, text, &why), GROTH16_TOO_LARGE);
    assert_string_equal(why.text, "65,537 public signals, the limit is 65,536");
    strcpy(at - 4, "]");
    assert_int_equal(read_file(2, text, &why), GROTH16_OK);
    free(text);
    static const bn254_g1_packed unread[1];
    static const bn254_g2_packed point;
    struct groth16_vkey vkey;
    why.text[0] = '\0';
    assert_int_equal(
        groth16_vkey_from_points_of(&vkey, unread, &point, &point, &point, unread, n + 1, GROTH16_KEYS_SOUND, &why),
        GROTH16_TOO_LARGE);
    assert_string_equal(why.text, "65,537 public signals, the limit is 65,536");
    assert_int_equal(groth16_too_many(999, &why), GROTH16_TOO_LARGE);
    assert_non_null(strstr(why.text, "999 public"));
}

/* Values are counted as they stand in the text, so that what is in strings does not count and what is not parsed does.
 * */
static void too_many_values_are_refused_unparsed(void **state)
{
    size_t most = GROTH16_JSON_VALUES_MAX, room = most + 16;
    char *text = malloc(room);
    memset(text, ',', room);
    assert_true(groth16_json_fits(text, most));
    assert_false(groth16_json_fits(text, most + 1));
    memcpy(text, "\"\\\"", 3); /* a string that does not end: its second quote is escaped */
    assert_true(groth16_json_fits(text, room));
    memcpy(text, "\"\",", 3);
    assert_false(groth16_json_fits(text, room));
    assert_true(groth16_json_fits("\"\\", 2));
    memset(text, ',', room);
    struct groth16_proof p;
    struct groth16_text why;
    assert_int_equal(groth16_proof_from_json(&p, text, room, &why), GROTH16_TOO_LARGE);
    assert_non_null(strstr(why.text, "327680 values of JSON, which is the limit"));
    free(text);
}

/* A bracket in a string is none, and one that closes nothing takes nothing away. */
static void deep_json_is_refused_unparsed(void **state)
{
    enum { MOST = GROTH16_JSON_DEPTH_MAX };
    char text[2 * MOST + 16];
    struct groth16_proof p;
    struct groth16_text why;
    int n = snprintf(text, sizeof text, "%.*s\"[[{\"%.*s", MOST, "[[[[[[[[[[[[[[[[", MOST, "]]]]]]]]]]]]]]]]");
    assert_true(groth16_json_fits(text, (size_t)n) && groth16_json_is_shallow(text, (size_t)n));
    n = snprintf(text, sizeof text, "]}{%.*s", MOST, "[[[[[[[[[[[[[[[[");
    assert_false(groth16_json_fits(text, (size_t)n) || groth16_json_is_shallow(text, (size_t)n));
    assert_int_equal(groth16_proof_from_json(&p, text, (size_t)n, &why), GROTH16_TOO_LARGE);
    assert_non_null(strstr(why.text, "16 deep"));
}

static void every_error_has_its_sentence(void **state)
{
    for (int e = GROTH16_OK; e <= GROTH16_NOT_VERIFIED; e++)
        for (int f = e + 1; f <= GROTH16_NOT_VERIFIED; f++)
            assert_string_not_equal(groth16_error_text((enum groth16_error)e),
                                    groth16_error_text((enum groth16_error)f));
}

static void paths_have_names_and_runs_have_defaults(void **state)
{
    enum bn254_path path = BN254_PATH_PORTABLE;
    for (int i = BN254_PATH_AUTO; i <= BN254_PATH_IFMA; i++) {
        assert_true(bn254_path_parse(&path, bn254_path_name((enum bn254_path)i)));
        assert_int_equal(path, i);
    }
    assert_false(bn254_path_parse(&path, "avx9"));
    assert_true(bn254_path_available(BN254_PATH_PORTABLE) && bn254_path_available(bn254_path_best()));
    assert_true(bn254_run_threads(NULL) >= 1 && !bn254_run_stopped(NULL));
    assert_int_equal(bn254_run_path(NULL), bn254_path_best());
    atomic_int stop = 0;
    struct bn254_run run = { .path = BN254_PATH_PORTABLE, .threads = 5, .stop = &stop };
    assert_int_equal(bn254_run_path(&run), BN254_PATH_PORTABLE);
    assert_int_equal(bn254_run_threads(&run), 5);
    assert_false(bn254_run_stopped(&run));
    stop = 1;
    assert_true(bn254_run_stopped(&run));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_snarkjs_made_verifies),
        cmocka_unit_test(what_was_read_is_written_as_snarkjs_wrote_it),
        cmocka_unit_test(a_proof_of_another_statement_does_not_verify),
        cmocka_unit_test(no_point_can_be_another),
        cmocka_unit_test(points_off_their_curve_are_named_as_such),
        cmocka_unit_test(names_of_the_curve_and_points_of_two_coordinates_are_understood),
        cmocka_unit_test(whole_numbers_of_any_length_are_read_exactly),
        cmocka_unit_test(long_numbers_are_read_where_they_are_whole_and_outside_strings),
        cmocka_unit_test(a_key_of_raw_points_is_the_key_of_the_json),
        cmocka_unit_test(infinity_is_written_and_read_as_snarkjs_has_it),
        cmocka_unit_test(a_proof_without_a_curve_is_read),
        cmocka_unit_test(each_wrong_field_is_refused_and_named),
        cmocka_unit_test(a_point_outside_the_subgroup_is_refused),
        cmocka_unit_test(what_is_not_such_json_is_refused),
        cmocka_unit_test(every_prefix_is_refused),
        cmocka_unit_test(too_large_is_refused_unread),
        cmocka_unit_test(too_many_values_are_refused_unparsed),
        cmocka_unit_test(deep_json_is_refused_unparsed),
        cmocka_unit_test(every_error_has_its_sentence),
        cmocka_unit_test(paths_have_names_and_runs_have_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
