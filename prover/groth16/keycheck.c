#include "keycheck.h"

#include "primes.h"
#include "random.h"

#include "codec.h"
#include "msm_subgroup.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The sections of points, as one list to walk. */
struct points {
    const char *what;
    unsigned section;
    const uint8_t *bytes;
    size_t count, size; /* size of one: 64 in G1, 128 in G2 */
};

enum { LISTS = 6, G1 = 64, G2 = 128 };

static void point_lists(struct points list[LISTS], const struct zkey *z)
{
    const struct points all[LISTS] = {
        { "IC", 3, z->ic->bytes, (size_t)z->publics + 1, G1 },
        { "A", 5, z->a->bytes, z->vars, G1 },
        { "B1", 6, z->b1->bytes, z->vars, G1 },
        { "B2", 7, z->b2->bytes, z->vars, G2 },
        { "C", 8, z->c->bytes, zkey_c_count(z), G1 },
        { "H", 9, z->h->bytes, z->domain, G1 },
    };
    memcpy(list, all, sizeof all);
}

/* NULL, or what is wrong with the point at p. */
typedef const char *point_check(const uint8_t *p, size_t size);

static const char *check_range(const uint8_t *p, size_t size)
{
    for (size_t at = 0; at < size; at += 32)
        if (!bn254_below(p + at, bn254_prime_q)) return "has a coordinate that is not reduced modulo q";
    return NULL;
}

static const char *check_curve(const uint8_t *p, size_t size)
{
    bn254_g1_affine g1;
    bn254_g2_affine g2;
    const char *range = check_range(p, size);
    if (range) return range;
    if (size == G1) return bn254_g1_decode(&g1, (const bn254_g1_packed *)p) ? NULL : "is not on the curve";
    return bn254_g2_decode(&g2, (const bn254_g2_packed *)p, BN254_G2_ON_CURVE) ? NULL : "is not on the curve of G2";
}

/* The number of the first bad point, or count. All threads keep working after a find: bad keys are rare. */
static size_t first_bad(const struct points *l, point_check *check, const struct bn254_run *run)
{
    unsigned threads = bn254_run_threads(run);
    size_t first = l->count;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1024) reduction(min : first)
    for (size_t i = 0; i < l->count; i++)
        if (i < first && !bn254_run_stopped(run) && check(l->bytes + i * l->size, l->size)) first = i;
    return first;
}

/* Points whose group is looked at by one set of combinations: their memory is bounded, and the sums take a few percent
 * longer than those of all points at once would. */
enum { MIX = 1 << 17 };

/* Points of G2 on their curve. */
struct stretch {
    const bn254_g2_packed *points;
    const struct bn254_run *run;
};

/* n uniform coefficients. The random bytes come to the end of k and are moved to their places from the first on. */
static pv_status draw(bn254_scalar_packed *k, size_t n, unsigned bits)
{
    const size_t each = (bits + 7) / 8;
    uint8_t *from = (uint8_t *)(k + n) - n * each;
    if (!bits) return PV_OK;
    TRY(pv_random(from, n * each));
    for (size_t i = 0; i < n; i++) {
        memmove(k[i].bytes, from + i * each, each);
        memset(k[i].bytes + each, 0, sizeof k[i].bytes - each);
        if (bits % 8) k[i].bytes[each - 1] &= (uint8_t)((1u << bits % 8) - 1);
    }
    return PV_OK;
}

/* Whether n points are all in the group, by combinations with the memory for them; by each where there is none. */
static pv_status mix_in(bool *all, const bn254_g2_packed *points, size_t n, const struct bn254_run *run,
                        bn254_scalar_packed *k, void *scratch)
{
    if (!k || !scratch) {
        *all = bn254_subgroup_first_outside(points, n, run) == n;
        return bn254_run_stopped(run) ? PV_CANCELLED : PV_OK;
    }
    TRY(draw(k, n, bn254_subgroup_bits(n)));
    return bn254_subgroup_has_all(all, points, k, n, run, scratch) ? PV_OK : PV_CANCELLED;
}

static pv_status mix(bool *all, const struct stretch *s, size_t lo, size_t hi)
{
    const size_t n = hi - lo;
    bn254_scalar_packed *k = malloc(n * sizeof *k);
    void *scratch = malloc(bn254_subgroup_scratch_bytes(n, s->run) + 1);
    pv_status status = mix_in(all, s->points + lo, n, s->run, k, scratch);
    free(scratch);
    free(k);
    return status;
}

/* The first bad point of a stretch that has one: by halving, as long as that is cheaper than looking at each. */
static pv_status narrow(size_t *bad, const struct stretch *s, size_t lo, size_t hi)
{
    enum { EACH = 256 };
    const size_t end = hi;
    while (hi - lo > EACH) {
        bool all;
        const size_t middle = lo + (hi - lo) / 2;
        TRY(mix(&all, s, lo, middle));
        *(all ? &lo : &hi) = middle;
    }
    *bad = lo + bn254_subgroup_first_outside(s->points + lo, end - lo, s->run);
    return bn254_run_stopped(s->run) ? PV_CANCELLED : PV_OK;
}

/* Into *bad the first of count points that is outside the group, or count. */
static pv_status first_outside(size_t *bad, const struct stretch *s, size_t count)
{
    const size_t parts = (count + MIX - 1) / MIX;
    for (size_t i = 0; i < parts; i++) {
        bool all;
        const size_t lo = count * i / parts, hi = count * (i + 1) / parts;
        TRY(mix(&all, s, lo, hi));
        if (!all) return narrow(bad, s, lo, hi);
    }
    *bad = count;
    return PV_OK;
}

/* A check of one list: the number of its first bad point, or its count, and what is wrong with that. */
typedef pv_status list_check(size_t *bad, const char **wrong, const struct points *l, const struct bn254_run *run);

static pv_status range_of_list(size_t *bad, const char **wrong, const struct points *l, const struct bn254_run *run)
{
    *bad = first_bad(l, check_range, run);
    if (*bad < l->count) *wrong = check_range(l->bytes + *bad * l->size, l->size);
    return PV_OK;
}

/* Combinations want points of the curve: the group is looked at up to the first that is none. */
static pv_status points_of_list(size_t *bad, const char **wrong, const struct points *l, const struct bn254_run *run)
{
    const size_t on_curve = first_bad(l, check_curve, run);
    *bad = on_curve;
    if (on_curve < l->count) *wrong = check_curve(l->bytes + on_curve * l->size, l->size);
    if (l->size == G1 || bn254_run_stopped(run)) return PV_OK;
    const struct stretch s = { (const bn254_g2_packed *)l->bytes, run };
    TRY(first_outside(bad, &s, on_curve));
    if (*bad < on_curve) *wrong = "is not in the group of order r";
    return PV_OK;
}

static pv_status check_all(const struct zkey *z, list_check *check, const struct bn254_run *run,
                           enum prove_key_pages key_pages, struct prove_error *err)
{
    struct points list[LISTS];
    point_lists(list, z);
    for (int k = 0; k < LISTS; k++) {
        const struct points *l = &list[k];
        const char *wrong = NULL;
        size_t bad;
        pv_status status = check(&bad, &wrong, l, run);
        if (status == PV_CANCELLED || bn254_run_stopped(run))
            return prove_error_set(err, PV_CANCELLED, "stopped while the key was checked");
        if (status != PV_OK) return prove_error_set(err, status, "the source of randomness failed");
        if (bad < l->count)
            return prove_error_set(err, PV_BAD_ZKEY, "the key is damaged: section %u (%s): point %zu %s", l->section,
                                   l->what, bad, wrong);
        if (key_pages == PROVE_KEY_PASSES_BY) zkey_pass_by(z, l->bytes, l->count * l->size);
    }
    return PV_OK;
}

pv_status keycheck_points(const struct zkey *zkey, const struct bn254_run *run, struct prove_error *err)
{
    return check_all(zkey, points_of_list, run, PROVE_KEY_STAYS, err);
}

pv_status keycheck_range(const struct zkey *zkey, const struct prove_run *run, struct prove_error *err)
{
    return check_all(zkey, range_of_list, &run->cpu, run->key_pages, err);
}
