/** The plan of an MSM on a GPU: a pure function of sizes, so that memory is known before any work and tests need no
 *  device.
 *
 *  One plan serves one scalar vector and every base set summed over it. Scalars are cut into signed windows of
 *  window_bits of min(k, r - k); window j = row * sets + set. Bases are tabulated as rows of 2^(window_bits sets row)
 *  P, so that all rows share the bucket set number `set`: rows = windows is one bucket set in all (fastest, largest),
 *  rows = 1 plain Pippenger.
 *
 *  Few points go without digits, sort and buckets, as a comb (gpu_msm_switches.h says when). Eight points are a group and have a
 *  table of their 255 sums, so that bit t of their scalars is one point to add with weight 2^t. Scalars are cut into comb rows of
 *  256 / comb bits; row r has tables of its own, of 2^(r 256 / comb) P, so that all rows share their weights.
 */
#ifndef PV_GPU_MSM_PLAN_H
#define PV_GPU_MSM_PLAN_H
#include "status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MSM_WINDOW_BITS_MIN = 4,
    MSM_WINDOW_BITS_MAX = 23,
    MSM_BIN_LOG_MAX = 12, /* buckets of a bin, sorted in one block's shared memory */
    MSM_BINS_MAX = 2048,
    MSM_PIECE_PARTS = 64, /* a bucket cut into more parts than this is put together in two steps */
    MSM_CLASSES = 256,    /* sizes by which bucket work is ordered; longer work counts as the last */
    MSM_BASES_MAX = 4,    /* base sets of one group in one launch */
    /* up to this n several threads share a bucket from the start, and one call launches everything */
    MSM_LATENCY_N = 1 << 17,
    COMB_TEETH = 8,  /* points of a group */
    COMB_SUMS = 256, /* entries of its table; the first is infinity */
    COMB_WORDS = 8,  /* of 32 bits, of a scalar: what a warp adds up at a time */
    COMB_ROWS_MOST = 8
};

/** How many base sets of each group share the scalars. */
struct msm_bases {
    unsigned g1, g2;
};
struct msm_limits {
    size_t free_bytes; /* for tables and scratch together */
    unsigned sm_count;
    unsigned window_bits, rows; /* 0: chosen */
    size_t scalars;             /* all of them, when more than the n with a finite base; 0: n */
    unsigned runs;              /* that are to be under way at a time, each with scratch of its own; 0: 1 */
    unsigned comb;              /* rows of a comb (1, 2, 4, 8), whatever the switch says; 0: chosen */
    unsigned dense;             /* percent of the scalars that are expected to be neither 0 nor small; 0: all */
};

struct msm_plan {
    size_t scalars; /* all */
    size_t n;       /* those with a finite base: the points of a table row */
    size_t chunk_n; /* of n, in one pass; the last may have fewer */
    unsigned chunks;
    struct msm_bases bases;
    unsigned window_bits, windows;
    unsigned rows, sets;        /* rows of the table; bucket sets */
    unsigned comb, strips;      /* rows of a comb, 0: buckets; how many threads share a bit of its scalars */
    uint32_t set_buckets, keys; /* 2^(window_bits - 1); sets times that */
    unsigned bin_log, bins;     /* first level of the counting sort */
    unsigned sort_blocks;
    uint32_t tile, tiles_max;               /* second level: pairs that a block sorts at a time */
    uint32_t entries_max;                   /* (bucket, point) pairs of a chunk */
    uint32_t segment, parts_per_bucket_max; /* additions of one thread; into how many threads a bucket may be cut */
    uint32_t tasks_max, parts_max, heavy_max, joins_max;
    uint32_t row_bits; /* a set's buckets are added up as 2^row_bits rows, and as columns */
    unsigned sm_count;
    unsigned dense;  /* as in struct msm_limits; it chooses the windows, and sums are right whatever the scalars are */
    unsigned replay; /* 1: stages are recorded once and launched by one call from then on */
    size_t table_bytes; /* of all base sets, and of the list of their scalars when that is not all */
    size_t scratch_bytes;
};

/** The plan for n points a base set; n may be 0. PV_INVALID_INPUT for a size beyond 2^28 or impossible limits;
 *  PV_NO_MEMORY when no plan fits into free_bytes. More free_bytes never give a plan with more additions. */
pv_status msm_plan_for(struct msm_plan *plan, size_t n, struct msm_bases bases, const struct msm_limits *limits);

/** What the plan's sums cost, to compare plans for the same points: wide multiply-adds by count. */
double msm_plan_cost(const struct msm_plan *plan);

/** Hands out memory piece by piece, 256-byte aligned. With base NULL it only counts, so the same code measures a layout
 *  first. */
struct msm_arena {
    uint8_t *base;
    size_t used;
};
void *msm_take(struct msm_arena *a, size_t bytes);

/** Where everything of a run lies. */
struct msm_scratch {
    uint32_t *counters; /* enum msm_counter, then one work counter per base set */
    uint32_t *bin_counts, *bin_start, *tile_start;
    uint64_t *pairs;                      /* low bits of the bucket << 32 | point and sign, ordered by bin */
    uint32_t *sorted;                     /* point and sign, ordered by bucket */
    uint32_t *bucket_start, *bucket_next; /* bucket_next: counted while sorting */
    uint32_t *class_start;
    void *tasks, *heavy, *joins;
    void *buckets_g1[MSM_BASES_MAX], *parts_g1[MSM_BASES_MAX], *lines_g1[MSM_BASES_MAX];
    void *buckets_g2[MSM_BASES_MAX], *parts_g2[MSM_BASES_MAX], *lines_g2[MSM_BASES_MAX];
    void *result; /* msm_set_sums XYZZ points of every G1 base set, then of every G2 one */
};
void msm_scratch_layout(struct msm_scratch *s, const struct msm_plan *plan, struct msm_arena *arena);

/** The points that remain of a base set: for each bucket set one for every bit of a bucket's number, and one for all
 *  buckets; of a comb one for every bit of a row. */
static inline size_t msm_set_sums(const struct msm_plan *plan)
{
    return plan->comb ? COMB_WORDS * 32 / plan->comb : (size_t)plan->sets * plan->window_bits;
}
/** A comb's groups of points; points of a row with what fills the last group. */
static inline size_t comb_groups(const struct msm_plan *plan)
{
    return (plan->n + COMB_TEETH - 1) / COMB_TEETH;
}
/** What making the tables takes beside them: two rows of points, and room for the sums of some groups before they are affine. */
size_t comb_build_bytes(const struct msm_plan *plan);
/** At least that of any plan for so many points. */
size_t comb_build_bytes_most(size_t n, struct msm_bases bases);
/** How many groups' tables are made at a time. */
static inline size_t comb_build_groups(const struct msm_plan *plan)
{
    const size_t most = 1024; /* 42 MB in G1, 84 MB in G2 */
    return comb_groups(plan) < most ? comb_groups(plan) : most;
}
/** Bytes of msm_scratch.result, for one chunk. */
size_t msm_result_bytes(const struct msm_plan *plan);

#ifdef __cplusplus
}
#endif
#endif
