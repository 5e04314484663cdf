/* What one field operation, one point addition, one pairing and one verification cost: JSON lines, the least of several
 * rounds of processor time. Called from tests/, for the vectors. */
#include "bench_field.h"

#include "codec.h"
#include "pairing.h"
#include "paths.h"
#include "run.h"
#include "verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { REPEATS = 15 };

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double least_ns(void (*run)(size_t), size_t rounds)
{
    double least = 1e300;
    for (int i = 0; i < REPEATS; i++) {
        double start = cpu_ns();
        run(rounds);
        double spent = cpu_ns() - start;
        if (spent < least) least = spent;
    }
    return least / (double)rounds;
}

static void report(const char *op, const char *path, double ns)
{
    printf("{\"bench\":\"field\",\"op\":\"%s\",\"path\":\"%s\",\"ns\":%.2f}\n", op, path, ns);
}

static void inline_costs(const struct field_cost *cost, const char *path)
{
    for (; cost->name; cost++) report(cost->name, path, least_ns(cost->run, 2000) / (double)cost->per_round);
}

static void pairing_portable(size_t rounds)
{
    bn254_fp12 r;
    while (rounds--) {
        bn254_miller_product_portable(&r, &BN254_G1_GENERATOR, &BN254_G2_GENERATOR, 1);
        bn254_pairing_value_portable(&r, &r);
    }
}

#if BN254_HAVE_ADX
static void pairing_adx(size_t rounds)
{
    bn254_fp12 r;
    while (rounds--) {
        bn254_miller_product_adx(&r, &BN254_G1_GENERATOR, &BN254_G2_GENERATOR, 1);
        bn254_pairing_value_adx(&r, &r);
    }
}
#endif

static void fp_inv(size_t rounds)
{
    bn254_fp x = BN254_G1_GENERATOR.y;
    while (rounds--) bn254_fp_inv(&x, &x);
}

static void g2_check(size_t rounds)
{
    bool right = true;
    while (rounds--) right = bn254_g2_is_in_subgroup(&BN254_G2_GENERATOR) && right;
    if (!right) abort();
}

static struct groth16_vkey vkey;
static struct groth16_proof proof;
static bn254_scalar_packed *publics;
static size_t n_publics;

static void verify(size_t rounds)
{
    while (rounds--)
        if (groth16_verify(&vkey, &proof, publics, n_publics) != GROTH16_OK) abort();
}

static size_t text_of(char *text, size_t room, const char *path)
{
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(text, 1, room, f) : 0;
    if (f) fclose(f);
    return n;
}

static bool load(void)
{
    static char text[1 << 16];
    return !groth16_vkey_from_json(&vkey, text, text_of(text, sizeof text, "vectors/groth16/mul.vkey.json"), NULL) &&
           !groth16_proof_from_json(&proof, text, text_of(text, sizeof text, "vectors/groth16/mul.proof.json"), NULL) &&
           !groth16_publics_from_json(&publics, &n_publics, text,
                                      text_of(text, sizeof text, "vectors/groth16/mul.public.json"), NULL);
}

int main(void)
{
    inline_costs(field_costs_portable, "portable");
    report("pairing", "portable", least_ns(pairing_portable, 4));
#if BN254_HAVE_ADX
    if (bn254_path_available(BN254_PATH_ADX)) {
        inline_costs(field_costs_adx, "adx");
        report("pairing", "adx", least_ns(pairing_adx, 4));
    }
#endif
    report("fp_inv", "portable", least_ns(fp_inv, 100));
    report("g2_subgroup_check", "portable", least_ns(g2_check, 10));
    if (!load()) return fprintf(stderr, "bench_field: no vectors here: call it from tests/\n"), 1;
    report("verify_2_publics", "best", least_ns(verify, 4));
    groth16_vkey_clear(&vkey);
    free(publics);
    return 0;
}
