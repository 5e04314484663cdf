/* msm_subgroup.h finds every kind of point outside G2, wherever it is, on every path of this processor.
 * The points that are planted are multiples of points of the twist whose orders are the primes of its cofactor. */
#include "msm_subgroup.h"

#include <stdatomic.h>
#include <string.h>

#include "codec.h"
#include "msm.h"
#include "msm_plan.h"
#include "prop_random.h"
#include "twist_point.h"

enum { PRIMES = TWIST_PRIMES, POOL = 64, SMALLEST = 10069, SUMS_MOST = 66 };

static bn254_g2 torsion[PRIMES];   /* of those orders */
static bn254_g2_packed pool[POOL]; /* of G2; the first is infinity */

static bn254_g2_packed packed(const bn254_g2 *p)
{
    bn254_g2_affine a;
    bn254_g2_packed r;
    bn254_g2_to_affine(&a, p);
    bn254_g2_pack(&r, &a);
    return r;
}

static bn254_g2 point_of_twist(void)
{
    bn254_g2_affine a;
    bn254_g2 p;
    bn254_fp2 x;
    do
        for (int i = 0; i < 4; i++) x.c0.l[i] = prop_random() >> (i == 3 ? 3 : 0), x.c1.l[i] = 0;
    while (!bn254_fp_is_reduced(&x.c0) || !twist_point_above(&a, &x));
    bn254_g2_from_affine(&p, &a);
    return p;
}

/* A point of that prime's order: of all others, and of r, a random point is freed. */
static void make_torsion(int of)
{
    bn254_scalar r;
    bn254_g2 gone;
    memcpy(r.l, BN254_FR_MODULUS, sizeof r.l);
    do {
        torsion[of] = point_of_twist();
        bn254_g2_mul(&torsion[of], &torsion[of], &r);
        for (int i = 0; i < PRIMES; i++)
            if (i != of) bn254_g2_mul(&torsion[of], &torsion[of], &twist_prime[i]);
    } while (bn254_g2_is_infinity(&torsion[of]));
    bn254_g2_mul(&gone, &torsion[of], &twist_prime[of]);
    PROP(bn254_g2_is_infinity(&gone), "prime %d is not the order of what it is said to be", of);
}

static void make_points(void)
{
    bn254_g2 p, step;
    const bn254_scalar k = { { prop_random(), prop_random(), prop_random(), 0 } };
    bn254_g2_from_affine(&p, &BN254_G2_GENERATOR);
    bn254_g2_mul(&step, &p, &k);
    for (int i = 1; i < POOL; i++) {
        pool[i] = packed(&p);
        bn254_g2_add(&p, &p, &step);
    }
    for (int i = 0; i < PRIMES; i++) make_torsion(i);
}

/* One question: points of the pool, coefficients, and the answer of a path. */
struct scene {
    size_t n;
    bn254_g2_packed *points;
    bn254_scalar_packed *k;
    const struct bn254_run *run;
};

static struct scene scene_of(size_t n, const struct bn254_run *run)
{
    struct scene s = { n, malloc(n * sizeof *s.points), calloc(n, sizeof *s.k), run };
    const unsigned bits = bn254_subgroup_bits(n);
    for (size_t i = 0; i < n; i++) {
        s.points[i] = pool[prop_random() % POOL];
        uint64_t word[3] = { prop_random(), prop_random(), prop_random() };
        for (unsigned w = 0; w < 3; w++) {
            if (64 * w >= bits) word[w] = 0;
            if (64 * w < bits && bits - 64 * w < 64) word[w] &= ((uint64_t)1 << (bits - 64 * w)) - 1;
        }
        memcpy(s.k[i].bytes, word, sizeof word);
    }
    return s;
}

static void scene_end(struct scene *s)
{
    free(s->points), free(s->k);
}

static bool all_in(const struct scene *s)
{
    bool all = false;
    void *scratch = malloc(bn254_subgroup_scratch_bytes(s->n, s->run) + 1);
    PROP(bn254_subgroup_has_all(&all, s->points, s->k, s->n, s->run, scratch), "stopped, untold");
    free(scratch);
    return all;
}

/* points[i] += m times the point of that order */
static void plant(struct scene *s, size_t i, int order, const bn254_scalar *m)
{
    bn254_g2_affine a;
    bn254_g2 p, more;
    bn254_g2_unpack(&a, &s->points[i]);
    bn254_g2_from_affine(&p, &a);
    bn254_g2_mul(&more, &torsion[order], m);
    bn254_g2_add(&p, &p, &more);
    s->points[i] = packed(&p);
}

static void good_points_pass(size_t n, const struct bn254_run *run)
{
    struct scene s = scene_of(n, run);
    PROP(all_in(&s), "%zu points of G2, path %s", n, bn254_path_name(run->path));
    for (size_t i = 0; i < n; i++) s.points[i] = pool[n % POOL];
    PROP(all_in(&s), "%zu times one point of G2, path %s", n, bn254_path_name(run->path));
    PROP(bn254_subgroup_first_outside(s.points, n, run) == n, "%zu points of G2, each", n);
    scene_end(&s);
}

static void one_bad_point_is_found(size_t n, int order, const struct bn254_run *run)
{
    struct scene s = scene_of(n, run);
    const size_t at = prop_random() % n;
    plant(&s, at, order, &(const bn254_scalar){ { 1 + prop_random() % (SMALLEST - 1), 0, 0, 0 } });
    PROP(!all_in(&s), "a part of order number %d, at %zu of %zu, path %s", order, at, n, bn254_path_name(run->path));
    PROP(bn254_subgroup_first_outside(s.points, n, run) == at, "point %zu of %zu", at, n);
    scene_end(&s);
}

/* Their sum is in G2, and so is every sum that takes both as often. */
static void a_point_and_its_opposite_are_found(size_t n, const struct bn254_run *run)
{
    struct scene s = scene_of(n, run);
    plant(&s, n / 3, 0, &(const bn254_scalar){ { 1, 0, 0, 0 } });
    plant(&s, n / 2, 0, &(const bn254_scalar){ { SMALLEST - 1, 0, 0, 0 } });
    PROP(!all_in(&s), "a point of order 10069 and its opposite among %zu, path %s", n, bn254_path_name(run->path));
    scene_end(&s);
}

/* --- the sums, one by one: by one who knows the coefficients --- */

static uint32_t power(uint32_t a, uint32_t e)
{
    uint64_t r = 1, x = a;
    for (; e; e >>= 1, x = x * x % SMALLEST)
        if (e & 1) r = r * x % SMALLEST;
    return (uint32_t)r;
}

/* The signed digits of a coefficient, modulo 10069. */
static void digits_of(uint32_t *d, const bn254_scalar_packed *k, unsigned c, unsigned sums)
{
    bn254_scalar v;
    int64_t carry = 0;
    bn254_scalar_unpack(&v, k);
    for (unsigned w = 0; w < sums; w++) {
        int64_t digit = (int64_t)bn254_scalar_window(&v, w * c, c) + carry;
        carry = digit >= (int64_t)1 << (c - 1);
        if (carry) digit -= (int64_t)1 << c;
        d[w] = (uint32_t)((digit + 8 * (int64_t)SMALLEST) % SMALLEST);
    }
}

/* Rows of an equation modulo 10069, `unknowns` of them; x with every row's product 0 but, when kept < rows, that one's. */
static bool solve(uint32_t x[], uint32_t row[][SUMS_MOST], unsigned rows, unsigned unknowns)
{
    unsigned pivot[SUMS_MOST], rank = 0;
    bool is_pivot[SUMS_MOST] = { false };
    for (unsigned col = 0; col < unknowns && rank < rows; col++) {
        unsigned at = rank;
        while (at < rows && !row[at][col]) at++;
        if (at == rows) continue;
        for (unsigned j = 0; j < unknowns; j++) {
            uint32_t t = row[at][j];
            row[at][j] = row[rank][j], row[rank][j] = t;
        }
        const uint64_t inverse = power(row[rank][col], SMALLEST - 2);
        for (unsigned j = 0; j < unknowns; j++) row[rank][j] = (uint32_t)(row[rank][j] * inverse % SMALLEST);
        for (unsigned i = 0; i < rows; i++) {
            const uint64_t factor = SMALLEST - row[i][col];
            for (unsigned j = 0; i != rank && j < unknowns; j++)
                row[i][j] = (uint32_t)((row[i][j] + factor * row[rank][j]) % SMALLEST);
        }
        is_pivot[col] = true;
        pivot[rank++] = col;
    }
    unsigned free_col = 0;
    while (free_col < unknowns && is_pivot[free_col]) free_col++;
    if (free_col == unknowns) return false;
    memset(x, 0, unknowns * sizeof *x);
    x[free_col] = 1;
    for (unsigned i = 0; i < rank; i++) x[pivot[i]] = (SMALLEST - row[i][free_col]) % SMALLEST;
    return true;
}

/* Plants one point more than there are sums to be blind, so that no sum but the kept one sees any (kept == sums: none).
 * False: one time in 10,069 the kept one is blind as well. */
static bool plant_blind(struct scene *s, unsigned c, unsigned sums, unsigned kept)
{
    static uint32_t row[SUMS_MOST][SUMS_MOST], x[SUMS_MOST], d[SUMS_MOST], seen[SUMS_MOST];
    const unsigned rows = kept < sums ? sums - 1 : sums;
    uint64_t sees = 0;
    for (unsigned i = 0; i <= rows; i++) {
        digits_of(d, &s->k[i], c, sums);
        for (unsigned w = 0, at = 0; w < sums; w++)
            if (w != kept) row[at++][i] = d[w];
        if (kept < sums) seen[i] = d[kept];
    }
    PROP(solve(x, row, rows, rows + 1), "the equations have a solution");
    for (unsigned i = 0; i <= rows; i++) sees += (uint64_t)x[i] * seen[i];
    if (kept < sums && sees % SMALLEST == 0) return false;
    for (unsigned i = 0; i <= rows; i++)
        if (x[i]) plant(s, i, 0, &(const bn254_scalar){ { x[i], 0, 0, 0 } });
    return true;
}

/* Every step-th sum; at last none sees anything. */
static void each_sum_counts(size_t n, unsigned step, const struct bn254_run *run)
{
    const unsigned c = msm_window_bits(n), sums = bn254_subgroup_bits(n) / c;
    PROP(c * sums >= 130 && sums >= 10, "%u sums of %u bits for %zu points", sums, c, n);
    for (unsigned kept = sums % step; kept <= sums; kept += step) {
        struct scene s = scene_of(n, run);
        while (!plant_blind(&s, c, sums, kept)) {
            scene_end(&s);
            s = scene_of(n, run);
        }
        PROP(bn254_subgroup_first_outside(s.points, n, run) < n, "there are bad points");
        PROP(all_in(&s) == (kept == sums), "what only sum %u of %u sees, %zu points, path %s", kept, sums, n,
             bn254_path_name(run->path));
        scene_end(&s);
    }
}

/* A source of zeros, or of coefficients too short, makes no sums that say anything: the points are looked at. */
static void short_coefficients_are_not_relied_on(const struct bn254_run *run)
{
    struct scene s = scene_of(300, run);
    plant(&s, 299, 0, &(const bn254_scalar){ { 1, 0, 0, 0 } });
    for (size_t i = 0; i < s.n; i++) memset(s.k[i].bytes + 1, 0, 31);
    PROP(!all_in(&s), "coefficients of one byte");
    memset(s.k, 0, s.n * sizeof *s.k);
    PROP(!all_in(&s), "coefficients of zero");
    scene_end(&s);
}

static void a_stop_is_told(size_t n)
{
    atomic_int stop = 1;
    const struct bn254_run run = { .threads = 2, .stop = &stop };
    struct scene s = scene_of(n, &run);
    bool all = false;
    void *scratch = malloc(bn254_subgroup_scratch_bytes(n, &run) + 1);
    PROP(!bn254_subgroup_has_all(&all, s.points, s.k, n, &run, scratch) && !all, "a stop ends %zu points", n);
    free(scratch);
    scene_end(&s);
}

static void on_path(const struct bn254_run *run)
{
    static const size_t sizes[] = { 1, 63, 64, 65, 500 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        good_points_pass(sizes[i], run);
        for (int order = 0; order < PRIMES; order++) one_bad_point_is_found(sizes[i], order, run);
        if (sizes[i] > 3) a_point_and_its_opposite_are_found(sizes[i], run);
    }
    each_sum_counts(70, 1, run);
    short_coefficients_are_not_relied_on(run);
}

int main(int argc, char **argv)
{
    prop_seed();
    make_points();
    if (argc > 1 && !strcmp(argv[1], "quick")) { /* the path that this processor takes, small sizes */
        on_path(&(const struct bn254_run){ .path = bn254_path_best(), .threads = 1 });
        a_stop_is_told(10);
        return 0;
    }
    for (enum bn254_path path = BN254_PATH_PORTABLE; path <= BN254_PATH_IFMA; path++) {
        const struct bn254_run run = { .path = path, .threads = 2 };
        if (bn254_path_available(path)) on_path(&run);
    }
    each_sum_counts(1000, 1, &(const struct bn254_run){ .threads = 2 });
    each_sum_counts(50000, 5, &(const struct bn254_run){ .threads = 2 }); /* ten of 13 bits */
    a_stop_is_told(10);
    a_stop_is_told(2000);
    return 0;
}
