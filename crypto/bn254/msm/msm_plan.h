/** How an MSM is cut: window width, number of windows, tasks. Pure functions of sizes. */
#ifndef BN254_MSM_PLAN_H
#define BN254_MSM_PLAN_H
#include <stdbool.h>
#include <stddef.h>

#define MSM_WINDOW_BITS_MAX 16 /* a digit is stored in 16 bits */
#define MSM_WINDOWS_MAX 128    /* of 2 bits */
#define MSM_SMALL_BITS 64      /* scalars below 2^64 skip the windows above */

/** The number of c-bit windows that cover min(k, r - k) < 2^253 in signed digits; the top one has no carry out. */
unsigned msm_windows(unsigned c);

/** The window width for n scalars that are neither 0 nor +-1. */
unsigned msm_window_bits(size_t n);

struct msm_shape {
    unsigned c, windows, small_windows;
    size_t buckets; /* of one window: 2^(c-1) */
    size_t n_live;  /* scalars with digits; the first n_full of them have digits in all windows */
    size_t n_full;
    size_t n_ones;
};
void msm_shape_init(struct msm_shape *s, size_t n_full, size_t n_small, size_t n_ones);

/** Scalars that take part in window w. */
static inline size_t msm_window_items(const struct msm_shape *s, unsigned w)
{
    return w < s->small_windows ? s->n_live : s->n_full;
}

/** Live scalars worked on at a time: their bases (8 MiB in G1) stay in the third-level cache for all windows of a task.
 *  A random base costs 1 to 1.3 ns there, 6 to 8 from 64 MiB of memory (Zen 5, prefetched); tried 2^16 to 2^18,
 *  tests/bench/RESULTS.md. */
#define MSM_CHUNK ((size_t)1 << 17)

/** Ones that are summed at a time. */
#define MSM_LIST_PART ((size_t)1 << 16)

/** A task: windows [window, window + n_windows) over positions [lo, hi) of the live list; n_windows == 0: the list of
 *  ones. together: few enough for one sort of all its windows. */
struct msm_task {
    unsigned window, n_windows;
    size_t lo, hi;
    bool together;
};

/** Cuts the work so that all threads end together. Writes at most msm_tasks_max(threads) tasks, heavy first; returns
 *  how many. */
size_t msm_tasks(struct msm_task *task, const struct msm_shape *s, unsigned threads);
size_t msm_tasks_max(unsigned threads);

/** What the work needs room for. */
struct msm_bounds {
    size_t indices; /* scalars that are not zero */
    size_t digits;  /* 16-bit digits in all */
    size_t entries; /* of one sort */
    size_t buckets; /* of one task */
};

/** The room for every shape that n scalars can have on that many threads: known before a scalar is read. */
struct msm_bounds msm_bounds_for(size_t n, unsigned threads);

/** The room for one shape and its tasks: never above msm_bounds_for, and for sparse scalars far below. */
struct msm_bounds msm_bounds_of(const struct msm_shape *s, const struct msm_task *task, size_t n_tasks);
#endif
