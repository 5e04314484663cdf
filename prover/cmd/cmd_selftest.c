#include "cmd_selftest.h"

#include "cmd.h"
#include "selftest.h"

#include "codec.h"
#include "msm.h"
#include "ntt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sizes that use several windows and buckets and still take no time. */
enum { POINTS = 1000, LOG_DOMAIN = 10 };

static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static bn254_fr random_fr(uint64_t *state)
{
    bn254_scalar k;
    bn254_fr x;
    for (int i = 0; i < 4; i++) k.l[i] = next(state);
    bn254_fr_from_scalar(&x, &k);
    return x;
}

/* Scalars k_i, and sum k_i (i + 1): what the MSM over the bases G, 2G, 3G ... must come to, times G. */
static void scalars(bn254_scalar_packed k[POINTS], bn254_scalar *sum)
{
    uint64_t state = 1;
    bn254_fr total = { { 0 } }, place, x;
    for (uint64_t i = 0; i < POINTS; i++) {
        bn254_scalar plain;
        x = random_fr(&state);
        bn254_fr_to_scalar(&plain, &x);
        bn254_scalar_pack(&k[i], &plain);
        bn254_fr_from_u64(&place, i + 1);
        bn254_fr_mul(&x, &x, &place);
        bn254_fr_add(&total, &total, &x);
    }
    bn254_fr_to_scalar(sum, &total);
}

static bool g1_sums(const struct bn254_run *run)
{
    static bn254_g1_packed bases[POINTS];
    static bn254_scalar_packed k[POINTS];
    bn254_scalar sum;
    bn254_g1 g, p = { 0 }, want, got;
    bn254_g1_affine a;
    scalars(k, &sum);
    bn254_g1_from_affine(&g, &BN254_G1_GENERATOR);
    for (int i = 0; i < POINTS; i++) {
        bn254_g1_add(&p, &p, &g);
        bn254_g1_to_affine(&a, &p);
        bn254_g1_pack(&bases[i], &a);
    }
    bn254_g1_mul(&want, &g, &sum);
    void *scratch = malloc(bn254_msm_g1_scratch_bytes(POINTS, run));
    bool right = scratch && bn254_msm_g1(&got, bases, k, POINTS, run, scratch) && bn254_g1_eq(&got, &want);
    free(scratch);
    return right;
}

static bool g2_sums(const struct bn254_run *run)
{
    static bn254_g2_packed bases[POINTS];
    static bn254_scalar_packed k[POINTS];
    bn254_scalar sum;
    bn254_g2 g, p = { 0 }, want, got;
    bn254_g2_affine a;
    scalars(k, &sum);
    bn254_g2_from_affine(&g, &BN254_G2_GENERATOR);
    for (int i = 0; i < POINTS; i++) {
        bn254_g2_add(&p, &p, &g);
        bn254_g2_to_affine(&a, &p);
        bn254_g2_pack(&bases[i], &a);
    }
    bn254_g2_mul(&want, &g, &sum);
    void *scratch = malloc(bn254_msm_g2_scratch_bytes(POINTS, run));
    bool right = scratch && bn254_msm_g2(&got, bases, k, POINTS, run, scratch) && bn254_g2_eq(&got, &want);
    free(scratch);
    return right;
}

/* One value of the transform by its definition, and the way back. */
static bool transforms(const struct bn254_run *run)
{
    enum { N = 1 << LOG_DOMAIN, AT = 77 };
    static bn254_fr v[N], was[N];
    struct bn254_twiddles tw;
    bn254_fr w, x, sum = { { 0 } };
    uint64_t state = 2;
    void *table = malloc(bn254_twiddles_bytes(LOG_DOMAIN)), *scratch = malloc(bn254_ntt_scratch_bytes(run));
    if (!table || !scratch) return free(table), free(scratch), false;
    bn254_twiddles_init(&tw, LOG_DOMAIN, table, run);
    for (int i = 0; i < N; i++) was[i] = v[i] = random_fr(&state);
    bn254_fr_root_of_unity(&w, LOG_DOMAIN);
    bn254_scalar at = { { AT } };
    bn254_fr_pow(&x, &w, &at);
    for (int i = N; i-- > 0;) { /* Horner at w^77 */
        bn254_fr_mul(&sum, &sum, &x);
        bn254_fr_add(&sum, &sum, &was[i]);
    }
    bool right = bn254_ntt(v, &tw, run, scratch) && bn254_fr_eq(&v[AT], &sum) && bn254_intt(v, &tw, run, scratch) &&
                 !memcmp(v, was, sizeof v);
    free(table), free(scratch);
    return right;
}

/* A whole proof of a circuit of 16 rows; prove_groth16 verifies it by pairings. */
static bool whole_proof(const struct backend *backend, const struct bn254_run *cpu)
{
    const struct prove_run run = { .cpu = *cpu };
    struct prove_error err = { 0 };
    bool right = selftest_proof(backend, &(struct backend_options){ 0 }, &run, &err) == PV_OK;
    if (!right) fprintf(stderr, "provost-prover: %s\n", err.text);
    return right;
}

static int report(const char *where, const char *what, bool right)
{
    printf("%-9s %-18s %s\n", where, what, right ? "ok" : "WRONG");
    return !right;
}

static int test_cpu(const struct bn254_run *cpu)
{
    int wrong = 0;
    for (enum bn254_path path = BN254_PATH_PORTABLE; path <= BN254_PATH_IFMA; path++) {
        const struct bn254_run run = { .path = path, .threads = cpu->threads };
        const char *name = bn254_path_name(path);
        if (!bn254_path_available(path)) {
            printf("%-9s not on this CPU\n", name);
            continue;
        }
        wrong += report(name, "G1 sums", g1_sums(&run));
        wrong += report(name, "G2 sums", g2_sums(&run));
        wrong += report(name, "transforms", transforms(&run));
        wrong += report(name, "proof", whole_proof(&backend_cpu, &run));
    }
    return wrong;
}

static int test_gpu(const struct bn254_run *run)
{
    const struct backend *backend;
    static const struct backend_options options;
    struct prove_error err = { 0 };
    char note[PROVE_ERROR_TEXT_BYTES];
    if (backend_pick(&backend, BACKEND_CUDA, &options, note, sizeof note, &err) != PV_OK) {
        printf("%-9s %s\n", "cuda", err.text);
        return 0;
    }
    return report("cuda", "proof", whole_proof(backend, run));
}

static error_t no_arguments(int key, char *arg, struct argp_state *state)
{
    if (key == ARGP_KEY_ARG) argp_error(state, "unexpected argument \"%s\"", arg);
    return ARGP_ERR_UNKNOWN;
}

static const struct argp argp = {
    .parser = no_arguments,
    .doc = "Checks the arithmetic of this machine: sums, transforms and a whole proof on every path of this CPU and on "
           "the "
           "GPU, each against a result that is found another way. Exits with 0 when all are right.",
};

int cmd_selftest(int argc, char **argv)
{
    struct cmd_machine machine = { .backend = BACKEND_AUTO };
    argp_parse(&argp, argc, argv, 0, NULL, NULL);
    cmd_start_team(&machine);
    int wrong = test_cpu(&machine.cpu) + test_gpu(&machine.cpu);
    if (wrong) fprintf(stderr, "provost-prover: %d checks failed: do not prove on this machine\n", wrong);
    return wrong ? pv_status_exit(PV_INTERNAL) : 0;
}
