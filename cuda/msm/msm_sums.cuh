/* The launches of the summing half and its end on the host, for any field. msm_g1.cu and msm_g2.cu choose the field;
 * they are two files because kernels are launched in the file that instantiates them, and because they compile side by
 * side. */
#ifndef PV_CUDA_MSM_SUMS_CUH
#define PV_CUDA_MSM_SUMS_CUH
#include "msm_sum_kernels.cuh"

static_assert(PV_PIECE_PARTS >= MSM_PIECE_PARTS && PV_PIECE_PARTS > PV_FEW_PARTS, "joins_max counts on it");

/* blocks for 2^log_lines lines of 2^log_count points; a block of `points` points takes several short lines */
static uint32_t msm_line_blocks(uint32_t points, uint32_t log_lines, uint32_t log_count)
{
    const uint32_t lines = 1u << log_lines, count = 1u << log_count, at_once = count < points ? points / count : 1;
    return (lines + at_once - 1) / at_once;
}
/* Acc: how accumulate holds a point; F: the other stages */
template <class Acc, class F>
static cudaError_t msm_sums(const msm_plan &p, const msm_scratch &m, const msm_sets &sets, uint32_t count,
                            cudaStream_t s)
{
    if (count == 0) return cudaSuccess;
    const uint32_t full = msm_acc_blocks<Acc>() * p.sm_count,
                   needed = (uint32_t)(((uint64_t)p.tasks_max * Acc::LANES + MSM_THREADS - 1) / MSM_THREADS);
    const uint32_t heavy = p.heavy_max < 4 * p.sm_count ? p.heavy_max : 4 * p.sm_count,
                   joins = p.joins_max < p.sm_count ? p.joins_max : p.sm_count;
    const uint32_t points = MSM_THREADS / F::LANES, row_bits = p.row_bits, col_bits = p.window_bits - 1 - row_bits;
    const uint32_t row_blocks = msm_line_blocks(points, row_bits, col_bits),
                   col_blocks = msm_line_blocks(points, col_bits, row_bits);
    cudaError_t e;
    GPU_LAUNCH(msm_accumulate<Acc>, dim3(needed < full ? needed : full, count), MSM_THREADS, 0, s, sets,
               (const msm_task *)m.tasks, m.counters, m.sorted, p.keys);
    if ((e = cudaGetLastError()) != cudaSuccess) return e;
    GPU_LAUNCH(msm_combine<F>, dim3(heavy, count), MSM_THREADS, 0, s, sets, (const msm_heavy *)m.heavy, m.counters,
               p.heavy_max, p.keys, (uint32_t)p.sm_count);
    if ((e = cudaGetLastError()) != cudaSuccess) return e;
    GPU_LAUNCH(msm_join<F>, dim3(joins, count), MSM_THREADS, 0, s, sets, (const msm_heavy *)m.joins, m.counters,
               p.keys);
    if ((e = cudaGetLastError()) != cudaSuccess) return e;
    GPU_LAUNCH(msm_lines<F>, dim3(row_blocks + col_blocks, count, p.sets), MSM_THREADS, 0, s, sets, m.bucket_start,
               row_bits, col_bits, row_blocks);
    if ((e = cudaGetLastError()) != cudaSuccess) return e;
    GPU_LAUNCH(msm_bits<F>, dim3(p.window_bits, count, p.sets), MSM_THREADS, 0, s, sets, row_bits, col_bits);
    return cudaGetLastError();
}
template <class F>
static cudaError_t msm_table(fp *out, const fp *in, fp *spare, uint32_t n, unsigned doublings, cudaStream_t s)
{
    if (n == 0) return cudaSuccess;
    const uint32_t points = MSM_THREADS / F::LANES * MSM_TABLE_RUN;
    GPU_LAUNCH(msm_table_row<F>, (n + points - 1) / points, MSM_THREADS, 0, s, out, in, spare, n, (uint32_t)doublings);
    return cudaGetLastError();
}
template <class F>
static void msm_finish_add(xyzz<F> &total, const msm_plan &p, const void *sums, size_t chunk_stride, unsigned set,
                           unsigned sum)
{
    for (unsigned chunk = 0; chunk < p.chunks; chunk++) {
        const fp *at = (const fp *)((const char *)sums + chunk * chunk_stride) +
                       ((size_t)set * p.window_bits + sum) * XYZZ_COORDS * F::COORD;
        xyzz_add(total, xyzz_load<F>(at));
    }
}
template <class F> static void msm_finish(fp *result, const msm_plan &p, const void *sums, size_t chunk_stride)
{
    /* of a bucket set's sums the last one has weight 1 beside bit 0's */
    const unsigned weights = (unsigned)msm_set_sums(&p) / p.sets, apart = p.comb ? 0 : 1;
    xyzz<F> total = xyzz_infinity<F>();
    for (unsigned set = p.sets; set-- > 0;) {
        for (unsigned bit = weights; bit-- > 0;) {
            if (!xyzz_is_infinity(total)) total = xyzz_dbl(total);
            if (bit + apart < weights) msm_finish_add(total, p, sums, chunk_stride, set, bit);
        }
        if (apart) msm_finish_add(total, p, sums, chunk_stride, set, weights - 1);
    }
    /* with Z = zz: X / Z^2 = x / zz, and Y / Z^3 = y / zzz because zz^3 = zzz^2. Three products and no inversion. */
    F x, y, z;
    memset(&x, 0, sizeof x), memset(&y, 0, sizeof y), memset(&z, 0, sizeof z);
    if (!xyzz_is_infinity(total)) {
        x = f_canon(f_mul(total.x, total.zz));
        y = f_canon(f_mul(total.y, total.zzz));
        z = f_canon(total.zz);
    }
    F::store(result, x);
    F::store(result + F::COORD, y);
    F::store(result + 2 * F::COORD, z);
}
#endif
