/* Circuits of every small size and odd shape: the honest witness gets a proof, one with a single changed value does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "prove.h"
#include "toy_circuits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed = 20261122;

static const struct backend_options options;

/* One circuit as files in memory, opened. */
struct opened {
    struct toy_circuit circuit;
    uint8_t *zkey_bytes, *wtns_bytes;
    struct prove_key *key;
    struct wtns w;
};

static void open_circuit(struct opened *o)
{
    size_t zkey_size, wtns_size;
    struct prove_error err = { 0 };
    o->zkey_bytes = toy_zkey(&zkey_size, &o->circuit.r1cs, toy_next(&seed));
    o->wtns_bytes = toy_wtns(&wtns_size, o->circuit.witness, o->circuit.r1cs.wires);
    if (prove_key_new_of(&o->key, o->zkey_bytes, zkey_size, "toy", &backend_cpu, &options, NULL, &err) != PV_OK)
        fail_msg("%s", err.text);
    if (wtns_of(&o->w, o->wtns_bytes, wtns_size, "toy", &err) != PV_OK) fail_msg("%s", err.text);
}

static void close_circuit(struct opened *o)
{
    prove_key_destroy(&o->key);
    wtns_close(&o->w);
    free(o->zkey_bytes);
    free(o->wtns_bytes);
    toy_circuit_clear(&o->circuit);
}

/* Some term of matrix C says the wire is a product: changing it must break that row. */
static uint32_t constrained_wire(const struct toy_r1cs *s)
{
    for (size_t i = s->count; i-- > 0;)
        if (s->terms[i].matrix == 2) return s->terms[i].wire;
    return 0;
}

static void assert_changed_value_gets_no_proof(struct opened *o)
{
    struct groth16_proof proof;
    uint32_t wire = constrained_wire(&o->circuit.r1cs);
    if (!wire) return;
    uint8_t *values = o->wtns_bytes + ((const uint8_t *)o->w.values - o->wtns_bytes);
    values[wire * 32] ^= 1;
    assert_int_equal(prove_groth16(&proof, o->key, &o->w, NULL, NULL, NULL), PV_BAD_WITNESS);
    values[wire * 32] ^= 1;
}

static void check(uint32_t constraints, uint32_t publics, unsigned threads)
{
    struct opened o;
    struct groth16_proof proof;
    struct prove_error err = { 0 };
    struct prove_run run = { .cpu.threads = threads };
    toy_random_circuit(&o.circuit, constraints, publics, toy_next(&seed));
    open_circuit(&o);
    assert_int_equal(prove_key_zkey(o.key)->publics, publics);
    if (prove_groth16(&proof, o.key, &o.w, NULL, &run, &err) != PV_OK)
        fail_msg("%u constraints, %u publics: %s", constraints, publics, err.text);
    assert_changed_value_gets_no_proof(&o);
    close_circuit(&o);
}

static void every_small_circuit_proves(void **state)
{
    (void)state;
    for (uint32_t constraints = 0; constraints <= 18; constraints++)
        for (uint32_t publics = 0; publics <= 3; publics++) check(constraints, publics, 1 + constraints % 3);
}

static void larger_circuits_prove(void **state)
{
    (void)state;
    static const uint32_t sizes[] = { 61, 62, 63, 64, 255, 511, 700 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) check(sizes[i], (uint32_t)(toy_next(&seed) % 40), 0);
}

static void public_signals_may_outnumber_constraints(void **state)
{
    (void)state;
    check(1, 100, 2);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_small_circuit_proves),
        cmocka_unit_test(larger_circuits_prove),
        cmocka_unit_test(public_signals_may_outnumber_constraints),
    };
    if (argc > 1) seed = strtoull(argv[1], NULL, 10);
    print_message("seed %llu\n", (unsigned long long)seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
