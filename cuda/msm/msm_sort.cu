/* The launches of the sorting half. The plan sizes the grids; the values of the scalars never do. */
#include "msm_sort_kernels.cuh"

#define STAGE(...)                                                                                                     \
    do {                                                                                                               \
        GPU_LAUNCH(__VA_ARGS__);                                                                                       \
        const cudaError_t stage_ = cudaGetLastError();                                                                 \
        if (stage_ != cudaSuccess) return stage_;                                                                      \
    } while (0)

cudaError_t msm_sort(const msm_plan &p, const msm_scratch &m, const msm_input &in, uint32_t n, uint32_t stride,
                     cudaStream_t s)
{
    cudaError_t e = cudaMemsetAsync(m.counters, 0, 64 * 4, s);
    if (e == cudaSuccess) e = cudaMemsetAsync(m.class_start, 0, MSM_CLASSES * 4, s);
    if (e == cudaSuccess) e = cudaMemsetAsync(m.bucket_next, 0, (size_t)p.keys * 4, s);
    if (e != cudaSuccess) return e;
    const uint32_t per = MSM_SORT_THREADS / 32, wide = p.sort_blocks, full = 8 * p.sm_count;
    const uint32_t bucket_blocks = (p.keys + MSM_SORT_THREADS - 1) / MSM_SORT_THREADS,
                   some = bucket_blocks < full ? bucket_blocks : full;
    const uint32_t tiles = p.tiles_max < full ? p.tiles_max : full;
    STAGE(msm_bin_count, wide, MSM_SORT_THREADS, 0, s, m.bin_counts, in, n, stride, p);
    STAGE(msm_bin_scan, (p.bins + per - 1) / per, MSM_SORT_THREADS, 0, s, m.bin_counts, m.bin_start, wide, p.bins);
    STAGE(msm_bin_starts, 1, MSM_SORT_THREADS, 0, s, m.bin_start, m.tile_start, p);
    STAGE(msm_bin_scatter, wide, MSM_SORT_THREADS, 0, s, m.pairs, m.bin_counts, m.bin_start, in, n, stride, p);
    STAGE(msm_bucket_count, tiles, MSM_SORT_THREADS, 0, s, m.bucket_next, m.pairs, m.bin_start, m.tile_start, p);
    STAGE(msm_bucket_starts, p.bins, MSM_SORT_THREADS, 0, s, m.bucket_start, m.bucket_next, m.bin_start, p);
    STAGE(msm_bucket_scatter, tiles, MSM_SORT_THREADS, 0, s, m.sorted, m.bucket_next, m.pairs, m.bin_start,
          m.tile_start, p);
    STAGE(msm_task_count, some, MSM_SORT_THREADS, 0, s, m.class_start, m.bucket_start, p);
    STAGE(msm_task_starts, 1, MSM_CLASSES, 0, s, m.class_start, m.counters);
    STAGE(msm_task_place, some, MSM_SORT_THREADS, 0, s, (msm_task *)m.tasks, (msm_heavy *)m.heavy, (msm_heavy *)m.joins,
          m.counters, m.class_start, m.bucket_start, p);
    return cudaSuccess;
}
