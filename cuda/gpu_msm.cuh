/* What the sources behind gpu_msm.h share. */
#ifndef PV_CUDA_GPU_MSM_CUH
#define PV_CUDA_GPU_MSM_CUH
#include "gpu_msm.h"
#include "gpu.cuh"
#include "msm.cuh"

struct gpu_msm {
    gpu *g;
    msm_plan plan;
    gpu_buf tables;
    const fp *table_g1[MSM_BASES_MAX], *table_g2[MSM_BASES_MAX];
    const uint32_t *list; /* behind the tables: the scalars of the points; NULL: all */
    unsigned g2_lanes;
};
enum { BUILD_POINTS = 1 << 18 }; /* points of a table row made at a time: bounds the spare memory to 84 MB */

/** *list <- the scalars with a finite base, malloc'ed; NULL when the plan drops no scalar. PV_INVALID_INPUT: the plan is one for other
 *  sets. */
pv_status gpu_bases_list(uint32_t **list, const msm_plan &p, const gpu_msm_set *sets);
/** to <- the plan's n points of the set, infinity where it has none; list: their scalars, NULL: all. On the building stream. */
pv_status gpu_bases_row(gpu_msm *m, fp *to, const gpu_msm_set *set, unsigned group, const uint32_t *list);

/** A comb's tables of a set; spare: comb_build_bytes. On the building stream. */
pv_status gpu_comb_tables(gpu_msm *m, fp *table, const gpu_msm_set *set, unsigned group, const uint32_t *list,
                          gpu_buf spare);
size_t gpu_comb_table_bytes(const msm_plan *p, unsigned group);
#endif
