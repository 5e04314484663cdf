/** Keys for tests: a Groth16 set-up whose secret is a seed, so that any circuit gets a zkey in a moment, without circom,
 *  snarkjs or a ceremony. Whoever knows the seed can forge proofs: never for anything but tests.
 */
#ifndef TOY_SETUP_H
#define TOY_SETUP_H

#include "fr.h"

#include <stddef.h>
#include <stdint.h>

/** value * w[wire] is a term of row `row` of matrix 0 (A), 1 (B) or 2 (C). */
struct toy_term {
    uint32_t row, wire;
    unsigned matrix;
    bn254_fr value;
};

/** A w . B w = C w. Wire 0 is the constant 1, wires 1 .. publics are public. Terms in any order. */
struct toy_r1cs {
    uint32_t wires, publics, constraints;
    size_t count, room;
    struct toy_term *terms; /* owned */
};

void toy_add(struct toy_r1cs *s, unsigned matrix, uint32_t row, uint32_t wire, const bn254_fr *value);
void toy_clear(struct toy_r1cs *s);

/** The zkey file's bytes, malloced; rows sorted as snarkjs writes them, no section 10. */
uint8_t *toy_zkey(size_t *size, const struct toy_r1cs *s, uint64_t seed);

/** The wtns file's bytes, malloced. */
uint8_t *toy_wtns(size_t *size, const bn254_fr *witness, uint32_t count);

/** A splitmix64 stream: the same numbers everywhere. */
uint64_t toy_next(uint64_t *state);
void toy_random(bn254_fr *to, uint64_t *state);

#endif
