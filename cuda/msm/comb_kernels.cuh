/* A comb's tables, and its sums in two kernels: strips of groups, then a tree for each bit. */
#ifndef PV_CUDA_COMB_KERNELS_CUH
#define PV_CUDA_COMB_KERNELS_CUH
#include "comb.cuh"
#include "msm_sum_kernels.cuh"

/* ---- tables ---- */

/* A point (one or two lanes) makes the table of a group: each sum is one before it and a point, as XYZZ in spare, and then all
 * become affine by one inversion. Entries of neighbouring groups lie side by side in spare. */
template <class F>
__global__ void __launch_bounds__(MSM_THREADS, msm_blocks<F>())
    comb_table(fp *out, const fp *points, fp *spare, uint32_t groups)
{
    enum { POINT = AFFINE_COORDS * F::COORD, KEEP = 5 * F::COORD };
    const uint32_t g = (blockIdx.x * MSM_THREADS + threadIdx.x) / F::LANES;
    if ((blockIdx.x * MSM_THREADS + (threadIdx.x & ~31u)) / F::LANES >= groups) return; /* whole warps */
    const bool mine = g < groups;
    const size_t at = mine ? g : 0, step = (size_t)groups * KEEP;
    fp *keep = spare + at * KEEP, *table = out + at * COMB_SUMS * POINT;
    F prod, one;
    f_set_one(&prod), f_set_one(&one);
    const F zero = f_sub(one, one);
    GPU_ROLLED
    for (uint32_t m = 1; m < COMB_SUMS; m++) {
        const uint32_t tooth = 31 - __clz(m), rest = m ^ 1u << tooth;
        xyzz<F> s = xyzz_infinity<F>();
        if (mine && rest) s = xyzz_load<F>(keep + rest * step);
        xyzz_add_affine(s, affine_load<F>(points + (at * COMB_TEETH + tooth) * POINT));
        const bool none = xyzz_is_infinity(s);
        if (mine) {
            xyzz_store(keep + m * step, s);
            F::store(keep + m * step + 4 * F::COORD, prod);
        }
        prod = f_mul(prod, f_pick(none, one, s.zzz));
    }
    F inv = f_inv(prod);
    GPU_ROLLED
    for (uint32_t m = COMB_SUMS; m-- > 0;) {
        xyzz<F> s = xyzz_infinity<F>();
        F before = one;
        if (mine && m) s = xyzz_load<F>(keep + m * step), before = F::load(keep + m * step + 4 * F::COORD);
        const bool none = xyzz_is_infinity(s);
        const F zi = f_mul(inv, before), t = f_mul(s.zz, zi); /* 1 / ZZZ; ZZ / ZZZ, whose square is 1 / ZZ */
        inv = f_mul(inv, f_pick(none, one, s.zzz));
        const F x = f_canon(f_mul(s.x, f_sqr(t))), y = f_canon(f_mul(s.y, zi));
        if (mine) {
            F::store(table + (size_t)m * POINT, f_pick(none, zero, x));
            F::store(table + (size_t)m * POINT + F::COORD, f_pick(none, zero, y));
        }
    }
}

/* ---- sums ---- */

/* Bit `bit` of word `word` of a group's eight scalars. The whole warp asks for the same group and word: eight lanes load the
 * words, and all get them. */
GPU_DEV uint32_t comb_mask(const msm_input &in, uint32_t n, uint32_t group, uint32_t word, uint32_t bit)
{
    const uint32_t i = group * COMB_TEETH + (threadIdx.x & (COMB_TEETH - 1)),
                   mine = i < n ? msm_scalar_at(in, i)->v[word] : 0;
    uint32_t mask = 0;
    GPU_UNROLL
    for (int k = 0; k < COMB_TEETH; k++) mask |= (__shfl_sync(WHOLE_WARP, mine, k) >> bit & 1) << k;
    return mask;
}
/* A lane (or two) has a bit of the scalars and every strips-th group, and adds what the groups' tables have for that bit: infinity
 * where all eight are zero. A warp's bits are those of one word, so that all its lanes go round together and a word that is zero in
 * many scalars costs little. As in msm_accumulate the next point is on its way while one is added. */
template <class F>
__global__ void __launch_bounds__(MSM_THREADS, msm_acc_blocks<F>())
    comb_add(msm_sets sets, msm_input in, uint32_t n, uint32_t rows, uint32_t strips)
{
    enum { POINT = 4 * sizeof(F) / sizeof(fp) * MSM_THREADS }; /* a point for each thread, in pieces */
    enum { SUM = XYZZ_COORDS * F::COORD };
    GPU_SHARED(uint4, slots, 2 * POINT);
    const uint32_t me = (blockIdx.x * MSM_THREADS + threadIdx.x) / F::LANES, word = me / 32 & (COMB_WORDS - 1),
                   which = blockIdx.y, groups = (n + COMB_TEETH - 1) / COMB_TEETH, row = word * rows / COMB_WORDS;
    const fp *table = sets.table[which] + (size_t)row * groups * (COMB_SUMS * AFFINE_COORDS * F::COORD);
    const auto fetch = [&](uint32_t to, uint32_t group) {
        if (group < groups) msm_fetch<F>(slots + to, table, group * COMB_SUMS + comb_mask(in, n, group, word, me & 31));
        gpu_copy_close();
    };
    xyzz<F> sum = xyzz_infinity<F>();
    uint32_t g = me / (32 * COMB_WORDS), slot = threadIdx.x;
    fetch(slot, g);
    GPU_ROLLED
    for (; g < groups; g += strips) {
        fetch(slot ^ POINT, g + strips);
        gpu_copy_wait<1>();
        affine<F> p;
        msm_take_point(p, slots + slot);
        xyzz_add_affine(sum, p);
        slot ^= POINT;
    }
    gpu_copy_wait<0>();
    xyzz_store(sets.parts[which] + (size_t)me * SUM, sum);
}
/* A block for each bit of a row: it adds up that bit's parts, of all rows and strips. */
enum { COMB_TREE_THREADS = 256 };
template <class F>
__global__ void __launch_bounds__(COMB_TREE_THREADS, F::LANES == 2 ? 1 : 2)
    comb_tree(msm_sets sets, uint32_t bits, uint32_t parts)
{
    enum { POINTS = COMB_TREE_THREADS / F::LANES, SUM = XYZZ_COORDS * F::COORD };
    GPU_SHARED(uint4, slots, MSM_SUM_PIECES * COMB_TREE_THREADS);
    const uint32_t me = msm_tid() / F::LANES, lead = (msm_tid() & ~31u) / F::LANES, which = blockIdx.y;
    uint32_t group = 2;
    while (group < POINTS && group < parts) group *= 2;
    const msm_heavy job = { 0, blockIdx.x, me < group ? parts : 0, bits };
    const xyzz<F> sum = msm_job_sum<F>(job, sets.parts[which], slots, group, lead < group);
    if (me == 0) xyzz_store(sets.result[which] + (size_t)blockIdx.x * SUM, sum);
}

/* ---- launches ---- */

/* Acc: how comb_add holds a point; F: the tree */
template <class Acc, class F>
static cudaError_t comb_sums(const msm_plan &p, const msm_sets &sets, const msm_input &in, uint32_t count,
                             cudaStream_t s)
{
    if (count == 0) return cudaSuccess;
    const uint32_t bits = (uint32_t)msm_set_sums(&p), blocks = p.strips * COMB_WORDS * 32 * Acc::LANES / MSM_THREADS;
    GPU_LAUNCH(comb_add<Acc>, dim3(blocks, count), MSM_THREADS, 0, s, sets, in, (uint32_t)p.n, (uint32_t)p.comb,
               (uint32_t)p.strips);
    const cudaError_t e = cudaGetLastError();
    if (e != cudaSuccess) return e;
    GPU_LAUNCH(comb_tree<F>, dim3(bits, count), COMB_TREE_THREADS, 0, s, sets, bits, (uint32_t)(p.strips * p.comb));
    return cudaGetLastError();
}
template <class F> static cudaError_t comb_tables(fp *out, const fp *points, fp *spare, uint32_t groups, cudaStream_t s)
{
    if (groups == 0) return cudaSuccess;
    const uint32_t a_block = MSM_THREADS / F::LANES;
    GPU_LAUNCH(comb_table<F>, (groups + a_block - 1) / a_block, MSM_THREADS, 0, s, out, points, spare, groups);
    return cudaGetLastError();
}
#endif
