/** Multi-scalar multiplication on a GPU: tables of base sets, made once, and their sums; gpu.h has the rules of all calls. */
#ifndef PV_GPU_MSM_H
#define PV_GPU_MSM_H
#include "gpu.h"
#include "gpu_msm_plan.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** sum over first <= i < first + count of k_i bases[i - first]. bases: packed points (bn254_g1_packed, bn254_g2_packed). */
struct gpu_msm_set {
    const void *bases;
    size_t first, count;
};
/** How many of n scalars meet a base that is not infinity in any of the sets (bases.g1 in G1, then bases.g2 in G2). A plan
 *  for that many points with limits.scalars = n leaves the others out before anything is sorted. Pure; reads all bases. */
size_t gpu_msm_finite(const struct gpu_msm_set *sets, struct msm_bases bases, size_t n);
/** The tables of plan->bases base sets, G1 first, and where their results come to. */
struct gpu_msm;
/** Table rows are made on the device; besides plan->table_bytes this takes up to gpu_msm_build_bytes(plan) while it runs. */
size_t gpu_msm_build_bytes(const struct msm_plan *plan);
/** PV_INVALID_INPUT when a set leaves plan->scalars, or plan->n is neither that nor what gpu_msm_finite says. */
pv_status gpu_msm_new(struct gpu *g, struct gpu_msm **m, const struct msm_plan *plan, const struct gpu_msm_set *sets);
void gpu_msm_destroy(struct gpu_msm **m);
/** How many lanes hold a G2 point in the accumulation: 1 (the default: 7.3 ms of 2^20 on an H100, where 2 take 8.7) or 2. */
void gpu_msm_set_g2_lanes(struct gpu_msm *m, unsigned lanes);
/** Queues the sums of the plan->scalars plain scalars (each < r). scratch: plan->scratch_bytes, secret afterwards.
 *  Small plans (plan->replay) are recorded by the first call and by any with other buffers: give the same ones again.
 *  Points of file order are exact whatever they are: infinity, equal, opposite. */
pv_status gpu_msm_async(struct gpu_msm *m, struct gpu_stream *s, gpu_buf scalars, gpu_buf scratch);
/** After the stream was waited for: normalised sums (z = 1, or all zero for infinity), and their copies wiped. Either array
 *  may be NULL when the plan has none of that group. Takes well under a millisecond. */
void gpu_msm_finish(struct gpu_msm *m, bn254_g1 *g1, bn254_g2 *g2);

#ifdef __cplusplus
}
#endif
#endif
