/** Fills a task's buckets and reduces them, all in batches of independent affine additions. */
#ifndef BN254_MSM_BUCKETS_H
#define BN254_MSM_BUCKETS_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "msm_kernel.h"
#include "msm_plan.h"

/** Working memory of one thread; sized for the larger group of the job. */
struct msm_bench {
    uint32_t *order, *end;     /* msm_sort's output */
    uint32_t *kept, *kept_end; /* the entries that a base set has */
    uint8_t *full;             /* buckets that have a value */
    unsigned char *buckets;    /* points: the buckets, then room for the reduction */
    unsigned char *slots;      /* sums of lanes beyond one a bucket, and sums of these */
    struct msm_lane_of *lane;  /* how the entries are cut into lanes */
    unsigned char *lanes;      /* the lanes of the batch at hand */
    uint32_t *index;           /* of the bases that are added to them next */
    uint32_t *pair;            /* indices of the additions at hand */
    struct msm_run_of *runs;   /* buckets that slots go to */
    uint32_t *list, *list_out; /* their slots, bucket by bucket, in this round and the next */
    unsigned char *tmp;        /* for the kernel */
};

/** Sizes of what a bench holds: the largest of the job's kernels. */
struct msm_sizes {
    size_t point_bytes, lanes_bytes, tmp_bytes;
};
void msm_sizes_join(struct msm_sizes *s, const struct msm_kernel *kernel);

/** The bytes of a bench, and a bench laid out in such a block (64-byte aligned). entries: of a sort, or MSM_LIST_PART
 *  of a list. */
size_t msm_bench_bytes(size_t entries, size_t buckets, const struct msm_sizes *sizes);
void msm_bench_init(struct msm_bench *b, void *mem, size_t entries, size_t buckets, const struct msm_sizes *sizes);

/** Which of the task's indices a base set has: first <= index < first + count, and not in the bitmap of infinities (may
 *  be NULL). of: the number of all scalars. */
struct msm_filter {
    const void *bases;
    size_t first, count, of;
    const uint64_t *infinite;
};

/** bench->buckets[0..n) = infinity. */
void msm_clear_buckets(struct msm_bench *bench, const struct msm_kernel *kernel, size_t n);

/** bench->buckets[first + b] += sum of the bases that bench->order[end[b-1] .. end[b]) lists, for b < n, with end =
 *  bench->end. False when *stop has become non-zero. */
bool msm_fill_buckets(struct msm_bench *bench, const struct msm_kernel *kernel, const struct msm_filter *set,
                      size_t first, size_t n, const atomic_int *stop);

/** bench->buckets[0] += sum of the bases that list[0..n) names. */
bool msm_fill_list(struct msm_bench *bench, const struct msm_kernel *kernel, const struct msm_filter *set,
                   const uint32_t *list, size_t n, const atomic_int *stop);

/** For each of n_windows windows of `width` buckets: `segments` pairs of points with
 *  sum over b < width of (b + 1) * bucket[b]  =  sum over j of partial[j] + (width / segments) * sum over j of j *
 *  total[j]. The totals of window w are at *total + w * segments, its partials at *partial + w * segments. width is a
 *  power of two; returns segments. */
size_t msm_reduce_buckets(struct msm_bench *bench, const struct msm_kernel *kernel, size_t n_windows, size_t width,
                          const unsigned char **total, const unsigned char **partial);
#endif
