#include "groth16_error.h"

#include <stdio.h>

enum { GROUPED_BYTES = 28 };

/* n with a comma before every three digits. */
static const char *grouped(char to[GROUPED_BYTES], size_t n)
{
    char *at = to + GROUPED_BYTES - 1;
    *at = '\0';
    for (unsigned digits = 0; n > 0 || digits == 0; n /= 10, digits++) {
        if (digits > 0 && digits % 3 == 0) *--at = ',';
        *--at = (char)('0' + n % 10);
    }
    return at;
}

enum groth16_error groth16_too_many(size_t n, struct groth16_text *why)
{
    char is[GROUPED_BYTES], most[GROUPED_BYTES];
    if (why)
        snprintf(why->text, sizeof why->text, "%s public signals, the limit is %s", grouped(is, n),
                 grouped(most, GROTH16_PUBLICS_MAX));
    return GROTH16_TOO_LARGE;
}

const char *groth16_error_text(enum groth16_error e)
{
    switch (e) {
    case GROTH16_OK: return "ok";
    case GROTH16_NO_MEMORY: return "out of memory";
    case GROTH16_BAD_JSON: return "unexpected JSON";
    case GROTH16_BAD_POINT: return "a point is not in its group";
    case GROTH16_BAD_PUBLIC: return "a public signal is not below the field's order";
    case GROTH16_PUBLIC_COUNT: return "the number of public signals differs from the verification key's";
    case GROTH16_TOO_LARGE: return "larger than the limit";
    case GROTH16_WEAK_KEY: return "proofs can be forged for this key";
    case GROTH16_NOT_VERIFIED: return "the proof does not verify";
    }
    return "unknown error";
}
