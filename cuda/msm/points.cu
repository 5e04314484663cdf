#include "points.cuh"
#include <string.h>

enum { POINTS_THREADS = 128 };

/* a thread a point */
template <class F>
__global__ void __launch_bounds__(POINTS_THREADS) points_kernel(uint32_t *bad, const fp *points, uint32_t n, F b)
{
    const uint32_t i = blockIdx.x * POINTS_THREADS + threadIdx.x;
    if (i >= n) return;
    const affine<F> a = affine_load<F>(points + (size_t)i * AFFINE_COORDS * F::COORD);
    if (!affine_is_sound(a, b)) atomicOr(bad, 1u);
}
template <class F> static cudaError_t check(uint32_t *bad, const fp *points, uint32_t n, const void *b, cudaStream_t s)
{
    F constant;
    memcpy(&constant, b, sizeof constant);
    if (n == 0) return cudaSuccess;
    GPU_LAUNCH(points_kernel<F>, (n + POINTS_THREADS - 1) / POINTS_THREADS, POINTS_THREADS, 0, s, bad, points, n,
               constant);
    return cudaGetLastError();
}
cudaError_t points_check(uint32_t *bad, const fp *points, uint32_t n, unsigned group, const void *b, cudaStream_t s)
{
    return group == 1 ? check<fp>(bad, points, n, b, s) : check<fp2>(bad, points, n, b, s);
}
__global__ void __launch_bounds__(POINTS_THREADS) points_coefs_kernel(fr *to, const uint16_t *from, uint32_t n)
{
    const uint32_t i = blockIdx.x * POINTS_THREADS + threadIdx.x;
    if (i >= n) return;
    fr k = f_zero<fr_modulus>();
    k.v[0] = from[i];
    fr::store(to + i, k);
}
cudaError_t points_coefs(fr *to, const uint16_t *from, uint32_t n, cudaStream_t s)
{
    GPU_LAUNCH(points_coefs_kernel, (n + POINTS_THREADS - 1) / POINTS_THREADS, POINTS_THREADS, 0, s, to, from, n);
    return cudaGetLastError();
}
