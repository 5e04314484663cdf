/* G2: one lane holds a point of a strip, as in the accumulation of buckets; two in the tree and while tables are made. */
#include "comb_kernels.cuh"

cudaError_t comb_sums_g2(const msm_plan &p, const msm_sets &sets, const msm_input &in, cudaStream_t s)
{
    return comb_sums<fp2, fp2_half>(p, sets, in, p.bases.g2, s);
}
cudaError_t comb_table_g2(fp *out, const fp *points, fp *spare, uint32_t groups, cudaStream_t s)
{
    return comb_tables<fp2_half>(out, points, spare, groups, s);
}
