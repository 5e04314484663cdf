/* The rates everything else is read against: integer multiply-add pipes alone, and the clock while they run.
 * rates [--device-only]: one JSON line per kernel; per_clk_sm is lane operations per clock and multiprocessor (of the pair, one
 * pair: whether the two pipes run side by side). */
#include <cuda_runtime.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { CHAINS = 8, ROUNDS = 4096, THREADS = 256 };
enum op { MAD, WIDE, WIDE_CHAIN, HI, DFMA, WIDE_DFMA, OPS };
static const char *const names[OPS] = {"IMAD", "IMAD.WIDE", "IMAD.WIDE.X pairs", "IMAD.HI", "DFMA", "IMAD.WIDE beside DFMA"};

/* CHAINS independent accumulators a thread; the operands are not known when compiled, the sum is stored */
template <int op> __global__ void __launch_bounds__(THREADS) rate(uint64_t *out, uint32_t a, uint32_t b, long long *clocks)
{
    uint32_t lo[CHAINS], hi[CHAINS];
    double d[CHAINS];
    for (int i = 0; i < CHAINS; i++) lo[i] = a + i + threadIdx.x, hi[i] = b ^ i, d[i] = 1.0 + i;
    const long long t0 = clock64();
    for (int r = 0; r < ROUNDS; r++) {
#pragma unroll
        for (int i = 0; i < CHAINS; i++) {
            if (op == MAD) asm volatile("mad.lo.u32 %0,%1,%0,%2;" : "+r"(lo[i]) : "r"(a), "r"(b));
            if (op == HI) asm volatile("mad.hi.u32 %0,%1,%0,%2;" : "+r"(lo[i]) : "r"(a), "r"(b));
            if (op == WIDE || op == WIDE_DFMA) {
                uint64_t t = (uint64_t)hi[i] << 32 | lo[i];
                asm volatile("mad.wide.u32 %0,%1,%2,%0;" : "+l"(t) : "r"(a), "r"(b));
                lo[i] = (uint32_t)t, hi[i] = (uint32_t)(t >> 32);
            }
            if (op == WIDE_CHAIN) /* one link of a carry chain, as in the field multiplication */
                asm volatile("mad.lo.cc.u32 %0,%2,%3,%0; madc.hi.cc.u32 %1,%2,%3,%1;" : "+r"(lo[i]), "+r"(hi[i]) : "r"(a), "r"(b));
            if (op == DFMA || op == WIDE_DFMA) asm volatile("fma.rn.f64 %0,%0,%1,%1;" : "+d"(d[i]) : "d"(0.5));
        }
    }
    const long long t1 = clock64();
    uint64_t s = 0;
    for (int i = 0; i < CHAINS; i++) s += lo[i] + ((uint64_t)hi[i] << 32) + (uint64_t)d[i];
    out[blockIdx.x * THREADS + threadIdx.x] = s;
    if (threadIdx.x == 0) clocks[blockIdx.x] = t1 - t0;
}
template <int op> static int measure(int sms, uint64_t *out, long long *clocks)
{
    const int blocks = sms * 4;
    cudaEvent_t a, b;
    float best = 1e30f;
    cudaEventCreate(&a), cudaEventCreate(&b);
    for (int k = 0; k < 6; k++) { /* the first is a warm-up */
        cudaEventRecord(a);
        rate<op><<<blocks, THREADS>>>(out, 0x9e3779b9u, 0x85ebca6bu, clocks);
        cudaEventRecord(b);
        if (cudaEventSynchronize(b) != cudaSuccess || cudaGetLastError() != cudaSuccess) return 1;
        float ms;
        cudaEventElapsedTime(&ms, a, b);
        if (k && ms < best) best = ms;
    }
    long long c;
    cudaMemcpy(&c, clocks, sizeof c, cudaMemcpyDeviceToHost);
    const double n = (double)blocks * THREADS * CHAINS * ROUNDS;
    printf("{\"bench\":\"rate\",\"op\":\"%s\",\"ms\":%.4f,\"tera_per_s\":%.3f,\"per_clk_sm\":%.2f,\"ghz\":%.3f}\n", names[op], best,
           n / best / 1e9, 4.0 * THREADS * CHAINS * ROUNDS / (double)c, (double)c / best / 1e6);
    fflush(stdout);
    cudaEventDestroy(a), cudaEventDestroy(b);
    return 0;
}
int main(int argc, char **argv)
{
    int count = 0;
    cudaDeviceProp p;
    if (cudaGetDeviceCount(&count) != cudaSuccess || count == 0 || cudaGetDeviceProperties(&p, 0) != cudaSuccess) return 77;
    if (argc > 1 && !strcmp(argv[1], "--device-only")) return 0;
    printf("{\"bench\":\"device\",\"name\":\"%s\",\"sms\":%d,\"bytes\":%zu}\n", p.name, p.multiProcessorCount, p.totalGlobalMem);
    uint64_t *out;
    long long *clocks;
    if (cudaMalloc(&out, (size_t)p.multiProcessorCount * 4 * THREADS * 8) != cudaSuccess || cudaMalloc(&clocks, (size_t)p.multiProcessorCount * 32) != cudaSuccess) return 1;
    return measure<MAD>(p.multiProcessorCount, out, clocks) || measure<WIDE>(p.multiProcessorCount, out, clocks) ||
           measure<WIDE_CHAIN>(p.multiProcessorCount, out, clocks) || measure<HI>(p.multiProcessorCount, out, clocks) ||
           measure<DFMA>(p.multiProcessorCount, out, clocks) || measure<WIDE_DFMA>(p.multiProcessorCount, out, clocks);
}
