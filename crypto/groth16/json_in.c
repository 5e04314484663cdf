#include "json_in.h"

#include "codec.h"
#include "json_limit.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

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

bool json_in_too_many(struct json_in *in, size_t n)
{
    struct groth16_text why;
    enum groth16_error e = groth16_too_many(n, &why);
    return json_in_fail(in, e, "%s", why.text);
}

enum groth16_error json_in_end(const struct json_in *in, struct groth16_text *why)
{
    if (in->error != GROTH16_OK && why) *why = in->why;
    return in->error;
}

static bool fits(struct json_in *in, const char *json, size_t bytes)
{
    if (groth16_json_fits(json, bytes)) return true;
    if (bytes > GROTH16_JSON_BYTES_MAX)
        return json_in_fail(in, GROTH16_TOO_LARGE, "%zu bytes of JSON, the limit is %d", bytes, GROTH16_JSON_BYTES_MAX);
    if (!groth16_json_is_shallow(json, bytes))
        return json_in_fail(in, GROTH16_TOO_LARGE, "JSON nested more than %d deep, which no key or proof is",
                            GROTH16_JSON_DEPTH_MAX);
    return json_in_fail(in, GROTH16_TOO_LARGE,
                        "more than %d values of JSON, which is the limit: a key has at most %d public signals",
                        GROTH16_JSON_VALUES_MAX, GROTH16_PUBLICS_MAX);
}

enum { LONG_DIGITS = 19 }; /* the largest of 64 bits has as many */

/* Bytes of the whole number of at least LONG_DIGITS at json[at], which stands outside strings; 0: none is there. */
static size_t long_number(const char *json, size_t bytes, size_t at)
{
    size_t n = 0;
    if (at > 0 && strchr("0123456789.+-eE", json[at - 1])) return 0;
    while (at + n < bytes && isdigit((unsigned char)json[at + n])) n++;
    bool whole = at + n == bytes || !strchr(".eE", json[at + n]);
    return n >= LONG_DIGITS && whole ? n : 0;
}

/* Copies json with quotes around its long numbers, of which Jansson would refuse every one; to NULL: only counts. */
static size_t quote_long(char *to, const char *json, size_t bytes)
{
    size_t used = 0;
    bool inside = false;
    for (size_t i = 0; i < bytes;) {
        size_t number = inside ? 0 : long_number(json, bytes, i), step = number ? number : 1;
        if (json[i] == '"') inside = !inside;
        if (inside && json[i] == '\\' && i + 1 < bytes) step = 2;
        if (to && number) to[used] = to[used + 1 + number] = '"';
        if (to) memcpy(to + used + (number > 0), json + i, step);
        used += step + (number ? 2 : 0);
        i += step;
    }
    return used;
}

static json_t *parse(const char *json, size_t bytes, json_error_t *e)
{
    static const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY;
    json_t *root = json_loadb(json, bytes, flags, e);
    if (root || json_error_code(e) != json_error_numeric_overflow) return root;
    size_t more = quote_long(NULL, json, bytes);
    char *quoted = malloc(more);
    if (!quoted) return NULL; /* what is said then is what Jansson said */
    quote_long(quoted, json, bytes);
    root = json_loadb(quoted, more, flags, e);
    free(quoted);
    return root;
}

json_t *json_in_parse(struct json_in *in, const char *json, size_t bytes)
{
    json_error_t e;
    if (!fits(in, json, bytes)) return NULL;
    json_t *root = parse(json, bytes, &e);
    if (root) return root;
    if (json_error_code(&e) == json_error_out_of_memory)
        json_in_fail(in, GROTH16_NO_MEMORY, "out of memory");
    else
        json_in_fail(in, GROTH16_BAD_JSON, "not JSON: line %d: %s", e.line, e.text);
    return NULL;
}

/* The string object[name]; NULL: there is none, which is an error. */
static const char *word(struct json_in *in, const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    const char *text = json_string_value(value);
    if (!value) json_in_fail(in, GROTH16_BAD_JSON, "\"%s\" is missing", name);
    if (!text) json_in_fail(in, GROTH16_BAD_JSON, "\"%s\" is not a string", name);
    return text;
}

bool json_in_word(struct json_in *in, const json_t *object, const char *name, const char *wanted)
{
    const char *text = word(in, object, name);
    if (!text || strcmp(text, wanted) == 0) return text;
    return json_in_fail(in, GROTH16_BAD_JSON, "\"%s\" is \"%.32s\", not \"%s\"", name, text, wanted);
}

/* As snarkjs compares names: letters and digits alone, in capitals. */
static bool is_bn254(const char *text)
{
    char name[12];
    size_t n = 0;
    for (; *text && n < sizeof name - 1; text++)
        if (isalnum((unsigned char)*text)) name[n++] = (char)toupper((unsigned char)*text);
    name[n] = '\0';
    return !*text && (!strcmp(name, "BN128") || !strcmp(name, "BN254") || !strcmp(name, "ALTBN128"));
}

bool json_in_curve(struct json_in *in, const json_t *object, bool optional)
{
    if (optional && !json_object_get(object, "curve")) return true;
    const char *text = word(in, object, "curve");
    if (!text || is_bn254(text)) return text;
    return json_in_fail(in, GROTH16_BAD_JSON, "\"curve\" is \"%.32s\", not \"bn128\" (or \"bn254\")", text);
}

/* Whether value is a pair of coordinates. */
static bool pair(struct json_in *in, const json_t *value, const char *name)
{
    if (json_is_array(value) && json_array_size(value) == 2) return true;
    return json_in_fail(in, GROTH16_BAD_JSON, "\"%s\" has a coordinate that is not an array of 2", name);
}

/* Whether value is a point: two coordinates, or snarkjs's three. */
static bool point(struct json_in *in, const json_t *value, const char *name)
{
    if (!value) return json_in_fail(in, GROTH16_BAD_JSON, "\"%s\" is missing", name);
    if (json_is_array(value) && (json_array_size(value) == 3 || json_array_size(value) == 2)) return true;
    return json_in_fail(in, GROTH16_BAD_JSON, "\"%s\" is not a point: an array of 3 coordinates, or 2", name);
}

/* A decimal string, or a whole number that is not negative. */
static bool decimal(bn254_scalar *r, const json_t *value)
{
    char digits[24];
    const char *text = json_string_value(value);
    if (json_is_integer(value)) {
        snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        text = digits;
    }
    return text && bn254_scalar_from_decimal(r, text);
}

static bool number(struct json_in *in, bn254_scalar *r, const json_t *value, const char *name)
{
    if (decimal(r, value)) return true;
    if (json_is_string(value))
        return json_in_fail(in, GROTH16_BAD_JSON, "\"%s\" has \"%.32s\", which is not a decimal number", name,
                            json_string_value(value));
    return json_in_fail(in, GROTH16_BAD_JSON, "\"%s\" is not made of decimal numbers", name);
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
    return pair(in, value, name) && coordinate(in, &r->c0, json_array_get(value, 0), name) &&
           coordinate(in, &r->c1, json_array_get(value, 1), name);
}

/* What the third coordinate says: the point is affine, or it is snarkjs's infinity, (0, 1, 0). */
enum projective { AFFINE, INFINITY_POINT, NEITHER };

static const json_t *third(const json_t *value)
{
    return json_array_get(value, 2); /* NULL: a point of two coordinates */
}

bool json_in_g1(struct json_in *in, bn254_g1_affine *r, const json_t *value, const char *name)
{
    bn254_g1_affine p;
    bn254_fp z;
    bn254_fp_set_one(&z);
    if (!point(in, value, name) || !coordinate(in, &p.x, json_array_get(value, 0), name) ||
        !coordinate(in, &p.y, json_array_get(value, 1), name) ||
        (third(value) && !coordinate(in, &z, third(value), name)))
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
    bn254_fp2_set_one(&z);
    if (!point(in, value, name) || !coordinate2(in, &p.x, json_array_get(value, 0), name) ||
        !coordinate2(in, &p.y, json_array_get(value, 1), name) ||
        (third(value) && !coordinate2(in, &z, third(value), name)))
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
    bn254_scalar v;
    if (!decimal(&v, value))
        return json_in_fail(in, GROTH16_BAD_JSON, "public signal %zu is not a decimal number", index);
    if (!bn254_scalar_is_canonical(&v))
        return json_in_fail(in, GROTH16_BAD_PUBLIC, "public signal %zu is not below r", index);
    bn254_scalar_pack(r, &v);
    return true;
}
