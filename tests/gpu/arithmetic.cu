/* Multiplications and point additions alone, at the grid the MSM uses: G/s against the ceiling rates.cu finds. */
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
int main()
{
    const uint32_t n = 1 << 22;
    std::vector<uint32_t> words((size_t)n * 8 * 8);
    uint32_t x = 1;
    for (size_t i = 0; i < words.size(); i++) x = x * 1664525u + 1013904223u, words[i] = i % 8 == 7 ? x >> 3 : x; /* below 2p */
    job j = {};
    for (int k = 0; k < 5; k++) {
        if (cudaMalloc(&j.p[k], words.size() * 4) != cudaSuccess) return 1;
        if (cudaMemcpy(j.p[k], words.data(), words.size() * 4, cudaMemcpyHostToDevice) != cudaSuccess) return 1;
    }
    const struct { const char *name; job j; double per; } list[] = {
        {"mul", {0, 0, 0, PROBE_MUL}, 1}, {"sqr", {0, 0, 0, PROBE_SQR}, 1}, {"mul_sub", {0, 0, 0, PROBE_MUL_SUB}, 1}, {"inv", {0, 0, 0, PROBE_INV}, 1},
        {"g1_add_affine", {1, 1, 1, PROBE_POINT_ADD_AFFINE}, 1}, {"g2_add_affine_1_lane", {1, 2, 1, PROBE_POINT_ADD_AFFINE}, 1},
        {"g2_add_affine_2_lanes", {1, 2, 2, PROBE_POINT_ADD_AFFINE}, 1}, {"g1_add", {1, 1, 1, PROBE_POINT_ADD}, 1},
    };
    for (const auto &e : list) {
        job k = e.j;
        for (int i = 0; i < 5; i++) k.p[i] = j.p[i];
        k.n = k.kind && k.group == 2 ? n / 2 : n;
        const double ms = best_ms(go, &k);
        if (ms < 0) return 1;
        printf("{\"bench\":\"arithmetic\",\"op\":\"%s\",\"n\":%u,\"ms\":%.4f,\"giga_per_s\":%.3f}\n", e.name, k.n, ms, k.n / ms / 1e6);
        fflush(stdout);
    }
    return 0;
}
