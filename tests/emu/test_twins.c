/* Every kernel beside its twin in crypto/: fields, points, NTT, quotient, MSM (twins_*.c), and the sums of whole circuits. The
 * programs test_*.cu hold the same kernels to GMP; this one shows that both give the same bits (sums as
 * points). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "backend.h"
#include "same_sum.h"
#include "toy_circuits.h"
#include "twins_scene.h"
#include "wtns.h"

#include <stdlib.h>
#include <string.h>

struct seeded twins_rng;
struct gpu *twins_gpu;

void *twins_take(size_t n, size_t bytes)
{
    void *p = calloc(n ? n : 1, bytes);
    assert_non_null(p);
    return p;
}

void twins_canonical(uint64_t v[4], const uint64_t p[4])
{
    if (!limbs_less(v, p)) limbs_sub(v, v, p);
    assert_true(limbs_less(v, p));
}

static void sums_of(struct backend_sums *sums, const struct backend *b, const struct zkey *z, const struct wtns *w)
{
    const struct backend_options options = { 0 };
    const struct prove_run run = { 0 };
    struct prove_error err = { 0 };
    struct backend_key *key = NULL;
    if (b->key_open(&key, z, &options, &run, &err) != PV_OK) fail_msg("%s: %s", b->name, err.text);
    for (int again = 0; again < 2; again++)
        if (b->sums(sums, key, w->values, &run, &err) != PV_OK) fail_msg("%s: %s", b->name, err.text);
    b->key_close(&key);
}

static void check_circuit(struct toy_circuit *c)
{
    size_t zkey_size, wtns_size;
    uint8_t *zkey_bytes = toy_zkey(&zkey_size, &c->r1cs, seeded_u64(&twins_rng)),
            *wtns_bytes = toy_wtns(&wtns_size, c->witness, c->r1cs.wires);
    struct backend_sums cpu, cuda;
    struct prove_error err = { 0 };
    struct zkey z;
    struct wtns w;
    memset(&cpu, 0, sizeof cpu);
    memset(&cuda, 0, sizeof cuda);
    assert_int_equal(zkey_of(&z, zkey_bytes, zkey_size, "toy", &err), PV_OK);
    assert_int_equal(wtns_of(&w, wtns_bytes, wtns_size, "toy", &err), PV_OK);
    sums_of(&cpu, &backend_cpu, &z, &w);
    sums_of(&cuda, &backend_cuda, &z, &w);
    assert_true(same_sum_g1(&cpu.a, &cuda.a) && same_sum_g1(&cpu.b1, &cuda.b1) && same_sum_g1(&cpu.c, &cuda.c));
    assert_true(same_sum_g1(&cpu.h, &cuda.h) && same_sum_g2(&cpu.b2, &cuda.b2));
    wtns_close(&w);
    zkey_close(&z);
    free(zkey_bytes);
    free(wtns_bytes);
    toy_circuit_clear(c);
}

static void circuits_of_any_shape_have_crypto_s_sums(void **state)
{
    (void)state;
    struct toy_circuit c;
    static const uint32_t shapes[][2] = { { 0, 0 }, { 1, 0 }, { 9, 0 }, { 18, 3 }, { 1, 40 } };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        toy_random_circuit(&c, shapes[i][0], shapes[i][1], seeded_u64(&twins_rng));
        check_circuit(&c);
    }
    toy_bits(&c, 130, seeded_u64(&twins_rng));
    check_circuit(&c);
}

static int whole_circuits(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(circuits_of_any_shape_have_crypto_s_sums) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    char why[160];
    twins_rng = seeded_start();
    if (gpu_open(&twins_gpu, 0, why, sizeof why) != PV_OK) return fprintf(stderr, "%s\n", why), 1;
    int failed = twins_fields() + twins_points() + twins_transforms() + twins_sums() + whole_circuits();
    gpu_close(&twins_gpu);
    return failed;
}
