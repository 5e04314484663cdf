#include "gpu_need.h"

#include "gpu_msm_plan.h"

#include <string.h>

enum {
    SM_COUNT = 132, /* of an H100 */
    SETS = 4,       /* A, B1, C, B2 over the witness */
    LONG_ROW = 32,  /* entries; longer rows of a matrix are listed */
    NTT_TABLES_BYTES = 3 << 20,
    BUILDING_POINTS = 1 << 18,
    BUILDING_BYTES = 320 /* a point, while a table row is made */
};

/* One base set: the points of the scalars first .. first + count - 1. */
struct set {
    const void *points;
    size_t first, count, point;
};

/* Base sets over one scalar vector. */
struct part {
    struct set sets[SETS];
    struct msm_bases bases;
    size_t scalars, finite;
};

struct sizes {
    struct part part[3]; /* H, the witness, B where it is apart */
    unsigned parts;
    size_t known; /* bytes of matrices, vectors and the building of tables */
};

static bool is_infinity(const struct set *s, size_t i)
{
    static const uint8_t zero[sizeof(bn254_g2_packed)];
    if (i < s->first || i - s->first >= s->count) return true;
    return !memcmp((const uint8_t *)s->points + (i - s->first) * s->point, zero, s->point);
}

/* Scalars with a finite base in one of the sets at least. */
static size_t finite_points(const struct part *p, const struct zkey *z)
{
    size_t n = 0;
    if (z->points_absent) return p->scalars;
    for (size_t i = 0; i < p->scalars; i++) {
        unsigned k = 0;
        while (k < p->bases.g1 + p->bases.g2 && is_infinity(&p->sets[k], i)) k++;
        n += k < p->bases.g1 + p->bases.g2;
    }
    return n;
}

static struct part part_of(const struct zkey *z, struct msm_bases bases, const struct set sets[], size_t scalars)
{
    struct part p = { .bases = bases, .scalars = scalars };
    memcpy(p.sets, sets, (bases.g1 + bases.g2) * sizeof *sets);
    p.finite = finite_points(&p, z);
    return p;
}

static size_t aligned(size_t bytes)
{
    return (bytes + 255) & ~(size_t)255;
}

static size_t matrix_bytes(size_t entries, unsigned log_n)
{
    return aligned((((size_t)1 << log_n) + 1) * 4) + aligned(entries * 4) + aligned(entries * sizeof(bn254_fr)) +
           aligned(entries / LONG_ROW * 4 + 4);
}

static size_t known_bytes(const struct zkey *z)
{
    size_t most = z->vars > z->domain ? z->vars : z->domain, witness = (size_t)z->vars * sizeof(bn254_scalar_packed);
    size_t building = (most < BUILDING_POINTS ? most : BUILDING_POINTS) * BUILDING_BYTES;
    return matrix_bytes(z->coef_count, z->log_domain) + matrix_bytes(0, z->log_domain) + NTT_TABLES_BYTES +
           aligned(witness) + aligned(3 * sizeof(bn254_fr) << z->log_domain) + witness + building;
}

/* B goes apart when an eighth of its points are infinity, as groth16/backend_cuda.c decides it. */
static void sizes_of(struct sizes *s, const struct zkey *z)
{
    const struct set a = { z->a, 0, z->vars, sizeof *z->a }, b1 = { z->b1, 0, z->vars, sizeof *z->b1 },
                     c = { z->c, z->publics + 1, zkey_c_count(z), sizeof *z->c },
                     b2 = { z->b2, 0, z->vars, sizeof *z->b2 }, h = { z->h, 0, z->domain, sizeof *z->h };
    const struct part b = part_of(z, (struct msm_bases){ 1, 1 }, (struct set[]){ b1, b2 }, z->vars);
    bool apart = b.finite < b.scalars - b.scalars / 8;
    s->parts = apart ? 3 : 2;
    s->known = known_bytes(z);
    s->part[0] = part_of(z, (struct msm_bases){ 1, 0 }, &h, z->domain);
    s->part[1] = apart ? part_of(z, (struct msm_bases){ 2, 0 }, (struct set[]){ a, c }, z->vars)
                       : part_of(z, (struct msm_bases){ 3, 1 }, (struct set[]){ a, b1, c, b2 }, z->vars);
    s->part[2] = b;
}

static size_t row_bytes(const struct part *p)
{
    return p->finite * (p->bases.g1 * sizeof(bn254_g1_packed) + p->bases.g2 * sizeof(bn254_g2_packed));
}

/* The parts share the memory in proportion to their points; the last gets what is left. */
static pv_status plan(size_t *bytes, const struct sizes *s, size_t budget, unsigned sm_count)
{
    size_t total = s->known, rows = 1;
    if (budget < total) return PV_NO_MEMORY;
    budget -= total;
    for (unsigned i = 0; i < s->parts; i++) rows += row_bytes(&s->part[i]);
    for (unsigned i = 0; i < s->parts; i++) {
        const struct part *p = &s->part[i];
        double share = i + 1 == s->parts ? 1 : (double)row_bytes(p) / (double)rows;
        const struct msm_limits limits = { .free_bytes = (size_t)((double)budget * share),
                                           .sm_count = sm_count ? sm_count : SM_COUNT,
                                           .scalars = p->scalars };
        struct msm_plan m;
        TRY(msm_plan_for(&m, p->finite, p->bases, &limits));
        budget -= m.table_bytes + m.scratch_bytes;
        total += m.table_bytes + m.scratch_bytes;
        rows -= row_bytes(p);
    }
    *bytes = total;
    return PV_OK;
}

pv_status gpu_need(struct backend_need *need, const struct zkey *z, const struct gpu_need_card *card,
                   struct prove_error *err)
{
    struct sizes s;
    size_t bytes;
    sizes_of(&s, z);
    pv_status status = plan(&bytes, &s, card->bytes - card->bytes / 20, card->sm_count);
    if (status == PV_NO_MEMORY)
        return prove_error_set(err, PV_RESOURCES, "this key and a proof with it do not fit into %zu MiB of GPU memory",
                               card->bytes >> 20);
    if (status != PV_OK) return prove_error_set(err, status, "this key is too large for the GPU's kernels");
    *need = (struct backend_need){ .key_bytes = bytes, .host_bytes = (size_t)z->vars * sizeof(bn254_scalar_packed) };
    return PV_OK;
}

size_t gpu_need_least(const struct zkey *z, unsigned sm_count)
{
    struct sizes s;
    size_t bytes, low = 0, high = (size_t)1 << 48;
    sizes_of(&s, z);
    if (plan(&bytes, &s, high, sm_count) != PV_OK) return 0;
    while (high - low > high / 100) {
        size_t middle = low + (high - low) / 2;
        if (plan(&bytes, &s, middle, sm_count) == PV_OK)
            high = middle;
        else
            low = middle;
    }
    return high + high / 19; /* of which a twentieth is left alone */
}
