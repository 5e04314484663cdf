/** Products of scalar arithmetic by a factor that many values share: 26 multiplications instead of 36, and no value is
 *  reduced between butterflies.
 *
 *  A factor z is written out as Z_0 = z * 2^128 and Z_1 = z * 2^256 mod r (as tables hold it). Then x z is x's lower
 *  half times Z_0 plus its upper half times Z_1, over 2^128: six words instead of eight, and two rounds of reduction
 *  instead of four.
 *
 *  x is any four words, 5.29 r; the product is below 3r. A table looked up by one word brings any four words below
 *  2^256 - 3r, which is 2.29 r, so that a sum or a difference with a product fits again. Only the last results are made
 *  canonical.
 *
 *  fr.h comes first: it decides, with BN254_BUILD_ADX, which body is built. */
#ifndef BN254_NTT_FACTOR_H
#define BN254_NTT_FACTOR_H
#include "fr.h"

struct ntt_factor {
    uint64_t half[2][4];
};

/* r, -1/r mod 2^64 */
static const uint64_t ntt_modulus[5] = { 0x43e1f593f0000001u, 0x2833e84879b97091u, 0xb85045b68181585du,
                                         0x30644e72e131a029u, 0xc2e1f593efffffffu };

/* k r for the two upper bits k of a value: floor(k * 2^254 / r) = k */
static const uint64_t ntt_multiples[4][4] __attribute__((aligned(128))) = {
    { 0, 0, 0, 0 },
    { 0x43e1f593f0000001u, 0x2833e84879b97091u, 0xb85045b68181585du, 0x30644e72e131a029u },
    { 0x87c3eb27e0000002u, 0x5067d090f372e122u, 0x70a08b6d0302b0bau, 0x60c89ce5c2634053u },
    { 0xcba5e0bbd0000003u, 0x789bb8d96d2c51b3u, 0x28f0d12384840917u, 0x912ceb58a394e07du },
};

/* r = a, brought below 2^256 - 3r. An address depends on a value here, as it does in the sums over the same witness. */
LIMBS_INLINE void ntt_settle(uint64_t r[4], const uint64_t a[4])
{
    limbs_sub(r, a, ntt_multiples[a[3] >> 62]);
}

/* t += a * b, the sum below 2^320 */
LIMBS_INLINE void ntt_row(uint64_t t[5], uint64_t a, const uint64_t b[4])
{
    limbs_wide sum = 0;
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
        sum = (limbs_wide)a * b[j] + t[j] + (uint64_t)(sum >> 64);
        t[j] = (uint64_t)sum;
    }
    t[4] += (uint64_t)(sum >> 64);
}

LIMBS_INLINE void ntt_reduce(uint64_t t[5])
{
    ntt_row(t, t[0] * ntt_modulus[4], ntt_modulus);
    for (int j = 0; j < 4; j++) t[j] = t[j + 1];
    t[4] = 0;
}

#if defined(BN254_BUILD_ADX) && defined(__x86_64__) && defined(__OPTIMIZE__)

/* t0..t4 += rdx * b0..b3: low words on OF, high words on CF. The sum is below 2^320. */
#define NTT_ROW(b0, b1, b2, b3, t0, t1, t2, t3, t4)                                                                    \
    "xorl %k[hi], %k[hi]\n\t"                                                                                          \
    "mulxq %[" b0 "], %[lo], %[hi]\n\t"                                                                                \
    "adoxq %[lo], %[" t0 "]\n\t"                                                                                       \
    "adcxq %[hi], %[" t1 "]\n\t"                                                                                       \
    "mulxq %[" b1 "], %[lo], %[hi]\n\t"                                                                                \
    "adoxq %[lo], %[" t1 "]\n\t"                                                                                       \
    "adcxq %[hi], %[" t2 "]\n\t"                                                                                       \
    "mulxq %[" b2 "], %[lo], %[hi]\n\t"                                                                                \
    "adoxq %[lo], %[" t2 "]\n\t"                                                                                       \
    "adcxq %[hi], %[" t3 "]\n\t"                                                                                       \
    "mulxq %[" b3 "], %[lo], %[hi]\n\t"                                                                                \
    "adoxq %[lo], %[" t3 "]\n\t"                                                                                       \
    "adcxq %[hi], %[" t4 "]\n\t"                                                                                       \
    "movl $0, %k[lo]\n\t"                                                                                              \
    "adoxq %[lo], %[" t4 "]\n\t"

#define NTT_LOW_ROW(...) NTT_ROW("z0", "z1", "z2", "z3", __VA_ARGS__)
#define NTT_HIGH_ROW(...) NTT_ROW("z4", "z5", "z6", "z7", __VA_ARGS__)
#define NTT_REDUCE(t0, ...)                                                                                            \
    "movq %[" t0 "], %%rdx\n\t"                                                                                        \
    "imulq %[inv], %%rdx\n\t" NTT_ROW("m0", "m1", "m2", "m3", t0, __VA_ARGS__)

/* r = x z, below 3r; x any four words */
LIMBS_INLINE void ntt_times(uint64_t r[4], const uint64_t x[4], const struct ntt_factor *z)
{
    const uint64_t *m = ntt_modulus, *low = z->half[0], *high = z->half[1];
    uint64_t t0, t1, t2, t3, t4, lo, hi;
    __asm__(
        "movq %[x0], %%rdx\n\t"
        "mulxq %[z0], %[t0], %[t1]\n\t"
        "mulxq %[z1], %[lo], %[t2]\n\t"
        "addq %[lo], %[t1]\n\t"
        "mulxq %[z2], %[lo], %[t3]\n\t"
        "adcq %[lo], %[t2]\n\t"
        "mulxq %[z3], %[lo], %[t4]\n\t"
        "adcq %[lo], %[t3]\n\t"
        "adcq $0, %[t4]\n\t"
        "movq %[x2], %%rdx\n\t" NTT_HIGH_ROW("t0", "t1", "t2", "t3", "t4")
            NTT_REDUCE("t0", "t1", "t2", "t3", "t4") /* t0 is 0 now, and the uppermost */
        "movq %[x1], %%rdx\n\t" NTT_LOW_ROW("t1", "t2", "t3", "t4", "t0") "movq %[x3], %%rdx\n\t" NTT_HIGH_ROW(
            "t1", "t2", "t3", "t4", "t0") NTT_REDUCE("t1", "t2", "t3", "t4", "t0")
        : [t0] "=&r"(t0), [t1] "=&r"(t1), [t2] "=&r"(t2), [t3] "=&r"(t3), [t4] "=&r"(t4), [lo] "=&r"(lo), [hi] "=&r"(hi)
        : [x0] "m"(x[0]), [x1] "m"(x[1]), [x2] "m"(x[2]), [x3] "m"(x[3]), [z0] "m"(low[0]), [z1] "m"(low[1]),
          [z2] "m"(low[2]), [z3] "m"(low[3]), [z4] "m"(high[0]), [z5] "m"(high[1]), [z6] "m"(high[2]),
          [z7] "m"(high[3]), [m0] "m"(m[0]), [m1] "m"(m[1]), [m2] "m"(m[2]), [m3] "m"(m[3]), [inv] "m"(m[4])
        : "rdx", "cc");
    r[0] = t2, r[1] = t3, r[2] = t4, r[3] = t0;
}

#else

/* r = x z, below 3r; x any four words */
LIMBS_INLINE void ntt_times(uint64_t r[4], const uint64_t x[4], const struct ntt_factor *z)
{
    uint64_t t[5] = { 0, 0, 0, 0, 0 };
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++) {
        ntt_row(t, x[i], z->half[0]);
        ntt_row(t, x[i + 2], z->half[1]);
        ntt_reduce(t);
    }
    memcpy(r, t, 4 * sizeof *r);
}

#endif

/* z canonical. The lower half's factor is z / 2^128: two rounds of reduction, and below r again. */
static inline void ntt_factor_of(struct ntt_factor *f, const bn254_fr *z)
{
    uint64_t t[5] = { z->l[0], z->l[1], z->l[2], z->l[3], 0 };
    ntt_reduce(t);
    ntt_reduce(t);
    memcpy(f->half[0], t, sizeof f->half[0]);
    memcpy(f->half[1], z, sizeof *z);
}

/* u + y, and u - y + 3r, for a product y; u is settled */
LIMBS_INLINE void ntt_sum_and_difference(uint64_t sum[4], uint64_t difference[4], const uint64_t u[4],
                                         const uint64_t y[4])
{
    uint64_t up[4];
    limbs_add(up, u, ntt_multiples[3]);
    limbs_add(sum, u, y);
    limbs_sub(difference, up, y);
}
#endif
