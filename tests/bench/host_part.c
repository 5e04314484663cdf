/* The host's part of a proof on a GPU, without one: what each step takes of this machine's CPU, in microseconds of this
 * thread's processor time, so that what else the machine does counts little. The sums are there
 * already: made once on the CPU for blinding and check, points at random for their end.
 *
 *     host_part KEY.zkey WITNESS.wtns LOG_N      one line of JSON; the median of ROUNDS */
#include "bn254_random.h"
#include "cuda_layout.h"
#include "gpu_msm.h"
#include "prove.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 31, SM_COUNT = 132, PIECE_BYTES = 1 << 20 }; /* a piece: as backend_cuda.c stages it */

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void put(const char *name, double v[ROUNDS])
{
    qsort(v, ROUNDS, sizeof *v, by_value);
    printf(", \"%s_us\": %.1f", name, v[ROUNDS / 2]);
}

/* ---- the witness, on its way to the device ---- */

static void copies(unsigned log_n)
{
    const size_t bytes = (size_t)32 << log_n;
    uint8_t *from = malloc(bytes), *to = malloc(bytes);
    double stage[ROUNDS], piece[ROUNDS], wipe[ROUNDS];
    if (!from || !to) abort();
    memset(from, 1, bytes);
    memset(to, 2, bytes);
    for (int i = 0; i < ROUNDS; i++) {
        double at = now_us();
        memcpy(to, from, bytes);
        stage[i] = now_us() - at;
        at = now_us();
        memcpy(to, from, bytes < PIECE_BYTES ? bytes : PIECE_BYTES);
        piece[i] = now_us() - at;
        at = now_us();
        explicit_bzero(to, bytes);
        wipe[i] = now_us() - at;
    }
    printf("\"witness_bytes\": %zu", bytes);
    put("stage", stage);
    put("first_piece", piece);
    put("wipe", wipe);
    free(from);
    free(to);
}

/* ---- the end of the sums: H, and A, B1, C and B2 together ---- */

static struct seeded rng;

static void fill(uint8_t *at, const struct msm_plan *p)
{
    bn254_g1 one; /* its z is */
    bn254_g1_from_affine(&one, &BN254_G1_GENERATOR);
    for (size_t i = 0; i < p->bases.g1 * msm_set_sums(p); i++, at += 128) { /* x, y, zz, zzz */
        bn254_g1_affine a = random_g1_affine(&rng);
        memcpy(at, &a, 64);
        memcpy(at + 64, &one.z, 32);
        memcpy(at + 96, &one.z, 32);
    }
    for (size_t i = 0; i < p->bases.g2 * msm_set_sums(p); i++, at += 256) {
        bn254_g2_affine a = random_g2_affine(&rng);
        memset(at, 0, 256);
        memcpy(at, &a, 128);
        memcpy(at + 128, &one.z, 32);
        memcpy(at + 192, &one.z, 32);
    }
}

static void ends(unsigned log_n)
{
    static const struct msm_bases of_h = { .g1 = 1 }, of_witness = { .g1 = 3, .g2 = 1 };
    const struct msm_limits all = { .free_bytes = (size_t)139 << 30, .sm_count = SM_COUNT };
    struct msm_plan h, w;
    double end[ROUNDS];
    if (msm_plan_for(&h, (size_t)1 << log_n, of_h, &all) != PV_OK) abort();
    if (msm_plan_for(&w, (size_t)1 << log_n, of_witness, &all) != PV_OK) abort();
    uint8_t *filled[2] = { calloc(1, gpu_msm_sums_bytes(&h)), calloc(1, gpu_msm_sums_bytes(&w)) };
    uint8_t *sums[2] = { malloc(gpu_msm_sums_bytes(&h)), malloc(gpu_msm_sums_bytes(&w)) };
    if (!filled[0] || !filled[1] || !sums[0] || !sums[1] || h.chunks > 1 || w.chunks > 1) abort();
    fill(filled[0], &h);
    fill(filled[1], &w);
    for (int i = 0; i < ROUNDS; i++) {
        bn254_g1 g1[3];
        bn254_g2 g2;
        memcpy(sums[0], filled[0], gpu_msm_sums_bytes(&h));
        memcpy(sums[1], filled[1], gpu_msm_sums_bytes(&w));
        double at = now_us();
        gpu_msm_finish(&h, sums[0], g1, NULL);
        gpu_msm_finish(&w, sums[1], g1, &g2);
        end[i] = now_us() - at;
    }
    put("end_of_sums", end);
    for (int i = 0; i < 2; i++) free(filled[i]), free(sums[i]);
}

/* ---- blinding and check ---- */

static struct backend given; /* the CPU's, whose sums are kept */
static struct backend_sums kept;
static bool known;
static double last_us, *step[3];

static pv_status given_sums(struct backend_sums *out, struct backend_key *key, const bn254_scalar_packed *witness,
                            const struct prove_run *run, struct prove_error *err)
{
    const struct prove_run silent = { .cpu = run->cpu };
    if (!known) TRY(backend_cpu.sums(&kept, key, witness, &silent, err));
    known = true;
    *out = kept;
    const double at = now_us();
    if (run->meanwhile) run->meanwhile(run->meanwhile_arg);
    step[0][*(int *)run->progress_arg] = now_us() - at;
    last_us = now_us();
    return PV_OK;
}

static void on_progress(void *round, const char *phase, unsigned percent)
{
    const double now = now_us();
    (void)phase;
    if (percent == 97) step[1][*(int *)round] = now - last_us;
    if (percent == 100) step[2][*(int *)round] = now - last_us;
    last_us = now_us();
}

static void ends_of_proofs(const char *zkey, const char *wtns)
{
    static double seen[3][ROUNDS];
    struct prove_error err = { 0 };
    struct prove_key *key = NULL;
    struct wtns w;
    struct groth16_proof proof;
    given = backend_cpu;
    given.sums = given_sums;
    for (int i = 0; i < 3; i++) step[i] = seen[i];
    if (prove_key_new(&key, zkey, &given, &(struct backend_options){ 0 }, NULL, &err) != PV_OK ||
        wtns_open(&w, wtns, &err) != PV_OK) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    for (int i = -1; i < ROUNDS; i++) {
        int round = i < 0 ? 0 : i;
        const struct prove_run run = { .progress = on_progress, .progress_arg = &round };
        if (prove_groth16(&proof, key, &w, NULL, &run, &err) != PV_OK) {
            fprintf(stderr, "%s\n", err.text);
            exit(1);
        }
    }
    put("meanwhile", seen[0]);
    put("blinding", seen[1]);
    put("check", seen[2]);
    wtns_close(&w);
    prove_key_destroy(&key);
}

int main(int argc, char **argv)
{
    if (argc != 4) return fprintf(stderr, "host_part KEY.zkey WITNESS.wtns LOG_N\n"), 2;
    const unsigned log_n = (unsigned)atoi(argv[3]);
    rng = seeded_start();
    printf("{\"bench\": \"host-part\", \"log_n\": %u, ", log_n);
    copies(log_n);
    ends(log_n);
    ends_of_proofs(argv[1], argv[2]);
    printf("}\n");
    return 0;
}
