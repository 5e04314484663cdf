/* Whole proofs where a sum over the key goes wrong most easily: all wires 0, all 1, all r - 1, all at half of r or around 2^64;
 * no public signals; coefficients in any order and more than once. With r and s fixed, every path of this CPU and every number
 * of threads gives the same proof, bit for bit, and each is verified by pairings. */
#include "prove.h"
#include "sections.h"
#include "seeded.h"
#include "toy_setup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct seeded seed;

static pv_status fixed_random(void *arg, uint8_t *bytes, size_t n)
{
    unsigned *draw = arg;
    memset(bytes, 0x11 * (int)++*draw, n);
    bytes[31] = 0x20; /* below r */
    return PV_OK;
}

/* Any value v of all wires but the constant satisfies  (x_i) (x_j + 1 - x_k) = x_l. Every third row has a term twice, and then
 * takes it away again. */
static void equal_wires(struct toy_r1cs *s, uint32_t rows, uint32_t publics)
{
    bn254_fr unit, minus;
    bn254_fr_set_one(&unit);
    bn254_fr_neg(&minus, &unit);
    *s = (struct toy_r1cs){ .wires = rows + 1, .publics = publics, .constraints = rows };
    for (uint32_t row = 0; row < rows; row++) {
        uint32_t w[4];
        for (int i = 0; i < 4; i++) w[i] = 1 + (uint32_t)(seeded_u64(&seed) % rows);
        toy_add(s, 0, row, w[0], &unit);
        toy_add(s, 1, row, w[1], &unit);
        toy_add(s, 1, row, 0, &unit);
        toy_add(s, 1, row, w[2], &minus);
        toy_add(s, 2, row, w[3], &unit);
        if (row % 3) continue;
        toy_add(s, 0, row, w[0], &unit);
        toy_add(s, 0, row, w[0], &minus);
    }
}

struct files {
    uint8_t *zkey, *wtns;
    size_t zkey_bytes, wtns_bytes;
    uint32_t wires;
};

static struct files files_of(uint32_t rows, uint32_t publics)
{
    struct toy_r1cs s;
    struct files f = { .wires = rows + 1 };
    equal_wires(&s, rows, publics);
    f.zkey = toy_zkey(&f.zkey_bytes, &s, seeded_u64(&seed));
    bn254_fr *zeroes = calloc(f.wires, sizeof *zeroes);
    assert_non_null(zeroes);
    bn254_fr_set_one(&zeroes[0]);
    f.wtns = toy_wtns(&f.wtns_bytes, zeroes, f.wires);
    free(zeroes);
    toy_clear(&s);
    return f;
}

static void files_clear(struct files *f)
{
    free(f->zkey);
    free(f->wtns);
}

/* All values but the first, in the file itself. */
static void set_all(struct files *f, const uint64_t value[4])
{
    struct wtns w;
    assert_int_equal(wtns_of(&w, f->wtns, f->wtns_bytes, "toy", NULL), PV_OK);
    uint8_t *values = f->wtns + (w.values->bytes - f->wtns);
    for (uint32_t i = 1; i < f->wires; i++) memcpy(values + (size_t)i * 32, value, 32);
}

static void prove(struct groth16_proof *proof, const struct files *f, enum bn254_path path, unsigned threads)
{
    static const struct backend_options options;
    struct prove_run run = { .cpu = { .path = path, .threads = threads } };
    struct prove_error err = { 0 };
    struct prove_key *key;
    struct wtns w;
    unsigned draw = 0;
    memset(proof, 0, sizeof *proof);
    if (prove_key_new_of(&key, f->zkey, f->zkey_bytes, "toy", &backend_cpu, &options, &run, &err) != PV_OK)
        fail_msg("%s", err.text);
    assert_int_equal(wtns_of(&w, f->wtns, f->wtns_bytes, "toy", &err), PV_OK);
    pv_status status = prove_groth16(
        proof, key, &w, &(struct prove_options){ .random = fixed_random, .random_arg = &draw }, &run, &err);
    if (status != PV_OK) fail_msg("%s, %u threads: %s", bn254_path_name(path), threads, err.text);
    prove_key_destroy(&key);
}

static void assert_paths_agree(const struct files *f, const struct groth16_proof *want)
{
    for (enum bn254_path path = BN254_PATH_PORTABLE; path <= BN254_PATH_IFMA; path++)
        for (unsigned threads = 1; threads <= 3 && bn254_path_available(path); threads += 2) {
            struct groth16_proof proof;
            prove(&proof, f, path, threads);
            assert_memory_equal(&proof, want, sizeof proof);
        }
}

static const uint64_t values[][4] = {
    { 0 },
    { 1 },
    { 2 },
    { 0xffffffffffffffff }, /* the last that counts as small */
    { 0, 1 },               /* and the first that does not */
    { 0x43e1f593f0000000, 0x2833e84879b97091, 0xb85045b68181585d, 0x30644e72e131a029 }, /* r - 1 */
    { 0x43e1f593efffffff, 0x2833e84879b97091, 0xb85045b68181585d, 0x30644e72e131a029 }, /* r - 2 */
    { 0xa1f0fac9f8000000, 0x9419f4243cdcb848, 0xdc2822db40c0ac2e, 0x183227397098d014 }, /* (r - 1) / 2 */
    { 0xa1f0fac9f8000001, 0x9419f4243cdcb848, 0xdc2822db40c0ac2e, 0x183227397098d014 }, /* (r + 1) / 2: the opposite */
};

static void all_wires_of_one_value(void **state)
{
    (void)state;
    static const struct {
        uint32_t rows, publics;
    } shapes[] = { { 31, 0 }, { 509, 1 }, { 1200, 0 } };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct files f = files_of(shapes[i].rows, shapes[i].publics);
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            struct groth16_proof first;
            set_all(&f, values[v]);
            prove(&first, &f, BN254_PATH_PORTABLE, 1);
            assert_paths_agree(&f, &first);
        }
        files_clear(&f);
    }
}

/* The file's records in another order are the same circuit and, with r and s fixed, the same proof. */
static void shuffle_coefs(struct files *f)
{
    struct zkey z;
    assert_int_equal(zkey_of(&z, f->zkey, f->zkey_bytes, "toy", NULL), PV_OK);
    struct zkey_coef *coefs = (struct zkey_coef *)(f->zkey + ((const uint8_t *)z.coefs - f->zkey));
    for (uint32_t i = z.coef_count; i > 1; i--) {
        uint32_t j = (uint32_t)(seeded_u64(&seed) % i);
        struct zkey_coef swap = coefs[i - 1];
        coefs[i - 1] = coefs[j];
        coefs[j] = swap;
    }
    assert_int_equal(zkey_of(&z, f->zkey, f->zkey_bytes, "toy", NULL), PV_OK);
    assert_false(z.coefs_in_order);
}

static void coefficients_in_any_order(void **state)
{
    (void)state;
    struct files f = files_of(700, 2);
    struct groth16_proof in_order;
    set_all(&f, values[5]);
    prove(&in_order, &f, BN254_PATH_PORTABLE, 2);
    shuffle_coefs(&f);
    assert_paths_agree(&f, &in_order);
    files_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_wires_of_one_value),
        cmocka_unit_test(coefficients_in_any_order),
    };
    seed = seeded_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
