/** Random and awkward elements of BN254's fields and groups, for tests. */
#ifndef TEST_BN254_RANDOM_H
#define TEST_BN254_RANDOM_H

#include "codec.h"
#include "seeded.h"

/** Any 256-bit value; one in four has limbs of all zeros and all ones, where carries go wrong. */
static inline bn254_scalar random_limbs(struct seeded *s)
{
    bn254_scalar r;
    bool awkward = seeded_below(s, 4) == 0;
    for (int i = 0; i < 4; i++) {
        uint64_t v = seeded_u64(s);
        r.l[i] = !awkward || v % 4 == 0 ? v >> 2 | v << 62 : v % 4 == 1 ? 0 : v % 4 == 2 ? UINT64_MAX : v % 8;
    }
    return r;
}

static inline bn254_scalar random_below(struct seeded *s, const uint64_t m[4])
{
    for (;;) {
        bn254_scalar r = random_limbs(s);
        r.l[3] &= 0x3fffffffffffffff;
        if (limbs_less(r.l, m)) return r;
    }
}

static inline bn254_scalar random_scalar(struct seeded *s)
{
    return random_below(s, BN254_FR_MODULUS);
}

static inline bn254_fp random_fp(struct seeded *s)
{
    bn254_fp r;
    memcpy(r.l, random_below(s, BN254_FP_MODULUS).l, sizeof r.l);
    return r;
}

static inline bn254_fr random_fr(struct seeded *s)
{
    bn254_fr r;
    memcpy(r.l, random_below(s, BN254_FR_MODULUS).l, sizeof r.l);
    return r;
}

static inline bn254_fp2 random_fp2(struct seeded *s)
{
    return (bn254_fp2){ random_fp(s), random_fp(s) };
}

static inline bn254_scalar random_nonzero_scalar(struct seeded *s)
{
    bn254_scalar r;
    do r = random_scalar(s);
    while (bn254_scalar_is_zero(&r));
    return r;
}

/** A random point of the group other than infinity, with a random z. */
static inline bn254_g1 random_g1(struct seeded *s)
{
    bn254_scalar k = random_nonzero_scalar(s);
    bn254_g1 r;
    bn254_g1_from_affine(&r, &BN254_G1_GENERATOR);
    bn254_g1_mul(&r, &r, &k);
    return r;
}

static inline bn254_g2 random_g2(struct seeded *s)
{
    bn254_scalar k = random_nonzero_scalar(s);
    bn254_g2 r;
    bn254_g2_from_affine(&r, &BN254_G2_GENERATOR);
    bn254_g2_mul(&r, &r, &k);
    return r;
}

static inline bn254_g1_affine random_g1_affine(struct seeded *s)
{
    bn254_g1 p = random_g1(s);
    bn254_g1_affine r;
    bn254_g1_to_affine(&r, &p);
    return r;
}

static inline bn254_g2_affine random_g2_affine(struct seeded *s)
{
    bn254_g2 p = random_g2(s);
    bn254_g2_affine r;
    bn254_g2_to_affine(&r, &p);
    return r;
}

#endif
