/** One inversion for four vectors of eight. */
#ifndef BN254_IFMA_INVERT_H
#define BN254_IFMA_INVERT_H
#include "fp.h"
#include "vec.h"

IFMA_INLINE fe8 fe8_swap(fe8 a, int distance)
{
    const vec lane = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
    const vec from = _mm512_xor_si512(lane, vec_set((uint64_t)distance));
    for (int i = 0; i < 5; i++) a.v[i] = _mm512_permutexvar_epi64(from, a.v[i]);
    return a;
}

/* Four words below 2^256 to the canonical residue. */
static inline void fp_from_words(bn254_fp *r, const uint64_t w[4])
{
    static const uint64_t m[4] = { 0x3c208c16d87cfd47u, 0x97816a916871ca8du, 0xb85045b68181585du, 0x30644e72e131a029u };
    memcpy(r->l, w, sizeof r->l);
    for (;;) {
        unsigned long long t[4];
        unsigned char borrow = 0;
        for (int i = 0; i < 4; i++) borrow = _subborrow_u64(borrow, r->l[i], m[i], &t[i]);
        if (borrow) return;
        memcpy(r->l, t, sizeof r->l);
    }
}

/* The inverse of lane 0, in every lane; 1/0 is 0. Read by the scalar code, whose R is 2^256, x*2^260 is 16x, and
 * 1/(16x) comes back as x^-1 * 2^252: a product with 2^268, over 2^260, makes it x^-1 * 2^260. */
static inline fe8 fe8_invert_lane(fe8 a)
{
    uint64_t w[4];
    vec words[4], back[4];
    bn254_fp x;
    fe8_to_words(words, a);
    for (int i = 0; i < 4; i++) w[i] = (uint64_t)_mm_cvtsi128_si64(_mm512_castsi512_si128(words[i]));
    fp_from_words(&x, w);
    bn254_fp_inv(&x, &x);
    for (int i = 0; i < 4; i++) back[i] = vec_set(x.l[i]);
    return fe8_mul(fe8_from_words(back[0], back[1], back[2], back[3], 0), fe8_set(R268));
}

/* Each lane to its inverse: three swaps multiply all lanes together, and on the way, for each lane, the other seven. */
static inline fe8 fe8_invert_lanes(fe8 a)
{
    fe8 s1 = fe8_swap(a, 1), pair = fe8_mul(a, s1);
    fe8 s2 = fe8_swap(pair, 2), four = fe8_mul(pair, s2);
    fe8 s4 = fe8_swap(four, 4), all = fe8_mul(four, s4);
    fe8 others = fe8_mul(fe8_mul(s1, s2), s4);
    return fe8_mul(fe8_invert_lane(all), others);
}

static inline void fe8_invert_chains(fe8 c[4])
{
    fe8 p01 = fe8_mul(c[0], c[1]), p23 = fe8_mul(c[2], c[3]);
    fe8 inv = fe8_invert_lanes(fe8_mul(p01, p23));
    fe8 i01 = fe8_mul(inv, p23), i23 = fe8_mul(inv, p01), c0 = c[0], c2 = c[2];
    c[0] = fe8_mul(i01, c[1]);
    c[1] = fe8_mul(i01, c0);
    c[2] = fe8_mul(i23, c[3]);
    c[3] = fe8_mul(i23, c2);
}
#endif
