/* NTT passes over Fr, in place. A pass does 2 to 10 of the log n butterfly levels: a block takes a tile of 2^k points
 * of a column times 2^lc columns, eight elements a thread in registers, three levels at a time, exchanged through
 * shared memory.
 *
 * DIF takes natural order to bit-reversed order, DIT takes it back, so that no kernel ever reorders. With j = t + u
 * M/2^k inside a block of M and f = v + 2^k g:  X_f = sum_t w_M^(t v) w_(M/2^k)^(t g) sum_u x_j w_(2^k)^(u v): the
 * inner sum is the pass, its result v lies at position bitrev(v) of the column, and w_M^(t v) is multiplied on the way
 * out (DIF) or in (DIT). */
#ifndef PV_CUDA_NTT_KERNELS_CUH
#define PV_CUDA_NTT_KERNELS_CUH
#include "ntt.cuh"

/* w_M^e, e < M, or its inverse */
GPU_DEV fr ntt_power(const ntt_twiddles &w, const ntt_pass &p, uint32_t e)
{
    uint32_t x = e << (p.log_n - p.log_m);
    if (p.inverse) x = (0u - x) & ((1u << p.log_n) - 1);
    if (w.all) return fr::load(w.all + x);
    if (p.log_n <= NTT_HI_LOG) return fr::load(w.hi + (x << (NTT_HI_LOG - p.log_n)));
    const uint32_t low = x & ((1u << (p.log_n - NTT_HI_LOG)) - 1);
    const fr h = fr::load(w.hi + (x >> (p.log_n - NTT_HI_LOG)));
    /* all of a later pass's exponents are multiples of 2^(n - m): one table read is enough there */
    if (p.log_m <= NTT_HI_LOG) return h;
    return f_mul(h, fr::load(w.lo + low));
}
/* the slot in the tile of this thread's element i, with the axis bits at pos */
GPU_DEV uint32_t ntt_slot(uint32_t i, uint32_t e, uint32_t pos, uint32_t log_threads)
{
    const uint32_t a = i & ((1u << e) - 1), q = threadIdx.x | (i >> e) << log_threads;
    return (q >> pos) << (pos + e) | a << pos | (q & ((1u << pos) - 1));
}
/* three low bits swizzled by the next three: eight neighbouring lanes then meet eight different 16-byte banks, whether
 * they walk the tile by ones or by eights */
GPU_DEV uint32_t ntt_bank(uint32_t slot)
{
    return slot ^ (slot >> 3 & 7);
}
/* e butterfly levels on the axis bits lo .. lo + e - 1 of u; with lo = 0 most twiddles are 1 and known when compiled */
template <bool DIT, bool LOW>
GPU_DEV void ntt_step(fr (&r)[8], uint32_t e, uint32_t lo, uint32_t pos, uint32_t shift, uint32_t log_threads,
                      bool inverse, const fr *hi)
{
    GPU_UNROLL
    for (int n = 0; n < 3; n++) {
        const int s = DIT ? n : 2 - n;
        if ((uint32_t)s >= e) continue;
        GPU_UNROLL
        for (int i = 0; i < 8; i++) {
            if (i >> s & 1) continue;
            const int j = i | 1 << s;
            const bool one = LOW && (i & ((1 << s) - 1)) == 0;
            const uint32_t u = LOW ? i : ntt_slot(i, e, pos, log_threads) >> shift;
            uint32_t at = (u & ((1u << (lo + s)) - 1)) << (NTT_HI_LOG - 1 - lo - s);
            if (inverse) at = (0u - at) & ((1u << NTT_HI_LOG) - 1);
            if (DIT) {
                const fr y = one ? r[j] : f_mul(r[j], fr::load(hi + at));
                r[j] = f_sub(r[i], y);
                r[i] = f_add(r[i], y);
            } else {
                const fr d = f_sub(r[i], r[j]);
                r[i] = f_add(r[i], r[j]);
                r[j] = one ? d : f_mul(d, fr::load(hi + at));
            }
        }
    }
}
/* what happens to an element on its way out of the last pass */
GPU_DEV void ntt_put(fr *data, size_t g, fr x, const ntt_pass &p, const ntt_coset &c)
{
    if (p.store == NTT_STORE_SCALE) x = f_mul(x, p.scale);
    if (p.store == NTT_STORE_COSET) {
        const uint32_t i = __brev((uint32_t)g) >> (32 - p.log_n); /* DIF: this is coefficient i */
        x = f_mul(x, f_mul(fr::load(c.hi + (i >> c.lo_log)), fr::load(c.lo + (i & ((1u << c.lo_log) - 1)))));
    }
    if (p.store == NTT_STORE_QUOTIENT)
        x = f_from_mont(f_sub(f_mul(fr::load(p.factor_a + g), fr::load(p.factor_b + g)), x));
    fr::store(data + g, p.last ? f_canon(x) : x);
}
struct ntt_place {
    size_t at;     /* of the element in the array */
    uint32_t t, u; /* column inside the block, position in the column */
};
GPU_DEV ntt_place ntt_place_of(uint32_t slot, const ntt_pass &p)
{
    const uint32_t free_log = p.log_m - p.k;
    uint32_t block, u, t;
    if (p.across) {
        u = slot & ((1u << p.k) - 1), t = 0;
        block = (blockIdx.x << p.lc) + (slot >> p.k);
    } else {
        u = slot >> p.lc;
        t = (blockIdx.x & ((1u << (free_log - p.lc)) - 1)) << p.lc | (slot & ((1u << p.lc) - 1));
        block = blockIdx.x >> (free_log - p.lc);
    }
    return ntt_place{ ((size_t)block << p.log_m) + ((size_t)u << free_log) + t, t, u };
}
GPU_DEV fr ntt_tile_get(const uint4 *tile, uint32_t slot, uint32_t size)
{
    const uint4 a = tile[ntt_bank(slot)], b = tile[size + ntt_bank(slot)];
    return fr{ { a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w } };
}
GPU_DEV void ntt_tile_put(uint4 *tile, uint32_t slot, uint32_t size, const fr &x)
{
    tile[ntt_bank(slot)] = make_uint4(x.v[0], x.v[1], x.v[2], x.v[3]);
    tile[size + ntt_bank(slot)] = make_uint4(x.v[4], x.v[5], x.v[6], x.v[7]);
}
/* Elements enter and leave the tile one at a time in rolled loops: then the multiplications on the way are in the code
 * once instead of eight times, and do not happen while 64 registers hold a thread's eight elements. */
template <bool DIT>
__global__ void __launch_bounds__(NTT_THREADS, 2)
    ntt_pass_kernel(fr *data, size_t stride, ntt_pass p, ntt_twiddles w, ntt_coset c)
{
    GPU_DYN_SHARED(uint4, tile);
    const uint32_t tile_log = p.k + p.lc, size = 1u << tile_log, log_threads = tile_log > 3 ? tile_log - 3 : 0,
                   shift = p.across ? 0 : p.lc;
    const uint32_t rest = p.k % 3, steps = (p.k + 2) / 3;
    data += blockIdx.y * stride;
    GPU_ROLLED
    for (uint32_t slot = threadIdx.x; slot < size; slot += blockDim.x) {
        const ntt_place e = ntt_place_of(slot, p);
        fr x;
        if (p.factor_a && p.store != NTT_STORE_QUOTIENT)
            x = f_mul(fr::load(p.factor_a + e.at), fr::load(p.factor_b + e.at));
        else
            x = fr::load(data + e.at);
        if (DIT && e.t) x = f_mul(x, ntt_power(w, p, e.t * (__brev(e.u) >> (32 - p.k))));
        ntt_tile_put(tile, slot, size, x);
    }
    __syncthreads();
    GPU_ROLLED
    for (uint32_t step = 0; step < steps; step++) {
        const uint32_t nth = DIT ? steps - 1 - step : step; /* from the top bits down (DIF) or up (DIT) */
        const uint32_t e = nth == 0 && rest ? rest : 3;
        const uint32_t lo = p.k - (rest ? rest + 3 * nth : 3 * (nth + 1)), pos = lo + shift;
        fr r[8];
        GPU_UNROLL
        for (uint32_t i = 0; i < 8; i++) { /* a tile of 2 or 4 has fewer than a thread's eight */
            const uint32_t slot = ntt_slot(i, e, pos, log_threads);
            r[i] = ntt_tile_get(tile, slot < size ? slot : 0, size);
        }
        if (lo)
            ntt_step<DIT, false>(r, e, lo, pos, shift, log_threads, p.inverse, w.hi);
        else
            ntt_step<DIT, true>(r, e, 0, pos, shift, log_threads, p.inverse, w.hi);
        GPU_UNROLL
        for (uint32_t i = 0; i < 8; i++) {
            const uint32_t slot = ntt_slot(i, e, pos, log_threads);
            if (slot < size) ntt_tile_put(tile, slot, size, r[i]);
        }
        __syncthreads();
    }
    GPU_ROLLED
    for (uint32_t slot = threadIdx.x; slot < size; slot += blockDim.x) {
        const ntt_place e = ntt_place_of(slot, p);
        fr x = ntt_tile_get(tile, slot, size);
        if (!DIT && e.t) x = f_mul(x, ntt_power(w, p, e.t * (__brev(e.u) >> (32 - p.k))));
        ntt_put(data, e.at, x, p, c);
    }
}
/* out[i] = scale base^i */
__global__ void __launch_bounds__(NTT_THREADS) ntt_powers_kernel(fr *out, fr base, fr scale, uint32_t count)
{
    const uint32_t i = blockIdx.x * NTT_THREADS + threadIdx.x;
    fr x = scale;
    GPU_ROLLED
    for (uint32_t e = i; e; e >>= 1) {
        if (e & 1) x = f_mul(x, base);
        base = f_sqr(base);
    }
    if (i < count) fr::store(out + i, f_canon(x));
}
#endif
