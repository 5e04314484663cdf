/* A comb's tables: for each row of the scalars the points, multiplied by what the row weighs, and the 255 sums of each eight of
 * them. All on the building stream, like what they are made from: once the bases were still on their way when the sums were made. */
#include "gpu_msm.cuh"
#include "comb.cuh"
#include "curve.cuh"

size_t gpu_comb_table_bytes(const msm_plan *p, unsigned group)
{
    return comb_groups(p) * p->comb * COMB_SUMS * 64 * group;
}
/* The sums of all groups of one row, some groups at a time. */
static cudaError_t row_sums(const gpu_msm *m, fp *out, const fp *points, fp *spare, unsigned group)
{
    const size_t groups = comb_groups(&m->plan), step = comb_build_groups(&m->plan),
                 fields = AFFINE_COORDS * (size_t)group;
    cudaError_t e = cudaSuccess;
    for (size_t i = 0; i < groups && e == cudaSuccess; i += step) {
        const uint32_t count = (uint32_t)(groups - i < step ? groups - i : step);
        fp *to = out + i * COMB_SUMS * fields;
        const fp *in = points + i * COMB_TEETH * fields;
        e = group == 1 ? comb_table_g1(to, in, spare, count, m->g->building)
                       : comb_table_g2(to, in, spare, count, m->g->building);
    }
    return e;
}
static cudaError_t next_row(const gpu_msm *m, fp *to, const fp *in, fp *spare, unsigned group)
{
    const uint32_t points = (uint32_t)(comb_groups(&m->plan) * COMB_TEETH);
    const unsigned doublings = (unsigned)msm_set_sums(&m->plan);
    return group == 1 ? msm_table_g1(to, in, spare, points, doublings, m->g->building)
                      : msm_table_g2(to, in, spare, points, doublings, m->g->building);
}
pv_status gpu_comb_tables(gpu_msm *m, fp *table, const gpu_msm_set *set, unsigned group, const uint32_t *list,
                          gpu_buf spare)
{
    const msm_plan &p = m->plan;
    const size_t row_bytes = comb_groups(&p) * COMB_TEETH * 64 * group;
    if (p.n == 0) return PV_OK;
    msm_arena a = { (uint8_t *)spare.at, 0 };
    fp *row[2] = { (fp *)msm_take(&a, row_bytes), (fp *)msm_take(&a, row_bytes) }, *rest = (fp *)(a.base + a.used);
    /* what fills the last group shares its inversion */
    TRY_CUDA(m->g, cudaMemsetAsync(row[0], 0, row_bytes, m->g->building));
    TRY(gpu_bases_row(m, row[0], set, group, list));
    for (unsigned r = 0; r < p.comb; r++) {
        if (r) TRY_CUDA(m->g, next_row(m, row[r & 1], row[(r - 1) & 1], rest, group));
        TRY_CUDA(m->g, row_sums(m, table, row[r & 1], rest, group));
        table += gpu_comb_table_bytes(&p, group) / p.comb / sizeof(fp);
    }
    return PV_OK;
}
