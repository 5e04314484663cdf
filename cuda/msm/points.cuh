/* Whether points are what a key may have, many at a time; gpu_check.h has the C face. */
#ifndef PV_CUDA_POINTS_CUH
#define PV_CUDA_POINTS_CUH
#include "curve.cuh"
#include "fr.cuh"

/** One coordinate is below p, as packed points have it. */
template <class M> GPU_FN bool f_is_reduced(const fe<M> &a)
{
    const fe<M> c = f_canon(a); /* one subtraction of p at most: of words at or above p it makes others */
    uint32_t differs = 0;
    GPU_UNROLL
    for (int i = 0; i < 8; i++) differs |= c.v[i] ^ a.v[i];
    return differs == 0;
}
GPU_FN bool f_is_reduced(const fp2 &a)
{
    return f_is_reduced(a.c0) && f_is_reduced(a.c1);
}
/** A packed point of y^2 = x^3 + b, or infinity, and reduced. */
template <class F> GPU_FN bool affine_is_sound(const affine<F> &a, const F &b)
{
    if (!f_is_reduced(a.x) || !f_is_reduced(a.y)) return false;
    if (affine_is_infinity(a)) return true;
    return f_is_zero(f_sub(f_sqr(a.y), f_add(f_mul(f_sqr(a.x), a.x), b)));
}

/** *bad |= 1 if one of n packed points of that group (1 or 2) is not sound. b: on the host, packed, as are coordinates. */
cudaError_t points_check(uint32_t *bad, const fp *points, uint32_t n, unsigned group, const void *b, cudaStream_t s);
/** to[i] <- from[i], a plain scalar. */
cudaError_t points_coefs(fr *to, const uint16_t *from, uint32_t n, cudaStream_t s);
#endif
