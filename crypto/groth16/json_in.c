#include "json_in.h"

#include "codec.h"
#include "json_limit.h"

#include <stdarg.h>
#include <stdio.h>

bool json_in_fail(struct json_in *in, enum groth16_error error, const char *format, ...)
{
    if (in->error != GROTH16_OK) return false;
    va_list args;
    va_start(args, format);
    vsnprintf(in->why.text, sizeof in->why.text, format, args);
    va_end(args);
    in->error = error;
    return false;
}

enum groth16_error json_in_end(const struct json_in *in, struct groth16_text *why)
{
    if (in->error != GROTH16_OK && why) *why = in->why;
    return in->error;
}

json_t *json_in_parse(struct json_in *in, const char *json, size_t bytes)
{
    json_error_t e;
    if (!groth16_json_fits(json, bytes)) {
        json_in_fail(in, GROTH16_TOO_LARGE, "%zu bytes of JSON: the limits are %d bytes and %d values", bytes,
                     GROTH16_JSON_BYTES_MAX, GROTH16_JSON_VALUES_MAX);
        return NULL;
    }
    json_t *root = json_loadb(json, bytes, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
    if (root) return root;
    if (json_error_code(&e) == json_error_out_of_memory)
        json_in_fail(in, GROTH16_NO_MEMORY, "out of memory");
    else
        json_in_fail(in, GROTH16_BAD_JSON, "not JSON: line %d: %s", e.line, e.text);
    return NULL;
}

bool json_in_word(struct json_in *in, const json_t *object, const char *name, const char *wanted, bool optional)
{
    const json_t *value = json_object_get(object, name);
    if (!value && optional) return true;
    if (!value) return json_in_fail(in, GROTH16_BAD_JSON, "\"%s\" is missing", name);
    const char *text = json_string_value(value);
    if (!text) return json_in_fail(in, GROTH16_BAD_JSON, "\"%s\" is not a string", name);
    if (strcmp(text, wanted) != 0)
        return json_in_fail(in, GROTH16_BAD_JSON, "\"%s\" is \"%.32s\", not \"%s\"", name, text, wanted);
    return true;
}

/* Whether value is an array of n. */
static bool array_of(struct json_in *in, const json_t *value, size_t n, const char *name)
{
    if (!value) return json_in_fail(in, GROTH16_BAD_JSON, "\"%s\" is missing", name);
    if (!json_is_array(value) || json_array_size(value) != n)
        return json_in_fail(in, GROTH16_BAD_JSON, "\"%s\" is not an array of %zu", name, n);
    return true;
}

static bool number(struct json_in *in, bn254_scalar *r, const json_t *value, const char *name)
{
    const char *text = json_string_value(value);
    if (!text || !bn254_scalar_from_decimal(r, text))
        return json_in_fail(in, GROTH16_BAD_JSON, "\"%s\" is not made of decimal strings", name);
    return true;
}

static bool coordinate(struct json_in *in, bn254_fp *r, const json_t *value, const char *name)
{
    bn254_scalar v;
    if (!number(in, &v, value, name)) return false;
    if (!limbs_less(v.l, BN254_FP_MODULUS))
        return json_in_fail(in, GROTH16_BAD_POINT, "\"%s\" has a coordinate that is not below p", name);
    bn254_fp_from_scalar(r, &v);
    return true;
}

static bool coordinate2(struct json_in *in, bn254_fp2 *r, const json_t *value, const char *name)
{
    return array_of(in, value, 2, name) && coordinate(in, &r->c0, json_array_get(value, 0), name) &&
           coordinate(in, &r->c1, json_array_get(value, 1), name);
}

/* What the third coordinate says: the point is affine, or it is snarkjs's infinity, (0, 1, 0). */
enum projective { AFFINE, INFINITY_POINT, NEITHER };

bool json_in_g1(struct json_in *in, bn254_g1_affine *r, const json_t *value, const char *name)
{
    bn254_g1_affine p;
    bn254_fp z;
    if (!array_of(in, value, 3, name) || !coordinate(in, &p.x, json_array_get(value, 0), name) ||
        !coordinate(in, &p.y, json_array_get(value, 1), name) || !coordinate(in, &z, json_array_get(value, 2), name))
        return false;
    enum projective kind = bn254_fp_is_one(&z)                                                       ? AFFINE
                           : bn254_fp_is_zero(&z) && bn254_fp_is_zero(&p.x) && bn254_fp_is_one(&p.y) ? INFINITY_POINT
                                                                                                     : NEITHER;
    if (kind == NEITHER) return json_in_fail(in, GROTH16_BAD_JSON, "\"%s\": the third coordinate is not \"1\"", name);
    if (kind == INFINITY_POINT)
        bn254_g1_affine_set_infinity(&p);
    else if (bn254_g1_affine_is_infinity(&p) || !bn254_g1_is_on_curve(&p))
        return json_in_fail(in, GROTH16_BAD_POINT, "\"%s\" is not on the curve", name);
    *r = p;
    return true;
}

bool json_in_g2(struct json_in *in, bn254_g2_affine *r, const json_t *value, const char *name)
{
    bn254_g2_affine p;
    bn254_fp2 z;
    if (!array_of(in, value, 3, name) || !coordinate2(in, &p.x, json_array_get(value, 0), name) ||
        !coordinate2(in, &p.y, json_array_get(value, 1), name) || !coordinate2(in, &z, json_array_get(value, 2), name))
        return false;
    enum projective kind = bn254_fp2_is_one(&z)                                                         ? AFFINE
                           : bn254_fp2_is_zero(&z) && bn254_fp2_is_zero(&p.x) && bn254_fp2_is_one(&p.y) ? INFINITY_POINT
                                                                                                        : NEITHER;
    if (kind == NEITHER)
        return json_in_fail(in, GROTH16_BAD_JSON, "\"%s\": the third coordinate is not [\"1\", \"0\"]", name);
    if (kind == INFINITY_POINT)
        bn254_g2_affine_set_infinity(&p);
    else if (bn254_g2_affine_is_infinity(&p) || !bn254_g2_is_on_curve(&p) || !bn254_g2_is_in_subgroup(&p))
        return json_in_fail(in, GROTH16_BAD_POINT, "\"%s\" is not in the group of order r", name);
    *r = p;
    return true;
}

bool json_in_public(struct json_in *in, bn254_scalar_packed *r, const json_t *value, size_t index)
{
    const char *text = json_string_value(value);
    bn254_scalar v;
    if (!text || !bn254_scalar_from_decimal(&v, text))
        return json_in_fail(in, GROTH16_BAD_JSON, "public signal %zu is not a decimal string", index);
    if (!bn254_scalar_is_canonical(&v))
        return json_in_fail(in, GROTH16_BAD_PUBLIC, "public signal %zu is not below r", index);
    bn254_scalar_pack(r, &v);
    return true;
}
