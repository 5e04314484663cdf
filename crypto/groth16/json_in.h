/** Reads snarkjs's JSON; the first error sticks and names the field. Used inside groth16/ only. */
#ifndef GROTH16_JSON_IN_H
#define GROTH16_JSON_IN_H

#include "types.h"
#include "groth16_error.h"

#include <jansson.h>

struct json_in {
    struct groth16_text why;
    enum groth16_error error;
};

/** Remembers the first error and its sentence. Always false. */
bool json_in_fail(struct json_in *in, enum groth16_error error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** The error of n public signals, more than the limit. Always false. */
bool json_in_too_many(struct json_in *in, size_t n);

/** Parses the whole text as one value, which the caller json_decrefs; NULL on failure, with the error in *in. Whole
 *  numbers too large for 64 bits become strings of their digits. */
json_t *json_in_parse(struct json_in *in, const char *json, size_t bytes);

/** Whether object[name] is the string wanted. */
bool json_in_word(struct json_in *in, const json_t *object, const char *name, const char *wanted);

/** Whether object.curve is BN254 by one of the names that snarkjs knows: bn128, bn254, alt_bn128, in any case and with
 *  any signs between. An optional one may be missing. */
bool json_in_curve(struct json_in *in, const json_t *object, bool optional);

/** [x, y, "1"] or [x, y], or ["0", "1", "0"] for infinity; name is for errors. *r untouched on failure. A coordinate is
 *  a decimal string, as snarkjs writes it, or a whole number, as other languages do. */
bool json_in_g1(struct json_in *in, bn254_g1_affine *r, const json_t *value, const char *name);

/** [[x0, x1], [y0, y1], ["1", "0"]] or without the third, or [["0", "0"], ["1", "0"], ["0", "0"]] for infinity. */
bool json_in_g2(struct json_in *in, bn254_g2_affine *r, const json_t *value, const char *name);

/** A decimal string or a whole number, below r. */
bool json_in_public(struct json_in *in, bn254_scalar_packed *r, const json_t *value, size_t index);

/** Copies the sentence to *why, which may be NULL; returns the error. */
enum groth16_error json_in_end(const struct json_in *in, struct groth16_text *why);

#endif
