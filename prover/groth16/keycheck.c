#include "keycheck.h"

#include "primes.h"

#include "codec.h"

#include <inttypes.h>
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

static const char *check_point(const uint8_t *p, size_t size)
{
    const char *range = check_range(p, size);
    if (range) return range;
    if (size == G1) {
        bn254_g1_affine point;
        return bn254_g1_decode(&point, (const bn254_g1_packed *)p) ? NULL : "is not on the curve";
    }
    bn254_g2_affine point;
    if (!bn254_g2_decode(&point, (const bn254_g2_packed *)p, BN254_G2_ON_CURVE)) return "is not on the curve of G2";
    if (!bn254_g2_decode(&point, (const bn254_g2_packed *)p, BN254_G2_IN_SUBGROUP))
        return "is not in the group of order r";
    return NULL;
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

static pv_status check_all(const struct zkey *z, point_check *check, const struct bn254_run *run,
                           enum prove_key_pages key_pages, struct prove_error *err)
{
    struct points list[LISTS];
    point_lists(list, z);
    for (int k = 0; k < LISTS; k++) {
        const struct points *l = &list[k];
        size_t bad = first_bad(l, check, run);
        if (bn254_run_stopped(run)) return prove_error_set(err, PV_CANCELLED, "stopped while the key was checked");
        if (bad < l->count)
            return prove_error_set(err, PV_BAD_ZKEY, "the key is damaged: section %u (%s): point %zu %s", l->section,
                                   l->what, bad, check(l->bytes + bad * l->size, l->size));
        if (key_pages == PROVE_KEY_PASSES_BY) zkey_pass_by(z, l->bytes, l->count * l->size);
    }
    return PV_OK;
}

pv_status keycheck_points(const struct zkey *zkey, const struct bn254_run *run, struct prove_error *err)
{
    return check_all(zkey, check_point, run, PROVE_KEY_STAYS, err);
}

pv_status keycheck_range(const struct zkey *zkey, const struct prove_run *run, struct prove_error *err)
{
    return check_all(zkey, check_range, &run->cpu, run->key_pages, err);
}
