/* Which scalars have a finite base, and those bases on their way to the device. */
#include "gpu_msm.cuh"
#include <stdlib.h>

static bool blank(const uint8_t *at, size_t bytes)
{
    static const uint8_t zero[128] = { 0 };
    return !memcmp(at, zero, bytes);
}
/* scalar i's point in the set; NULL: none, or infinity */
static const uint8_t *set_point(const gpu_msm_set *set, size_t point, size_t i)
{
    for (; set; set = set->rest) {
        if (i < set->first || i - set->first >= set->count) continue;
        const uint8_t *at = (const uint8_t *)set->bases + (i - set->first) * point;
        return blank(at, point) ? NULL : at;
    }
    return NULL;
}
static bool any_finite(const gpu_msm_set *sets, msm_bases bases, size_t i)
{
    for (unsigned k = 0; k < bases.g1 + bases.g2; k++)
        if (set_point(sets + k, k < bases.g1 ? 64 : 128, i)) return true;
    return false;
}
/* its pieces are in order, and inside the scalars */
static bool set_ok(const gpu_msm_set *set, size_t scalars)
{
    size_t at = 0;
    for (; set; set = set->rest) {
        if (set->first < at || set->first > scalars || set->count > scalars - set->first) return false;
        at = set->first + set->count;
    }
    return true;
}
extern "C" size_t gpu_msm_finite(const gpu_msm_set *sets, msm_bases bases, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) count += any_finite(sets, bases, i);
    return count;
}
pv_status gpu_bases_list(uint32_t **list, const msm_plan &p, const gpu_msm_set *sets)
{
    *list = NULL;
    for (unsigned k = 0; k < p.bases.g1 + p.bases.g2; k++)
        if (!set_ok(sets + k, p.scalars)) return PV_INVALID_INPUT;
    if (p.n == p.scalars) return PV_OK;
    if (gpu_msm_finite(sets, p.bases, p.scalars) != p.n) return PV_INVALID_INPUT;
    uint32_t *to = (uint32_t *)malloc(p.n ? p.n * sizeof *to : 1);
    if (!to) return PV_NO_MEMORY;
    *list = to;
    for (size_t i = 0; i < p.scalars; i++)
        if (any_finite(sets, p.bases, i)) *to++ = (uint32_t)i;
    return PV_OK;
}

/* ---- row 0 of a table ---- */

/* row 0: the bases in place, infinity where there is none */
static pv_status first_row_whole(gpu_msm *m, fp *table, const gpu_msm_set *set, size_t point)
{
    TRY_CUDA(m->g, cudaMemsetAsync(table, 0, m->plan.n * point, m->g->building));
    for (; set; set = set->rest)
        TRY_CUDA(m->g, cudaMemcpyAsync((uint8_t *)table + set->first * point, set->bases, set->count * point,
                                       cudaMemcpyHostToDevice, m->g->building));
    return PV_OK;
}
/* row 0: the bases of the listed scalars, collected in pieces */
static pv_status first_row_listed(gpu_msm *m, fp *table, const gpu_msm_set *set, size_t point, const uint32_t *list)
{
    const size_t n = m->plan.n, most = BUILD_POINTS, step = n < most ? n : most;
    uint8_t *piece = (uint8_t *)malloc(step ? step * point : 1);
    if (!piece) return PV_NO_MEMORY;
    cudaError_t e = cudaSuccess;
    for (size_t at = 0; at < n && e == cudaSuccess; at += step) {
        const size_t count = n - at < step ? n - at : step;
        for (size_t i = 0; i < count; i++) {
            const uint8_t *p = set_point(set, point, list[at + i]);
            if (p)
                memcpy(piece + i * point, p, point);
            else
                memset(piece + i * point, 0, point);
        }
        e = cudaMemcpyAsync((uint8_t *)table + at * point, piece, count * point, cudaMemcpyHostToDevice,
                            m->g->building);
        if (e == cudaSuccess) e = cudaStreamSynchronize(m->g->building); /* piece is filled again */
    }
    free(piece);
    return e == cudaSuccess ? PV_OK : gpu_failed(m->g, e, "bases");
}
pv_status gpu_bases_row(gpu_msm *m, fp *to, const gpu_msm_set *set, unsigned group, const uint32_t *list)
{
    return list ? first_row_listed(m, to, set, 64 * group, list) : first_row_whole(m, to, set, 64 * group);
}
