/** How a long computation runs: its path, its threads, and the flag that stops it. */
#ifndef BN254_RUN_H
#define BN254_RUN_H

#include <stdatomic.h>
#include <stdbool.h>

enum bn254_path {
    BN254_PATH_AUTO = 0, /* the best one this processor has */
    BN254_PATH_PORTABLE, /* C11 with 128-bit products */
    BN254_PATH_ADX,      /* x86-64 with BMI2 and ADX */
    BN254_PATH_IFMA,     /* AVX-512 IFMA, eight lanes; includes ADX */
};

/** The zero value and a NULL pointer both mean: best path, all cores, never stopped.
 *  A function that takes one returns false soon after *stop becomes non-zero; its outputs are then unspecified. */
struct bn254_run {
    enum bn254_path path;
    unsigned threads;
    const atomic_int *stop; /* borrowed during the call; may be NULL */
};

/** The fastest path that this processor and its operating system can run (CPUID and XCR0). Never AUTO. */
enum bn254_path bn254_path_best(void);

/** Whether path can run here. AUTO and PORTABLE always can. */
bool bn254_path_available(enum bn254_path path);

/** "auto", "portable", "adx", "ifma". */
const char *bn254_path_name(enum bn254_path path);

/** Finds the path of that name; false, with *path untouched, for any other text. Does not check whether it is
 *  available. */
bool bn254_path_parse(enum bn254_path *path, const char *name);

/** The path that run takes here: AUTO, and a path that the processor lacks, become the best one. */
enum bn254_path bn254_run_path(const struct bn254_run *run);

/** Threads to use: run->threads, or the processors this process may use, at least 1. */
unsigned bn254_run_threads(const struct bn254_run *run);

/** Whether the computation should end now. */
bool bn254_run_stopped(const struct bn254_run *run);

#endif
