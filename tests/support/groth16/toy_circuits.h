/** Circuits of any size for tests and benches, with their witnesses: what circom would make, without circom.
 */
#ifndef TOY_CIRCUITS_H
#define TOY_CIRCUITS_H

#include "toy_setup.h"

struct toy_circuit {
    struct toy_r1cs r1cs;
    bn254_fr *witness; /* r1cs.wires values; owned */
};

/** Squarings in a row: every value is full-size, every B point finite. The worst case. */
void toy_chain(struct toy_circuit *c, uint32_t constraints, uint64_t seed);

/** As SHA-256 or RSA: wires of 0 and 1, half of each, and nothing else but a few sums. */
void toy_bits(struct toy_circuit *c, uint32_t constraints, uint64_t seed);

/** As applications are: a fifth bits, the rest full-size values in products of short sums. */
void toy_mixed(struct toy_circuit *c, uint32_t constraints, uint64_t seed);

/** Any shape: constraints and publics may be 0; unused wires, zero coefficients, duplicate terms, empty rows. */
void toy_random_circuit(struct toy_circuit *c, uint32_t constraints, uint32_t publics, uint64_t seed);

void toy_circuit_clear(struct toy_circuit *c);

#endif
