/* The first half of an MSM on the device: from scalars to pieces of work, once for all base sets of a scalar vector.
 *
 *   bin_count, bin_scan, starts, bin_scatter   (bucket, point) pairs into bins of neighbouring buckets
 *   bucket_sort                                each bin by bucket, in one block
 *   task_count, task_starts, task_place        pieces of at most a segment of points, longest first
 *
 * Nothing is read back in between: counts stay on the device, and grids loop until the counters say stop. */
#ifndef PV_CUDA_MSM_SORT_KERNELS_CUH
#define PV_CUDA_MSM_SORT_KERNELS_CUH
#include "fr.cuh"
#include "msm.cuh"

/* ---- digits ---- */

/* min(k, r - k), and whether it was r - k */
GPU_DEV bool msm_fold(fr &k)
{
    bool above = false, equal = true;
    GPU_UNROLL
    for (int i = 7; i >= 0; i--) {
        above = above | (equal & (k.v[i] > fr_modulus::half(i)));
        equal = equal & (k.v[i] == fr_modulus::half(i));
    }
    if (above) {
        fr m;
        GPU_UNROLL
        for (int i = 0; i < 8; i++) m.v[i] = fr_modulus::p(i);
        k = f_sub(m, k);
    }
    return above;
}
GPU_DEV uint32_t msm_bits(const fr &k, uint32_t at, uint32_t count)
{
    uint32_t lo = 0, hi = 0;
    GPU_UNROLL
    for (uint32_t i = 0; i < 8; i++) { /* not k.v[at / 32]: registers have no index */
        if (i == at >> 5) lo = k.v[i];
        if (i == (at >> 5) + 1) hi = k.v[i];
    }
    return __funnelshift_r(lo, hi, at & 31) & ((1u << count) - 1);
}
/* emit(bucket key, point and sign) for every digit of scalar number i that is not zero */
template <class Emit> GPU_DEV void msm_digits(fr k, uint32_t i, uint32_t n, const msm_plan &p, Emit emit)
{
    const uint32_t sign = msm_fold(k) ? MSM_SIGN : 0, half = p.set_buckets;
    uint32_t carry = 0, row = 0, set = 0;
    for (uint32_t w = 0; w < p.windows; w++) {
        const uint32_t raw = msm_bits(k, w * p.window_bits, p.window_bits) + carry, at = row * n + i, base = set * half;
        carry = w + 1 < p.windows && raw > half;
        if (carry) {
            if (raw != 2 * half) emit(base + (2 * half - raw) - 1, at | (sign ^ MSM_SIGN));
        } else if (raw > half) { /* a full top window: in two parts */
            emit(base + half - 1, at | sign);
            emit(base + (raw - half) - 1, at | sign);
        } else if (raw) {
            emit(base + raw - 1, at | sign);
        }
        if (++set == p.sets) set = 0, row++;
    }
}

/* ---- sorting ---- */
GPU_DEV fr msm_scalar(const msm_input &in, uint32_t i)
{
    return fr::load(in.scalars + (in.list ? in.list[i] : i));
}
__global__ void __launch_bounds__(MSM_SORT_THREADS) msm_bin_count(uint32_t *counts, msm_input in, uint32_t n, uint32_t rows_n, msm_plan p)
{
    GPU_SHARED(uint32_t, bin, MSM_BINS_MAX);
    for (uint32_t b = threadIdx.x; b < p.bins; b += MSM_SORT_THREADS) bin[b] = 0;
    __syncthreads();
    for (uint32_t i = blockIdx.x * MSM_SORT_THREADS + threadIdx.x; i < n; i += gridDim.x * MSM_SORT_THREADS)
        msm_digits(msm_scalar(in, i), i, rows_n, p, [&](uint32_t key, uint32_t) { atomicAdd(&bin[key >> p.bin_log], 1u); });
    __syncthreads();
    for (uint32_t b = threadIdx.x; b < p.bins; b += MSM_SORT_THREADS) counts[b * gridDim.x + blockIdx.x] = bin[b];
}
GPU_DEV uint32_t warp_scan(uint32_t x) /* inclusive */
{
    const uint32_t lane = threadIdx.x & 31;
    GPU_UNROLL
    for (uint32_t d = 1; d < 32; d <<= 1) {
        const uint32_t y = __shfl_up_sync(WHOLE_WARP, x, d);
        if (lane >= d) x += y;
    }
    return x;
}
/* exclusive scan of x over the block; *total gets the sum. sums holds one word a warp. */
GPU_DEV uint32_t block_scan(uint32_t x, uint32_t *sums, uint32_t *total)
{
    const uint32_t incl = warp_scan(x), warp = threadIdx.x >> 5, warps = blockDim.x >> 5;
    if ((threadIdx.x & 31) == 31) sums[warp] = incl;
    __syncthreads();
    uint32_t before = 0, all = 0;
    for (uint32_t w = 0; w < warps; w++) {
        if (w < warp) before += sums[w];
        all += sums[w];
    }
    __syncthreads();
    *total = all;
    return before + incl - x;
}
/* a warp per bin: counts of the blocks to offsets inside the bin, their sum to totals */
__global__ void __launch_bounds__(MSM_SORT_THREADS) msm_bin_scan(uint32_t *counts, uint32_t *totals, uint32_t blocks, uint32_t bins)
{
    const uint32_t b = (blockIdx.x * MSM_SORT_THREADS + threadIdx.x) >> 5, lane = threadIdx.x & 31;
    if (b >= bins) return; /* whole warps */
    uint32_t sum = 0;
    for (uint32_t i = 0; i < blocks; i += 32) {
        const uint32_t x = i + lane < blocks ? counts[b * blocks + i + lane] : 0, incl = warp_scan(x);
        if (i + lane < blocks) counts[b * blocks + i + lane] = sum + incl - x;
        sum += __shfl_sync(WHOLE_WARP, incl, 31);
    }
    if (lane == 0) totals[b] = sum;
}
/* one block: v[0..n-1] to its exclusive scan, v[n] the sum */
__global__ void __launch_bounds__(MSM_SORT_THREADS) msm_starts(uint32_t *v, uint32_t n)
{
    GPU_SHARED(uint32_t, sums, MSM_SORT_THREADS / 32);
    uint32_t before = 0;
    for (uint32_t i = 0; i < n; i += MSM_SORT_THREADS) {
        uint32_t all;
        const uint32_t x = i + threadIdx.x < n ? v[i + threadIdx.x] : 0, at = block_scan(x, sums, &all);
        if (i + threadIdx.x < n) v[i + threadIdx.x] = before + at;
        before += all;
    }
    if (threadIdx.x == 0) v[n] = before;
}
__global__ void __launch_bounds__(MSM_SORT_THREADS) msm_bin_scatter(uint64_t *pairs, const uint32_t *counts, const uint32_t *bin_start, msm_input in, uint32_t n, uint32_t rows_n, msm_plan p)
{
    GPU_SHARED(uint32_t, next, MSM_BINS_MAX);
    for (uint32_t b = threadIdx.x; b < p.bins; b += MSM_SORT_THREADS) next[b] = bin_start[b] + counts[b * gridDim.x + blockIdx.x];
    __syncthreads();
    const uint32_t low = (1u << p.bin_log) - 1;
    for (uint32_t i = blockIdx.x * MSM_SORT_THREADS + threadIdx.x; i < n; i += gridDim.x * MSM_SORT_THREADS)
        msm_digits(msm_scalar(in, i), i, rows_n, p, [&](uint32_t key, uint32_t point) {
            pairs[atomicAdd(&next[key >> p.bin_log], 1u)] = (uint64_t)(key & low) << 32 | point;
        });
}
/* the old value of *counter[key], which then goes up by one for each caller; lanes with the same key ask once together */
GPU_DEV uint32_t claim(uint32_t *counters, uint32_t key, bool active)
{
    const uint32_t same = __match_any_sync(WHOLE_WARP, active ? key : 0xffffffffu), lane = threadIdx.x & 31;
    const uint32_t leader = __ffs(same) - 1;
    uint32_t at = 0;
    if (active && lane == leader) at = atomicAdd(&counters[key], (uint32_t)__popc(same));
    return __shfl_sync(WHOLE_WARP, at, leader) + __popc(same & ((1u << lane) - 1));
}
/* a block per bin: where each bucket starts, and the points in their order */
__global__ void __launch_bounds__(MSM_SORT_THREADS) msm_bucket_sort(uint32_t *bucket_start, uint32_t *sorted, const uint64_t *pairs, const uint32_t *bin_start, msm_plan p)
{
    GPU_SHARED(uint32_t, next, 1 << MSM_BIN_LOG_MAX);
    GPU_SHARED(uint32_t, sums, MSM_SORT_THREADS / 32);
    const uint32_t size = 1u << p.bin_log, first = bin_start[blockIdx.x], end = bin_start[blockIdx.x + 1], key0 = blockIdx.x << p.bin_log;
    for (uint32_t b = threadIdx.x; b < size; b += MSM_SORT_THREADS) next[b] = 0;
    __syncthreads();
    for (uint32_t i = first; i < end; i += MSM_SORT_THREADS) {
        const bool in = i + threadIdx.x < end;
        claim(next, in ? (uint32_t)(pairs[i + threadIdx.x] >> 32) : 0, in);
    }
    __syncthreads();
    uint32_t before = first;
    for (uint32_t b = 0; b < size; b += MSM_SORT_THREADS) {
        const uint32_t k = b + threadIdx.x;
        uint32_t all;
        const uint32_t at = before + block_scan(k < size ? next[k] : 0, sums, &all);
        if (k < size) next[k] = at;
        if (k < size && key0 + k < p.keys) bucket_start[key0 + k] = at;
        before += all;
    }
    if (blockIdx.x + 1 == p.bins && threadIdx.x == 0) bucket_start[p.keys] = end;
    __syncthreads();
    for (uint32_t i = first; i < end; i += MSM_SORT_THREADS) {
        const bool in = i + threadIdx.x < end;
        const uint64_t pair = in ? pairs[i + threadIdx.x] : 0;
        const uint32_t at = claim(next, (uint32_t)(pair >> 32), in);
        if (in) sorted[at] = (uint32_t)pair;
    }
}

/* ---- pieces of work ---- */
GPU_DEV uint32_t msm_parts_of(uint32_t count, const msm_plan &p)
{
    if (count <= p.segment) return count != 0;
    uint32_t parts = (count + p.segment - 1) / p.segment;
    return parts < p.parts_per_bucket_max ? parts : p.parts_per_bucket_max;
}
/* parts are even: the first count % parts have one more */
GPU_DEV uint32_t msm_class(uint32_t count) /* longest first */
{
    return MSM_CLASSES - 1 - (count < MSM_CLASSES ? count : MSM_CLASSES - 1);
}
__global__ void __launch_bounds__(MSM_SORT_THREADS) msm_task_count(uint32_t *classes, const uint32_t *bucket_start, msm_plan p)
{
    GPU_SHARED(uint32_t, seen, MSM_CLASSES);
    for (uint32_t b = threadIdx.x; b < MSM_CLASSES; b += MSM_SORT_THREADS) seen[b] = 0;
    __syncthreads();
    for (uint32_t b = blockIdx.x * MSM_SORT_THREADS + threadIdx.x; b < p.keys; b += gridDim.x * MSM_SORT_THREADS) {
        const uint32_t count = bucket_start[b + 1] - bucket_start[b], parts = msm_parts_of(count, p);
        if (!parts) continue;
        const uint32_t more = count % parts;
        if (more) atomicAdd(&seen[msm_class(count / parts + 1)], more);
        atomicAdd(&seen[msm_class(count / parts)], parts - more);
    }
    __syncthreads();
    for (uint32_t b = threadIdx.x; b < MSM_CLASSES; b += MSM_SORT_THREADS)
        if (seen[b]) atomicAdd(&classes[b], seen[b]);
}
/* one block of as many threads as classes: counts to starts, their sum to counters[MSM_TASKS] */
__global__ void __launch_bounds__(MSM_CLASSES) msm_task_starts(uint32_t *classes, uint32_t *counters)
{
    GPU_SHARED(uint32_t, sums, MSM_CLASSES / 32);
    uint32_t all;
    const uint32_t at = block_scan(classes[threadIdx.x], sums, &all);
    classes[threadIdx.x] = at;
    if (threadIdx.x == 0) counters[MSM_TASKS] = all;
}
__global__ void __launch_bounds__(MSM_SORT_THREADS) msm_task_place(msm_task *tasks, msm_heavy *heavy, uint32_t *counters, uint32_t *classes, const uint32_t *bucket_start, msm_plan p)
{
    for (uint32_t b = blockIdx.x * MSM_SORT_THREADS + threadIdx.x; b < p.keys; b += gridDim.x * MSM_SORT_THREADS) {
        const uint32_t start = bucket_start[b], count = bucket_start[b + 1] - start, parts = msm_parts_of(count, p);
        if (!parts) continue;
        const uint32_t each = count / parts, more = count % parts;
        uint32_t dest = b;
        if (parts > 1) {
            const uint32_t first = atomicAdd(&counters[MSM_PARTS], parts);
            heavy[atomicAdd(&counters[MSM_HEAVY], 1u)] = msm_heavy{b, first, parts, 0};
            dest = p.keys + first;
        }
        const uint32_t at_long = more ? atomicAdd(&classes[msm_class(each + 1)], more) : 0, at_short = atomicAdd(&classes[msm_class(each)], parts - more);
        for (uint32_t k = 0, from = start; k < parts; k++) {
            const uint32_t len = each + (k < more);
            tasks[k < more ? at_long + k : at_short + k - more] = msm_task{from, len, dest + k, 0};
            from += len;
        }
    }
}
#endif
