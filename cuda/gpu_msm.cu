/* The C face: tables of base sets and their sums. The plan has the policy, the kernels the arithmetic; this file has
 * the order. */
#include "gpu_msm.cuh"
#include "comb.cuh"
#include "curve.cuh"
#include "replay.cuh"
#include <stdlib.h>

/* ---- tables ---- */

static size_t build_points(const msm_plan *p)
{
    const size_t most = BUILD_POINTS;
    return p->rows < 2 ? 0 : p->n < most ? p->n : most;
}
extern "C" size_t gpu_msm_build_bytes(const msm_plan *p)
{
    return p->comb ? comb_build_bytes(p) : build_points(p) * msm_table_spare(p->bases.g2 ? 2 : 1);
}
/* each further row from the one before */
static pv_status further_rows(gpu_msm *m, fp *table, unsigned group, gpu_buf spare)
{
    const msm_plan &p = m->plan;
    const size_t fields = AFFINE_COORDS * (size_t)group, step = build_points(&p);
    for (unsigned row = 1; row < p.rows; row++)
        for (size_t i = 0; i < p.n; i += step) {
            const uint32_t n = (uint32_t)(p.n - i < step ? p.n - i : step);
            const fp *in = table + ((row - 1) * p.n + i) * fields;
            fp *to = table + (row * p.n + i) * fields;
            const unsigned doublings = p.window_bits * p.sets;
            TRY_CUDA(m->g, group == 1 ? msm_table_g1(to, in, (fp *)spare.at, n, doublings, m->g->building)
                                      : msm_table_g2(to, in, (fp *)spare.at, n, doublings, m->g->building));
        }
    return PV_OK;
}
static pv_status build_tables(gpu_msm *m, const gpu_msm_set *sets, const uint32_t *list, gpu_buf spare)
{
    const msm_plan &p = m->plan;
    uint8_t *at = (uint8_t *)m->tables.at;
    for (unsigned i = 0; i < p.bases.g1 + p.bases.g2; i++) {
        const unsigned group = i < p.bases.g1 ? 1 : 2;
        fp *table = (fp *)at;
        (group == 1 ? m->table_g1[i] : m->table_g2[i - p.bases.g1]) = table;
        if (p.comb) {
            TRY(gpu_comb_tables(m, table, sets + i, group, list, spare));
            at += gpu_comb_table_bytes(&p, group);
            continue;
        }
        TRY(gpu_bases_row(m, table, sets + i, group, list));
        TRY(further_rows(m, table, group, spare));
        at += p.n * p.rows * 64 * group;
    }
    if (!list) return PV_OK;
    m->list = (const uint32_t *)at;
    if (p.n) TRY_CUDA(m->g, cudaMemcpyAsync(at, list, p.n * sizeof *list, cudaMemcpyHostToDevice, m->g->building));
    return PV_OK;
}
static pv_status build(gpu_msm *m, const gpu_msm_set *sets, const uint32_t *list)
{
    const msm_plan &p = m->plan;
    gpu_buf spare = { NULL, 0 };
    cudaStream_t s;
    TRY_CUDA(m->g, gpu_building(m->g, &s));
    TRY(gpu_buf_new(m->g, &m->tables, p.table_bytes));
    TRY(gpu_buf_new(m->g, &spare, gpu_msm_build_bytes(&p)));
    const pv_status st = build_tables(m, sets, list, spare);
    const cudaError_t e = cudaStreamSynchronize(s);
    gpu_buf_free(m->g, &spare);
    return st != PV_OK ? st : e == cudaSuccess ? PV_OK : gpu_failed(m->g, e, "tables");
}
extern "C" pv_status gpu_msm_new(gpu *g, gpu_msm **out, const msm_plan *plan, const gpu_msm_set *sets)
{
    ENTER(g);
    gpu_msm *m = (gpu_msm *)calloc(1, sizeof *m);
    if (!m) return PV_NO_MEMORY;
    m->g = g, m->plan = *plan, m->g2_lanes = 1;
    uint32_t *list;
    pv_status st = gpu_bases_list(&list, m->plan, sets);
    if (st == PV_OK) st = build(m, sets, list);
    free(list);
    if (st == PV_OK)
        *out = m;
    else
        gpu_msm_destroy(&m);
    return st;
}
extern "C" void gpu_msm_destroy(gpu_msm **m)
{
    if (*m) {
        gpu_buf_free((*m)->g, &(*m)->tables);
    }
    free(*m);
    *m = NULL;
}
extern "C" void gpu_msm_set_g2_lanes(gpu_msm *m, unsigned lanes)
{
    m->g2_lanes = lanes;
}
static msm_sets sets_of(const msm_plan &p, const msm_scratch &x, const fp *const *table, unsigned group, size_t first)
{
    msm_sets s = {};
    const unsigned count = group == 1 ? p.bases.g1 : p.bases.g2;
    uint8_t *result = (uint8_t *)x.result + (group == 2 ? p.bases.g1 * msm_set_sums(&p) * 128 : 0);
    for (unsigned i = 0; i < count; i++) {
        s.table[i] = table[i] + first * AFFINE_COORDS * group;
        s.buckets[i] = (fp *)(group == 1 ? x.buckets_g1 : x.buckets_g2)[i];
        s.parts[i] = (fp *)(group == 1 ? x.parts_g1 : x.parts_g2)[i];
        s.lines[i] = (fp *)(group == 1 ? x.lines_g1 : x.lines_g2)[i];
        s.result[i] = (fp *)(result + i * msm_set_sums(&p) * 128 * group);
    }
    return s;
}
/* The sums of a chunk's tasks. When recorded, the two groups run side by side, because small ones do not fill the
 * device; otherwise G2 goes first, because its chains are the longest. */
static cudaError_t walk_sums(const gpu_msm *m, const msm_scratch &x, size_t first, const gpu_stream *s, bool aside)
{
    const msm_plan &p = m->plan;
    cudaError_t e = aside ? replay_fork(s) : cudaSuccess;
    if (e == cudaSuccess) e = msm_sums_g2(p, x, sets_of(p, x, m->table_g2, 2, first), m->g2_lanes, s->s);
    if (e == cudaSuccess) e = msm_sums_g1(p, x, sets_of(p, x, m->table_g1, 1, first), aside ? s->side : s->s);
    const cudaError_t joined = aside ? replay_join(s) : cudaSuccess;
    return e == cudaSuccess ? joined : e;
}
/* As walk, without a sort: the two groups need nothing but the scalars. */
static cudaError_t walk_comb(const gpu_msm *m, const msm_input &in, const msm_scratch &x, void *sums,
                             const gpu_stream *s, bool aside)
{
    const msm_plan &p = m->plan;
    cudaError_t e = aside ? replay_fork(s) : cudaSuccess;
    if (e == cudaSuccess) e = comb_sums_g2(p, sets_of(p, x, m->table_g2, 2, 0), in, s->s);
    if (e == cudaSuccess) e = comb_sums_g1(p, sets_of(p, x, m->table_g1, 1, 0), in, aside ? s->side : s->s);
    const cudaError_t joined = aside ? replay_join(s) : cudaSuccess;
    if (e == cudaSuccess) e = joined;
    if (e == cudaSuccess) e = cudaMemcpyAsync(sums, x.result, msm_result_bytes(&p), cudaMemcpyDeviceToHost, s->s);
    return e;
}
/* everything between the scalars and the sums on the host */
static cudaError_t walk(const gpu_msm *m, msm_input in, const msm_scratch &x, void *sums, const gpu_stream *s,
                        bool aside)
{
    const msm_plan &p = m->plan;
    const size_t bytes = msm_result_bytes(&p);
    in.list = m->list;
    if (p.comb) return walk_comb(m, in, x, sums, s, aside);
    for (unsigned chunk = 0; chunk < p.chunks; chunk++) {
        const size_t first = chunk * p.chunk_n < p.n ? chunk * p.chunk_n : p.n,
                     n = p.n - first < p.chunk_n ? p.n - first : p.chunk_n;
        in.first = (uint32_t)first, in.list = m->list ? m->list + first : NULL;
        cudaError_t e = msm_sort(p, x, in, (uint32_t)n, (uint32_t)p.n, s->s);
        if (e == cudaSuccess) e = walk_sums(m, x, first, s, aside);
        if (e == cudaSuccess)
            e = cudaMemcpyAsync((char *)sums + chunk * bytes, x.result, bytes, cudaMemcpyDeviceToHost, s->s);
        if (e != cudaSuccess) return e;
    }
    return cudaSuccess;
}
extern "C" size_t gpu_msm_sums_bytes(const msm_plan *p)
{
    return p->chunks * msm_result_bytes(p);
}
extern "C" pv_status gpu_msm_async(const gpu_msm *m, gpu_stream *s, gpu_buf scalars, const gpu_msm_run *run)
{
    const msm_plan &p = m->plan;
    const size_t here = run->more.bytes ? scalars.bytes / sizeof(fr) : p.scalars;
    if (run->scratch.bytes < p.scratch_bytes || (scalars.bytes + run->more.bytes) / sizeof(fr) < p.scalars ||
        here > p.scalars)
        return PV_INVALID_INPUT;
    ENTER(s->g);
    msm_arena arena = { (uint8_t *)run->scratch.at, 0 };
    msm_scratch x;
    msm_scratch_layout(&x, &p, &arena);
    const bool recorded = p.replay && run->recording, aside = recorded && p.bases.g1 && p.bases.g2;
    if (aside) TRY_CUDA(s->g, gpu_stream_side(s)); /* before a recording begins */
    const msm_input in = { (const fr *)scalars.at, (const fr *)run->more.at, (uint32_t)here, NULL, 0 };
    const auto queue = [&] { return walk(m, in, x, run->sums, s, aside); };
    const cudaError_t e = recorded ? replay_run(run->recording, scalars.at, run->more.at, run->scratch.at, run->sums,
                                                m->g2_lanes, s->s, queue)
                                   : queue();
    return e == cudaSuccess ? PV_OK : gpu_failed(s->g, e, "MSM");
}
extern "C" void gpu_msm_finish_set(const msm_plan *plan, const void *sums, unsigned set, bn254_g1 *g1, bn254_g2 *g2)
{
    const msm_plan &p = *plan;
    const size_t stride = msm_result_bytes(&p), in_g1 = set < p.bases.g1 ? set : p.bases.g1;
    const char *at = (const char *)sums + in_g1 * msm_set_sums(&p) * 128 + (set - in_g1) * msm_set_sums(&p) * 256;
    if (set < p.bases.g1) {
        fp r[3];
        msm_finish_g1(r, p, at, stride);
        memcpy(g1, r, sizeof *g1);
    } else {
        fp r[6];
        msm_finish_g2(r, p, at, stride);
        memcpy(g2, r, sizeof *g2);
    }
}
extern "C" void gpu_msm_finish_end(const msm_plan *plan, void *sums)
{
    memset(sums, 0, gpu_msm_sums_bytes(plan));
    __asm__ volatile("" ::"r"(sums) : "memory"); /* the wipe is not optimised away */
}
extern "C" void gpu_msm_finish(const msm_plan *plan, void *sums, bn254_g1 *g1, bn254_g2 *g2)
{
    const msm_bases &b = plan->bases;
    for (unsigned i = 0; i < b.g1; i++) gpu_msm_finish_set(plan, sums, i, g1 + i, NULL);
    for (unsigned i = 0; i < b.g2; i++) gpu_msm_finish_set(plan, sums, b.g1 + i, NULL, g2 + i);
    gpu_msm_finish_end(plan, sums);
}
