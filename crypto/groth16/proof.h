/** A proof and its public signals, in snarkjs's JSON. */
#ifndef GROTH16_PROOF_H
#define GROTH16_PROOF_H

#include "types.h"
#include "groth16_error.h"

struct groth16_proof {
    bn254_g1_affine a;
    bn254_g2_affine b;
    bn254_g1_affine c;
};

/** proof.json as snarkjs or rapidsnark (which leaves out "curve") writes it; points are checked.
 *  On failure *proof is untouched and why (may be NULL) names the field: BAD_JSON, BAD_POINT, TOO_LARGE, NO_MEMORY. */
enum groth16_error groth16_proof_from_json(struct groth16_proof *proof, const char *json, size_t bytes,
                                           struct groth16_text *why);

/** proof.json, byte for byte as snarkjs writes it; the caller frees it. NULL: no memory. */
char *groth16_proof_to_json(const struct groth16_proof *proof);

/** public.json: an array of decimal strings or whole numbers, each below r. The caller frees *publics (never NULL on success). On
 *  failure it is untouched: BAD_JSON, BAD_PUBLIC, TOO_LARGE, NO_MEMORY. */
enum groth16_error groth16_publics_from_json(bn254_scalar_packed **publics, size_t *n, const char *json, size_t bytes,
                                             struct groth16_text *why);

/** public.json, byte for byte as snarkjs writes it; the caller frees it. NULL: no memory. */
char *groth16_publics_to_json(const bn254_scalar_packed *publics, size_t n);

#endif
