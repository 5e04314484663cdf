/* MSM on the device: what its stages share, and the calls between them. gpu_msm_plan.h has the plan, gpu_msm.h the C
 * face. One header for three sources: msm_sort.cu defines msm_sort, msm_g1.cu and its twin msm_g2.cu the rest. */
#ifndef PV_CUDA_MSM_CUH
#define PV_CUDA_MSM_CUH
#include "fp.cuh"
#include "fr.cuh"
#include "gpu_msm_plan.h"

enum { MSM_THREADS = 128, MSM_SORT_THREADS = 256 };
enum msm_counter {
    MSM_TASKS,
    MSM_FEW,
    MSM_MANY,
    MSM_JOINS,
    MSM_PARTS,
    MSM_NEXT
};                                                /* MSM_NEXT + base set: the next task */
static constexpr uint32_t MSM_SIGN = 0x80000000u; /* beside a point: subtract it */

/** dest < keys: the bucket itself; beyond: partial sum dest - keys. */
struct alignas(16) msm_task {
    uint32_t start, count, dest, pad;
};
/** parts partial sums, each `stride` after the one before, that go into dest (as in msm_task). */
struct alignas(16) msm_heavy {
    uint32_t dest, first, parts, stride;
};
/** The base sets of one group. */
struct msm_sets {
    const fp *table[MSM_BASES_MAX];
    fp *buckets[MSM_BASES_MAX], *parts[MSM_BASES_MAX], *lines[MSM_BASES_MAX], *result[MSM_BASES_MAX];
};

/** Canonical scalars, in two pieces when split is less than their number, and the numbers of those that the table's points belong
 *  to; list NULL: first, first + 1, first + 2 ... */
struct msm_input {
    const fr *scalars, *more;
    uint32_t split; /* the number of more's first scalar */
    const uint32_t *list;
    uint32_t first;
};
GPU_DEV const fr *msm_scalar_at(const msm_input &in, uint32_t i)
{
    const uint32_t k = in.list ? in.list[i] : in.first + i;
    return k < in.split ? in.scalars + k : in.more + (k - in.split);
}
/** Scalars to tasks, for n <= plan.chunk_n points. stride: points of a table row. */
cudaError_t msm_sort(const msm_plan &p, const msm_scratch &m, const msm_input &in, uint32_t n, uint32_t stride,
                     cudaStream_t s);
/** Tasks to window_bits sums per bucket set. g2_lanes: 1 or 2 lanes a point. */
cudaError_t msm_sums_g1(const msm_plan &p, const msm_scratch &m, const msm_sets &sets, cudaStream_t s);
cudaError_t msm_sums_g2(const msm_plan &p, const msm_scratch &m, const msm_sets &sets, unsigned g2_lanes,
                        cudaStream_t s);
/** out[i] <- 2^doublings in[i], i < n, affine and canonical; group 1 or 2. spare: msm_table_spare(group) bytes a point.
 *  */
cudaError_t msm_table_g1(fp *out, const fp *in, fp *spare, uint32_t n, unsigned doublings, cudaStream_t s);
cudaError_t msm_table_g2(fp *out, const fp *in, fp *spare, uint32_t n, unsigned doublings, cudaStream_t s);
inline size_t msm_table_spare(unsigned group)
{
    return 160 * (size_t)group;
}
/** On the host: result <- the sum of all buckets of all sets with their weights, affine, canonical, all zero when
 *  infinity. sums: of each chunk and set window_bits XYZZ points, those of the buckets with bit 0, 1, ... in their
 *  number and that of all; each chunk's first is chunk_stride bytes after that of the chunk before. */
void msm_finish_g1(fp result[2], const msm_plan &p, const void *sums, size_t chunk_stride);
void msm_finish_g2(fp result[4], const msm_plan &p, const void *sums, size_t chunk_stride);
#endif
