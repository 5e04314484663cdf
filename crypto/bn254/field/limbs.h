/** 256-bit arithmetic on four little-endian 64-bit limbs; the only 128-bit arithmetic of the room.
 *
 *  A result may lie where an input lies. A modulus m is odd and 5 m < 2^256 (both of BN254 are
 *  0.1891 * 2^256): a sum of two reduced values never carries out, and a Montgomery product needs no fifth carry word.
 *
 *  A value is reduced when it is below m, and loose when it is below 2 m. Products of loose values are loose, so only
 *  the last of a sequence of products need be reduced: a reduced product costs 9.5 to 9.9 ns, a loose one 8.8 to 9.4
 *  (mulx, Zen 5).
 *
 *  There are two bodies: portable C, and x86-64 assembly with mulx and the two carry chains of adcx and adox. A file
 *  that defines BN254_BUILD_ADX before its first include gets the second (paths.h); run.h asks the processor at run
 *  time.
 */
#ifndef BN254_LIMBS_H
#define BN254_LIMBS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Any x86-64 has adc and sbb, but gcc 12 makes no chain of them from 128-bit sums: a field addition costs 13 ns without
 * these intrinsics and 3.5 ns with them (Zen 5, -O2, bench_field). BN254_BUILD_C lets tests build the body without
 * them. */
#if defined(__x86_64__) && !defined(BN254_BUILD_C)
#define LIMBS_INTRINSICS 1
#include <immintrin.h>
#else
#define LIMBS_INTRINSICS 0
#endif

/* Not left to the compiler: gcc takes the lines of an asm statement for its size and would not inline it. */
#define LIMBS_INLINE static inline __attribute__((always_inline))

typedef unsigned __int128 limbs_wide;

/** What products modulo m need: inv = -1/m mod 2^64, fold1 = 2^-64 mod m, fold2 = 2^-128 mod m, twice = 2 m, and
 *  2^254 m from its word 3 on. The assembly knows the order. */
struct limbs_modulus {
    uint64_t m[4], inv, fold1[4], fold2[4], twice[4], high[5];
};

LIMBS_INLINE bool limbs_is_zero(const uint64_t a[4])
{
    return (a[0] | a[1] | a[2] | a[3]) == 0;
}

LIMBS_INLINE bool limbs_eq(const uint64_t a[4], const uint64_t b[4])
{
    return ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3])) == 0;
}

/* r = a + b + carry with the carry out in carry, and r = a - b - borrow: carry and borrow are 0 or 1. */
LIMBS_INLINE uint64_t limbs_add_word(unsigned char *carry, uint64_t a, uint64_t b)
{
#if LIMBS_INTRINSICS
    unsigned long long r;
    *carry = _addcarry_u64(*carry, a, b, &r);
    return r;
#else
    limbs_wide t = (limbs_wide)a + b + *carry;
    *carry = (unsigned char)(t >> 64);
    return (uint64_t)t;
#endif
}

LIMBS_INLINE uint64_t limbs_sub_word(unsigned char *borrow, uint64_t a, uint64_t b)
{
#if LIMBS_INTRINSICS
    unsigned long long r;
    *borrow = _subborrow_u64(*borrow, a, b, &r);
    return r;
#else
    limbs_wide t = (limbs_wide)a - b - *borrow;
    *borrow = (unsigned char)(t >> 127);
    return (uint64_t)t;
#endif
}

/** r = a + b mod 2^256; returns the carry. */
LIMBS_INLINE uint64_t limbs_add(uint64_t r[4], const uint64_t a[4], const uint64_t b[4])
{
    unsigned char carry = 0;
    uint64_t r0 = limbs_add_word(&carry, a[0], b[0]), r1 = limbs_add_word(&carry, a[1], b[1]);
    uint64_t r2 = limbs_add_word(&carry, a[2], b[2]), r3 = limbs_add_word(&carry, a[3], b[3]);
    r[0] = r0, r[1] = r1, r[2] = r2, r[3] = r3;
    return carry;
}

/** r = a - b mod 2^256; returns the borrow, 0 or 1. */
LIMBS_INLINE uint64_t limbs_sub(uint64_t r[4], const uint64_t a[4], const uint64_t b[4])
{
    unsigned char borrow = 0;
    uint64_t r0 = limbs_sub_word(&borrow, a[0], b[0]), r1 = limbs_sub_word(&borrow, a[1], b[1]);
    uint64_t r2 = limbs_sub_word(&borrow, a[2], b[2]), r3 = limbs_sub_word(&borrow, a[3], b[3]);
    r[0] = r0, r[1] = r1, r[2] = r2, r[3] = r3;
    return borrow;
}

/** a < b */
LIMBS_INLINE bool limbs_less(const uint64_t a[4], const uint64_t b[4])
{
    uint64_t t[4];
    return limbs_sub(t, a, b) != 0;
}

/** r = a < m ? a : a - m */
LIMBS_INLINE void limbs_reduce_once(uint64_t r[4], const uint64_t a[4], const uint64_t m[4])
{
    uint64_t t[4];
    uint64_t keep = -limbs_sub(t, a, m), drop = ~keep;
    /* Hides that these are masks: gcc would select with vectors, whose loads wait for the four stores before them. */
    __asm__("" : "+r"(keep), "+r"(drop));
    uint64_t r0 = (a[0] & keep) | (t[0] & drop), r1 = (a[1] & keep) | (t[1] & drop);
    uint64_t r2 = (a[2] & keep) | (t[2] & drop), r3 = (a[3] & keep) | (t[3] & drop);
    r[0] = r0, r[1] = r1, r[2] = r2, r[3] = r3;
}

/* Not at -O0: there every word of an operand takes a register, and there are not enough of them. */
#if defined(BN254_BUILD_ADX) && defined(__x86_64__) && defined(__OPTIMIZE__)
#define LIMBS_ADX 1
#else
#define LIMBS_ADX 0
#endif

/** a = negate ? -a mod m : a, without a branch; reduced. m - a is m + ~a + 1, and 0 stays as it is. */
LIMBS_INLINE void limbs_mod_neg_if(uint64_t a[4], uint64_t negate, const uint64_t m[4])
{
    uint64_t mask = -(uint64_t)(negate && !limbs_is_zero(a));
    __asm__("" : "+r"(mask)); /* as in limbs_reduce_once */
    const uint64_t t[4] = { a[0] ^ mask, a[1] ^ mask, a[2] ^ mask, a[3] ^ mask };
    unsigned char carry = mask & 1;
    a[0] = limbs_add_word(&carry, t[0], m[0] & mask), a[1] = limbs_add_word(&carry, t[1], m[1] & mask);
    a[2] = limbs_add_word(&carry, t[2], m[2] & mask), a[3] = limbs_add_word(&carry, t[3], m[3] & mask);
}

#if LIMBS_ADX
#include "limbs_adx.h"
#else

/** r = a + b mod m, both reduced */
LIMBS_INLINE void limbs_mod_add(uint64_t r[4], const uint64_t a[4], const uint64_t b[4], const uint64_t m[4])
{
    uint64_t t[4];
    limbs_add(t, a, b);
    limbs_reduce_once(r, t, m);
}

/** r = a - b mod m, both reduced */
LIMBS_INLINE void limbs_mod_sub(uint64_t r[4], const uint64_t a[4], const uint64_t b[4], const uint64_t m[4])
{
    uint64_t t[4], mask[4];
    uint64_t borrow = -limbs_sub(t, a, b);
    for (int i = 0; i < 4; i++) mask[i] = m[i] & borrow;
    limbs_add(r, t, mask);
}

/** r = a - b mod m, loose; a and b reduced. */
LIMBS_INLINE void limbs_mod_sub_loose(uint64_t r[4], const uint64_t a[4], const uint64_t b[4], const uint64_t m[4])
{
    uint64_t t[4];
    limbs_sub(t, a, b);
    limbs_add(r, t, m);
}

/* r = a - b, plus c when that is negative. */
LIMBS_INLINE void limbs_sub_wrap(uint64_t r[4], const uint64_t a[4], const uint64_t b[4], const uint64_t c[4])
{
    uint64_t t[4];
    uint64_t mask = -limbs_sub(t, a, b);
    __asm__("" : "+r"(mask)); /* as in limbs_reduce_once */
    const uint64_t more[4] = { c[0] & mask, c[1] & mask, c[2] & mask, c[3] & mask };
    limbs_add(r, t, more);
}

/** r = a - b mod m; a loose, b reduced, r reduced. */
LIMBS_INLINE void limbs_mod_sub_one(uint64_t r[4], const uint64_t a[4], const uint64_t b[4],
                                    const struct limbs_modulus *mod)
{
    uint64_t t[4];
    limbs_sub_wrap(t, a, b, mod->m);
    limbs_reduce_once(r, t, mod->m);
}

/** r = a - b - c mod m; a loose, b and c reduced, r reduced. */
LIMBS_INLINE void limbs_mod_sub_two(uint64_t r[4], const uint64_t a[4], const uint64_t b[4], const uint64_t c[4],
                                    const struct limbs_modulus *mod)
{
    uint64_t t[4];
    limbs_add(t, b, c);
    limbs_sub_wrap(t, a, t, mod->twice);
    limbs_reduce_once(r, t, mod->m);
}

/** r = a b / 2^256 mod m, loose.
 *  b     loose;  a  any 256-bit value with a b <= 0.99 * 2^256 m: loose too, or b at most 0.99 m.
 *  Source Coarsely integrated operand scanning (Koc, Acar, Kaliski 1996), without the fifth word: after each round the
 *         value is below b + m < 2^256, so the two high words of a round add without a carry; in the end below
 *         a b / 2^256 + m, which for loose a and b is 4 * 0.1891 m + m. */
LIMBS_INLINE void limbs_mont_rounds(uint64_t r[4], const uint64_t a[4], const uint64_t b[4],
                                    const struct limbs_modulus *mod)
{
    uint64_t t[4] = { 0, 0, 0, 0 };
/* gcc -O2 does not unroll this by itself. */
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        limbs_wide lo = (limbs_wide)a[i] * b[0] + t[0];
        uint64_t k = (uint64_t)lo * mod->inv;
        limbs_wide red = (limbs_wide)k * mod->m[0] + (uint64_t)lo;
#pragma GCC unroll 4
        for (int j = 1; j < 4; j++) {
            lo = (limbs_wide)a[i] * b[j] + t[j] + (uint64_t)(lo >> 64);
            red = (limbs_wide)k * mod->m[j] + (uint64_t)lo + (uint64_t)(red >> 64);
            t[j - 1] = (uint64_t)red;
        }
        t[3] = (uint64_t)(lo >> 64) + (uint64_t)(red >> 64);
    }
    memcpy(r, t, sizeof t);
}

/* Neither is inlined: eleven copies in a point addition made it 560 ns instead of 290 (Zen 5, gcc 12 -O2, bench_field).
 * */

static __attribute__((noinline, unused)) void limbs_mont_mul_loose(uint64_t r[4], const uint64_t a[4],
                                                                   const uint64_t b[4], const struct limbs_modulus *mod)
{
    limbs_mont_rounds(r, a, b, mod);
}

/** A product, reduced. */
static __attribute__((noinline, unused)) void limbs_mont_mul(uint64_t r[4], const uint64_t a[4], const uint64_t b[4],
                                                             const struct limbs_modulus *mod)
{
    uint64_t t[4];
    limbs_mont_rounds(t, a, b, mod);
    limbs_reduce_once(r, t, mod->m);
}

/** r = a^2 / 2^256 mod m for loose a: loose, and reduced. */
LIMBS_INLINE void limbs_mont_sqr_loose(uint64_t r[4], const uint64_t a[4], const struct limbs_modulus *mod)
{
    limbs_mont_mul_loose(r, a, a, mod);
}

LIMBS_INLINE void limbs_mont_sqr(uint64_t r[4], const uint64_t a[4], const struct limbs_modulus *mod)
{
    limbs_mont_mul(r, a, a, mod);
}

#endif

#endif
