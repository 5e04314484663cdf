/* The second half of an MSM on the device, for every base set of a group in one launch (blockIdx.y): accumulate,
 * combine (buckets that were cut), lines, bits. And the tables of multiples that let windows share buckets. */
#ifndef PV_CUDA_MSM_SUM_KERNELS_CUH
#define PV_CUDA_MSM_SUM_KERNELS_CUH
#include "curve.cuh"
#include "msm.cuh"
#include "variants.cuh"

/* Blocks that an SM should hold: what the registers allow without a spill (a point is 32 words in G1 and in a lane of
 * two; G2's products need operands of both lanes at a time). */
template <class F> constexpr int msm_blocks()
{
    return sizeof(F) > sizeof(fp) ? 2 : F::LANES == 2 ? 3 : 4;
}
/* of the accumulation, which may spill a little for more warps */
template <class F> constexpr int msm_acc_blocks()
{
    return sizeof(F) > sizeof(fp) ? PV_ACC_G2 : F::LANES == 2 ? 3 : PV_ACC_G1;
}
/* This thread's number in its block, counted from another warp in another block: the end of a tree of sums is the work
 * of the first warp, and those of all blocks of an SM would run on the same quarter of it. Which blocks an SM gets is
 * not known, so the first warp is a mixture of the block's number. Whole warps move: lanes stay neighbours. */
GPU_DEV uint32_t msm_tid()
{
#if PV_ROTATE
    return (threadIdx.x + (blockIdx.x * 0x9e3779b9u >> 27 << 5)) & (blockDim.x - 1);
#else
    return threadIdx.x;
#endif
}

/* Outside the accumulation an addition is a call: those kernels have up to six of them, and a copy of 4000 instructions
 * in each place would cost minutes of compiling and exceed the instruction cache. Operands go through the stack: 384
 * bytes for 1776 wide multiply-adds. */
template <class F> GPU_DEV xyzz<F> xyzz_near(const xyzz<F> *a) /* by 128 bits, or products come apart (limbs.cuh) */
{
    static_assert(sizeof(F) == sizeof(fp), "one field element a lane");
    xyzz<F> r;
    const fp *from = (const fp *)a;
    const fp t[XYZZ_COORDS] = { fp::load(from), fp::load(from + 1), fp::load(from + 2), fp::load(from + 3) };
    memcpy(&r, t, sizeof r);
    return r;
}
template <class F> __device__ GPU_NOINLINE void xyzz_add_call(xyzz<F> *a, const xyzz<F> *b, bool on)
{
    xyzz<F> sum = xyzz_near(a);
    xyzz_add(sum, xyzz_near(b), on);
    *a = sum;
}
template <class F> __device__ GPU_NOINLINE void xyzz_dbl_call(xyzz<F> *a)
{
    *a = xyzz_dbl(xyzz_near(a));
}

/* ---- sums of buckets ---- */

/* A lane (or two, for fp2_half) takes one task at a time. While a point is added, the next one is copied into the
 * lane's own slots of shared memory, in 16-byte pieces that lie a block apart, so that neighbouring lanes use
 * neighbouring banks. */
template <class F> GPU_DEV void msm_fetch(uint4 *slot, const fp *table, uint32_t point)
{
    enum { MINE = F::COORD / F::LANES }; /* field elements of a coordinate in this lane */
    const fp *at =
        table + (size_t)(point & ~MSM_SIGN) * (AFFINE_COORDS * F::COORD) + (F::LANES == 2 ? threadIdx.x & 1 : 0);
    GPU_UNROLL
    for (int c = 0; c < AFFINE_COORDS; c++) GPU_UNROLL
    for (int m = 0; m < MINE; m++) GPU_UNROLL
    for (int h = 0; h < 2; h++)
        gpu_copy16_async(slot + ((c * MINE + m) * 2 + h) * MSM_THREADS, (const uint4 *)(at + c * F::COORD + m) + h);
}
GPU_DEV fp msm_fetched(const uint4 *slot, int k)
{
    const uint4 a = slot[2 * k * MSM_THREADS], b = slot[(2 * k + 1) * MSM_THREADS];
    return fp{ { a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w } };
}
GPU_DEV void msm_take_point(affine<fp> &p, const uint4 *slot)
{
    p.x = msm_fetched(slot, 0), p.y = msm_fetched(slot, 1);
}
GPU_DEV void msm_take_point(affine<fp2> &p, const uint4 *slot)
{
    p.x = fp2{ msm_fetched(slot, 0), msm_fetched(slot, 1) }, p.y = fp2{ msm_fetched(slot, 2), msm_fetched(slot, 3) };
}
GPU_DEV void msm_take_point(affine<fp2_half> &p, const uint4 *slot)
{
    p.x.c = msm_fetched(slot, 0), p.y.c = msm_fetched(slot, 1);
}
template <class F> GPU_DEV F msm_signed(bool neg, const F &y)
{
    return f_pick(neg, f_neg(y), y);
}
/* where a task's or a job's sum goes */
template <class F> GPU_DEV fp *msm_dest(const msm_sets &sets, uint32_t which, uint32_t dest, uint32_t keys)
{
    enum { SUM = XYZZ_COORDS * F::COORD };
    return dest < keys ? sets.buckets[which] + (size_t)dest * SUM : sets.parts[which] + (size_t)(dest - keys) * SUM;
}
template <class F>
__global__ void __launch_bounds__(MSM_THREADS, msm_acc_blocks<F>())
    msm_accumulate(msm_sets sets, const msm_task *tasks, uint32_t *counters, const uint32_t *sorted, uint32_t keys)
{
    enum {
        PER_WARP = 32 / F::LANES,
        SLOTS = 4 * sizeof(F) / sizeof(fp),
        POINT = AFFINE_COORDS * F::COORD,
        SUM = XYZZ_COORDS * F::COORD
    };
    GPU_SHARED(uint4, slots, 2 * SLOTS * MSM_THREADS);
    uint4 *mine = slots + threadIdx.x;
    const uint32_t lane = threadIdx.x & 31, which = blockIdx.y, total = counters[MSM_TASKS];
    const fp *table = sets.table[which];
    for (;;) {
        uint32_t at = 0;
        if (lane == 0)
            at = atomicAdd(&counters[MSM_NEXT + (F::COORD == 2 ? MSM_BASES_MAX : 0) + which], (uint32_t)PER_WARP);
        at = __shfl_sync(WHOLE_WARP, at, 0);
        if (at >= total) break;
        at += lane / F::LANES;
        msm_task task = { 0, 0, 0, 0 };
        if (at < total) {
            const uint4 t = *(const uint4 *)(tasks + at);
            task.start = t.x, task.count = t.y, task.dest = t.z;
        }
        /* two lanes a point: the whole warp goes round together */
        const uint32_t rounds = F::LANES == 2 ? __reduce_max_sync(WHOLE_WARP, task.count) : task.count;
        xyzz<F> sum = xyzz_infinity<F>();
        uint32_t point = task.count ? sorted[task.start] : 0;
        if (task.count) msm_fetch<F>(mine, table, point);
        gpu_copy_close();
        GPU_ROLLED
        for (uint32_t k = 0; k < rounds; k++) {
            const uint32_t now = point;
            const bool on = k < task.count;
            if (k + 1 < task.count) {
                point = sorted[task.start + k + 1];
                msm_fetch<F>(mine + ((k + 1) & 1) * SLOTS * MSM_THREADS, table, point);
            }
            gpu_copy_close();
            gpu_copy_wait<1>();
            affine<F> p;
            msm_take_point(p, mine + (k & 1) * SLOTS * MSM_THREADS);
            p.y = msm_signed((now & MSM_SIGN) != 0 && on, p.y);
            xyzz_add_affine(sum, p, on);
        }
        gpu_copy_wait<0>();
        if (task.count) xyzz_store(msm_dest<F>(sets, which, task.dest, keys), sum);
        __syncwarp();
    }
}
/* A sum on its way to another thread of the block, in 16-byte pieces that lie a block apart. As 128 bytes in a row the
 * eight lanes that are served at a time would all meet the same four banks. */
enum { MSM_SUM_PIECES = 8 };
template <class F> GPU_DEV void msm_slot_put(uint4 *slot, const xyzz<F> &a)
{
    static_assert(sizeof a == MSM_SUM_PIECES * sizeof(uint4), "one field element a lane");
    uint4 piece[MSM_SUM_PIECES];
    memcpy(piece, &a, sizeof a);
    GPU_UNROLL
    for (int k = 0; k < MSM_SUM_PIECES; k++) slot[k * blockDim.x] = piece[k];
}
template <class F> GPU_DEV xyzz<F> msm_slot_get(const uint4 *slot)
{
    uint4 piece[MSM_SUM_PIECES];
    GPU_UNROLL
    for (int k = 0; k < MSM_SUM_PIECES; k++) piece[k] = slot[k * blockDim.x];
    xyzz<F> a;
    memcpy(&a, piece, sizeof a);
    return a;
}
/* Sums each `group` (a power of two) neighbouring points of the block into the first of them; all threads must call it.
 * slots: MSM_SUM_PIECES for each thread of the block. warp_on: whether the warp holds points at all. */
template <class F> GPU_DEV void msm_group_sum(xyzz<F> &a, uint4 *slots, uint32_t group, bool warp_on = true)
{
    const uint32_t tid = msm_tid(), mine = tid / F::LANES & (group - 1), lead = (tid & ~31u) / F::LANES & (group - 1);
    GPU_ROLLED
    for (uint32_t h = group / 2; h; h /= 2) {
        if (mine >= h && mine < 2 * h) msm_slot_put(slots + tid - h * F::LANES, a);
        __syncthreads();
        /* a lane of two must stay with its warp: it adds what it finds and drops the result */
        xyzz<F> b = xyzz_infinity<F>();
        if (mine < h) b = msm_slot_get<F>(slots + tid);
        if (F::LANES == 2 ? warp_on && lead < h : mine < h) xyzz_add_call(&a, &b, mine < h);
        __syncthreads();
    }
}
/* Points that work at one of `count` jobs: as many as leave one warp for each quarter of the device, where a second
 * warp would already slow the first down; `least` to 32. */
GPU_DEV uint32_t msm_job_group(uint32_t count, uint32_t points, uint32_t least)
{
    if (!PV_COMBINE_SPREAD) return least > 1 ? 32 : 1;
    uint32_t group = least;
    while (group < 32 && 2 * group * (uint64_t)count <= points) group *= 2;
    return group;
}
/* The sum of a job's parts, in the first of the `group` points that work at it; the whole block must call it. warp_on:
 * whether this warp has a job at all. */
template <class F>
GPU_DEV xyzz<F> msm_job_sum(const msm_heavy &job, const fp *parts, uint4 *slots, uint32_t group, bool warp_on)
{
    enum { SUM = XYZZ_COORDS * F::COORD };
    const uint32_t mine = msm_tid() / F::LANES & (group - 1), own = (job.parts + group - 1) / group;
    /* two lanes a point: the whole warp goes round together */
    const uint32_t rounds = F::LANES == 2 ? __reduce_max_sync(WHOLE_WARP, own) : own;
    xyzz<F> sum = xyzz_infinity<F>();
    GPU_ROLLED
    for (uint32_t k = 0; k < rounds; k++) {
        const uint32_t at = k * group + mine;
        const bool on = at < job.parts;
        xyzz<F> part = xyzz_infinity<F>();
        if (on) /* not any other part instead: somebody may be writing it */
            part = xyzz_load<F>(parts + (size_t)(job.first + at * job.stride) * SUM);
        xyzz_add_call(&sum, &part, on);
    }
    msm_group_sum(sum, slots, group, warp_on);
    return sum;
}
/* Buckets that were cut are put together. With a block for each, 65536 buckets cut in two took 4.1 of a sum's 5.7 ms
 * (2^18, H100); with a thread for each, 4000 buckets in ten parts leave three quarters of the device idle. So the number
 * of jobs says how many points work at one. The jobs of many parts are in pieces, of which no point adds more than
 * eight; whoever has several is finished by msm_join. */
template <class F>
__global__ void __launch_bounds__(MSM_THREADS, msm_blocks<F>())
    msm_combine(msm_sets sets, const msm_heavy *heavy, const uint32_t *counters, uint32_t heavy_max, uint32_t keys,
                uint32_t sm_count)
{
    enum { POINTS = MSM_THREADS / F::LANES };
    GPU_SHARED(uint4, slots, MSM_SUM_PIECES * MSM_THREADS);
    const uint32_t me = msm_tid() / F::LANES, lead = (msm_tid() & ~31u) / F::LANES, which = blockIdx.y;
    GPU_ROLLED
    for (uint32_t list = 0; list < 2; list++) { /* the longer jobs first */
        const bool few = list == 1;
        const uint32_t count = counters[few ? MSM_FEW : MSM_MANY],
                       group = msm_job_group(count, sm_count * POINTS, few ? 1 : 8), at_once = POINTS / group;
        GPU_ROLLED
        for (uint32_t h0 = blockIdx.x * at_once; h0 < count; h0 += gridDim.x * at_once) {
            const uint32_t h = h0 + me / group;
            const bool on = h < count;
            const msm_heavy job = on ? heavy[few ? h : heavy_max - 1 - h] : msm_heavy{ 0, 0, 0, 0 };
            const xyzz<F> sum = msm_job_sum<F>(job, sets.parts[which], slots, group, h0 + lead / group < count);
            if (on && (me & (group - 1)) == 0) xyzz_store(msm_dest<F>(sets, which, job.dest, keys), sum);
        }
    }
}
/* A block for each bucket of several pieces. */
template <class F>
__global__ void __launch_bounds__(MSM_THREADS, msm_blocks<F>())
    msm_join(msm_sets sets, const msm_heavy *joins, const uint32_t *counters, uint32_t keys)
{
    enum { POINTS = MSM_THREADS / F::LANES };
    GPU_SHARED(uint4, slots, MSM_SUM_PIECES * MSM_THREADS);
    const uint32_t me = msm_tid() / F::LANES, lead = (msm_tid() & ~31u) / F::LANES, which = blockIdx.y,
                   count = counters[MSM_JOINS];
    GPU_ROLLED
    for (uint32_t h = blockIdx.x; h < count; h += gridDim.x) {
        msm_heavy job = joins[h];
        uint32_t group = 2;
        while (group < POINTS && group < job.parts) group *= 2;
        const uint32_t dest = job.dest;
        if (me >= group) job.parts = 0; /* the other points have nothing to add */
        const xyzz<F> sum = msm_job_sum<F>(job, sets.parts[which], slots, group, lead < group);
        if (me == 0) xyzz_store(msm_dest<F>(sets, which, dest, keys), sum);
    }
}
/* points of a block that share a line of `count`, a power of two */
GPU_DEV uint32_t msm_group_of(uint32_t count, uint32_t points)
{
    return count < points ? count : points;
}
/* From buckets to sums whose weights are powers of two: sum_b (b + 1) S_b = sum_b S_b + sum_q 2^q U_q, U_q being the
 * sum of the buckets whose number has bit q. These are plain additions that can all run at a time: first the buckets
 * are added up as rows and as columns, so that two additions a bucket leave about twice the square root of their
 * number; of these, each bit then adds up its half. Running sums need as many additions, but one after another, and a
 * multiplication of each run by its offset, which was most of the work.
 *
 * lines: of each set 2^row_bits rows, then 2^col_bits columns; a bucket's number is row 2^col_bits + column. */
template <class F>
__global__ void __launch_bounds__(MSM_THREADS, msm_blocks<F>())
    msm_lines(msm_sets sets, const uint32_t *bucket_start, uint32_t row_bits, uint32_t col_bits, uint32_t row_blocks)
{
    enum { SUM = XYZZ_COORDS * F::COORD, POINTS = MSM_THREADS / F::LANES };
    GPU_SHARED(uint4, slots, MSM_SUM_PIECES * MSM_THREADS);
    const uint32_t which = blockIdx.y, set = blockIdx.z, me = msm_tid() / F::LANES, rows = 1u << row_bits,
                   cols = 1u << col_bits;
    const bool is_row = blockIdx.x < row_blocks;
    const uint32_t lines = is_row ? rows : cols, count = is_row ? cols : rows, group = msm_group_of(count, POINTS);
    const uint32_t line0 = (is_row ? blockIdx.x : blockIdx.x - row_blocks) * (POINTS / group),
                   line = line0 + me / group;
    const bool warp_on = line0 + (msm_tid() & ~31u) / F::LANES / group < lines;
    xyzz<F> sum = xyzz_infinity<F>();
    GPU_ROLLED
    for (uint32_t j = me & (group - 1); warp_on && j < count; j += group) {
        const uint32_t bucket = is_row ? line << col_bits | j : j << col_bits | line,
                       key = (set << (row_bits + col_bits)) + bucket;
        const bool on = line < lines && bucket_start[key] != bucket_start[key + 1];
        xyzz<F> s = xyzz_infinity<F>();
        if (on) s = xyzz_load<F>(sets.buckets[which] + (size_t)key * SUM); /* an empty bucket was never written */
        xyzz_add_call(&sum, &s, on);
    }
    msm_group_sum(sum, slots, group, warp_on);
    if (line < lines && (me & (group - 1)) == 0)
        xyzz_store(sets.lines[which] + ((size_t)set * (rows + cols) + (is_row ? line : rows + line)) * SUM, sum);
}
/* block q: U_q; the last one, of all buckets */
template <class F>
__global__ void __launch_bounds__(MSM_THREADS, msm_blocks<F>())
    msm_bits(msm_sets sets, uint32_t row_bits, uint32_t col_bits)
{
    enum { SUM = XYZZ_COORDS * F::COORD, POINTS = MSM_THREADS / F::LANES };
    GPU_SHARED(uint4, slots, MSM_SUM_PIECES * MSM_THREADS);
    const uint32_t which = blockIdx.y, set = blockIdx.z, me = msm_tid() / F::LANES, rows = 1u << row_bits,
                   cols = 1u << col_bits;
    const bool all = blockIdx.x == row_bits + col_bits, of_rows = blockIdx.x >= col_bits;
    const uint32_t bit = of_rows ? blockIdx.x - col_bits : blockIdx.x, count = all ? rows : (of_rows ? rows : cols) / 2;
    const fp *line = sets.lines[which] + ((size_t)set * (rows + cols) + (of_rows ? 0 : rows)) * SUM;
    const bool warp_on = (msm_tid() & ~31u) / F::LANES < count;
    xyzz<F> sum = xyzz_infinity<F>();
    GPU_ROLLED
    for (uint32_t j0 = 0; warp_on && j0 < count;
         j0 += POINTS) { /* whole warps: only a count below POINTS leaves lanes idle */
        const uint32_t j = j0 + me;
        const bool on = j < count;
        const uint32_t with_bit = (j >> bit << 1 | 1) << bit | (j & ((1u << bit) - 1)), at = !on   ? 0
                                                                                             : all ? j
                                                                                                   : with_bit;
        const xyzz<F> s = xyzz_load<F>(line + (size_t)at * SUM);
        xyzz_add_call(&sum, &s, on);
    }
    msm_group_sum(sum, slots, msm_group_of(count, POINTS), warp_on);
    if (me == 0) xyzz_store(sets.result[which] + ((size_t)set * gridDim.x + blockIdx.x) * SUM, sum);
}

/* ---- tables ---- */

/* out[i] = 2^doublings in[i], affine again by one inversion for MSM_TABLE_RUN points. spare: 5 coordinates a point. */
enum { MSM_TABLE_RUN = 16 };
template <class F>
__global__ void __launch_bounds__(MSM_THREADS, msm_blocks<F>())
    msm_table_row(fp *out, const fp *in, fp *spare, uint32_t n, uint32_t doublings)
{
    enum { POINT = AFFINE_COORDS * F::COORD, KEEP = 5 * F::COORD };
    const uint32_t threads = gridDim.x * (MSM_THREADS / F::LANES),
                   me = (blockIdx.x * MSM_THREADS + threadIdx.x) / F::LANES;
    const uint32_t rounds = (n + threads - 1) / threads;                           /* MSM_TABLE_RUN at most */
    if ((blockIdx.x * MSM_THREADS + (threadIdx.x & ~31u)) / F::LANES >= n) return; /* whole warps */
    F prod;
    f_set_one(&prod);
    GPU_ROLLED
    for (uint32_t j = 0; j < rounds; j++) {
        const uint32_t i = me + j * threads;
        const bool in_range = i < n;
        const affine<F> p = affine_load<F>(in + (size_t)(in_range ? i : 0) * POINT);
        const bool none = affine_is_infinity(p) | !in_range;
        xyzz<F> s;
        xyzz_set(s, p);
        GPU_ROLLED
        for (uint32_t k = 0; k < doublings; k++) xyzz_dbl_call(&s);
        F one;
        f_set_one(&one);
        if (in_range) {
            fp *keep = spare + (size_t)i * KEEP;
            F::store(keep + 4 * F::COORD, prod);
            s.zzz = f_pick(none, one, s.zzz);
            xyzz_store(keep, s);
        }
        prod = f_mul(prod, f_pick(none, one, s.zzz));
    }
    F inv = f_inv(prod);
    GPU_ROLLED
    for (uint32_t j = rounds; j-- > 0;) {
        const uint32_t i = me + j * threads, at = i < n ? i : 0;
        const fp *keep = spare + (size_t)at * KEEP;
        xyzz<F> s = xyzz_infinity<F>();
        F before;
        f_set_one(&before);
        if (i < n) s = xyzz_load<F>(keep), before = F::load(keep + 4 * F::COORD);
        const F zi = f_mul(inv, before), t = f_mul(s.zz, zi); /* 1 / ZZZ; ZZ / ZZZ, whose square is 1 / ZZ */
        F one;
        f_set_one(&one);
        inv = f_mul(inv, f_pick(i >= n, one, s.zzz));
        const affine<F> p = affine_load<F>(in + (size_t)at * POINT);
        const bool none = affine_is_infinity(p);
        const F zero = f_sub(one, one), x = f_canon(f_mul(s.x, f_sqr(t))), y = f_canon(f_mul(s.y, zi));
        if (i < n) {
            F::store(out + (size_t)i * POINT, f_pick(none, zero, x));
            F::store(out + (size_t)i * POINT + F::COORD, f_pick(none, zero, y));
        }
    }
}
#endif
