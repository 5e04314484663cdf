/** Multi-scalar multiplication on a GPU: tables of base sets, made once, and their sums; gpu.h has the rules of all
 *  calls. */
#ifndef PV_GPU_MSM_H
#define PV_GPU_MSM_H
#include "gpu.h"
#include "gpu_msm_plan.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** sum over first <= i < first + count of k_i bases[i - first], and what rest adds to it: more points of the same base set, of scalars
 *  behind these; NULL: none. bases: packed points (bn254_g1_packed, bn254_g2_packed). */
struct gpu_msm_set {
    const void *bases;
    size_t first, count;
    const struct gpu_msm_set *rest;
};
/** How many of n scalars have a base that is not infinity in at least one of the sets (bases.g1 in G1, then bases.g2 in
 *  G2). A plan for that many points with limits.scalars = n drops the others before it sorts. Pure; reads all bases. */
size_t gpu_msm_finite(const struct gpu_msm_set *sets, struct msm_bases bases, size_t n);
/** The tables of plan->bases base sets, G1 first. Once made they are only read: any number of sums may be under way with them,
 *  each in memory of its own. */
struct gpu_msm;
/** What gpu_msm_new takes while it runs, in addition to plan->table_bytes: it makes the table rows on the device. */
size_t gpu_msm_build_bytes(const struct msm_plan *plan);
/** PV_INVALID_INPUT when a set exceeds plan->scalars, or plan->n is neither that nor the result of gpu_msm_finite. */
pv_status gpu_msm_new(struct gpu *g, struct gpu_msm **m, const struct msm_plan *plan, const struct gpu_msm_set *sets);
void gpu_msm_destroy(struct gpu_msm **m);
/** How many lanes hold a G2 point in the accumulation: 1 (the default: 7.3 ms for 2^20 on an H100) or 2 (8.7 ms). */
void gpu_msm_set_g2_lanes(struct gpu_msm *m, unsigned lanes);
/** What sums under way own. */
struct gpu_msm_run {
    gpu_buf scratch;                 /* plan->scratch_bytes, secret afterwards */
    void *sums;                      /* pinned, gpu_msm_sums_bytes: read by gpu_msm_finish */
    struct gpu_recording *recording; /* of a small plan (plan->replay); others leave it alone */
    gpu_buf more;                    /* the scalars behind those of gpu_msm_async; empty: they are all there */
};
size_t gpu_msm_sums_bytes(const struct msm_plan *plan);
/** Queues the sums of the plan->scalars plain scalars (each < r). *run may go before they are done, what it names may not. Sums
 *  are exact for all points: infinity, equal, opposite. */
pv_status gpu_msm_async(const struct gpu_msm *m, struct gpu_stream *s, gpu_buf scalars, const struct gpu_msm_run *run);
/** The sums in Jacobian coordinates (all zero for infinity) from run's sums, once the stream has been waited for; wipes those. Either
 *  array may be NULL when the plan has no set of that group. On the CPU alone; takes well under a millisecond. */
void gpu_msm_finish(const struct msm_plan *plan, void *sums, bn254_g1 *g1, bn254_g2 *g2);
/** The same in parts, for several threads: one set's sum, G1 sets first, into *g1 or *g2; then, once all are done, the wipe. */
void gpu_msm_finish_set(const struct msm_plan *plan, const void *sums, unsigned set, bn254_g1 *g1, bn254_g2 *g2);
void gpu_msm_finish_end(const struct msm_plan *plan, void *sums);

#ifdef __cplusplus
}
#endif
#endif
