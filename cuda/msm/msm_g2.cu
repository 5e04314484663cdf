/* G2: two lanes hold a point in every stage except the accumulation, where gpu_msm_set_g2_lanes chooses. */
#include "msm_sums.cuh"

cudaError_t msm_sums_g2(const msm_plan &p, const msm_scratch &m, const msm_sets &sets, unsigned g2_lanes,
                        cudaStream_t s)
{
    return g2_lanes == 1 ? msm_sums<fp2, fp2_half>(p, m, sets, p.bases.g2, s)
                         : msm_sums<fp2_half, fp2_half>(p, m, sets, p.bases.g2, s);
}
cudaError_t msm_table_g2(fp *out, const fp *in, fp *spare, uint32_t n, unsigned doublings, cudaStream_t s)
{
    return msm_table<fp2_half>(out, in, spare, n, doublings, s);
}
void msm_finish_g2(fp result[4], const msm_plan &p, const void *sums, size_t chunk_stride)
{
    msm_finish<fp2>(result, p, sums, chunk_stride);
}
