/** What both groups' IFMA kernels share: rows of points in and out, signs, and results in the library's form. */
#ifndef BN254_MSM_IFMA_POINTS_H
#define BN254_MSM_IFMA_POINTS_H
#include "msm_kernel.h"
#include "invert.h"

/* Eight rows of 64 bytes to words by lane. every: 1 reads each index, 2 one side of a list of pairs. */
IFMA_INLINE void load_rows(vec r[8], const void *from, const uint32_t *index, int every, size_t stride, size_t offset)
{
    for (int i = 0; i < 8; i++)
        r[i] = _mm512_loadu_si512((const char *)from + (size_t)(index[every * i] & ~MSM_NEGATE) * stride + offset);
    vec_transpose(r);
}

/* The first 32 bytes of both sides of eight pairs, together: r[0..3] words of the first points, r[4..7] of the second
 * ones. */
IFMA_INLINE void load_half_rows(vec r[8], const void *from, const uint32_t *pair, size_t stride)
{
    for (int i = 0; i < 8; i++) {
        const char *p = (const char *)from + (size_t)pair[2 * i] * stride;
        const char *q = (const char *)from + (size_t)pair[2 * i + 1] * stride;
        r[i] = _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)p)),
                                  _mm256_loadu_si256((const __m256i *)q), 1);
    }
    vec_transpose(r);
}

IFMA_INLINE void store_rows(char *to, vec r[8], size_t stride, size_t offset)
{
    vec_transpose(r);
    for (int i = 0; i < 8; i++) _mm512_store_si512(to + (size_t)i * stride + offset, r[i]);
}

/* The first n rows go to the places that index names. */
IFMA_INLINE void scatter_rows(void *to, const uint32_t *index, vec r[8], size_t n, size_t stride, size_t offset)
{
    vec_transpose(r);
    for (size_t i = 0; i < n; i++) _mm512_store_si512((char *)to + (size_t)index[i] * stride + offset, r[i]);
}

IFMA_INLINE __mmask8 negated_lanes(const uint32_t *index)
{
    return _mm256_movepi32_mask(_mm256_loadu_si256((const __m256i *)index)); /* MSM_NEGATE is the highest bit */
}

IFMA_INLINE fe8 fe8_zero(void)
{
    const vec z = _mm512_setzero_si512();
    return (fe8){ { z, z, z, z, z } };
}

/* -a in the lanes, at most 2p where a is. */
IFMA_INLINE fe8 fe8_negate(__mmask8 lanes, fe8 a)
{
    return fe8_blend(lanes, a, fe8_sub(fe8_zero(), a, 2));
}

IFMA_INLINE __mmask8 fe8_zero_lanes(fe8 a)
{
    vec any =
        _mm512_or_si512(_mm512_or_si512(a.v[0], a.v[1]), _mm512_or_si512(a.v[2], _mm512_or_si512(a.v[3], a.v[4])));
    return _mm512_testn_epi64_mask(any, any);
}

/* a - b - c + 8p, reduced below 2.01p; b and c below 4p, a below 8p */
IFMA_INLINE fe8 fe8_sub_two(fe8 a, fe8 b, fe8 c)
{
    for (int i = 0; i < 5; i++)
        a.v[i] = _mm512_sub_epi64(_mm512_sub_epi64(_mm512_add_epi64(a.v[i], vec_set(8 * P52[i])), b.v[i]), c.v[i]);
    return fe8_reduce(a);
}

IFMA_INLINE fe8 fe8_sub_one(fe8 a, fe8 b)
{
    for (int i = 0; i < 5; i++) a.v[i] = _mm512_sub_epi64(_mm512_add_epi64(a.v[i], vec_set(4 * P52[i])), b.v[i]);
    return fe8_reduce(a);
}

/* From the isomorphic curve (msm_ifma_body.h) and R = 2^260 to the library's words: x*4 over 2^4, so times 2^254 over
 * 2^256; y*8 over 2^4, so times 2^255 over 2^256. */
static inline void fp_x_back(bn254_fp *x, const uint64_t w[4])
{
    static const bn254_fp two_254 = { { 0xc3df73e9278302b9u, 0x687e956e978e3572u, 0x47afba497e7ea7a2u,
                                        0x0f9bb18d1ece5fd6u } };
    fp_from_words(x, w);
    bn254_fp_mul(x, x, &two_254);
}

static inline void fp_y_back(bn254_fp *y, const uint64_t w[4])
{
    static const bn254_fp two_255 = { { 0x87bee7d24f060572u, 0xd0fd2add2f1c6ae5u, 0x8f5f7492fcfd4f44u,
                                        0x1f37631a3d9cbfacu } };
    fp_from_words(y, w);
    bn254_fp_mul(y, y, &two_255);
}
#endif
