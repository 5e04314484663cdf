#include "gpu_msm_plan.h"

#include "gpu_msm_switches.h"

#include <assert.h>
#include <string.h>

enum {
    G1_AFFINE = 64,
    G2_AFFINE = 128,
    G1_XYZZ = 128,
    G2_XYZZ = 256,
    COUNTERS = 64,
    THREADS_SM = 512,
    BLOCK = 128,
    COMB_KEEP = 160 /* bytes of a sum in G1 while a comb's table is made */
};

/* Wide multiply-adds (counted from the kernels' formulas): a bucket addition, a full addition; G2 as G1 times 2.5. */
enum { COST_MIXED = 1232, COST_FULL = 1776, COST_G2_TENTHS = 25 };

void *msm_take(struct msm_arena *a, size_t bytes)
{
    void *p = a->base ? a->base + a->used : NULL;
    a->used += (bytes + 255) & ~(size_t)255;
    return p;
}
static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}
static size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}
static size_t ceil_div(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

size_t msm_result_bytes(const struct msm_plan *p)
{
    return msm_set_sums(p) * (p->bases.g1 * G1_XYZZ + p->bases.g2 * G2_XYZZ);
}
/* One part for every bit of the scalars and every strip. */
static void comb_scratch_layout(struct msm_scratch *s, const struct msm_plan *p, struct msm_arena *a)
{
    const size_t parts = (size_t)p->strips * COMB_WORDS * 32;
    for (unsigned i = 0; i < p->bases.g1; i++) s->parts_g1[i] = msm_take(a, parts * G1_XYZZ);
    for (unsigned i = 0; i < p->bases.g2; i++) s->parts_g2[i] = msm_take(a, parts * G2_XYZZ);
    s->result = msm_take(a, msm_result_bytes(p));
}
void msm_scratch_layout(struct msm_scratch *s, const struct msm_plan *p, struct msm_arena *a)
{
    const size_t lines = p->sets * (((size_t)1 << p->row_bits) + ((size_t)1 << (p->window_bits - 1 - p->row_bits)));
    memset(s, 0, sizeof *s);
    if (p->comb) {
        comb_scratch_layout(s, p, a);
        return;
    }
    s->counters = msm_take(a, COUNTERS * 4);
    s->bin_counts = msm_take(a, (size_t)p->bins * p->sort_blocks * 4);
    s->bin_start = msm_take(a, ((size_t)p->bins + 1) * 4);
    s->tile_start = msm_take(a, ((size_t)p->bins + 1) * 4);
    s->pairs = msm_take(a, (size_t)p->entries_max * 8);
    s->sorted = msm_take(a, (size_t)p->entries_max * 4);
    s->bucket_start = msm_take(a, ((size_t)p->keys + 1) * 4);
    s->bucket_next = msm_take(a, (size_t)p->keys * 4);
    s->class_start = msm_take(a, MSM_CLASSES * 4);
    s->tasks = msm_take(a, (size_t)p->tasks_max * 16);
    s->heavy = msm_take(a, (size_t)p->heavy_max * 16);
    s->joins = msm_take(a, (size_t)p->joins_max * 16);
    for (unsigned i = 0; i < p->bases.g1; i++) {
        s->buckets_g1[i] = msm_take(a, (size_t)p->keys * G1_XYZZ);
        s->parts_g1[i] = msm_take(a, (size_t)p->parts_max * G1_XYZZ);
        s->lines_g1[i] = msm_take(a, lines * G1_XYZZ);
    }
    for (unsigned i = 0; i < p->bases.g2; i++) {
        s->buckets_g2[i] = msm_take(a, (size_t)p->keys * G2_XYZZ);
        s->parts_g2[i] = msm_take(a, (size_t)p->parts_max * G2_XYZZ);
        s->lines_g2[i] = msm_take(a, lines * G2_XYZZ);
    }
    s->result = msm_take(a, msm_result_bytes(p));
}

/* Fills what follows from n, window_bits, rows and chunks. False when an index would not fit its 31 bits. */
static bool fill(struct msm_plan *p)
{
    const unsigned c = p->window_bits;
    p->windows = (unsigned)ceil_div(253, c); /* min(k, r - k) < 2^253 */
    p->sets = (unsigned)ceil_div(p->windows, p->rows);
    p->set_buckets = (uint32_t)1 << (c - 1);
    p->chunk_n = max_size(1, ceil_div(p->n, p->chunks));
    /* when the windows cover exactly 253 bits, a top digit above the signed range makes two entries */
    const size_t per_scalar = p->windows + (c * p->windows == 253);
    const size_t keys = (size_t)p->sets * p->set_buckets, entries = p->chunk_n * per_scalar;
    if (entries >> 31 || p->n * p->rows >> 31 || keys >> 31) return false;
    p->keys = (uint32_t)keys;
    p->entries_max = (uint32_t)entries;

    p->bin_log = c - 1 < 6 ? c - 1 : 6;
    while (p->bin_log < MSM_BIN_LOG_MAX && ceil_div(keys, (size_t)1 << p->bin_log) > 1024) p->bin_log++;
    p->bins = (unsigned)ceil_div(keys, (size_t)1 << p->bin_log);
    if (p->bins > MSM_BINS_MAX) return false;
    p->sort_blocks = (unsigned)max_size(1, min_size(ceil_div(p->chunk_n, 256), 8 * (size_t)p->sm_count));
    /* as many tiles as blocks fit, of at least a bin's buckets: each tile moves the counters of those it meets */
    p->tile = (uint32_t)max_size(min_size(8192, max_size(1024, ceil_div(entries, 8 * (size_t)p->sm_count))),
                                 (size_t)1 << p->bin_log);
    p->tiles_max = (uint32_t)(ceil_div(entries, p->tile) + p->bins);

    /* A thread adds at most `segment` points: four times a bucket's average, less where that would leave threads idle.
     * */
    const size_t lanes = (size_t)p->sm_count * THREADS_SM;
    const bool latency = p->n <= MSM_LATENCY_N;
    size_t segment = min_size(4 * ceil_div(entries, keys), ceil_div(entries, 2 * lanes));
    p->segment = (uint32_t)max_size(latency ? 12 : 32, segment);
    p->replay = latency;
    p->parts_per_bucket_max = latency ? 1024 : 16384;
    p->parts_max = (uint32_t)(2 * (entries / p->segment) + 2);
    p->tasks_max = (uint32_t)(min_size(keys, entries) + p->parts_max);
    p->heavy_max = p->parts_max / 2;
    p->joins_max = p->parts_max / MSM_PIECE_PARTS + 1;

    p->row_bits = (c - 1) / 2;

    p->table_bytes = p->n * p->rows * (p->bases.g1 * (size_t)G1_AFFINE + p->bases.g2 * (size_t)G2_AFFINE);
    if (p->scalars > p->n) p->table_bytes += p->n * sizeof(uint32_t);
    struct msm_arena dry = { 0 };
    struct msm_scratch s;
    msm_scratch_layout(&s, p, &dry);
    p->scratch_bytes = dry.used;
    return true;
}
static bool fits(const struct msm_plan *p, const struct msm_limits *l)
{
    const size_t runs = l->runs ? l->runs : 1;
    return p->table_bytes <= l->free_bytes && p->scratch_bytes <= (l->free_bytes - p->table_bytes) / runs;
}
/* The fewest chunks with which the plan fits; each chunk reduces all buckets again. */
static bool fit(struct msm_plan *p, const struct msm_limits *l)
{
    for (p->chunks = 1; p->chunks <= 64; p->chunks *= 2) {
        if (p->chunks > 1 && p->chunks > p->n) return false;
        if (fill(p) && fits(p, l)) return true;
    }
    return false;
}
/* ---- combs ---- */

static size_t comb_spare(size_t groups, unsigned group)
{
    const size_t points = groups * COMB_TEETH, at_once = min_size(groups, 1024);
    return 2 * points * group * G1_AFFINE + max_size(points, at_once * COMB_SUMS) * group * COMB_KEEP + 2 * (size_t)256;
}
size_t comb_build_bytes(const struct msm_plan *p)
{
    return comb_spare(comb_groups(p), p->bases.g2 ? 2 : 1);
}
size_t comb_build_bytes_most(size_t n, struct msm_bases bases)
{
    return PV_COMB && n <= COMB_N_MOST ? comb_spare(ceil_div(n, COMB_TEETH), bases.g2 ? 2 : 1) : 0;
}
/* As many strips as give every quarter of the device a warp. */
static unsigned comb_strips(size_t groups, unsigned sm_count)
{
    unsigned strips = 1;
    while (2 * strips <= sm_count * 4 / COMB_WORDS && 2 * strips <= groups) strips *= 2;
    return strips;
}
static bool comb_fit(struct msm_plan *p, unsigned rows, const struct msm_limits *l)
{
    const size_t groups = comb_groups(p);
    p->comb = p->rows = rows, p->sets = p->chunks = p->replay = 1;
    p->windows = COMB_WORDS * 32 / COMB_TEETH; /* additions a point */
    p->chunk_n = p->n;
    p->strips = comb_strips(groups, p->sm_count);
    if (groups * rows > UINT32_MAX / COMB_SUMS / 2) return false;
    p->table_bytes = groups * rows * COMB_SUMS * (p->bases.g1 * (size_t)G1_AFFINE + p->bases.g2 * (size_t)G2_AFFINE);
    if (p->scalars > p->n) p->table_bytes += p->n * sizeof(uint32_t);
    struct msm_arena dry = { 0 };
    struct msm_scratch s;
    msm_scratch_layout(&s, p, &dry);
    p->scratch_bytes = dry.used;
    return fits(p, l);
}
/* The most rows that fit: each halves what is left to the host. Fewer than four leave it more than buckets cost. */
static bool comb_for(struct msm_plan *plan, const struct msm_plan *asked, const struct msm_limits *l)
{
    const unsigned most = l->comb ? l->comb : COMB_ROWS_MOST, least = l->comb ? l->comb : 4;
    for (unsigned rows = most; rows >= least; rows /= 2) {
        *plan = *asked;
        if (comb_fit(plan, rows, l)) return true;
    }
    return false;
}

/* Counted as for buckets: the additions, a tree, and the host's end. */
static double comb_cost(const struct msm_plan *p)
{
    const double lanes = (double)p->sm_count * THREADS_SM, weight = p->bases.g1 + p->bases.g2 * COST_G2_TENTHS / 10.0;
    double depth = 1;
    for (unsigned parts = p->strips * p->comb; parts > 1; parts /= 2) depth++;
    return weight * ((double)p->n * p->windows * COST_MIXED + (double)msm_set_sums(p) * COST_FULL * 2000) +
           depth * COST_FULL * lanes / 3;
}

/* The wide multiply-adds of the whole; a chain of dependent additions counts as if it filled the lanes that wait for
 * it. */
double msm_plan_cost(const struct msm_plan *p)
{
    if (p->comb) return comb_cost(p);
    const double lanes = (double)p->sm_count * THREADS_SM;
    const double weight = p->bases.g1 + p->bases.g2 * COST_G2_TENTHS / 10.0;
    const double adds = (double)p->n * p->windows * COST_MIXED * p->dense / 100;
    const double reduce = 2.0 * p->chunks * p->keys * COST_FULL;
    /* dependent additions, each of which takes the time of a third of the machine's lanes (6 us, H100): along a line
     * and through the tree of a block, twice */
    const double line = (double)((size_t)1 << (p->window_bits - 1 - p->row_bits));
    const double chain = p->chunks * (1.5 * line / BLOCK + 2 * 8) * COST_FULL * lanes / 3;
    /* on the host a doubling and an addition for each bit: by count half a microsecond, 2000 additions of the device */
    const double tail = (double)msm_set_sums(p) * COST_FULL * 2000;
    return weight * (adds + reduce + tail) + chain;
}
static void consider(struct msm_plan *best, double *best_cost, struct msm_plan p, const struct msm_limits *l)
{
    if (!fit(&p, l)) return;
    const double x = msm_plan_cost(&p);
    if (*best_cost >= 0 && x >= *best_cost) return;
    *best = p;
    *best_cost = x;
}
pv_status msm_plan_for(struct msm_plan *plan, size_t n, struct msm_bases bases, const struct msm_limits *l)
{
    const unsigned c0 = l->window_bits ? l->window_bits : MSM_WINDOW_BITS_MIN,
                   c1 = l->window_bits ? l->window_bits : MSM_WINDOW_BITS_MAX;
    const size_t scalars = l->scalars ? l->scalars : n;
    if (n > scalars || scalars > (size_t)1 << 28 || bases.g1 > MSM_BASES_MAX || bases.g2 > MSM_BASES_MAX ||
        bases.g1 + bases.g2 == 0 || l->sm_count == 0 || c0 < MSM_WINDOW_BITS_MIN || c1 > MSM_WINDOW_BITS_MAX)
        return PV_INVALID_INPUT;
    const struct msm_plan asked = { .scalars = scalars,
                                    .n = n,
                                    .bases = bases,
                                    .sm_count = l->sm_count,
                                    .dense = l->dense && l->dense < 100 ? l->dense : 100 };
    if (l->comb > COMB_ROWS_MOST || (l->comb & (l->comb - 1))) return PV_INVALID_INPUT;
    if (l->comb) return comb_for(plan, &asked, l) ? PV_OK : PV_NO_MEMORY;
    if (PV_COMB && scalars <= COMB_N_MOST && !l->window_bits && !l->rows && comb_for(plan, &asked, l)) return PV_OK;
    struct msm_plan best;
    double best_cost = -1;
    for (unsigned c = c0; c <= c1; c++) {
        const unsigned windows = (unsigned)ceil_div(253, c);
        if (l->rows > windows) return PV_INVALID_INPUT;
        for (unsigned rows = l->rows ? l->rows : 1; rows <= (l->rows ? l->rows : windows); rows++) {
            /* other numbers of rows leave part of the last row unused */
            const unsigned sets = (unsigned)ceil_div(windows, rows);
            if (!l->rows && (unsigned)ceil_div(windows, sets) != rows) continue;
            struct msm_plan p = asked;
            p.window_bits = c, p.rows = rows;
            consider(&best, &best_cost, p, l);
        }
    }
    if (best_cost < 0) return PV_NO_MEMORY;
    *plan = best;
    return PV_OK;
}
