/* What the programs of this folder share: calls that must succeed, random numbers, the best of some runs. */
#ifndef GPU_TIMING_CUH
#define GPU_TIMING_CUH
#include <algorithm>
#include <cuda_runtime.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define CU(x)                                                                                                          \
    do {                                                                                                               \
        const cudaError_t e_ = (x);                                                                                    \
        if (e_ != cudaSuccess) {                                                                                       \
            fprintf(stderr, "%s: %s\n", #x, cudaGetErrorString(e_));                                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* splitmix64 */
static uint64_t rnd()
{
    static uint64_t state = 1;
    uint64_t z = (state += 0x9e3779b97f4a7c15ull);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

/* The shortest of 5 runs of f (which returns a cudaError_t) after a warm-up, in ms. */
template <class F> static float best_ms(F f)
{
    cudaEvent_t a, b;
    float best = 1e30f, ms;
    CU(cudaEventCreate(&a));
    CU(cudaEventCreate(&b));
    for (int k = 0; k < 6; k++) {
        CU(cudaEventRecord(a));
        CU(f());
        CU(cudaEventRecord(b));
        CU(cudaEventSynchronize(b));
        CU(cudaEventElapsedTime(&ms, a, b));
        if (k) best = std::min(best, ms);
    }
    CU(cudaEventDestroy(a));
    CU(cudaEventDestroy(b));
    return best;
}
#endif
