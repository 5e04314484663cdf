/* bench_ntt [path] [threads] [log_min] [log_max]: JSON lines, the least time of several rounds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ntt.h"

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

static void fill(bn254_fr *v, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) {
        bn254_scalar s;
        for (int k = 0; k < 4; k++) {
            seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
            s.l[k] = seed;
        }
        bn254_fr_from_scalar(&v[i], &s);
    }
}

static void report(const char *what, const struct bn254_run *run, unsigned log_n, const struct least *l)
{
    printf("{\"bench\":\"%s\",\"path\":\"%s\",\"threads\":%u,\"log_n\":%u,\"ms\":%.3f,\"cpu_ms\":%.3f}\n", what,
           bn254_path_name(bn254_run_path(run)), bn254_run_threads(run), log_n, l->ms, l->cpu_ms);
    fflush(stdout);
}

static void bench(unsigned log_n, const struct bn254_run *run)
{
    size_t n = (size_t)1 << log_n;
    struct bn254_twiddles tw;
    void *mem = malloc(bn254_twiddles_bytes(log_n)), *scratch = malloc(bn254_ntt_scratch_bytes(run));
    bn254_fr *v[3];
    struct least table = { 0 }, ntt = { 0 }, quotient = { 0 };
    round_begins(&table);
    bn254_twiddles_init(&tw, log_n, mem, run);
    round_ends(&table);
    report("twiddles", run, log_n, &table);
    for (int i = 0; i < 3; i++) {
        v[i] = aligned_alloc(64, n * sizeof *v[i]); /* as a proof's arena has them */
        fill(v[i], n, 88172645463325252u + (unsigned)i);
    }
    for (int round = 0; round < (log_n > 20 ? 3 : 7); round++) {
        round_begins(&ntt);
        bn254_ntt(v[0], &tw, run, scratch);
        round_ends(&ntt);
        round_begins(&quotient);
        bn254_quotient((bn254_scalar_packed *)v[0], v[0], v[1], v[2], log_n, &tw, run, scratch);
        round_ends(&quotient);
    }
    report("ntt_natural", run, log_n, &ntt);
    report("quotient", run, log_n, &quotient);
    for (int i = 0; i < 3; i++) free(v[i]);
    free(mem), free(scratch);
}

int main(int argc, char **argv)
{
    struct bn254_run run = { 0 };
    if (argc > 1 && !bn254_path_parse(&run.path, argv[1])) return 2;
    run.threads = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
    unsigned lo = argc > 3 ? (unsigned)atoi(argv[3]) : 16, hi = argc > 4 ? (unsigned)atoi(argv[4]) : 20;
    for (unsigned log_n = lo; log_n <= hi; log_n += 2) bench(log_n, &run);
    return 0;
}
