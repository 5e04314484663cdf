/* The first half of an MSM on the device: from scalars to pieces of work, once for all base sets of a scalar vector.
 *
 *   bin_count, bin_scan, bin_starts, bin_scatter      (bucket, point) pairs into bins of neighbouring buckets
 *   bucket_count, bucket_starts, bucket_scatter       each bin by bucket, a tile of pairs at a time
 *   task_count, task_starts, task_place               pieces of at most a segment of points, longest first
 *
 * Nothing is read back in between: counts stay on the device, and grids loop until the counters say stop. Bins differ a
 * hundredfold in size (the top window has few digits, ones are many). Hence tiles: with a block a bin, the largest bin
 * took 4.5 of the 8.6 ms of a sum of 2^20 (H100). */
#ifndef PV_CUDA_MSM_SORT_KERNELS_CUH
#define PV_CUDA_MSM_SORT_KERNELS_CUH
#include "fr.cuh"
#include "msm.cuh"
#include "variants.cuh"

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
#if PV_SORT_SHIFT
/* the scalar's lowest bits, which leave it; count < 32, at is where they were */
GPU_DEV uint32_t msm_bits(fr &k, uint32_t, uint32_t count)
{
    const uint32_t bits = k.v[0] & ((1u << count) - 1);
    GPU_UNROLL
    for (int i = 0; i < 7; i++) k.v[i] = __funnelshift_r(k.v[i], k.v[i + 1], count);
    k.v[7] >>= count;
    return bits;
}
#else
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
#endif
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
__global__ void __launch_bounds__(MSM_SORT_THREADS)
    msm_bin_count(uint32_t *counts, msm_input in, uint32_t n, uint32_t rows_n, msm_plan p)
{
    GPU_SHARED(uint32_t, bin, MSM_BINS_MAX);
    for (uint32_t b = threadIdx.x; b < p.bins; b += MSM_SORT_THREADS) bin[b] = 0;
    __syncthreads();
    for (uint32_t i = blockIdx.x * MSM_SORT_THREADS + threadIdx.x; i < n; i += gridDim.x * MSM_SORT_THREADS)
        msm_digits(fr::load(msm_scalar_at(in, i)), i, rows_n, p,
                   [&](uint32_t key, uint32_t) { atomicAdd(&bin[key >> p.bin_log], 1u); });
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
__global__ void __launch_bounds__(MSM_SORT_THREADS)
    msm_bin_scan(uint32_t *counts, uint32_t *totals, uint32_t blocks, uint32_t bins)
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
template <class Size> GPU_DEV void msm_scan_all(uint32_t *v, uint32_t n, uint32_t *sums, Size size)
{
    uint32_t before = 0;
    for (uint32_t i = 0; i < n; i += MSM_SORT_THREADS) {
        uint32_t all;
        const uint32_t x = i + threadIdx.x < n ? size(i + threadIdx.x) : 0, at = block_scan(x, sums, &all);
        if (i + threadIdx.x < n) v[i + threadIdx.x] = before + at;
        before += all;
    }
    if (threadIdx.x == 0) v[n] = before;
    __syncthreads();
}
/* one block: sizes of the bins to where each starts, and the number of its first tile */
__global__ void __launch_bounds__(MSM_SORT_THREADS) msm_bin_starts(uint32_t *bins, uint32_t *tiles, msm_plan p)
{
    GPU_SHARED(uint32_t, sums, MSM_SORT_THREADS / 32);
    msm_scan_all(bins, p.bins, sums, [&](uint32_t b) { return bins[b]; });
    msm_scan_all(tiles, p.bins, sums, [&](uint32_t b) { return (bins[b + 1] - bins[b] + p.tile - 1) / p.tile; });
}
__global__ void __launch_bounds__(MSM_SORT_THREADS)
    msm_bin_scatter(uint64_t *pairs, const uint32_t *counts, const uint32_t *bin_start, msm_input in, uint32_t n,
                    uint32_t rows_n, msm_plan p)
{
    GPU_SHARED(uint32_t, next, MSM_BINS_MAX);
    for (uint32_t b = threadIdx.x; b < p.bins; b += MSM_SORT_THREADS)
        next[b] = bin_start[b] + counts[b * gridDim.x + blockIdx.x];
    __syncthreads();
    const uint32_t low = (1u << p.bin_log) - 1;
    for (uint32_t i = blockIdx.x * MSM_SORT_THREADS + threadIdx.x; i < n; i += gridDim.x * MSM_SORT_THREADS)
        msm_digits(fr::load(msm_scalar_at(in, i)), i, rows_n, p, [&](uint32_t key, uint32_t point) {
            pairs[atomicAdd(&next[key >> p.bin_log], 1u)] = (uint64_t)(key & low) << 32 | point;
        });
}
/* Pairs of one bin that a block sorts in shared memory at a time. */
struct msm_tile {
    uint32_t first, end, key0; /* pairs; the bin's first bucket */
};
GPU_DEV msm_tile msm_tile_of(uint32_t tile, const uint32_t *bin_start, const uint32_t *tile_start, const msm_plan &p)
{
    uint32_t lo = 0, hi = p.bins; /* the last bin that starts no later: empty ones have no tile */
    while (hi - lo > 1) {
        const uint32_t mid = (lo + hi) / 2;
        if (tile_start[mid] <= tile)
            lo = mid;
        else
            hi = mid;
    }
    const uint32_t first = bin_start[lo] + (tile - tile_start[lo]) * p.tile, end = bin_start[lo + 1];
    return msm_tile{ first, end - first < p.tile ? end : first + p.tile, lo << p.bin_log };
}
/* how many of the tile's pairs each bucket of the bin gets */
GPU_DEV void msm_tile_count(uint32_t *seen, const uint64_t *pairs, const msm_tile &t, uint32_t size)
{
    for (uint32_t b = threadIdx.x; b < size; b += MSM_SORT_THREADS) seen[b] = 0;
    __syncthreads();
    for (uint32_t i = t.first + threadIdx.x; i < t.end; i += MSM_SORT_THREADS) atomicAdd(&seen[pairs[i] >> 32], 1u);
    __syncthreads();
}
/* counts: zero before */
__global__ void __launch_bounds__(MSM_SORT_THREADS)
    msm_bucket_count(uint32_t *counts, const uint64_t *pairs, const uint32_t *bin_start, const uint32_t *tile_start,
                     msm_plan p)
{
    GPU_SHARED(uint32_t, seen, 1 << MSM_BIN_LOG_MAX);
    const uint32_t size = 1u << p.bin_log, tiles = tile_start[p.bins];
    for (uint32_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        const msm_tile t = msm_tile_of(tile, bin_start, tile_start, p);
        msm_tile_count(seen, pairs, t, size);
        for (uint32_t b = threadIdx.x; b < size;
             b += MSM_SORT_THREADS) /* the thread that makes it zero for the next tile */
            if (seen[b]) atomicAdd(&counts[t.key0 + b], seen[b]);
    }
}
/* a block a bin: sizes of its buckets to where each starts, and once more for the scatter to count on */
__global__ void __launch_bounds__(MSM_SORT_THREADS)
    msm_bucket_starts(uint32_t *bucket_start, uint32_t *next, const uint32_t *bin_start, msm_plan p)
{
    GPU_SHARED(uint32_t, sums, MSM_SORT_THREADS / 32);
    const uint32_t size = 1u << p.bin_log, key0 = blockIdx.x << p.bin_log;
    uint32_t before = bin_start[blockIdx.x];
    for (uint32_t b = 0; b < size; b += MSM_SORT_THREADS) {
        const uint32_t k = b + threadIdx.x, key = key0 + k;
        const bool in = k < size && key < p.keys;
        uint32_t all;
        const uint32_t at = before + block_scan(in ? next[key] : 0, sums, &all);
        if (in) bucket_start[key] = next[key] = at;
        before += all;
    }
    if (blockIdx.x + 1 == p.bins && threadIdx.x == 0) bucket_start[p.keys] = before;
}
/* takes the room for the tile's pairs of a bucket at once; their order in the bucket does not matter */
__global__ void __launch_bounds__(MSM_SORT_THREADS)
    msm_bucket_scatter(uint32_t *sorted, uint32_t *next, const uint64_t *pairs, const uint32_t *bin_start,
                       const uint32_t *tile_start, msm_plan p)
{
    GPU_SHARED(uint32_t, at, 1 << MSM_BIN_LOG_MAX);
    const uint32_t size = 1u << p.bin_log, tiles = tile_start[p.bins];
    for (uint32_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        const msm_tile t = msm_tile_of(tile, bin_start, tile_start, p);
        msm_tile_count(at, pairs, t, size);
        for (uint32_t b = threadIdx.x; b < size; b += MSM_SORT_THREADS)
            if (at[b]) at[b] = atomicAdd(&next[t.key0 + b], at[b]);
        __syncthreads();
        for (uint32_t i = t.first + threadIdx.x; i < t.end; i += MSM_SORT_THREADS) {
            const uint64_t pair = pairs[i];
            sorted[atomicAdd(&at[pair >> 32], 1u)] = (uint32_t)pair;
        }
        __syncthreads();
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
__global__ void __launch_bounds__(MSM_SORT_THREADS)
    msm_task_count(uint32_t *classes, const uint32_t *bucket_start, msm_plan p)
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
/* Counters that every bucket moves, collected for the block first: half a million atomic additions to the same few
 * words took as long as the sort. */
struct msm_places {
    uint32_t taken[MSM_CLASSES], parts, few, many, joins, large;
};
/* One bucket's pieces, and where its tasks, parts and jobs of the combination go; counted from the block's start until
 * msm_cut_place. */
struct msm_cut {
    uint32_t bucket, start, count, parts;
    uint32_t longer, shorter, part, heavy, join;
};
GPU_DEV uint32_t msm_jobs_of(uint32_t parts)
{
    return parts <= PV_FEW_PARTS ? parts > 1 : (parts - 1) / PV_PIECE_PARTS + 1;
}
GPU_DEV msm_cut msm_cut_in(msm_places *here, uint32_t bucket, uint32_t start, uint32_t count, uint32_t parts)
{
    msm_cut c = { bucket, start, count, parts, 0, 0, 0, 0, 0 };
    if (!parts) return c;
    const uint32_t each = count / parts, more = count % parts, jobs = msm_jobs_of(parts);
    if (more) c.longer = atomicAdd(&here->taken[msm_class(each + 1)], more);
    c.shorter = atomicAdd(&here->taken[msm_class(each)], parts - more);
    if (parts > 1) {
        c.part = atomicAdd(&here->parts, parts);
        c.heavy = atomicAdd(parts <= PV_FEW_PARTS ? &here->few : &here->many, jobs);
        if (jobs > 1) c.join = atomicAdd(&here->joins, 1u);
    }
    return c;
}
GPU_DEV void msm_places_take(msm_places *here, uint32_t *classes, uint32_t *counters)
{
    for (uint32_t c = threadIdx.x; c < MSM_CLASSES; c += MSM_SORT_THREADS)
        if (here->taken[c]) here->taken[c] = atomicAdd(&classes[c], here->taken[c]);
    if (threadIdx.x == 0 && here->parts) {
        here->parts = atomicAdd(&counters[MSM_PARTS], here->parts);
        here->few = atomicAdd(&counters[MSM_FEW], here->few);
        here->many = atomicAdd(&counters[MSM_MANY], here->many);
        if (here->joins) here->joins = atomicAdd(&counters[MSM_JOINS], here->joins);
    }
}
GPU_DEV void msm_cut_place(msm_cut &c, const msm_places *here)
{
    if (!c.parts) return;
    const uint32_t each = c.count / c.parts;
    if (c.count % c.parts) c.longer += here->taken[msm_class(each + 1)];
    c.shorter += here->taken[msm_class(each)];
    c.part += here->parts, c.join += here->joins;
    c.heavy += c.parts <= PV_FEW_PARTS ? here->few : here->many;
}
/* every step-th task of a bucket from the first on */
GPU_DEV void msm_write_tasks(msm_task *tasks, const msm_cut &c, uint32_t keys, uint32_t first, uint32_t step)
{
    const uint32_t each = c.parts ? c.count / c.parts : 0, more = c.count - each * c.parts;
    for (uint32_t k = first; k < c.parts; k += step) {
        const uint32_t from = c.start + k * each + (k < more ? k : more),
                       dest = c.parts > 1 ? keys + c.part + k : c.bucket;
        tasks[k < more ? c.longer + k : c.shorter + k - more] = msm_task{ from, each + (k < more), dest, 0 };
    }
}
/* The jobs that put it together again: those of few parts from the front of the list, those of many from its end, a
 * piece each. The sum of a piece takes the place of its first part. */
GPU_DEV void msm_write_jobs(msm_heavy *heavy, msm_heavy *joins, const msm_cut &c, const msm_plan &p, uint32_t first,
                            uint32_t step)
{
    const uint32_t jobs = msm_jobs_of(c.parts), piece = PV_PIECE_PARTS;
    if (c.parts <= PV_FEW_PARTS) {
        if (jobs && first == 0) heavy[c.heavy] = msm_heavy{ c.bucket, c.part, c.parts, 1 };
        return;
    }
    for (uint32_t j = first; j < jobs; j += step) {
        const uint32_t at = c.part + j * piece, left = c.parts - j * piece;
        heavy[p.heavy_max - 1 - (c.heavy + j)] =
            msm_heavy{ jobs > 1 ? p.keys + at : c.bucket, at, left < piece ? left : piece, 1 };
    }
    if (jobs > 1 && first == 0) joins[c.join] = msm_heavy{ c.bucket, c.part, jobs, piece };
}
__global__ void __launch_bounds__(MSM_SORT_THREADS)
    msm_task_place(msm_task *tasks, msm_heavy *heavy, msm_heavy *joins, uint32_t *counters, uint32_t *classes,
                   const uint32_t *bucket_start, msm_plan p)
{
    GPU_SHARED(msm_places, here, 1);
    GPU_SHARED(msm_cut, large, MSM_SORT_THREADS); /* those that the whole block writes */
    for (uint32_t b0 = blockIdx.x * MSM_SORT_THREADS; b0 < p.keys; b0 += gridDim.x * MSM_SORT_THREADS) {
        const uint32_t b = b0 + threadIdx.x, start = b < p.keys ? bucket_start[b] : 0,
                       count = b < p.keys ? bucket_start[b + 1] - start : 0;
        for (uint32_t c = threadIdx.x; c < sizeof(msm_places) / 4; c += MSM_SORT_THREADS) ((uint32_t *)&here[0])[c] = 0;
        __syncthreads();
        msm_cut cut = msm_cut_in(here, b, start, count, msm_parts_of(count, p));
        __syncthreads();
        msm_places_take(here, classes, counters);
        __syncthreads();
        msm_cut_place(cut, here);
        if (cut.parts > PV_PLACE_ALONE) {
            large[atomicAdd(&here->large, 1u)] = cut;
        } else {
            msm_write_tasks(tasks, cut, p.keys, 0, 1);
            msm_write_jobs(heavy, joins, cut, p, 0, 1);
        }
        __syncthreads();
        for (uint32_t i = 0; i < here->large; i++) {
            msm_write_tasks(tasks, large[i], p.keys, threadIdx.x, MSM_SORT_THREADS);
            msm_write_jobs(heavy, joins, large[i], p, threadIdx.x, MSM_SORT_THREADS);
        }
        __syncthreads();
    }
}
#endif
