/* Sums of few points without buckets: gpu_msm_plan.h says what a comb is, gpu_comb.cu has the order of the calls. Defined by
 * comb_g1.cu and comb_g2.cu. */
#ifndef PV_CUDA_COMB_CUH
#define PV_CUDA_COMB_CUH
#include "msm.cuh"

/** sets: table, parts and result; msm_set_sums(p) sums a set, the first with weight 1, each further one with twice the weight of that before. */
cudaError_t comb_sums_g1(const msm_plan &p, const msm_sets &sets, const msm_input &in, cudaStream_t s);
cudaError_t comb_sums_g2(const msm_plan &p, const msm_sets &sets, const msm_input &in, cudaStream_t s);
/** out <- COMB_SUMS sums of each of `groups` groups of points, affine and canonical: entry m of the points at the bits of m. spare:
 *  comb_table_spare(group) bytes a group. */
cudaError_t comb_table_g1(fp *out, const fp *points, fp *spare, uint32_t groups, cudaStream_t s);
cudaError_t comb_table_g2(fp *out, const fp *points, fp *spare, uint32_t groups, cudaStream_t s);
inline size_t comb_table_spare(unsigned group)
{
    return COMB_SUMS * msm_table_spare(group);
}
#endif
