/** The verification key: all that a verifier needs to know about a circuit. */
#ifndef GROTH16_VKEY_H
#define GROTH16_VKEY_H

#include "types.h"
#include "groth16_error.h"

/** Points are in their groups; alpha1, beta2, gamma2, delta2 are not infinity (that would let any proof pass). */
struct groth16_vkey {
    bn254_g1_affine alpha1;
    bn254_g2_affine beta2, gamma2, delta2;
    bn254_fp12 alphabeta; /* e(alpha1, beta2), always computed here */
    bn254_g1_affine *ic;  /* publics + 1, owned */
    size_t publics;       /* 0..GROTH16_PUBLICS_MAX */
};

/** Which keys a reader accepts. */
enum groth16_keys {
    GROTH16_KEYS_SOUND = 0,  /* those that soundness.h finds no fault in */
    GROTH16_KEYS_DEVELOPMENT /* also those for which proofs can be forged */
};

/** From the bytes of a zkey's sections 2 and 3; ic_count is publics + 1. Every point is checked.
 *  On GROTH16_OK the caller clears *vkey; on failure it is untouched: BAD_POINT, WEAK_KEY, TOO_LARGE, NO_MEMORY. */
enum groth16_error groth16_vkey_from_points(struct groth16_vkey *vkey, const bn254_g1_packed *alpha1,
                                            const bn254_g2_packed *beta2, const bn254_g2_packed *gamma2,
                                            const bn254_g2_packed *delta2, const bn254_g1_packed *ic, size_t ic_count);

/** The same for the keys chosen. why (may be NULL) has the reason of WEAK_KEY. */
enum groth16_error groth16_vkey_from_points_of(struct groth16_vkey *vkey, const bn254_g1_packed *alpha1,
                                               const bn254_g2_packed *beta2, const bn254_g2_packed *gamma2,
                                               const bn254_g2_packed *delta2, const bn254_g1_packed *ic,
                                               size_t ic_count, enum groth16_keys keys, struct groth16_text *why);

/** From verification_key.json as snarkjs writes it: bytes of text, not zero-terminated. vk_alphabeta_12 is not read, as
 *  snarkjs does not read it. On GROTH16_OK the caller clears *vkey; on failure it is untouched and why names the field:
 *  BAD_JSON, BAD_POINT, WEAK_KEY, TOO_LARGE, NO_MEMORY. why may be NULL. */
enum groth16_error groth16_vkey_from_json(struct groth16_vkey *vkey, const char *json, size_t bytes,
                                          struct groth16_text *why);

/** The same for the keys chosen. */
enum groth16_error groth16_vkey_from_json_of(struct groth16_vkey *vkey, const char *json, size_t bytes,
                                             enum groth16_keys keys, struct groth16_text *why);

/** verification_key.json, byte for byte as `snarkjs zkey export verificationkey` writes it; the caller frees it. NULL:
 *  no memory. */
char *groth16_vkey_to_json(const struct groth16_vkey *vkey);

/** Frees what it holds; a zeroed or cleared one may be cleared again. */
void groth16_vkey_clear(struct groth16_vkey *vkey);

#endif
