/** What can be wrong with a verification key, a proof, or the two together. */
#ifndef GROTH16_ERROR_H
#define GROTH16_ERROR_H

#include <stddef.h>

enum groth16_error {
    GROTH16_OK = 0,
    GROTH16_NO_MEMORY,
    GROTH16_BAD_JSON,     /* not JSON, or not of the shape that snarkjs writes */
    GROTH16_BAD_POINT,    /* a coordinate is not below p, or a point is not in its group */
    GROTH16_BAD_PUBLIC,   /* a public signal is not below r */
    GROTH16_PUBLIC_COUNT, /* not as many public signals as the key has */
    GROTH16_TOO_LARGE,    /* more than GROTH16_PUBLICS_MAX signals, or JSON beyond json_limit.h */
    GROTH16_WEAK_KEY,     /* the key is well formed, but proofs can be forged for it: soundness.h */
    GROTH16_NOT_VERIFIED, /* all is well formed, but the equation does not hold */
};

/** The most public signals that are accepted from outside; json_limit.h bounds the text itself. */
enum { GROTH16_PUBLICS_MAX = 65536 };

/** A sentence about one input that names the field, without a full stop. Written on failure only. */
struct groth16_text {
    char text[160];
};

/** GROTH16_TOO_LARGE for n public signals; why (may be NULL): "65,537 public signals, the limit is 65,536". */
enum groth16_error groth16_too_many(size_t n, struct groth16_text *why);

/** The sentence for people, without a full stop. Never NULL. */
const char *groth16_error_text(enum groth16_error e);

#endif
