/** 256-bit arithmetic on four little-endian 64-bit limbs; the only 128-bit arithmetic of the room.
 *
 *  Every function may have its result in the same place as an input. A modulus m is odd and m < 2^254: that leaves two
 *  spare bits, so a sum of two reduced values never carries out and a Montgomery product needs no fifth carry word.
 *
 *  Two bodies: portable C, and x86-64 assembly with mulx and the two carry chains adcx/adox. A file that defines
 *  BN254_BUILD_ADX before its first include gets the second (see paths.h); the processor is asked at run time.
 */
#ifndef BN254_LIMBS_H
#define BN254_LIMBS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Not left to the compiler: gcc counts the lines of an asm statement and would call what should be inlined. */
#define LIMBS_INLINE static inline __attribute__((always_inline))

typedef unsigned __int128 limbs_wide;

LIMBS_INLINE bool limbs_is_zero(const uint64_t a[4])
{
    return (a[0] | a[1] | a[2] | a[3]) == 0;
}

LIMBS_INLINE bool limbs_eq(const uint64_t a[4], const uint64_t b[4])
{
    return ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3])) == 0;
}

/** r = a + b mod 2^256; returns the carry. */
LIMBS_INLINE uint64_t limbs_add(uint64_t r[4], const uint64_t a[4], const uint64_t b[4])
{
    limbs_wide t = 0;
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        t += (limbs_wide)a[i] + b[i];
        r[i] = (uint64_t)t;
        t >>= 64;
    }
    return (uint64_t)t;
}

/** r = a - b mod 2^256; returns the borrow, 0 or 1. */
LIMBS_INLINE uint64_t limbs_sub(uint64_t r[4], const uint64_t a[4], const uint64_t b[4])
{
    uint64_t borrow = 0;
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        limbs_wide t = (limbs_wide)a[i] - b[i] - borrow;
        r[i] = (uint64_t)t;
        borrow = (uint64_t)(t >> 64) & 1;
    }
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
    uint64_t keep = -limbs_sub(t, a, m);
    for (int i = 0; i < 4; i++) r[i] = (a[i] & keep) | (t[i] & ~keep);
}

#if defined(BN254_BUILD_ADX) && defined(__x86_64__)
#include "bn254/limbs_adx.h"
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

/** r = a b / 2^256 mod m, where inv = -1/m mod 2^64.
 *  a     any 256-bit value;  b reduced;  r reduced.
 *  Source Coarsely integrated operand scanning (Koc, Acar, Kaliski 1996), without the fifth word: after each round the
 *         value is below b + m < 2^255, so the two high words of a round add without a carry. */
LIMBS_INLINE void limbs_mont_mul(uint64_t r[4], const uint64_t a[4], const uint64_t b[4], const uint64_t m[4],
                                 uint64_t inv)
{
    uint64_t t[4] = { 0, 0, 0, 0 };
/* gcc -O2 does not unroll this by itself. */
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        limbs_wide lo = (limbs_wide)a[i] * b[0] + t[0];
        uint64_t k = (uint64_t)lo * inv;
        limbs_wide red = (limbs_wide)k * m[0] + (uint64_t)lo;
#pragma GCC unroll 4
        for (int j = 1; j < 4; j++) {
            lo = (limbs_wide)a[i] * b[j] + t[j] + (uint64_t)(lo >> 64);
            red = (limbs_wide)k * m[j] + (uint64_t)lo + (uint64_t)(red >> 64);
            t[j - 1] = (uint64_t)red;
        }
        t[3] = (uint64_t)(lo >> 64) + (uint64_t)(red >> 64);
    }
    limbs_reduce_once(r, t, m);
}

#endif

#endif
