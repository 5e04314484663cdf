/* bench_msm [path] [threads] [log_min] [log_max] [g1|g2|both] [dense|mixed|bits|equal]: JSON lines, the least time of
 * several rounds. Bases are multiples of the generator in steps, all different; scalars random below r, or as the last
 * word says. mixed is what circuits of hashes and range checks have: seven in ten 0 or 1, one below 2^64, two of full
 * size; bits: three in four 0 or 1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fr.h"
#include "msm.h"

static double clock_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* The least of several rounds, as wall time and as processor time of all threads; on a shared machine the second is
 * steadier. */
struct least {
    double ms, cpu_ms, from, cpu_from;
};

static void round_begins(struct least *l)
{
    l->from = clock_ms(CLOCK_MONOTONIC);
    l->cpu_from = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
}

static void round_ends(struct least *l)
{
    double ms = clock_ms(CLOCK_MONOTONIC) - l->from, cpu_ms = clock_ms(CLOCK_PROCESS_CPUTIME_ID) - l->cpu_from;
    if (!l->ms || ms < l->ms) l->ms = ms;
    if (!l->cpu_ms || cpu_ms < l->cpu_ms) l->cpu_ms = cpu_ms;
}

static uint64_t state = 88172645463325252u;

static uint64_t next_random(void)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
}

static bn254_scalar random_scalar(void)
{
    bn254_scalar s;
    bn254_fr f;
    for (int k = 0; k < 4; k++) s.l[k] = next_random();
    bn254_fr_from_scalar(&f, &s);
    bn254_fr_to_scalar(&s, &f);
    return s;
}

static bn254_scalar_packed *scalars(size_t n, const char *family)
{
    bn254_scalar_packed *k = malloc(n * sizeof *k);
    bn254_scalar same = random_scalar();
    for (size_t i = 0; i < n; i++) {
        bn254_scalar s = strcmp(family, "equal") ? random_scalar() : same;
        if (!strcmp(family, "mixed")) {
            uint64_t kind = next_random() % 10;
            if (kind < 8) s = (bn254_scalar){ { kind < 7 ? next_random() & 1 : next_random(), 0, 0, 0 } };
        }
        if (!strcmp(family, "bits") && next_random() % 100 < 75) s = (bn254_scalar){ { next_random() & 1, 0, 0, 0 } };
        memcpy(&k[i], &s, sizeof s);
    }
    return k;
}

#define BATCH 1024
#define BENCH(g, G, E)                                                                                                 \
    static bn254_##g##_packed *bases_##g(size_t n)                                                                     \
    {                                                                                                                  \
        bn254_##g##_packed *bases = malloc(n * sizeof *bases);                                                         \
        static bn254_##g jacobian[BATCH];                                                                              \
        static bn254_##g##_affine affine[BATCH];                                                                       \
        static E scratch[2 * BATCH];                                                                                   \
        bn254_##g p, step;                                                                                             \
        bn254_scalar s = random_scalar();                                                                              \
        bn254_##g##_from_affine(&p, &G);                                                                               \
        bn254_##g##_mul(&step, &p, &s);                                                                                \
        for (size_t at = 0; at < n; at += BATCH) {                                                                     \
            size_t m = n - at < BATCH ? n - at : BATCH;                                                                \
            for (size_t i = 0; i < m; i++) {                                                                           \
                jacobian[i] = p;                                                                                       \
                bn254_##g##_add(&p, &p, &step);                                                                        \
            }                                                                                                          \
            bn254_##g##_batch_to_affine(affine, jacobian, m, scratch);                                                 \
            memcpy(bases + at, affine, m * sizeof *affine);                                                            \
        }                                                                                                              \
        return bases;                                                                                                  \
    }                                                                                                                  \
    static void bench_##g(unsigned lo, unsigned hi, const char *family, const struct bn254_run *run)                   \
    {                                                                                                                  \
        size_t most = (size_t)1 << hi, bytes = bn254_msm_##g##_scratch_bytes(most, run);                               \
        bn254_##g##_packed *bases = bases_##g(most);                                                                   \
        bn254_scalar_packed *k = scalars(most, family);                                                                \
        void *scratch = malloc(bytes);                                                                                 \
        for (unsigned log_n = lo; log_n <= hi; log_n++) {                                                              \
            struct least best = { 0 };                                                                                 \
            for (int round = 0; round < (log_n > 20 ? 2 : log_n > 17 ? 4 : 10); round++) {                             \
                bn254_##g r;                                                                                           \
                round_begins(&best);                                                                                   \
                bn254_msm_##g(&r, bases, k, (size_t)1 << log_n, run, scratch);                                         \
                round_ends(&best);                                                                                     \
            }                                                                                                          \
            printf("{\"bench\":\"msm_" #g "\",\"path\":\"%s\",\"threads\":%u,\"scalars\":\"%s\",\"log_n\":%u,\"ms\":%" \
                   ".3f,\"cpu_ms\":%.3f,\"scratch_mib\":%.1f}\n",                                                      \
                   bn254_path_name(bn254_run_path(run)), bn254_run_threads(run), family, log_n, best.ms, best.cpu_ms,  \
                   (double)bn254_msm_##g##_scratch_bytes((size_t)1 << log_n, run) / 1048576.0);                        \
            fflush(stdout);                                                                                            \
        }                                                                                                              \
        free(bases), free(k), free(scratch);                                                                           \
    }
BENCH(g1, BN254_G1_GENERATOR, bn254_fp)
BENCH(g2, BN254_G2_GENERATOR, bn254_fp2)

int main(int argc, char **argv)
{
    struct bn254_run run = { 0 };
    if (argc > 1 && !bn254_path_parse(&run.path, argv[1])) return 2;
    run.threads = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
    unsigned lo = argc > 3 ? (unsigned)atoi(argv[3]) : 10, hi = argc > 4 ? (unsigned)atoi(argv[4]) : 18;
    const char *group = argc > 5 ? argv[5] : "both", *family = argc > 6 ? argv[6] : "dense";
    if (strcmp(group, "g2")) bench_g1(lo, hi, family, &run);
    if (strcmp(group, "g1")) bench_g2(lo, hi, family, &run);
    return 0;
}
