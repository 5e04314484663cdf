/* The rates everything else is read against: integer multiply-add pipes alone, and the clock while they run.
 * rates [--device-only]: one JSON line per kernel; per_clk_sm is lane operations per clock and multiprocessor (of the pair, one
 * pair: whether the two pipes run side by side). Every product has an operand that the one before it made: with operands that
 * stay the same ptxas multiplies once, before the loop, and the loop shows the rate of additions. */
#include <cuda_runtime.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { CHAINS = 8, ROUNDS = 4096, THREADS = 256, BLOCKS_SM = 4 };
enum op { MAD, WIDE, WIDE_CHAIN, HI, DFMA, WIDE_DFMA, ADD, WIDE_ADD, OPS };
static const char *const names[OPS] = { "IMAD",
                                        "IMAD.WIDE",
                                        "IMAD.WIDE.X pairs",
                                        "IMAD.HI",
                                        "DFMA",
                                        "IMAD.WIDE beside DFMA",
                                        "IADD3",
                                        "IMAD.WIDE beside IADD3" };

struct span {
    unsigned long long from, to; /* in clocks of its multiprocessor */
    unsigned sm, pad;
};
/* CHAINS independent accumulators a thread; the sum is stored */
template <int op> __global__ void __launch_bounds__(THREADS) rate(uint64_t *out, uint32_t a, uint32_t b, span *spans)
{
    uint32_t lo[CHAINS], hi[CHAINS], sum[CHAINS];
    double d[CHAINS];
    for (int i = 0; i < CHAINS; i++) lo[i] = a + i + threadIdx.x, hi[i] = b ^ i, d[i] = 1.0 + i, sum[i] = i;
    const unsigned long long from = clock64();
    for (int r = 0; r < ROUNDS; r++) {
#pragma unroll
        for (int i = 0; i < CHAINS; i++) {
            if (op == MAD) asm volatile("mad.lo.u32 %0,%1,%0,%2;" : "+r"(lo[i]) : "r"(a), "r"(b));
            if (op == HI) asm volatile("mad.hi.u32 %0,%1,%0,%2;" : "+r"(lo[i]) : "r"(a), "r"(b));
            if (op == WIDE || op == WIDE_DFMA || op == WIDE_ADD) {
                uint64_t t = (uint64_t)hi[i] << 32 | lo[i];
                asm volatile("mad.wide.u32 %0,%1,%2,%0;" : "+l"(t) : "r"(lo[i]), "r"(b));
                lo[i] = (uint32_t)t, hi[i] = (uint32_t)(t >> 32);
            }
            if (op == WIDE_CHAIN) /* one link of a carry chain, as in the field multiplication */
                asm volatile("mad.lo.cc.u32 %0,%2,%3,%0; madc.hi.cc.u32 %1,%2,%3,%1;"
                             : "+r"(lo[i]), "+r"(hi[i])
                             : "r"(hi[(i + 1) % CHAINS]), "r"(b));
            if (op == DFMA || op == WIDE_DFMA) asm volatile("fma.rn.f64 %0,%0,%1,%1;" : "+d"(d[i]) : "d"(0.5));
            if (op == ADD || op == WIDE_ADD) asm volatile("add.u32 %0,%0,%1;" : "+r"(sum[i]) : "r"(lo[i]));
        }
    }
    uint64_t s = 0;
    for (int i = 0; i < CHAINS; i++) s += lo[i] + sum[i] + ((uint64_t)hi[i] << 32) + (uint64_t)d[i];
    out[blockIdx.x * THREADS + threadIdx.x] = s;
    __syncthreads(); /* the last warp of the block: warps do not end together */
    if (threadIdx.x == 0) {
        unsigned sm;
        asm("mov.u32 %0,%%smid;" : "=r"(sm));
        spans[blockIdx.x] = span{ from, (unsigned long long)clock64(), sm, 0 };
    }
}
/* clocks from the first block's start to the last one's end on the multiprocessor of block 0, and how many blocks ran there */
static double busy(const span *spans, int blocks, int *there)
{
    unsigned long long from = ~0ull, to = 0;
    *there = 0;
    for (int i = 0; i < blocks; i++) {
        if (spans[i].sm != spans[0].sm) continue;
        if (spans[i].from < from) from = spans[i].from;
        if (spans[i].to > to) to = spans[i].to;
        ++*there;
    }
    return (double)(to - from);
}
template <int op> static int measure(int sms, uint64_t *out, span *spans)
{
    static span host[1 << 12];
    const int blocks = sms * BLOCKS_SM;
    cudaEvent_t a, b;
    float best = 1e30f;
    if (blocks > 1 << 12) return 1;
    cudaEventCreate(&a), cudaEventCreate(&b);
    for (int k = 0; k < 12; k++) { /* the first ones are a warm-up */
        cudaEventRecord(a);
        rate<op><<<blocks, THREADS>>>(out, 0x9e3779b9u, 0x85ebca6bu, spans);
        cudaEventRecord(b);
        if (cudaEventSynchronize(b) != cudaSuccess || cudaGetLastError() != cudaSuccess) return 1;
        float ms;
        cudaEventElapsedTime(&ms, a, b);
        if (k > 3 && ms < best) best = ms;
    }
    if (cudaMemcpy(host, spans, blocks * sizeof *spans, cudaMemcpyDeviceToHost) != cudaSuccess) return 1;
    int there;
    const double n = (double)THREADS * CHAINS * ROUNDS, clocks = busy(host, blocks, &there);
    printf("{\"bench\":\"rate\",\"op\":\"%s\",\"ms\":%.4f,\"tera_per_s\":%.3f,\"per_clk_sm\":%.2f,\"ghz\":%.3f}\n",
           names[op], best, n * blocks / best / 1e9, n * there / clocks, clocks / best / 1e6);
    fflush(stdout);
    cudaEventDestroy(a), cudaEventDestroy(b);
    return 0;
}
template <int... op> static int measure_all(int sms, uint64_t *out, span *spans)
{
    int failed = 0;
    ((failed = failed || measure<op>(sms, out, spans)), ...);
    return failed;
}
int main(int argc, char **argv)
{
    int count = 0;
    cudaDeviceProp p;
    const cudaError_t e = cudaGetDeviceCount(&count);
    if (e != cudaSuccess || count == 0 || cudaGetDeviceProperties(&p, 0) != cudaSuccess) {
        fprintf(stderr, "no CUDA device: %s\n", e != cudaSuccess ? cudaGetErrorString(e) : "none can be asked");
        return 77;
    }
    if (argc > 1 && !strcmp(argv[1], "--device-only")) return 0;
    printf("{\"bench\":\"device\",\"name\":\"%s\",\"sms\":%d,\"bytes\":%zu}\n", p.name, p.multiProcessorCount,
           p.totalGlobalMem);
    uint64_t *out;
    span *spans;
    const size_t blocks = (size_t)p.multiProcessorCount * BLOCKS_SM;
    if (cudaMalloc(&out, blocks * THREADS * 8) != cudaSuccess ||
        cudaMalloc(&spans, blocks * sizeof *spans) != cudaSuccess)
        return 1;
    return measure_all<MAD, WIDE, WIDE_CHAIN, HI, DFMA, WIDE_DFMA, ADD, WIDE_ADD>(p.multiProcessorCount, out, spans);
}
