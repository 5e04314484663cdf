#include "toy_circuits.h"

#include <stdlib.h>
#include <string.h>

enum { A, B, C };

static bn254_fr one(void)
{
    bn254_fr x;
    bn254_fr_set_one(&x);
    return x;
}

static void begin(struct toy_circuit *c, uint32_t wires, uint32_t publics, uint32_t constraints)
{
    memset(c, 0, sizeof *c);
    c->r1cs.wires = wires;
    c->r1cs.publics = publics;
    c->r1cs.constraints = constraints;
    c->witness = calloc(wires, sizeof *c->witness);
    if (!c->witness) abort();
    c->witness[0] = one();
}

void toy_circuit_clear(struct toy_circuit *c)
{
    toy_clear(&c->r1cs);
    free(c->witness);
    c->witness = NULL;
}

void toy_chain(struct toy_circuit *c, uint32_t constraints, uint64_t seed)
{
    bn254_fr unit = one();
    begin(c, constraints + 2, 1, constraints);
    toy_random(&c->witness[1], &seed);
    for (uint32_t i = 0; i < constraints; i++) {
        toy_add(&c->r1cs, A, i, i + 1, &unit);
        toy_add(&c->r1cs, B, i, i + 1, &unit);
        toy_add(&c->r1cs, C, i, i + 2, &unit);
        bn254_fr_sqr(&c->witness[i + 2], &c->witness[i + 1]);
    }
}

/* b (b - 1) = 0 */
static void bit_row(struct toy_circuit *c, uint32_t row, uint32_t wire, uint64_t *seed)
{
    bn254_fr unit = one(), minus;
    bn254_fr_neg(&minus, &unit);
    toy_add(&c->r1cs, A, row, wire, &unit);
    toy_add(&c->r1cs, B, row, wire, &unit);
    toy_add(&c->r1cs, B, row, 0, &minus);
    if (toy_next(seed) % 2) c->witness[wire] = unit;
}

/* new = (sum of a few) * (sum of a few), over wires first .. last */
static void product_row(struct toy_circuit *c, uint32_t row, uint32_t new, uint32_t first, uint32_t last,
                        uint64_t *seed)
{
    bn254_fr sum[2] = { { { 0 } }, { { 0 } } }, k, t, unit = one();
    for (unsigned m = A; m <= B; m++)
        for (uint64_t n = 1 + toy_next(seed) % 3; n > 0; n--) {
            uint32_t wire = first + (uint32_t)(toy_next(seed) % (last - first + 1));
            toy_random(&k, seed);
            toy_add(&c->r1cs, m, row, wire, &k);
            bn254_fr_mul(&t, &k, &c->witness[wire]);
            bn254_fr_add(&sum[m], &sum[m], &t);
        }
    toy_add(&c->r1cs, C, row, new, &unit);
    bn254_fr_mul(&c->witness[new], &sum[A], &sum[B]);
}

void toy_bits(struct toy_circuit *c, uint32_t constraints, uint64_t seed)
{
    begin(c, constraints + 2, 1, constraints);
    c->witness[1] = one();
    for (uint32_t i = 0; i < constraints; i++) {
        if (i % 64 == 63)
            product_row(c, i, i + 2, i - 62, i + 1, &seed);
        else
            bit_row(c, i, i + 2, &seed);
    }
}

void toy_mixed(struct toy_circuit *c, uint32_t constraints, uint64_t seed)
{
    begin(c, constraints + 3, 2, constraints);
    toy_random(&c->witness[1], &seed);
    toy_random(&c->witness[2], &seed);
    for (uint32_t i = 0; i < constraints; i++) {
        uint32_t first = i > 1000 ? i - 1000 : 0;
        if (i % 5 == 4)
            bit_row(c, i, i + 3, &seed);
        else
            product_row(c, i, i + 3, first, i + 2, &seed);
    }
}

/* A zero coefficient, and a term that is there twice with opposite signs: both legal, both without effect. */
static void odd_terms(struct toy_circuit *c, uint32_t row, uint64_t *seed)
{
    bn254_fr k, minus, zero = { { 0 } };
    toy_random(&k, seed);
    bn254_fr_neg(&minus, &k);
    toy_add(&c->r1cs, A, row, (uint32_t)(toy_next(seed) % c->r1cs.wires), &zero);
    uint32_t wire = (uint32_t)(toy_next(seed) % c->r1cs.wires);
    toy_add(&c->r1cs, B, row, wire, &k);
    toy_add(&c->r1cs, B, row, wire, &minus);
}

void toy_random_circuit(struct toy_circuit *c, uint32_t constraints, uint32_t publics, uint64_t seed)
{
    enum { UNUSED = 3 };
    uint32_t inputs = publics + 2;
    begin(c, 1 + inputs + constraints + UNUSED, publics, constraints);
    for (uint32_t i = 1; i <= inputs; i++) toy_random(&c->witness[i], &seed);
    for (uint32_t i = 0; i < constraints; i++) {
        uint32_t new = 1 + inputs + i;
        switch (toy_next(&seed) % 8) {
        case 0: bit_row(c, i, new, &seed); break;
        case 1: /* an empty row: 0 * 0 = 0 */ break;
        case 2:
            product_row(c, i, new, 0, new - 1, &seed);
            odd_terms(c, i, &seed);
            break;
        default: product_row(c, i, new, 0, new - 1, &seed);
        }
    }
    for (uint32_t i = 0; i < UNUSED; i++) toy_random(&c->witness[1 + inputs + constraints + i], &seed);
}
