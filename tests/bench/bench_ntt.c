/* bench_ntt [path] [threads] [log_min] [log_max]: JSON lines, the least time of several rounds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bn254/ntt.h"

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
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

static void report(const char *what, const struct bn254_run *run, unsigned log_n, double ms)
{
    printf("{\"bench\":\"%s\",\"path\":\"%s\",\"threads\":%u,\"log_n\":%u,\"ms\":%.3f}\n", what, bn254_path_name(bn254_run_path(run)),
           bn254_run_threads(run), log_n, ms);
    fflush(stdout);
}

static void bench(unsigned log_n, const struct bn254_run *run)
{
    size_t n = (size_t)1 << log_n;
    struct bn254_twiddles tw;
    void *mem = malloc(bn254_twiddles_bytes(log_n));
    bn254_fr *v[3];
    bn254_scalar_packed *h = malloc(n * sizeof *h);
    double table = now_ms(), ntt = 1e12, quotient = 1e12;
    bn254_twiddles_init(&tw, log_n, mem, run);
    report("twiddles", run, log_n, now_ms() - table);
    for (int i = 0; i < 3; i++) {
        v[i] = malloc(n * sizeof *v[i]);
        fill(v[i], n, 88172645463325252u + (unsigned)i);
    }
    for (int round = 0; round < (log_n > 20 ? 3 : 7); round++) {
        double t = now_ms();
        bn254_ntt(v[0], &tw, run);
        if (now_ms() - t < ntt) ntt = now_ms() - t;
        t = now_ms();
        bn254_quotient(h, v[0], v[1], v[2], log_n, &tw, run);
        if (now_ms() - t < quotient) quotient = now_ms() - t;
    }
    report("ntt_natural", run, log_n, ntt);
    report("quotient", run, log_n, quotient);
    for (int i = 0; i < 3; i++) free(v[i]);
    free(h), free(mem);
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
