#include "comb_kernels.cuh"

cudaError_t comb_sums_g1(const msm_plan &p, const msm_sets &sets, const msm_input &in, cudaStream_t s)
{
    return comb_sums<fp, fp>(p, sets, in, p.bases.g1, s);
}
cudaError_t comb_table_g1(fp *out, const fp *points, fp *spare, uint32_t groups, cudaStream_t s)
{
    return comb_tables<fp>(out, points, spare, groups, s);
}
