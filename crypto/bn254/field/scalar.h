/** Plain 256-bit integers: exponents, and the scalars that an MSM cuts into windows. Any value below 2^256 is valid;
 *  canonical means below r. Variable time. */
#ifndef BN254_SCALAR_H
#define BN254_SCALAR_H

#include "constants.h"
#include "limbs.h"
#include "types.h"

static inline bn254_scalar bn254_scalar_of_u64(uint64_t v)
{
    return (bn254_scalar){ { v, 0, 0, 0 } };
}

static inline bool bn254_scalar_is_zero(const bn254_scalar *a)
{
    return limbs_is_zero(a->l);
}

static inline bool bn254_scalar_eq(const bn254_scalar *a, const bn254_scalar *b)
{
    return limbs_eq(a->l, b->l);
}

/** a < b */
static inline bool bn254_scalar_less(const bn254_scalar *a, const bn254_scalar *b)
{
    return limbs_less(a->l, b->l);
}

/** a < r */
static inline bool bn254_scalar_is_canonical(const bn254_scalar *a)
{
    return limbs_less(a->l, BN254_FR_MODULUS);
}

/** Bit k, 0 for k >= 256. */
static inline unsigned bn254_scalar_bit(const bn254_scalar *a, unsigned k)
{
    return k < 256 ? (unsigned)(a->l[k / 64] >> (k % 64)) & 1u : 0;
}

/** The number of bits up to the highest one set; 0 for zero. */
static inline unsigned bn254_scalar_bit_length(const bn254_scalar *a)
{
    for (unsigned i = 4; i-- > 0;)
        if (a->l[i]) return 64 * i + 64 - (unsigned)__builtin_clzll(a->l[i]);
    return 0;
}

/** width bits from bit k upwards, width in 1..32; bits from 256 on are zero. */
static inline uint32_t bn254_scalar_window(const bn254_scalar *a, unsigned k, unsigned width)
{
    unsigned i = k / 64, shift = k % 64;
    if (i >= 4) return 0;
    uint64_t v = a->l[i] >> shift;
    if (shift + width > 64 && i < 3) v |= a->l[i + 1] << (64 - shift);
    return (uint32_t)(v & (((uint64_t)1 << width) - 1));
}

#endif
