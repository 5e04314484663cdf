/* The launches of the summing half and its end on the host, for any field; msm_g1.cu and msm_g2.cu say which, each apart
 * because kernels are launched in the file that instantiates them, and because they compile side by side. */
#ifndef PV_CUDA_MSM_SUMS_CUH
#define PV_CUDA_MSM_SUMS_CUH
#include "msm_sum_kernels.cuh"

/* Acc: how accumulate holds a point; F: the other stages */
template <class Acc, class F> static cudaError_t msm_sums(const msm_plan &p, const msm_scratch &m, const msm_sets &sets, uint32_t count, uint32_t reduce_blocks, cudaStream_t s)
{
    if (count == 0) return cudaSuccess;
    const uint32_t full = 4 * p.sm_count, needed = (uint32_t)(((uint64_t)p.tasks_max * Acc::LANES + MSM_THREADS - 1) / MSM_THREADS);
    const uint32_t heavy = p.heavy_max < 8 * p.sm_count ? p.heavy_max : 8 * p.sm_count;
    cudaError_t e;
    GPU_LAUNCH(msm_accumulate<Acc>, dim3(needed < full ? needed : full, count), MSM_THREADS, 0, s, sets, (const msm_task *)m.tasks, m.counters, m.sorted, p.keys);
    if ((e = cudaGetLastError()) != cudaSuccess) return e;
    GPU_LAUNCH(msm_combine<F>, dim3(heavy, count), p.combine_threads, 0, s, sets, (const msm_heavy *)m.heavy, m.counters);
    if ((e = cudaGetLastError()) != cudaSuccess) return e;
    GPU_LAUNCH(msm_reduce<F>, dim3(reduce_blocks, count, p.sets), MSM_THREADS, 0, s, sets, m.bucket_start, p.set_buckets, p.reduce_run);
    if ((e = cudaGetLastError()) != cudaSuccess) return e;
    GPU_LAUNCH(msm_reduce_last<F>, dim3(1, count, p.sets), MSM_THREADS, 0, s, sets, reduce_blocks);
    return cudaGetLastError();
}
template <class F> static cudaError_t msm_table(fp *out, const fp *in, fp *spare, uint32_t n, unsigned doublings, cudaStream_t s)
{
    if (n == 0) return cudaSuccess;
    const uint32_t points = MSM_THREADS / F::LANES * MSM_TABLE_RUN;
    GPU_LAUNCH(msm_table_row<F>, (n + points - 1) / points, MSM_THREADS, 0, s, out, in, spare, n, (uint32_t)doublings);
    return cudaGetLastError();
}
template <class F> static void msm_finish(fp *result, const msm_plan &p, const void *sums, size_t chunk_stride)
{
    xyzz<F> total = xyzz_infinity<F>();
    for (unsigned set = p.sets; set-- > 0;) {
        for (unsigned k = 0; k < p.window_bits && !xyzz_is_infinity(total); k++) total = xyzz_dbl(total);
        for (unsigned chunk = 0; chunk < p.chunks; chunk++) {
            const fp *at = (const fp *)((const char *)sums + chunk * chunk_stride) + (size_t)set * XYZZ_COORDS * F::COORD;
            xyzz_add(total, xyzz_load<F>(at));
        }
    }
    F x, y;
    memset(&x, 0, sizeof x), memset(&y, 0, sizeof y);
    if (!xyzz_is_infinity(total)) {
        x = f_canon(f_mul(total.x, f_inv(total.zz)));
        y = f_canon(f_mul(total.y, f_inv(total.zzz)));
    }
    F::store(result, x);
    F::store(result + F::COORD, y);
}
#endif
