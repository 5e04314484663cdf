#include "proof.h"

#include "codec.h"
#include "json_in.h"
#include "json_out.h"

#include <stdlib.h>

static bool read_proof(struct json_in *in, struct groth16_proof *proof, const json_t *root)
{
    if (!json_is_object(root)) return json_in_fail(in, GROTH16_BAD_JSON, "the proof is not a JSON object");
    return json_in_word(in, root, "protocol", "groth16") && json_in_curve(in, root, true) &&
           json_in_g1(in, &proof->a, json_object_get(root, "pi_a"), "pi_a") &&
           json_in_g2(in, &proof->b, json_object_get(root, "pi_b"), "pi_b") &&
           json_in_g1(in, &proof->c, json_object_get(root, "pi_c"), "pi_c");
}

enum groth16_error groth16_proof_from_json(struct groth16_proof *proof, const char *json, size_t bytes,
                                           struct groth16_text *why)
{
    struct json_in in = { .error = GROTH16_OK };
    struct groth16_proof read;
    json_t *root = json_in_parse(&in, json, bytes);
    if (root && read_proof(&in, &read, root)) *proof = read;
    json_decref(root);
    return json_in_end(&in, why);
}

char *groth16_proof_to_json(const struct groth16_proof *proof)
{
    struct json_out o = { 0 };
    json_out_open(&o, NULL, '{');
    json_out_g1(&o, "pi_a", &proof->a);
    json_out_g2(&o, "pi_b", &proof->b);
    json_out_g1(&o, "pi_c", &proof->c);
    json_out_string(&o, "protocol", "groth16");
    json_out_string(&o, "curve", "bn128");
    json_out_close(&o, '}');
    return json_out_take(&o);
}

static bool read_publics(struct json_in *in, bn254_scalar_packed **publics, const json_t *root)
{
    if (!json_is_array(root)) return json_in_fail(in, GROTH16_BAD_JSON, "the public signals are not a JSON array");
    size_t n = json_array_size(root);
    if (n > GROTH16_PUBLICS_MAX) return json_in_too_many(in, n);
    bn254_scalar_packed *read = calloc(n + 1, sizeof *read); /* n may be 0 */
    if (!read) return json_in_fail(in, GROTH16_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++) {
        if (json_in_public(in, &read[i], json_array_get(root, i), i)) continue;
        free(read);
        return false;
    }
    *publics = read;
    return true;
}

enum groth16_error groth16_publics_from_json(bn254_scalar_packed **publics, size_t *n, const char *json, size_t bytes,
                                             struct groth16_text *why)
{
    struct json_in in = { .error = GROTH16_OK };
    json_t *root = json_in_parse(&in, json, bytes);
    if (root && read_publics(&in, publics, root)) *n = json_array_size(root);
    json_decref(root);
    return json_in_end(&in, why);
}

char *groth16_publics_to_json(const bn254_scalar_packed *publics, size_t n)
{
    struct json_out o = { 0 };
    bn254_scalar v;
    json_out_open(&o, NULL, '[');
    for (size_t i = 0; i < n; i++) {
        bn254_scalar_unpack(&v, &publics[i]);
        json_out_scalar(&o, &v);
    }
    json_out_close(&o, ']');
    return json_out_take(&o);
}
