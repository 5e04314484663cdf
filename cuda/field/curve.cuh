/* Points of y^2 = x^3 + b over F, which is fp (G1), fp2 or fp2_half (G2). Infinity, equal and opposite points are
 * exact.
 *
 * Sums are kept as XYZZ: x = X/ZZ, y = Y/ZZZ, ZZ^3 = ZZZ^2 (hyperelliptic.org EFD, shortw-xyzz). Infinity is ZZ with
 * all words zero: a product with it is again all zero, and no other sum gives it, because its factors are tested. */
#ifndef PV_CUDA_CURVE_CUH
#define PV_CUDA_CURVE_CUH
#include "fp2.cuh"

/** In memory 2 F::COORD field elements, canonical; infinity is all zero (x = y = 0 is on neither curve). */
template <class F> struct affine {
    F x, y;
};
/** In memory 4 F::COORD field elements, below 2p. */
template <class F> struct xyzz {
    F x, y, zz, zzz;
};
enum { AFFINE_COORDS = 2, XYZZ_COORDS = 4 };

template <class F> GPU_FN affine<F> affine_load(const fp *p)
{
    return affine<F>{ F::load(p), F::load(p + F::COORD) };
}
template <class F> GPU_FN xyzz<F> xyzz_load(const fp *p)
{
    return xyzz<F>{ F::load(p), F::load(p + F::COORD), F::load(p + 2 * F::COORD), F::load(p + 3 * F::COORD) };
}
template <class F> GPU_FN void xyzz_store(fp *p, const xyzz<F> &a)
{
    F::store(p, a.x);
    F::store(p + F::COORD, a.y);
    F::store(p + 2 * F::COORD, a.zz);
    F::store(p + 3 * F::COORD, a.zzz);
}
template <class F> GPU_FN xyzz<F> xyzz_infinity()
{
    xyzz<F> r;
    memset(&r, 0, sizeof r);
    return r;
}
template <class M> GPU_FN void f_set_one(fe<M> *a)
{
    *a = f_one<M>();
}
GPU_FN void f_set_one(fp2 *a)
{
    a->c0 = f_one<fp_modulus>();
    a->c1 = f_zero<fp_modulus>();
}
GPU_DEV void f_set_one(fp2_half *a)
{
    a->c = pair_pick(f_one<fp_modulus>(), f_zero<fp_modulus>());
}
template <class F> GPU_FN bool xyzz_is_infinity(const xyzz<F> &a)
{
    return f_is_blank(a.zz);
}
template <class F> GPU_FN bool affine_is_infinity(const affine<F> &a)
{
    return f_is_blank(a.y) & f_is_blank(a.x); /* not &&: on two lanes each side is a shuffle that all must reach */
}
/* M (S - X3) - W Y and what goes with it: the second half of both doublings, 2M + 1S */
template <class F> GPU_FN void xyzz_dbl_tail(xyzz<F> &r, const F &m, const F &s, const F &w, const F &y)
{
    const F x3 = f_sub(f_sqr(m), f_dbl(s));
    r.y = f_mul_sub(m, f_sub(s, x3), w, y);
    r.x = x3;
}
/** 2a, a in affine coordinates and not infinity (then y is not 0: both orders are odd). */
template <class F> GPU_FN xyzz<F> xyzz_dbl_affine(const affine<F> &a)
{
    const F u = f_dbl(a.y), xx = f_sqr(a.x);
    xyzz<F> r;
    r.zz = f_sqr(u);
    r.zzz = f_mul(u, r.zz);
    xyzz_dbl_tail(r, f_add(f_dbl(xx), xx), f_mul(a.x, r.zz), r.zzz, a.y);
    return r;
}
/** 2a. Infinity stays infinity by itself. */
template <class F> GPU_FN xyzz<F> xyzz_dbl(const xyzz<F> &a)
{
    const F u = f_dbl(a.y), v = f_sqr(u), w = f_mul(u, v), xx = f_sqr(a.x);
    xyzz<F> r;
    r.zz = f_mul(v, a.zz);
    r.zzz = f_mul(w, a.zzz);
    xyzz_dbl_tail(r, f_add(f_dbl(xx), xx), f_mul(a.x, v), w, a.y);
    return r;
}
/* the common case of both sums, given P = U2 - U1 and R = S2 - S1; x1, y1 may be a's own */
template <class F> GPU_FN void xyzz_add_tail(xyzz<F> &a, const F &x1, F y1, const F &p, const F &r)
{
    const F pp = f_sqr(p), ppp = f_mul(p, pp), q = f_mul(x1, pp);
    a.zz = f_mul(a.zz, pp);
    a.zzz = f_mul(a.zzz, ppp);
    a.x = f_sub(f_sub(f_sqr(r), ppp), f_dbl(q));
    a.y = f_mul_sub(r, f_sub(q, a.x), y1, ppp);
}
template <class F> GPU_FN void xyzz_set(xyzz<F> &a, const affine<F> &b)
{
    a.x = b.x, a.y = b.y;
    f_set_one(&a.zz), f_set_one(&a.zzz);
}
/** a + b where on, b affine: 8M + 2S, Y3's two products reduced once. */
template <class F> GPU_FN void xyzz_add_affine(xyzz<F> &a, const affine<F> &b, bool on = true)
{
    if (!on || affine_is_infinity(b)) return;
    if (xyzz_is_infinity(a)) { /* the first of a bucket: a copy */
        xyzz_set(a, b);
        return;
    }
    const F p = f_sub(f_mul(b.x, a.zz), a.x), r = f_sub(f_mul(b.y, a.zzz), a.y);
    if (f_is_zero(p)) { /* the same x: b = a or b = -a */
        if (f_is_zero(r))
            a = xyzz_dbl_affine(b);
        else
            a = xyzz_infinity<F>();
        return;
    }
    xyzz_add_tail(a, a.x, a.y, p, r);
}
/** a + b where on: 12M + 2S. */
template <class F> GPU_FN void xyzz_add(xyzz<F> &a, const xyzz<F> &b, bool on = true)
{
    if (!on || xyzz_is_infinity(b)) return;
    if (xyzz_is_infinity(a)) {
        a = b;
        return;
    }
    const F u1 = f_mul(a.x, b.zz), s1 = f_mul(a.y, b.zzz);
    const F p = f_sub(f_mul(b.x, a.zz), u1), r = f_sub(f_mul(b.y, a.zzz), s1);
    if (f_is_zero(p)) {
        if (f_is_zero(r))
            a = xyzz_dbl(a);
        else
            a = xyzz_infinity<F>();
        return;
    }
    a.zz = f_mul(a.zz, b.zz);
    a.zzz = f_mul(a.zzz, b.zzz);
    xyzz_add_tail(a, u1, s1, p, r);
}

/* The same for two lanes a point. No lane may leave the others, so cases are selected, coordinate by coordinate as they
 * come (a whole second point would not fit into the registers), and the rare doubling is entered by the whole warp when
 * any lane needs it. */
static __device__ GPU_NOINLINE void half_dbl(xyzz<fp2_half> *a)
{
    *a = xyzz_dbl(*a);
}
GPU_DEV void half_add_twice(xyzz<fp2_half> &a, xyzz<fp2_half> b, bool twice)
{
    half_dbl(&b); /* a call: inlined, its registers made the sums around it spill */
    a.x = f_pick(twice, b.x, a.x), a.y = f_pick(twice, b.y, a.y);
    a.zz = f_pick(twice, b.zz, a.zz), a.zzz = f_pick(twice, b.zzz, a.zzz);
}
GPU_DEV void half_add_tail(xyzz<fp2_half> &a, const fp2_half &x1, const fp2_half &y1, const fp2_half &p,
                           const fp2_half &r, bool sum, bool none)
{
    const fp2_half pp = f_sqr(p), ppp = f_mul(p, pp), q = f_mul(x1, pp), zero = { f_zero<fp_modulus>() };
    a.zz = f_pick(none, zero, f_pick(sum, f_mul(a.zz, pp), a.zz));
    a.zzz = f_pick(sum, f_mul(a.zzz, ppp), a.zzz);
    const fp2_half x3 = f_sub(f_sub(f_sqr(r), ppp), f_dbl(q)), y3 = f_mul_sub(r, f_sub(q, x3), y1, ppp);
    a.x = f_pick(sum, x3, a.x);
    a.y = f_pick(sum, y3, a.y);
}
GPU_DEV void xyzz_add_affine(xyzz<fp2_half> &a, const affine<fp2_half> &b, bool on = true)
{
    on = on & !affine_is_infinity(b);
    const bool copy = on & xyzz_is_infinity(a), sum = on & !copy;
    const fp2_half p = f_sub(f_mul(b.x, a.zz), a.x), r = f_sub(f_mul(b.y, a.zzz), a.y);
    const bool same = sum & f_is_zero(p), twice = same & f_is_zero(r);
    half_add_tail(a, a.x, a.y, p, r, sum, same);
    if (__any_sync(WHOLE_WARP, copy)) {
        fp2_half one;
        f_set_one(&one);
        a.x = f_pick(copy, b.x, a.x), a.y = f_pick(copy, b.y, a.y);
        a.zz = f_pick(copy, one, a.zz), a.zzz = f_pick(copy, one, a.zzz);
    }
    if (__any_sync(WHOLE_WARP, twice)) {
        xyzz<fp2_half> t;
        xyzz_set(t, b);
        half_add_twice(a, t, twice);
    }
}
GPU_DEV void xyzz_add(xyzz<fp2_half> &a, const xyzz<fp2_half> &b, bool on = true)
{
    on = on & !xyzz_is_infinity(b);
    const bool copy = on & xyzz_is_infinity(a), sum = on & !copy;
    const fp2_half u1 = f_mul(a.x, b.zz), s1 = f_mul(a.y, b.zzz);
    const fp2_half p = f_sub(f_mul(b.x, a.zz), u1), r = f_sub(f_mul(b.y, a.zzz), s1);
    const bool same = sum & f_is_zero(p), twice = same & f_is_zero(r);
    a.zz = f_pick(sum, f_mul(a.zz, b.zz), f_pick(copy, b.zz, a.zz));
    a.zzz = f_pick(sum, f_mul(a.zzz, b.zzz), f_pick(copy, b.zzz, a.zzz));
    a.x = f_pick(copy, b.x, a.x), a.y = f_pick(copy, b.y, a.y);
    half_add_tail(a, u1, s1, p, r, sum, same);
    if (__any_sync(WHOLE_WARP, twice)) half_add_twice(a, b, twice);
}
#endif
