/** Writes JSON as snarkjs lays it out: one space a level, each element on its own line. Used inside groth16/ only. */
#ifndef GROTH16_JSON_OUT_H
#define GROTH16_JSON_OUT_H

#include "types.h"

/** A growing text; the zero value is empty. A failed allocation sticks. */
struct json_out {
    char *text;
    size_t bytes, room;
    unsigned depth;
    bool follows; /* this array or object has an element already */
    bool failed;
};

/** Opens '[' or '{', as the member key of an object unless key is NULL. */
void json_out_open(struct json_out *o, const char *key, char bracket);
void json_out_close(struct json_out *o, char bracket);

void json_out_string(struct json_out *o, const char *key, const char *value);
void json_out_size(struct json_out *o, const char *key, size_t value);
void json_out_scalar(struct json_out *o, const bn254_scalar *value);
void json_out_fp2(struct json_out *o, const bn254_fp2 *value);
void json_out_g1(struct json_out *o, const char *key, const bn254_g1_affine *p);
void json_out_g2(struct json_out *o, const char *key, const bn254_g2_affine *p);

/** The zero-terminated text, which the caller frees; NULL when memory ran out. */
char *json_out_take(struct json_out *o);

#endif
