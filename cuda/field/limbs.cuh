/* Montgomery arithmetic modulo a 254-bit prime on 8 x 32-bit limbs, R = 2^256, values lazily in [0, 2p).
 *
 * 4p < R for both primes of BN254, so a product of two values below 2p is below p (4p/R + 1) < 1.76p: there is no final
 * subtraction anywhere. A value is brought below p only to be compared, tested or stored for others (f_canon).
 *
 * Every function has two bodies. The PTX one keeps columns of even and of odd weight in two accumulators, so that each
 * 32x32 product is one carry chain step and ptxas can fuse its low and high half into one IMAD.WIDE (it does only when
 * operands arrive by 128-bit loads: with eight 32-bit ones half of the pairs stayed apart, nvcc 13.0). The other is
 * plain C++ on 64-bit words, for the host and for the tests. */
#ifndef PV_CUDA_LIMBS_CUH
#define PV_CUDA_LIMBS_CUH
#include "device.cuh"
#include <string.h>

/** An element of the field M. As an array in memory it is 32 bytes, 16-byte aligned. */
template <class M> struct alignas(16) fe {
    uint32_t v[8];
    enum { COORD = 1, LANES = 1 }; /* field elements of a coordinate in memory; threads that hold one together */
    static GPU_FN fe load(const fe *p);
    static GPU_FN void store(fe *p, const fe &x);
};
/** An unreduced product or sum of products, below p R unless said otherwise. */
struct wide {
    uint32_t v[16];
};

template <class M> GPU_FN fe<M> fe<M>::load(const fe *p)
{
    const uint4 *q = reinterpret_cast<const uint4 *>(p);
    uint4 a = q[0], b = q[1];
    return fe{ { a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w } };
}
template <class M> GPU_FN void fe<M>::store(fe *p, const fe &x)
{
    uint4 *q = reinterpret_cast<uint4 *>(p);
    q[0] = make_uint4(x.v[0], x.v[1], x.v[2], x.v[3]);
    q[1] = make_uint4(x.v[4], x.v[5], x.v[6], x.v[7]);
}

#if GPU_PTX
#define PX static __device__ __forceinline__ uint32_t
#define PX2(name, op)                                                                                                  \
    PX name(uint32_t a, uint32_t b)                                                                                    \
    {                                                                                                                  \
        uint32_t r;                                                                                                    \
        asm volatile(op ".u32 %0,%1,%2;" : "=r"(r) : "r"(a), "r"(b));                                                  \
        return r;                                                                                                      \
    }
#define PX3(name, op)                                                                                                  \
    PX name(uint32_t a, uint32_t b, uint32_t c)                                                                        \
    {                                                                                                                  \
        uint32_t r;                                                                                                    \
        asm volatile(op ".u32 %0,%1,%2,%3;" : "=r"(r) : "r"(a), "r"(b), "r"(c));                                       \
        return r;                                                                                                      \
    }
PX2(px_add_cc, "add.cc")
PX2(px_addc_cc, "addc.cc")
PX2(px_addc, "addc")
PX2(px_sub_cc, "sub.cc")
PX2(px_subc_cc, "subc.cc")
PX2(px_subc, "subc")
PX3(px_mad_lo_cc, "mad.lo.cc")
PX3(px_madc_lo_cc, "madc.lo.cc")
PX3(px_madc_lo, "madc.lo")
PX3(px_madc_hi_cc, "madc.hi.cc")
PX3(px_madc_hi, "madc.hi")
#undef PX2
#undef PX3
#undef PX

/* acc[0..7] += {a[0], a[2], a[4], a[6]} * b; the carry stays in the flag */
template <class A> GPU_DEV void px_chain(uint32_t *acc, const A &a, int a0, uint32_t b)
{
    acc[0] = px_mad_lo_cc(a[a0], b, acc[0]);
    acc[1] = px_madc_hi_cc(a[a0], b, acc[1]);
    GPU_UNROLL
    for (int i = 2; i < 8; i += 2) {
        acc[i] = px_madc_lo_cc(a[a0 + i], b, acc[i]);
        acc[i + 1] = px_madc_hi_cc(a[a0 + i], b, acc[i + 1]);
    }
}
/* acc = (acc >> 64) + {a[0], a[2], a[4], a[6]} * b + flag; nothing comes out: the top product has room for a carry */
template <class A> GPU_DEV void px_chain_down(uint32_t *acc, const A &a, int a0, uint32_t b)
{
    GPU_UNROLL
    for (int i = 0; i < 6; i += 2) {
        acc[i] = px_madc_lo_cc(a[a0 + i], b, acc[i + 2]);
        acc[i + 1] = px_madc_hi_cc(a[a0 + i], b, acc[i + 3]);
    }
    acc[6] = px_madc_lo_cc(a[a0 + 6], b, 0);
    acc[7] = px_madc_hi(a[a0 + 6], b, 0);
}
template <class A> GPU_DEV void px_products(uint32_t *acc, const A &a, int a0, uint32_t b)
{
    GPU_UNROLL
    for (int i = 0; i < 8; i += 2) {
        uint64_t t = (uint64_t)a[a0 + i] * b;
        acc[i] = (uint32_t)t;
        acc[i + 1] = (uint32_t)(t >> 32);
    }
}
/* the modulus as something that can be indexed; indices are constants once unrolled */
template <class M> struct px_modulus {
    GPU_DEV uint32_t operator[](int i) const { return M::p(i); }
};
/* (ev + od 2^32) += p q with q chosen so that the low word becomes zero */
template <class M> GPU_DEV void px_reduce_row(uint32_t *ev, uint32_t *od)
{
    px_modulus<M> p;
    uint32_t q = ev[0] * M::n0;
    px_chain(od, p, 1, q); /* no carry out: the value is below 2^288 */
    px_chain(ev, p, 0, q);
    od[7] = px_addc(od[7], 0);
}
/* one row of the interleaved product: (value >> 32) + a b, then reduced. Roles of ev and od alternate. */
template <class M> GPU_DEV void px_mul_row(uint32_t *ev, uint32_t *od, const uint32_t *a, uint32_t b)
{
    ev[0] = px_add_cc(ev[0], od[1]);
    px_chain_down(od, a, 1, b);
    px_chain(ev, a, 0, b);
    od[7] = px_addc(od[7], 0);
    px_reduce_row<M>(ev, od);
}
/* one row of a plain product: fresh takes the odd words of a and two new words on top, other the even words */
template <class A> GPU_DEV void px_wide_row(uint32_t *fresh, uint32_t *other, const A &a, uint32_t b)
{
    fresh[0] = px_mad_lo_cc(a[1], b, fresh[0]);
    fresh[1] = px_madc_hi_cc(a[1], b, fresh[1]);
    GPU_UNROLL
    for (int i = 2; i < 6; i += 2) {
        fresh[i] = px_madc_lo_cc(a[i + 1], b, fresh[i]);
        fresh[i + 1] = px_madc_hi_cc(a[i + 1], b, fresh[i + 1]);
    }
    fresh[6] = px_madc_lo_cc(a[7], b, 0);
    fresh[7] = px_madc_hi(a[7], b, 0);
    px_chain(other, a, 0, b);
    fresh[7] = px_addc(fresh[7], 0);
}
/* columns of even weight + columns of odd weight */
GPU_DEV wide px_merge(const uint32_t *ev, const uint32_t *od)
{
    wide t;
    t.v[0] = ev[0];
    t.v[1] = px_add_cc(ev[1], od[0]);
    GPU_UNROLL
    for (int i = 2; i < 15; i++) t.v[i] = px_addc_cc(ev[i], od[i - 1]);
    t.v[15] = px_addc(ev[15], 0);
    return t;
}
#else
/* the same words, two at a time */
struct words {
    uint64_t w[8];
};
typedef unsigned __int128 limb_u128;
GPU_FN words words_of(const uint32_t *v, int n)
{
    words r;
    memcpy(r.w, v, 8 * (size_t)n);
    return r;
}
#endif

/* ---- sums ---- */

/* r = t - k p if that is not negative; k is 1 or 2 */
template <class M, int k> GPU_FN fe<M> f_less(const fe<M> &t)
{
    fe<M> s;
    uint32_t borrow;
#if GPU_PTX
    s.v[0] = px_sub_cc(t.v[0], M::kp(k, 0));
    GPU_UNROLL
    for (int i = 1; i < 8; i++) s.v[i] = px_subc_cc(t.v[i], M::kp(k, i));
    borrow = px_subc(0, 0);
#else
    uint64_t c = 0;
    for (int i = 0; i < 8; i++) {
        c = (uint64_t)t.v[i] - M::kp(k, i) - c;
        s.v[i] = (uint32_t)c;
        c = (c >> 32) & 1;
    }
    borrow = (uint32_t)(0 - c);
#endif
    GPU_UNROLL
    for (int i = 0; i < 8; i++) s.v[i] = borrow ? t.v[i] : s.v[i];
    return s;
}
/* a + b, not reduced: below 4p < 2^256 for a, b below 2p */
template <class M> GPU_FN fe<M> f_add_raw(const fe<M> &a, const fe<M> &b)
{
    fe<M> t;
#if GPU_PTX
    t.v[0] = px_add_cc(a.v[0], b.v[0]);
    GPU_UNROLL
    for (int i = 1; i < 7; i++) t.v[i] = px_addc_cc(a.v[i], b.v[i]);
    t.v[7] = px_addc(a.v[7], b.v[7]);
#else
    uint64_t c = 0;
    for (int i = 0; i < 8; i++) {
        c += (uint64_t)a.v[i] + b.v[i];
        t.v[i] = (uint32_t)c;
        c >>= 32;
    }
#endif
    return t;
}
template <class M> GPU_FN fe<M> f_add(const fe<M> &a, const fe<M> &b)
{
    return f_less<M, 2>(f_add_raw(a, b));
}
template <class M> GPU_FN fe<M> f_dbl(const fe<M> &a)
{
    return f_add(a, a);
}
/* hi -= b over eight words; then + k p where that went below zero */
template <class M, int k> GPU_FN fe<M> f_sub_k(const fe<M> &a, const fe<M> &b)
{
    fe<M> t;
#if GPU_PTX
    t.v[0] = px_sub_cc(a.v[0], b.v[0]);
    GPU_UNROLL
    for (int i = 1; i < 8; i++) t.v[i] = px_subc_cc(a.v[i], b.v[i]);
    uint32_t m = px_subc(0, 0);
    t.v[0] = px_add_cc(t.v[0], M::kp(k, 0) & m);
    GPU_UNROLL
    for (int i = 1; i < 7; i++) t.v[i] = px_addc_cc(t.v[i], M::kp(k, i) & m);
    t.v[7] = px_addc(t.v[7], M::kp(k, 7) & m);
#else
    uint64_t c = 0;
    for (int i = 0; i < 8; i++) {
        c = (uint64_t)a.v[i] - b.v[i] - c;
        t.v[i] = (uint32_t)c;
        c = (c >> 32) & 1;
    }
    uint32_t m = (uint32_t)(0 - c);
    c = 0;
    for (int i = 0; i < 8; i++) {
        c += (uint64_t)t.v[i] + (M::kp(k, i) & m);
        t.v[i] = (uint32_t)c;
        c >>= 32;
    }
#endif
    return t;
}
template <class M> GPU_FN fe<M> f_sub(const fe<M> &a, const fe<M> &b)
{
    return f_sub_k<M, 2>(a, b);
}
template <class M> GPU_FN fe<M> f_zero()
{
    return fe<M>{ { 0, 0, 0, 0, 0, 0, 0, 0 } };
}
template <class M> GPU_FN fe<M> f_neg(const fe<M> &a)
{
    return f_sub(f_zero<M>(), a);
}
template <class M> GPU_FN fe<M> f_canon(const fe<M> &a)
{
    return f_less<M, 1>(a);
}
/** All words zero: the mark of infinity. A zero that arithmetic gives may also be p (f_is_zero). */
template <class M> GPU_FN bool f_is_blank(const fe<M> &a)
{
    uint32_t z = 0;
    GPU_UNROLL
    for (int i = 0; i < 8; i++) z |= a.v[i];
    return z == 0;
}
/** Zero modulo p, for a value below 2p. */
template <class M> GPU_FN bool f_is_zero(const fe<M> &a)
{
    uint32_t z = 0, p = 0;
    GPU_UNROLL
    for (int i = 0; i < 8; i++) z |= a.v[i], p |= a.v[i] ^ M::p(i);
    return z == 0 || p == 0;
}

/* ---- products ---- */

/** a b, where a b < 4p^2. */
template <class M> GPU_FN fe<M> f_mul(const fe<M> &a, const fe<M> &b)
{
    fe<M> t;
#if GPU_PTX
    uint32_t ev[8], od[8];
    px_products(ev, a.v, 0, b.v[0]);
    px_products(od, a.v, 1, b.v[0]);
    px_reduce_row<M>(ev, od);
    px_mul_row<M>(od, ev, a.v, b.v[1]);
    GPU_UNROLL
    for (int i = 2; i < 8; i += 2) {
        px_mul_row<M>(ev, od, a.v, b.v[i]);
        px_mul_row<M>(od, ev, a.v, b.v[i + 1]);
    }
    /* the low word of the last row is zero: what is left is ev + (od >> 32) */
    t.v[0] = px_add_cc(ev[0], od[1]);
    GPU_UNROLL
    for (int i = 1; i < 7; i++) t.v[i] = px_addc_cc(ev[i], od[i + 1]);
    t.v[7] = px_addc(ev[7], 0);
#else
    const words x = words_of(a.v, 4), y = words_of(b.v, 4);
    uint64_t r[5] = { 0, 0, 0, 0, 0 };
    for (int i = 0; i < 4; i++) {
        limb_u128 c = 0;
        for (int j = 0; j < 4; j++) {
            c += (limb_u128)x.w[j] * y.w[i] + r[j];
            r[j] = (uint64_t)c;
            c >>= 64;
        }
        c += r[4];
        const uint64_t top = (uint64_t)c, over = (uint64_t)(c >> 64), q = r[0] * M::n0_64;
        c = ((limb_u128)q * M::p64(0) + r[0]) >> 64;
        for (int j = 1; j < 4; j++) {
            c += (limb_u128)q * M::p64(j) + r[j];
            r[j - 1] = (uint64_t)c;
            c >>= 64;
        }
        c += top;
        r[3] = (uint64_t)c;
        r[4] = over + (uint64_t)(c >> 64);
    }
    memcpy(t.v, r, 32);
#endif
    return t;
}
/** a b as 16 words, for any a and b. */
template <class M> GPU_FN wide f_mul_wide(const fe<M> &a, const fe<M> &b)
{
#if GPU_PTX
    uint32_t ev[16], od[16];
    px_products(ev, a.v, 0, b.v[0]);
    px_products(od, a.v, 1, b.v[0]);
    GPU_UNROLL
    for (int i = 1; i < 8; i++) {
        if (i & 1)
            px_wide_row(ev + i + 1, od + i - 1, a.v, b.v[i]);
        else
            px_wide_row(od + i, ev + i, a.v, b.v[i]);
    }
    return px_merge(ev, od);
#else
    const words x = words_of(a.v, 4), y = words_of(b.v, 4);
    uint64_t r[8] = { 0, 0, 0, 0, 0, 0, 0, 0 };
    for (int i = 0; i < 4; i++) {
        limb_u128 c = 0;
        for (int j = 0; j < 4; j++) {
            c += (limb_u128)x.w[j] * y.w[i] + r[i + j];
            r[i + j] = (uint64_t)c;
            c >>= 64;
        }
        r[i + 4] = (uint64_t)c;
    }
    wide t;
    memcpy(t.v, r, 64);
    return t;
#endif
}
/** a^2 as 16 words: 28 products below the diagonal, doubled, and 8 on it. */
template <class M> GPU_FN wide f_sqr_wide(const fe<M> &a)
{
#if GPU_PTX
    /* a_i a_j, i < j, has weight i + j: even weights in ev, odd ones, one word lower, in od. Row i appends two words to
     * the array that takes its odd j and carries the other array's overflow into them. */
    uint32_t ev[16], od[16];
    GPU_UNROLL
    for (int i = 0; i < 16; i++) ev[i] = od[i] = 0;
    GPU_UNROLL
    for (int i = 0; i < 7; i++) {
        uint32_t *f = i & 1 ? ev + i : od + i - 1, *o = i & 1 ? od + i - 1 : ev + i; /* indexed by j */
        const int fj = i & 1 ? i + 2 : i + 1, oj = i & 1 ? i + 1 : i + 2;
        const bool both = oj < 7; /* row 6 has j = 7 alone */
        GPU_UNROLL
        for (int j = fj; j < 8; j += 2) {
            f[j] = j == fj ? px_mad_lo_cc(a.v[i], a.v[j], f[j]) : px_madc_lo_cc(a.v[i], a.v[j], f[j]);
            f[j + 1] = j == 7 ? px_madc_hi(a.v[i], a.v[j], f[j + 1]) : px_madc_hi_cc(a.v[i], a.v[j], f[j + 1]);
        }
        GPU_UNROLL
        for (int j = oj; j < 7; j += 2) {
            o[j] = j == oj ? px_mad_lo_cc(a.v[i], a.v[j], o[j]) : px_madc_lo_cc(a.v[i], a.v[j], o[j]);
            o[j + 1] = px_madc_hi_cc(a.v[i], a.v[j], o[j + 1]);
        }
        if (both) f[8] = px_addc(f[8], 0);
    }
    wide t = px_merge(ev, od);
    t.v[0] = px_add_cc(t.v[0], t.v[0]);
    GPU_UNROLL
    for (int i = 1; i < 15; i++) t.v[i] = px_addc_cc(t.v[i], t.v[i]);
    t.v[15] = px_addc(t.v[15], t.v[15]);
    t.v[0] = px_mad_lo_cc(a.v[0], a.v[0], t.v[0]);
    t.v[1] = px_madc_hi_cc(a.v[0], a.v[0], t.v[1]);
    GPU_UNROLL
    for (int i = 1; i < 8; i++) {
        t.v[2 * i] = px_madc_lo_cc(a.v[i], a.v[i], t.v[2 * i]);
        t.v[2 * i + 1] = i == 7 ? px_madc_hi(a.v[i], a.v[i], t.v[15]) : px_madc_hi_cc(a.v[i], a.v[i], t.v[2 * i + 1]);
    }
    return t;
#else
    return f_mul_wide(a, a);
#endif
}
/** t / R modulo p: below 2p for t < p R (the high half then stays below p, and at most p is added to it). */
template <class M> GPU_FN fe<M> f_redc(const wide &t)
{
    fe<M> r;
#if GPU_PTX
    uint32_t ev[8], od[8];
    px_modulus<M> p;
    GPU_UNROLL
    for (int i = 0; i < 8; i++) ev[i] = t.v[i];
    uint32_t q = ev[0] * M::n0;
    px_products(od, p, 1, q);
    px_chain(ev, p, 0, q);
    od[7] = px_addc(od[7], 0);
    GPU_UNROLL
    for (int i = 1; i < 8; i++) {
        uint32_t *e = i & 1 ? od : ev, *o = i & 1 ? ev : od;
        /* e[0] + o[1] is the new low word. The carry goes up the chain over o, whose products need q, hence e[0],
         * first: the multiplication by n0 does not touch the flag. */
        e[0] = px_add_cc(e[0], o[1]);
        q = e[0] * M::n0;
        px_chain_down(o, p, 1, q);
        px_chain(e, p, 0, q);
        o[7] = px_addc(o[7], 0);
    }
    r.v[0] = px_add_cc(ev[0], od[1]);
    GPU_UNROLL
    for (int i = 1; i < 7; i++) r.v[i] = px_addc_cc(ev[i], od[i + 1]);
    r.v[7] = px_addc(ev[7], 0);
    r.v[0] = px_add_cc(r.v[0], t.v[8]);
    GPU_UNROLL
    for (int i = 1; i < 7; i++) r.v[i] = px_addc_cc(r.v[i], t.v[8 + i]);
    r.v[7] = px_addc(r.v[7], t.v[15]);
#else
    words x = words_of(t.v, 8);
    uint64_t carry = 0;
    for (int i = 0; i < 4; i++) {
        const uint64_t q = x.w[i] * M::n0_64;
        limb_u128 c = 0;
        for (int j = 0; j < 4; j++) {
            c += (limb_u128)q * M::p64(j) + x.w[i + j];
            x.w[i + j] = (uint64_t)c;
            c >>= 64;
        }
        c += (limb_u128)x.w[i + 4] + carry;
        x.w[i + 4] = (uint64_t)c;
        carry = (uint64_t)(c >> 64);
    }
    memcpy(r.v, x.w + 4, 32);
#endif
    return r;
}
/** a^2 for a below 2p. */
template <class M> GPU_FN fe<M> f_sqr(const fe<M> &a)
{
    return f_redc<M>(f_sqr_wide(a));
}
/* a - b over 16 words, + p R where that is negative. For a, b <= 4p^2 < 0.76 pR the result is in [0, pR). */
template <class M> GPU_FN wide wide_sub(const wide &a, const wide &b)
{
    wide t;
    uint32_t m;
#if GPU_PTX
    t.v[0] = px_sub_cc(a.v[0], b.v[0]);
    GPU_UNROLL
    for (int i = 1; i < 16; i++) t.v[i] = px_subc_cc(a.v[i], b.v[i]);
    m = px_subc(0, 0);
    t.v[8] = px_add_cc(t.v[8], M::p(0) & m);
    GPU_UNROLL
    for (int i = 1; i < 7; i++) t.v[8 + i] = px_addc_cc(t.v[8 + i], M::p(i) & m);
    t.v[15] = px_addc(t.v[15], M::p(7) & m);
#else
    uint64_t c = 0;
    for (int i = 0; i < 16; i++) {
        c = (uint64_t)a.v[i] - b.v[i] - c;
        t.v[i] = (uint32_t)c;
        c = (c >> 32) & 1;
    }
    m = (uint32_t)(0 - c);
    c = 0;
    for (int i = 0; i < 8; i++) {
        c += (uint64_t)t.v[8 + i] + (M::p(i) & m);
        t.v[8 + i] = (uint32_t)c;
        c >>= 32;
    }
#endif
    return t;
}
/* t, or t - p R where t >= p R */
template <class M> GPU_FN wide wide_less(const wide &t)
{
    fe<M> hi;
    GPU_UNROLL
    for (int i = 0; i < 8; i++) hi.v[i] = t.v[8 + i];
    hi = f_less<M, 1>(hi);
    wide r = t;
    GPU_UNROLL
    for (int i = 0; i < 8; i++) r.v[8 + i] = hi.v[i];
    return r;
}
/* a + b; the sum must be below 2^512 */
GPU_FN wide wide_add(const wide &a, const wide &b)
{
    wide t;
#if GPU_PTX
    t.v[0] = px_add_cc(a.v[0], b.v[0]);
    GPU_UNROLL
    for (int i = 1; i < 15; i++) t.v[i] = px_addc_cc(a.v[i], b.v[i]);
    t.v[15] = px_addc(a.v[15], b.v[15]);
#else
    uint64_t c = 0;
    for (int i = 0; i < 16; i++) {
        c += (uint64_t)a.v[i] + b.v[i];
        t.v[i] = (uint32_t)c;
        c >>= 32;
    }
#endif
    return t;
}
/* a - b where that is known not to be negative */
GPU_FN wide wide_sub_raw(const wide &a, const wide &b)
{
    wide t;
#if GPU_PTX
    t.v[0] = px_sub_cc(a.v[0], b.v[0]);
    GPU_UNROLL
    for (int i = 1; i < 15; i++) t.v[i] = px_subc_cc(a.v[i], b.v[i]);
    t.v[15] = px_subc(a.v[15], b.v[15]);
#else
    uint64_t c = 0;
    for (int i = 0; i < 16; i++) {
        c = (uint64_t)a.v[i] - b.v[i] - c;
        t.v[i] = (uint32_t)c;
        c = (c >> 32) & 1;
    }
#endif
    return t;
}
/** a b - c d with one reduction. */
template <class M> GPU_FN fe<M> f_mul_sub(const fe<M> &a, const fe<M> &b, const fe<M> &c, const fe<M> &d)
{
    return f_redc<M>(wide_sub<M>(f_mul_wide(a, b), f_mul_wide(c, d)));
}
/** a b + c d with one reduction: the sum is below 1.52 pR, so one pR comes off where it is above. */
template <class M> GPU_FN fe<M> f_mul_add(const fe<M> &a, const fe<M> &b, const fe<M> &c, const fe<M> &d)
{
    return f_redc<M>(wide_less<M>(wide_add(f_mul_wide(a, b), f_mul_wide(c, d))));
}
/** Out of Montgomery form: a / R, canonical. */
template <class M> GPU_FN fe<M> f_from_mont(const fe<M> &a)
{
    wide t;
    GPU_UNROLL
    for (int i = 0; i < 8; i++) t.v[i] = a.v[i], t.v[8 + i] = 0;
    return f_canon(f_redc<M>(t));
}
template <class M> GPU_FN fe<M> f_one()
{
    fe<M> t;
    GPU_UNROLL
    for (int i = 0; i < 8; i++) t.v[i] = M::one(i);
    return t;
}
/** Into Montgomery form; a below 2p, plain. */
template <class M> GPU_FN fe<M> f_to_mont(const fe<M> &a)
{
    fe<M> t;
    GPU_UNROLL
    for (int i = 0; i < 8; i++) t.v[i] = M::r2(i);
    return f_mul(a, t);
}
/** 1/a by Fermat, 0 for 0: only where hundreds of divisions share it. */
template <class M> GPU_FN fe<M> f_inv(const fe<M> &a)
{
    fe<M> r = a; /* the top bit of p - 2, bit 253 */
    GPU_ROLLED
    for (int i = 252; i >= 0; i--) {
        r = f_sqr(r);
        const uint32_t w = i < 32 ? M::p(0) - 2 : M::p(i >> 5); /* p is odd and its low word above 2 */
        if (w >> (i & 31) & 1) r = f_mul(r, a);
    }
    return r;
}

#define GPU_MODULUS_TABLE(name, ...)                                                                                   \
    static constexpr GPU_FN uint32_t name(int i)                                                                       \
    {                                                                                                                  \
        constexpr uint32_t t[8] = { __VA_ARGS__ };                                                                     \
        return t[i];                                                                                                   \
    }
#endif
