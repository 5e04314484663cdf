/** Inversion modulo an odd m < 2^254 by a binary extended GCD, variable time: about a fifth of Fermat's time.
 *
 *  Source  Pornin, "Optimized binary GCD for modular inversion", eprint 2020/972, algorithm 2, k = 32: 31 steps at a
 *          time on 64-bit approximations (31 low bits, 33 high ones) gather factors, which are then applied to the long
 *          values. */
#ifndef BN254_INVERSE_H
#define BN254_INVERSE_H

#include "limbs.h"

struct inverse_factors {
    int64_t f0, g0, f1, g1; /* a' = (a f0 + b g0)/2^31, b' = (a f1 + b g1)/2^31 */
};

static inline unsigned inverse_bits(const uint64_t a[4], const uint64_t b[4])
{
    for (unsigned i = 4; i-- > 0;)
        if (a[i] | b[i]) return 64 * i + 64 - (unsigned)__builtin_clzll(a[i] | b[i]);
    return 0;
}

/* The low 31 bits and the 33 bits below bit n; the value itself when it fits. */
static inline uint64_t inverse_approximation(const uint64_t a[4], unsigned n)
{
    if (n <= 64) return a[0];
    unsigned from = n - 33, i = from / 64, shift = from % 64;
    uint64_t top = a[i] >> shift;
    if (shift > 31 && i < 3) top |= a[i + 1] << (64 - shift);
    return (a[0] & 0x7fffffff) | top << 31;
}

static inline struct inverse_factors inverse_steps(uint64_t a, uint64_t b)
{
    struct inverse_factors f = { 1, 0, 0, 1 };
    for (int i = 0; i < 31; i++) {
        const uint64_t odd = -(a & 1), swap = odd & -(uint64_t)(a < b);
        uint64_t t = (a ^ b) & swap;
        a ^= t, b ^= t;
        int64_t d = (f.f0 ^ f.f1) & (int64_t)swap;
        f.f0 ^= d, f.f1 ^= d;
        d = (f.g0 ^ f.g1) & (int64_t)swap;
        f.g0 ^= d, f.g1 ^= d;
        a = (a - (b & odd)) >> 1;
        f.f0 -= f.f1 & (int64_t)odd;
        f.g0 -= f.g1 & (int64_t)odd;
        f.f1 *= 2;
        f.g1 *= 2;
    }
    return f;
}

/* r = a f + b g, signed, five words; |f|, |g| <= 2^31 */
static inline void inverse_combine(uint64_t r[5], const uint64_t a[4], int64_t f, const uint64_t b[4], int64_t g)
{
    __int128 carry = 0;
    for (int i = 0; i < 4; i++) {
        /* a word times a signed factor, in two's complement over 128 bits */
        const __int128 x = (__int128)((unsigned __int128)a[i] * (uint64_t)(f < 0 ? -f : f)),
                       y = (__int128)((unsigned __int128)b[i] * (uint64_t)(g < 0 ? -g : g));
        carry += (f < 0 ? -x : x) + (g < 0 ? -y : y);
        r[i] = (uint64_t)carry;
        carry >>= 64;
    }
    r[4] = (uint64_t)carry;
}

static inline void inverse_shift_31(uint64_t r[4], const uint64_t t[5])
{
    for (int i = 0; i < 4; i++) r[i] = t[i] >> 31 | t[i + 1] << 33;
}

static inline void inverse_negate(uint64_t t[5])
{
    unsigned __int128 carry = 1;
    for (int i = 0; i < 5; i++) {
        carry += ~t[i];
        t[i] = (uint64_t)carry;
        carry >>= 64;
    }
}

/* The combination over 2^31, made positive by negating both factors. */
static inline void inverse_apply(uint64_t r[4], const uint64_t a[4], int64_t *f, const uint64_t b[4], int64_t *g)
{
    uint64_t t[5];
    inverse_combine(t, a, *f, b, *g);
    if ((int64_t)t[4] < 0) {
        inverse_negate(t);
        *f = -*f, *g = -*g;
    }
    inverse_shift_31(r, t);
}

/* r = (u f + v g)/2^31 mod m, u, v and r reduced; inv = -1/m mod 2^64 */
static inline void inverse_apply_mod(uint64_t r[4], const uint64_t u[4], int64_t f, const uint64_t v[4], int64_t g,
                                     const uint64_t m[4], uint64_t inv)
{
    uint64_t t[5], w[4];
    inverse_combine(t, u, f, v, g);
    const uint64_t q = t[0] * inv & 0x7fffffff;
    __int128 carry = 0;
    for (int i = 0; i < 4; i++) {
        carry += (__int128)((unsigned __int128)m[i] * q) + t[i];
        t[i] = (uint64_t)carry;
        carry >>= 64;
    }
    t[4] += (uint64_t)carry;
    inverse_shift_31(w, t); /* in (-2m, 3m) */
    if ((int64_t)t[4] < 0)
        while (!limbs_add(w, w, m)) {
        } /* until it wraps to zero or above */
    while (!limbs_less(w, m)) limbs_sub(w, w, m);
    memcpy(r, w, sizeof w);
}

/** r = 1/a mod m for a < m as plain integers; 0 for 0. */
static inline void inverse_mod(uint64_t r[4], const uint64_t x[4], const uint64_t m[4], uint64_t inv)
{
    uint64_t a[4], b[4], u[4] = { 1 }, v[4] = { 0 };
    memcpy(a, x, sizeof a);
    memcpy(b, m, sizeof b);
    while (!limbs_is_zero(a)) {
        const unsigned n = inverse_bits(a, b);
        struct inverse_factors f = inverse_steps(inverse_approximation(a, n), inverse_approximation(b, n));
        uint64_t a0[4], b0[4], u0[4], v0[4];
        inverse_apply(a0, a, &f.f0, b, &f.g0);
        inverse_apply(b0, a, &f.f1, b, &f.g1);
        inverse_apply_mod(u0, u, f.f0, v, f.g0, m, inv);
        inverse_apply_mod(v0, u, f.f1, v, f.g1, m, inv);
        memcpy(a, a0, sizeof a), memcpy(b, b0, sizeof b), memcpy(u, u0, sizeof u), memcpy(v, v0, sizeof v);
    }
    memcpy(r, v, sizeof v);
}
#endif
