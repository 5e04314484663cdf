/** What can be wrong with a verification key, a proof, or the two together. */
#ifndef GROTH16_ERROR_H
#define GROTH16_ERROR_H

enum groth16_error {
    GROTH16_OK = 0,
    GROTH16_NO_MEMORY,
    GROTH16_BAD_JSON,     /* not JSON, or not of the shape that snarkjs writes */
    GROTH16_BAD_POINT,    /* a coordinate is not below p, or a point is not in its group */
    GROTH16_BAD_PUBLIC,   /* a public signal is not below r */
    GROTH16_PUBLIC_COUNT, /* another number of public signals than the key has */
    GROTH16_TOO_LARGE,    /* more than GROTH16_PUBLICS_MAX signals, or JSON beyond json_limit.h */
    GROTH16_NOT_VERIFIED, /* all is well formed, and the equation does not hold */
};

/** Most public signals that a stranger may hand in; json_limit.h has what his text may cost. */
enum { GROTH16_PUBLICS_MAX = 65536 };

/** A sentence about one input, without a full stop: it names the field. Written on failure only. */
struct groth16_text {
    char text[160];
};

/** The sentence for people, without a full stop. Never NULL. */
const char *groth16_error_text(enum groth16_error e);

#endif
