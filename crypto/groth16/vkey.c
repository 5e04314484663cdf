#include "vkey.h"

#include "codec.h"
#include "pairing.h"
#include "json_in.h"
#include "json_out.h"
#include "soundness.h"

#include <stdlib.h>

/* None of the four is infinity, and e(alpha, beta) is known. */
static bool complete(struct groth16_vkey *v)
{
    if (bn254_g1_affine_is_infinity(&v->alpha1) || bn254_g2_affine_is_infinity(&v->beta2) ||
        bn254_g2_affine_is_infinity(&v->gamma2) || bn254_g2_affine_is_infinity(&v->delta2))
        return false;
    bn254_pairing(&v->alphabeta, &v->alpha1, &v->beta2);
    return true;
}

static enum groth16_error sound(const struct groth16_vkey *v, enum groth16_keys keys, struct groth16_text *why)
{
    return keys == GROTH16_KEYS_SOUND ? groth16_soundness(v, why) : GROTH16_OK;
}

static bool decode_ic(struct groth16_vkey *v, const bn254_g1_packed *ic)
{
    for (size_t i = 0; i <= v->publics; i++)
        if (!bn254_g1_decode(&v->ic[i], &ic[i])) return false;
    return true;
}

enum groth16_error groth16_vkey_from_points_of(struct groth16_vkey *vkey, const bn254_g1_packed *alpha1,
                                               const bn254_g2_packed *beta2, const bn254_g2_packed *gamma2,
                                               const bn254_g2_packed *delta2, const bn254_g1_packed *ic,
                                               size_t ic_count, enum groth16_keys keys, struct groth16_text *why)
{
    struct groth16_vkey v = { .publics = ic_count - 1 };
    if (ic_count == 0 || v.publics > GROTH16_PUBLICS_MAX) return groth16_too_many(v.publics, why);
    if (!bn254_g1_decode(&v.alpha1, alpha1) || !bn254_g2_decode(&v.beta2, beta2, BN254_G2_IN_SUBGROUP) ||
        !bn254_g2_decode(&v.gamma2, gamma2, BN254_G2_IN_SUBGROUP) ||
        !bn254_g2_decode(&v.delta2, delta2, BN254_G2_IN_SUBGROUP))
        return GROTH16_BAD_POINT;
    v.ic = calloc(ic_count, sizeof *v.ic);
    if (!v.ic) return GROTH16_NO_MEMORY;
    enum groth16_error e = decode_ic(&v, ic) && complete(&v) ? sound(&v, keys, why) : GROTH16_BAD_POINT;
    if (e == GROTH16_OK)
        *vkey = v;
    else
        groth16_vkey_clear(&v);
    return e;
}

enum groth16_error groth16_vkey_from_points(struct groth16_vkey *vkey, const bn254_g1_packed *alpha1,
                                            const bn254_g2_packed *beta2, const bn254_g2_packed *gamma2,
                                            const bn254_g2_packed *delta2, const bn254_g1_packed *ic, size_t ic_count)
{
    return groth16_vkey_from_points_of(vkey, alpha1, beta2, gamma2, delta2, ic, ic_count, GROTH16_KEYS_SOUND, NULL);
}

static bool read_points(struct json_in *in, struct groth16_vkey *v, const json_t *root)
{
    return json_in_g1(in, &v->alpha1, json_object_get(root, "vk_alpha_1"), "vk_alpha_1") &&
           json_in_g2(in, &v->beta2, json_object_get(root, "vk_beta_2"), "vk_beta_2") &&
           json_in_g2(in, &v->gamma2, json_object_get(root, "vk_gamma_2"), "vk_gamma_2") &&
           json_in_g2(in, &v->delta2, json_object_get(root, "vk_delta_2"), "vk_delta_2");
}

static bool read_count(struct json_in *in, struct groth16_vkey *v, const json_t *root)
{
    const json_t *n = json_object_get(root, "nPublic"), *ic = json_object_get(root, "IC");
    if (!json_is_integer(n) || json_integer_value(n) < 0)
        return json_in_fail(in, GROTH16_BAD_JSON, "\"nPublic\" is not a count");
    if (json_integer_value(n) > GROTH16_PUBLICS_MAX) return json_in_too_many(in, (size_t)json_integer_value(n));
    v->publics = (size_t)json_integer_value(n);
    if (!json_is_array(ic) || json_array_size(ic) != v->publics + 1)
        return json_in_fail(in, GROTH16_BAD_JSON, "\"IC\" is not an array of nPublic + 1 = %zu", v->publics + 1);
    return true;
}

static bool read_ic(struct json_in *in, struct groth16_vkey *v, const json_t *ic)
{
    char name[32];
    v->ic = calloc(v->publics + 1, sizeof *v->ic);
    if (!v->ic) return json_in_fail(in, GROTH16_NO_MEMORY, "out of memory");
    for (size_t i = 0; i <= v->publics; i++) {
        snprintf(name, sizeof name, "IC[%zu]", i);
        if (!json_in_g1(in, &v->ic[i], json_array_get(ic, i), name)) return false;
    }
    return true;
}

static bool read_sound(struct json_in *in, const struct groth16_vkey *v, enum groth16_keys keys)
{
    struct groth16_text why = { "" };
    enum groth16_error e = sound(v, keys, &why);
    return e == GROTH16_OK || json_in_fail(in, e, "%s", why.text);
}

static bool read_vkey(struct json_in *in, struct groth16_vkey *v, const json_t *root, enum groth16_keys keys)
{
    if (!json_is_object(root)) return json_in_fail(in, GROTH16_BAD_JSON, "the verification key is not a JSON object");
    if (!json_in_word(in, root, "protocol", "groth16") || !json_in_curve(in, root, false) || !read_count(in, v, root) ||
        !read_points(in, v, root) || !read_ic(in, v, json_object_get(root, "IC")))
        return false;
    if (!complete(v)) return json_in_fail(in, GROTH16_BAD_POINT, "one of alpha, beta, gamma and delta is infinity");
    return read_sound(in, v, keys);
}

enum groth16_error groth16_vkey_from_json(struct groth16_vkey *vkey, const char *json, size_t bytes,
                                          struct groth16_text *why)
{
    return groth16_vkey_from_json_of(vkey, json, bytes, GROTH16_KEYS_SOUND, why);
}

enum groth16_error groth16_vkey_from_json_of(struct groth16_vkey *vkey, const char *json, size_t bytes,
                                             enum groth16_keys keys, struct groth16_text *why)
{
    struct json_in in = { .error = GROTH16_OK };
    struct groth16_vkey v = { .ic = NULL };
    json_t *root = json_in_parse(&in, json, bytes);
    if (root && read_vkey(&in, &v, root, keys))
        *vkey = v;
    else
        groth16_vkey_clear(&v);
    json_decref(root);
    return json_in_end(&in, why);
}

static void put_fp6(struct json_out *o, const bn254_fp6 *a)
{
    json_out_open(o, NULL, '[');
    json_out_fp2(o, &a->c0);
    json_out_fp2(o, &a->c1);
    json_out_fp2(o, &a->c2);
    json_out_close(o, ']');
}

char *groth16_vkey_to_json(const struct groth16_vkey *v)
{
    struct json_out o = { 0 };
    json_out_open(&o, NULL, '{');
    json_out_string(&o, "protocol", "groth16");
    json_out_string(&o, "curve", "bn128");
    json_out_size(&o, "nPublic", v->publics);
    json_out_g1(&o, "vk_alpha_1", &v->alpha1);
    json_out_g2(&o, "vk_beta_2", &v->beta2);
    json_out_g2(&o, "vk_gamma_2", &v->gamma2);
    json_out_g2(&o, "vk_delta_2", &v->delta2);
    json_out_open(&o, "vk_alphabeta_12", '[');
    put_fp6(&o, &v->alphabeta.c0);
    put_fp6(&o, &v->alphabeta.c1);
    json_out_close(&o, ']');
    json_out_open(&o, "IC", '[');
    for (size_t i = 0; i <= v->publics; i++) json_out_g1(&o, NULL, &v->ic[i]);
    json_out_close(&o, ']');
    json_out_close(&o, '}');
    return json_out_take(&o);
}

void groth16_vkey_clear(struct groth16_vkey *vkey)
{
    free(vkey->ic);
    vkey->ic = NULL;
    vkey->publics = 0;
}
