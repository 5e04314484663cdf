/** The inline arithmetic of one path, timed. Included by field_cost_portable.c and field_cost_adx.c. */
#include "fp2.h"
#include "g1.h"
#include "g2.h"
#include "paths.h"
#include "bench_field.h"

enum { CHAINS = 8 };

#define RUN(E, ...)                                                                                                    \
    do {                                                                                                               \
        E x[CHAINS];                                                                                                   \
        memset(x, 0x15, sizeof x);                                                                                     \
        for (size_t n = 0; n < rounds; n++)                                                                            \
            for (int i = 0; i < CHAINS; i++) __VA_ARGS__;                                                              \
        __asm__ volatile("" : : "r"(x) : "memory");                                                                    \
    } while (0)

static void one_chain(size_t rounds)
{
    bn254_fp x;
    memset(&x, 0x15, sizeof x);
    for (size_t n = 0; n < rounds * CHAINS; n++) bn254_fp_mul(&x, &x, &x);
    __asm__ volatile("" : : "r"(&x) : "memory");
}

static void fp_mul(size_t rounds)
{
    RUN(bn254_fp, bn254_fp_mul(&x[i], &x[i], &x[i]));
}

static void fp_add(size_t rounds)
{
    RUN(bn254_fp, bn254_fp_add(&x[i], &x[i], &x[(i + 1) % CHAINS]));
}

static void fp_sub(size_t rounds)
{
    RUN(bn254_fp, bn254_fp_sub(&x[i], &x[i], &x[(i + 1) % CHAINS]));
}

static void fp2_mul(size_t rounds)
{
    RUN(bn254_fp2, bn254_fp2_mul(&x[i], &x[i], &x[i]));
}

static void g1_add_affine(size_t rounds)
{
    RUN(bn254_g1, bn254_g1_add_affine(&x[i], &x[i], &BN254_G1_GENERATOR));
}

static void g2_add_affine(size_t rounds)
{
    RUN(bn254_g2, bn254_g2_add_affine(&x[i], &x[i], &BN254_G2_GENERATOR));
}

const struct field_cost BN254_PATHED(field_costs)[] = {
    { "fp_mul_latency", one_chain, CHAINS },
    { "fp_mul", fp_mul, CHAINS },
    { "fp_add", fp_add, CHAINS },
    { "fp_sub", fp_sub, CHAINS },
    { "fp2_mul", fp2_mul, CHAINS },
    { "g1_add_affine", g1_add_affine, CHAINS },
    { "g2_add_affine", g2_add_affine, CHAINS },
    { NULL, NULL, 0 },
};
