#include "msm_sums.cuh"

cudaError_t msm_sums_g1(const msm_plan &p, const msm_scratch &m, const msm_sets &sets, cudaStream_t s)
{
    return msm_sums<fp, fp>(p, m, sets, p.bases.g1, s);
}
cudaError_t msm_table_g1(fp *out, const fp *in, fp *spare, uint32_t n, unsigned doublings, cudaStream_t s)
{
    return msm_table<fp>(out, in, spare, n, doublings, s);
}
void msm_finish_g1(fp result[2], const msm_plan &p, const void *sums, size_t chunk_stride)
{
    msm_finish<fp>(result, p, sums, chunk_stride);
}
