/* Multiplications and point additions alone: G/s against the ceiling rates.cu finds. First from memory to memory, one operation
 * an element, where bandwidth may be the bound; then in chains in registers at the MSM's occupancy, where only arithmetic is. */
#include "probe.cuh"
#include <stdio.h>
#include <vector>

static double best_ms(cudaError_t (*run)(void *), void *arg)
{
    cudaEvent_t a, b;
    float best = 1e30f, ms;
    cudaEventCreate(&a), cudaEventCreate(&b);
    for (int k = 0; k < 8; k++) {
        cudaEventRecord(a);
        if (run(arg) != cudaSuccess) return -1;
        cudaEventRecord(b);
        if (cudaEventSynchronize(b) != cudaSuccess) return -1;
        cudaEventElapsedTime(&ms, a, b);
        if (k && ms < best) best = ms;
    }
    cudaEventDestroy(a), cudaEventDestroy(b);
    return best;
}
struct job {
    int kind; /* 0 field, 1 points */
    unsigned group, lanes;
    int op;
    fp *p[5];
    uint32_t n;
};
static cudaError_t go(void *arg)
{
    job *j = (job *)arg;
    if (j->kind == 0) return probe_field(false, (probe_op)j->op, j->p[0], j->p[1], j->p[2], j->p[3], j->p[4], j->n, 0);
    return probe_points(j->group, j->lanes, (probe_point)j->op, j->p[0], j->p[1], j->n, 0);
}
enum chain_op { CHAIN_MUL, CHAIN_SQR, CHAIN_G1, CHAIN_G2 };
enum { CHAIN_ROUNDS = 256, CHAIN_THREADS = 128 };
template <class F> __device__ void chain_points(fp *out, const fp *in, uint32_t i)
{
    const affine<F> p = affine_load<F>(in + (size_t)i * AFFINE_COORDS * F::COORD);
    xyzz<F> s;
    xyzz_set(s, p);
    s.zz = f_add(s.zz, p.x);
    GPU_ROLLED
    for (int k = 0; k < CHAIN_ROUNDS; k++) xyzz_add_affine(s, p);
    xyzz_store(out + (size_t)i * XYZZ_COORDS * F::COORD, s);
}
/* BLOCKS: of CHAIN_THREADS threads that a multiprocessor holds */
template <int OP, int BLOCKS> __global__ void __launch_bounds__(CHAIN_THREADS, BLOCKS) chain(fp *out, const fp *in)
{
    const uint32_t i = blockIdx.x * CHAIN_THREADS + threadIdx.x;
    if (OP == CHAIN_G1) return chain_points<fp>(out, in, i);
    if (OP == CHAIN_G2) return chain_points<fp2>(out, in, i);
    fp x = fp::load(in + 2 * (size_t)i);
    const fp y = fp::load(in + 2 * (size_t)i + 1);
    GPU_ROLLED
    for (int k = 0; k < CHAIN_ROUNDS; k++) x = OP == CHAIN_SQR ? f_sqr(x) : f_mul(x, y);
    fp::store(out + i, x);
}
static int sm_count;
template <int OP, int BLOCKS> static cudaError_t run_chain(void *arg)
{
    job *j = (job *)arg;
    chain<OP, BLOCKS><<<sm_count * BLOCKS, CHAIN_THREADS>>>(j->p[0], j->p[1]);
    return cudaGetLastError();
}
template <int OP, int BLOCKS> static int measure_chain(job *j, const char *name)
{
    const double ms = best_ms(run_chain<OP, BLOCKS>, j), n = (double)sm_count * BLOCKS * CHAIN_THREADS * CHAIN_ROUNDS;
    if (ms < 0) return 1;
    printf("{\"bench\":\"chain\",\"op\":\"%s\",\"warps_sm\":%d,\"ms\":%.4f,\"giga_per_s\":%.3f}\n", name,
           BLOCKS * CHAIN_THREADS / 32, ms, n / ms / 1e6);
    return 0;
}
int main()
{
    const uint32_t n = 1 << 22;
    std::vector<uint32_t> words((size_t)n * 8 * 8);
    uint32_t x = 1;
    for (size_t i = 0; i < words.size(); i++)
        x = x * 1664525u + 1013904223u, words[i] = i % 8 == 7 ? x >> 3 : x; /* below 2p */
    job j = {};
    for (int k = 0; k < 5; k++) {
        if (cudaMalloc(&j.p[k], words.size() * 4) != cudaSuccess) return 1;
        if (cudaMemcpy(j.p[k], words.data(), words.size() * 4, cudaMemcpyHostToDevice) != cudaSuccess) return 1;
    }
    const struct {
        const char *name;
        job j;
        double per;
    } list[] = {
        { "mul", { 0, 0, 0, PROBE_MUL }, 1 },
        { "sqr", { 0, 0, 0, PROBE_SQR }, 1 },
        { "mul_sub", { 0, 0, 0, PROBE_MUL_SUB }, 1 },
        { "inv", { 0, 0, 0, PROBE_INV }, 1 },
        { "g1_add_affine", { 1, 1, 1, PROBE_POINT_ADD_AFFINE }, 1 },
        { "g2_add_affine_1_lane", { 1, 2, 1, PROBE_POINT_ADD_AFFINE }, 1 },
        { "g2_add_affine_2_lanes", { 1, 2, 2, PROBE_POINT_ADD_AFFINE }, 1 },
        { "g1_add", { 1, 1, 1, PROBE_POINT_ADD }, 1 },
    };
    for (const auto &e : list) {
        job k = e.j;
        for (int i = 0; i < 5; i++) k.p[i] = j.p[i];
        k.n = k.kind && k.group == 2 ? n / 2 : n;
        const double ms = best_ms(go, &k);
        if (ms < 0) return 1;
        printf("{\"bench\":\"arithmetic\",\"op\":\"%s\",\"n\":%u,\"ms\":%.4f,\"giga_per_s\":%.3f}\n", e.name, k.n, ms,
               k.n / ms / 1e6);
        fflush(stdout);
    }
    if (cudaDeviceGetAttribute(&sm_count, cudaDevAttrMultiProcessorCount, 0) != cudaSuccess) return 1;
    return measure_chain<CHAIN_MUL, 4>(&j, "mul") || measure_chain<CHAIN_MUL, 8>(&j, "mul") ||
           measure_chain<CHAIN_SQR, 4>(&j, "sqr") || measure_chain<CHAIN_G1, 3>(&j, "g1_add_affine") ||
           measure_chain<CHAIN_G1, 4>(&j, "g1_add_affine") || measure_chain<CHAIN_G2, 2>(&j, "g2_add_affine");
}
