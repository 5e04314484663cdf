#include "groth16_error.h"

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
