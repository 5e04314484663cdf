/* Fp2 = Fp[u] / (u^2 + 1), in two forms: whole in one thread, or one coordinate in each of two neighbouring lanes.
 *
 * Two lanes cost 17 % more products than one (no Karatsuba across lanes: 200 wide multiply-adds per lane and product
 * against 336 in one), but a point then takes the registers of a G1 point, so an SM holds 16 warps instead of 8. */
#ifndef PV_CUDA_FP2_CUH
#define PV_CUDA_FP2_CUH
#include "fp.cuh"

struct fp2 {
    fp c0, c1;
    enum { COORD = 2, LANES = 1 };
    static GPU_FN fp2 load(const fp *p) { return fp2{ fp::load(p), fp::load(p + 1) }; }
    static GPU_FN void store(fp *p, const fp2 &x)
    {
        fp::store(p, x.c0);
        fp::store(p + 1, x.c1);
    }
};
GPU_FN fp2 f_add(const fp2 &a, const fp2 &b)
{
    return fp2{ f_add(a.c0, b.c0), f_add(a.c1, b.c1) };
}
GPU_FN fp2 f_sub(const fp2 &a, const fp2 &b)
{
    return fp2{ f_sub(a.c0, b.c0), f_sub(a.c1, b.c1) };
}
GPU_FN fp2 f_dbl(const fp2 &a)
{
    return f_add(a, a);
}
GPU_FN fp2 f_neg(const fp2 &a)
{
    return fp2{ f_neg(a.c0), f_neg(a.c1) };
}
GPU_FN bool f_is_blank(const fp2 &a)
{
    return f_is_blank(a.c0) && f_is_blank(a.c1);
}
GPU_FN bool f_is_zero(const fp2 &a)
{
    return f_is_zero(a.c0) && f_is_zero(a.c1);
}
/* Karatsuba before reduction: c0 = a0 b0 - a1 b1, c1 = (a0 + a1)(b0 + b1) - a0 b0 - a1 b1. The sums stay unreduced,
 * below 4p; c1 is a0 b1 + a1 b0 < 1.52 pR. */
struct wide2 {
    wide c0, c1;
};
GPU_FN wide2 f_mul_wide2(const fp2 &a, const fp2 &b)
{
    const wide x = f_mul_wide(a.c0, b.c0), y = f_mul_wide(a.c1, b.c1);
    const wide z = f_mul_wide(f_add_raw(a.c0, a.c1), f_add_raw(b.c0, b.c1));
    return wide2{ wide_sub<fp_modulus>(x, y), wide_less<fp_modulus>(wide_sub_raw(wide_sub_raw(z, x), y)) };
}
GPU_FN fp2 f_mul(const fp2 &a, const fp2 &b)
{
    const wide2 t = f_mul_wide2(a, b);
    return fp2{ f_redc<fp_modulus>(t.c0), f_redc<fp_modulus>(t.c1) };
}
GPU_FN fp2 f_sqr(const fp2 &a)
{
    return fp2{ f_mul(f_add(a.c0, a.c1), f_sub(a.c0, a.c1)), f_mul(f_dbl(a.c0), a.c1) };
}
/** a b - c d, four products reduced as two. */
GPU_FN fp2 f_mul_sub(const fp2 &a, const fp2 &b, const fp2 &c, const fp2 &d)
{
    const wide2 s = f_mul_wide2(a, b), t = f_mul_wide2(c, d);
    /* both in [0, pR), so the difference + pR where negative is too */
    return fp2{ f_redc<fp_modulus>(wide_sub<fp_modulus>(s.c0, t.c0)),
                f_redc<fp_modulus>(wide_sub<fp_modulus>(s.c1, t.c1)) };
}

/** 1 / a through its norm; 0 for 0. */
GPU_FN fp2 f_inv(const fp2 &a)
{
    const fp n = f_inv(f_mul_add(a.c0, a.c0, a.c1, a.c1));
    return fp2{ f_mul(a.c0, n), f_neg(f_mul(a.c1, n)) };
}
GPU_FN fp2 f_canon(const fp2 &a)
{
    return fp2{ f_canon(a.c0), f_canon(a.c1) };
}

/** One coordinate of an fp2: c0 in the even lane, c1 in the odd one. All 32 lanes of a warp call every function
 *  together, so that shuffles name the whole warp: with a mask per pair nvcc 13.0 puts a WARPSYNC and a BSSY/BSYNC
 *  around each. */
struct fp2_half {
    fp c;
    enum { COORD = 2, LANES = 2 };
    static GPU_DEV fp2_half load(const fp *p) { return fp2_half{ fp::load(p + (threadIdx.x & 1)) }; }
    static GPU_DEV void store(fp *p, const fp2_half &x) { fp::store(p + (threadIdx.x & 1), x.c); }
};
GPU_DEV fp f_pick(bool first, const fp &a, const fp &b)
{
    fp t;
    GPU_UNROLL
    for (int i = 0; i < 8; i++) t.v[i] = first ? a.v[i] : b.v[i];
    return t;
}
GPU_DEV fp2 f_pick(bool first, const fp2 &a, const fp2 &b)
{
    return fp2{ f_pick(first, a.c0, b.c0), f_pick(first, a.c1, b.c1) };
}
GPU_DEV fp2_half f_pick(bool first, const fp2_half &a, const fp2_half &b)
{
    return fp2_half{ f_pick(first, a.c, b.c) };
}
GPU_DEV fp pair_other(const fp &a)
{
    fp t;
    GPU_UNROLL
    for (int i = 0; i < 8; i++) t.v[i] = __shfl_xor_sync(WHOLE_WARP, a.v[i], 1);
    return t;
}
GPU_DEV fp pair_pick(const fp &even, const fp &odd)
{
    return f_pick(threadIdx.x & 1, odd, even);
}
GPU_DEV fp2_half f_add(const fp2_half &a, const fp2_half &b)
{
    return fp2_half{ f_add(a.c, b.c) };
}
GPU_DEV fp2_half f_sub(const fp2_half &a, const fp2_half &b)
{
    return fp2_half{ f_sub(a.c, b.c) };
}
GPU_DEV fp2_half f_dbl(const fp2_half &a)
{
    return fp2_half{ f_dbl(a.c) };
}
GPU_DEV fp2_half f_neg(const fp2_half &a)
{
    return fp2_half{ f_neg(a.c) };
}
GPU_DEV bool pair_all(bool b)
{
    return __shfl_xor_sync(WHOLE_WARP, (uint32_t)b, 1) && b;
}
GPU_DEV bool f_is_blank(const fp2_half &a)
{
    return pair_all(f_is_blank(a.c));
}
GPU_DEV bool f_is_zero(const fp2_half &a)
{
    return pair_all(f_is_zero(a.c));
}
/* even lane: a0 b0 + (-a1) b1; odd lane: a1 b0 + a0 b1. The same two products in both lanes, nothing diverges. */
GPU_DEV wide pair_mul_wide(const fp2_half &a, const fp2_half &b)
{
    const fp ao = pair_other(a.c), bo = pair_other(b.c);
    const wide x = f_mul_wide(a.c, pair_pick(b.c, bo));
    const wide y = f_mul_wide(pair_pick(f_neg(ao), ao), pair_pick(bo, b.c));
    return wide_less<fp_modulus>(wide_add(x, y));
}
GPU_DEV fp2_half f_mul(const fp2_half &a, const fp2_half &b)
{
    return fp2_half{ f_redc<fp_modulus>(pair_mul_wide(a, b)) };
}
GPU_DEV fp2_half f_sqr(const fp2_half &a)
{
    /* even lane: (a0 + a1)(a0 - a1); odd lane: (a1 + a1) a0 */
    const fp o = pair_other(a.c);
    return fp2_half{ f_mul(f_add(a.c, pair_pick(o, a.c)), pair_pick(f_sub(a.c, o), o)) };
}
GPU_DEV fp2_half f_mul_sub(const fp2_half &a, const fp2_half &b, const fp2_half &c, const fp2_half &d)
{
    return fp2_half{ f_redc<fp_modulus>(wide_sub<fp_modulus>(pair_mul_wide(a, b), pair_mul_wide(c, d))) };
}
GPU_DEV fp2_half f_inv(const fp2_half &a)
{
    const fp o = pair_other(a.c), n = f_inv(f_mul_add(a.c, a.c, o, o)), r = f_mul(a.c, n);
    return fp2_half{ pair_pick(r, f_neg(r)) };
}
GPU_DEV fp2_half f_canon(const fp2_half &a)
{
    return fp2_half{ f_canon(a.c) };
}
#endif
