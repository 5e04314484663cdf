#include "run.h"

#include <sched.h>
#include <string.h>

#ifdef __x86_64__
#include <cpuid.h>

/* The registers the operating system saves: SSE and AVX, opmask, the upper halves of zmm0-15, zmm16-31. */
enum { XCR0_AVX512 = 0xe6 };

static bool os_saves_avx512(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return false;
    unsigned lo, hi;
    __asm__("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return (lo & XCR0_AVX512) == XCR0_AVX512;
}

/* CPUID by hand: __builtin_cpu_supports of older clang does not know "adx". */
static enum bn254_path cpu_path(void)
{
    const unsigned adx = bit_BMI2 | bit_ADX;
    const unsigned ifma = bit_AVX512F | bit_AVX512DQ | bit_AVX512VL | bit_AVX512IFMA;
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (b & adx) != adx) return BN254_PATH_PORTABLE;
    if ((b & ifma) == ifma && (c & bit_AVX512VBMI2) && os_saves_avx512()) return BN254_PATH_IFMA;
    return BN254_PATH_ADX;
}
#else
static enum bn254_path cpu_path(void)
{
    return BN254_PATH_PORTABLE;
}
#endif

enum bn254_path bn254_path_best(void)
{
    return cpu_path();
}

bool bn254_path_available(enum bn254_path path)
{
    return path <= BN254_PATH_PORTABLE || path <= bn254_path_best();
}

static const char *const path_names[] = { "auto", "portable", "adx", "ifma" };
enum { PATHS = sizeof path_names / sizeof path_names[0] };

const char *bn254_path_name(enum bn254_path path)
{
    return (unsigned)path < PATHS ? path_names[path] : "unknown";
}

bool bn254_path_parse(enum bn254_path *path, const char *name)
{
    for (int i = 0; i < PATHS; i++) {
        if (strcmp(name, path_names[i]) != 0) continue;
        *path = (enum bn254_path)i;
        return true;
    }
    return false;
}

enum bn254_path bn254_run_path(const struct bn254_run *run)
{
    bool choose = !run || run->path == BN254_PATH_AUTO || !bn254_path_available(run->path);
    return choose ? bn254_path_best() : run->path;
}

unsigned bn254_run_threads(const struct bn254_run *run)
{
    if (run && run->threads) return run->threads;
    cpu_set_t cpus;
    if (sched_getaffinity(0, sizeof cpus, &cpus) != 0) return 1;
    int n = CPU_COUNT(&cpus);
    return n > 0 ? (unsigned)n : 1;
}

bool bn254_run_stopped(const struct bn254_run *run)
{
    return run && run->stop && atomic_load_explicit(run->stop, memory_order_relaxed) != 0;
}
