#include "cuda_layout.h"

#include "gpu_msm_switches.h"

#include <string.h>

enum {
    LONG_ROW = 32, /* entries; longer rows of a matrix are listed */
    NTT_TABLES_BYTES = 3 << 20,
    BUILDING_POINTS = 1 << 18,
    BUILDING_BYTES = 320 /* a point, while a table row is made */
};

/* ---- what a key brings ---- */

static unsigned pieces(const struct cuda_sets *p)
{
    return p->bases.g1 + p->bases.g2 + p->joined;
}

static size_t point_bytes(const struct cuda_sets *p, unsigned set)
{
    return set < p->bases.g1 + p->joined ? sizeof(bn254_g1_packed) : sizeof(bn254_g2_packed);
}

static bool is_infinity(const struct cuda_set *s, size_t bytes, size_t i)
{
    static const uint8_t zero[sizeof(bn254_g2_packed)];
    if (i < s->first || i - s->first >= s->count) return true;
    return !memcmp((const uint8_t *)s->points + (i - s->first) * bytes, zero, bytes);
}

static size_t finite_scalars(const struct cuda_sets *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->scalars; i++) {
        unsigned k = 0;
        while (k < pieces(p) && is_infinity(&p->set[k], point_bytes(p, k), i)) k++;
        n += k < pieces(p);
    }
    return n;
}

static struct cuda_sets sets_of(const struct zkey *z, struct msm_bases bases, bool joined, const struct cuda_set set[],
                                size_t scalars)
{
    struct cuda_sets p = { .bases = bases, .scalars = scalars, .joined = joined };
    memcpy(p.set, set, pieces(&p) * sizeof *set);
    if (!z->points_absent)
        p.finite = finite_scalars(&p);
    else /* of a set in two pieces some scalars have no point in any case, and so there is a list */
        p.finite = joined ? set[0].count + set[1].count : scalars;
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

/* Sorting the digits once more costs about a twentieth of B's additions (40 bytes of traffic a digit against 3.5 G1
 * additions; counted, not measured), so leaving out an eighth of the additions pays for it. */
static bool worth_apart(const struct cuda_sets *b)
{
    return b->finite < b->scalars - b->scalars / 8;
}

/* C with H, or each in its own. */
static void take_sets(struct cuda_sizes *s, const struct zkey *z)
{
    const struct cuda_set a = { z->a, 0, z->vars }, b1 = { z->b1, 0, z->vars },
                          c = { z->c, z->publics + 1, zkey_c_count(z) }, b2 = { z->b2, 0, z->vars },
                          h = { z->h, s->c_with_h ? z->vars : 0, z->domain };
    s->part[CUDA_H] = s->c_with_h ? sets_of(z, (struct msm_bases){ 1, 0 }, true, (struct cuda_set[]){ c, h },
                                            (size_t)z->vars + z->domain)
                                  : sets_of(z, (struct msm_bases){ 1, 0 }, false, &h, z->domain);
    s->part[CUDA_B] = sets_of(z, (struct msm_bases){ 1, 1 }, false, (struct cuda_set[]){ b1, b2 }, z->vars);
    s->b_apart = worth_apart(&s->part[CUDA_B]);
    s->parts = s->b_apart ? CUDA_PARTS : CUDA_B;
    struct cuda_set of_witness[CUDA_SETS_MOST] = { a };
    unsigned n = 1;
    if (!s->b_apart) of_witness[n++] = b1;
    if (!s->c_with_h) of_witness[n++] = c;
    if (!s->b_apart) of_witness[n] = b2;
    s->part[CUDA_WITNESS] = sets_of(z, (struct msm_bases){ n, s->b_apart ? 0 : 1 }, false, of_witness, z->vars);
}

/* While the tables of one of the parts are made. */
static size_t building_of(const struct cuda_sizes *s)
{
    size_t most = 0;
    for (unsigned i = 0; i < s->parts; i++) {
        const struct cuda_sets *p = &s->part[i];
        size_t rows = (p->finite < BUILDING_POINTS ? p->finite : BUILDING_POINTS) * BUILDING_BYTES,
               comb = comb_build_bytes_most(p->scalars, p->bases);
        if (rows > most) most = rows;
        if (comb > most) most = comb;
    }
    return most;
}

void cuda_sizes_of(struct cuda_sizes *s, const struct zkey *z, size_t matrices, size_t work)
{
    *s = (struct cuda_sizes){ .witness = (size_t)z->vars * sizeof(bn254_scalar_packed), .c_with_h = PV_ONE_SET };
    take_sets(s, z);
    s->matrices = matrices
                      ? matrices
                      : matrix_bytes(z->coef_count, z->log_domain) + matrix_bytes(0, z->log_domain) + NTT_TABLES_BYTES;
    s->work = work ? work : aligned(s->witness) + aligned(3 * sizeof(bn254_fr) << z->log_domain);
    s->building = building_of(s);
}

/* ---- plans ---- */

/* Of one table row: the parts share memory in that proportion. */
static size_t row_bytes(const struct cuda_sets *p)
{
    return p->finite * (p->bases.g1 * sizeof(bn254_g1_packed) + p->bases.g2 * sizeof(bn254_g2_packed));
}

static size_t sums_bytes(const struct msm_plan *p)
{
    return aligned(p->chunks * msm_result_bytes(p));
}

static void add_part(struct cuda_layout *l, const struct msm_plan *p)
{
    l->key_bytes += p->table_bytes;
    l->place_bytes += aligned(p->scratch_bytes);
    l->pinned_bytes += sums_bytes(p);
    l->cost += msm_plan_cost(p);
}

/* With exactly that many places. */
static pv_status layout_with(struct cuda_layout *l, const struct cuda_sizes *s, size_t bytes, unsigned places,
                             unsigned sm_count)
{
    *l = (struct cuda_layout){ .places = places,
                               .key_bytes = s->matrices,
                               .building_bytes = s->building,
                               .place_bytes = aligned(s->witness) + aligned(s->work),
                               .pinned_bytes = aligned(s->witness) };
    size_t known = s->matrices + s->building + places * (l->place_bytes + CUDA_PARTS * aligned(1)), rows = 1;
    if (bytes < known) return PV_NO_MEMORY;
    bytes -= known;
    for (unsigned i = 0; i < s->parts; i++) rows += row_bytes(&s->part[i]);
    for (unsigned i = 0; i < s->parts; i++) { /* the last gets what is left */
        const struct cuda_sets *p = &s->part[i];
        double share = i + 1 == s->parts ? 1 : (double)row_bytes(p) / (double)rows;
        const struct msm_limits limits = { .free_bytes = (size_t)((double)bytes * share),
                                           .sm_count = sm_count,
                                           .scalars = p->scalars,
                                           .runs = places,
                                           .dense = i == CUDA_H ? 0 : PV_WITNESS_DENSE };
        TRY(msm_plan_for(&l->plan[i], p->finite, p->bases, &limits));
        bytes -= l->plan[i].table_bytes + places * l->plan[i].scratch_bytes;
        rows -= row_bytes(p);
        add_part(l, &l->plan[i]);
    }
    return PV_OK;
}

#define ANY_BYTES ((size_t)1 << 50)

/* Costs that differ by less are equal: the parts' shares of the memory are not exact. */
static bool as_good(double cost, double best)
{
    return cost <= best * 1.02;
}

pv_status cuda_layout_for(struct cuda_layout *l, const struct cuda_sizes *s, const struct cuda_room *room)
{
    struct cuda_layout best, found;
    TRY(layout_with(&best, s, ANY_BYTES, 1, room->sm_count));
    for (unsigned places = room->places ? room->places : 1; places > 0; places--) {
        pv_status status = layout_with(&found, s, room->bytes, places, room->sm_count);
        if (status != PV_OK && (status != PV_NO_MEMORY || places == 1)) return status;
        if (status == PV_OK && (places == 1 || as_good(found.cost, best.cost))) break;
    }
    *l = found;
    return PV_OK;
}

unsigned cuda_layout_slower(size_t *best_bytes, const struct cuda_layout *l, const struct cuda_sizes *s,
                            unsigned sm_count)
{
    struct cuda_layout best;
    if (layout_with(&best, s, ANY_BYTES, 1, sm_count) != PV_OK) best = *l;
    *best_bytes = best.key_bytes + best.building_bytes + best.place_bytes;
    return as_good(l->cost, best.cost) ? 0 : (unsigned)(l->cost / best.cost * 100 - 100 + 0.5);
}

bool cuda_layout_better(const struct cuda_layout *a, const struct cuda_layout *b)
{
    return !as_good(b->cost, a->cost) || (a->places > b->places && as_good(a->cost, b->cost));
}

unsigned cuda_places_default(size_t device_bytes)
{
    const size_t gib = (size_t)1 << 30;
    return device_bytes < 24 * gib ? 2 : device_bytes < 48 * gib ? 3 : 4;
}
