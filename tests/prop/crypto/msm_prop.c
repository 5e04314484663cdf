/* Laws of the MSM, on every path of this processor, in both groups, on one thread and on several.
 * Bases are known multiples a[i] of the generator, so that the sum of k[i]*a[i] mod r, times the generator, is the answer for any n;
 * small cases go against double-and-add of each term as well. Bases and scalars lie at odd addresses. */
#include "msm.h"

#include <stdatomic.h>
#include <string.h>

#include "fr.h"
#include "prop_random.h"

#define POOL 4096 /* multiples of the generator at hand: entry i is pool_number[i] times it */

static bn254_fr pool_number[POOL];
static bn254_g1_affine pool_g1[POOL];
static bn254_g2_affine pool_g2[POOL];

#define FILL_POOL(g, G, E)                                                                                             \
    static void fill_pool_##g(const bn254_scalar *first, const bn254_scalar *step)                                     \
    {                                                                                                                  \
        static bn254_##g jacobian[POOL];                                                                               \
        static E scratch[2 * POOL];                                                                                    \
        bn254_##g generator, d;                                                                                        \
        bn254_##g##_from_affine(&generator, &G);                                                                       \
        bn254_##g##_mul(&jacobian[1], &generator, first);                                                              \
        bn254_##g##_mul(&d, &generator, step);                                                                         \
        bn254_##g##_set_infinity(&jacobian[0]);                                                                        \
        for (int i = 2; i < POOL; i++) bn254_##g##_add(&jacobian[i], &jacobian[i - 1], &d);                            \
        bn254_##g##_batch_to_affine(pool_##g, jacobian, POOL, scratch);                                                \
    }
FILL_POOL(g1, BN254_G1_GENERATOR, bn254_fp)
FILL_POOL(g2, BN254_G2_GENERATOR, bn254_fp2)

static bn254_scalar random_scalar(void) /* below r */
{
    bn254_scalar s;
    bn254_fr f;
    for (int i = 0; i < 4; i++) s.l[i] = prop_random();
    bn254_fr_from_scalar(&f, &s);
    bn254_fr_to_scalar(&s, &f);
    return s;
}

static void fill_pools(void)
{
    bn254_scalar first = random_scalar(), step = random_scalar();
    bn254_fr d;
    bn254_fr_set_zero(&pool_number[0]); /* entry 0 is infinity */
    bn254_fr_from_scalar(&pool_number[1], &first);
    bn254_fr_from_scalar(&d, &step);
    for (int i = 2; i < POOL; i++) bn254_fr_add(&pool_number[i], &pool_number[i - 1], &d);
    fill_pool_g1(&first, &step);
    fill_pool_g2(&first, &step);
}

/* One input: which pool entry each base is, whether negated, and its scalar. */
struct input {
    size_t n;
    unsigned short *entry;
    unsigned char *negated;
    bn254_scalar *k;
};

static struct input input_of(size_t n)
{
    struct input in = { n, calloc(n + 1, sizeof *in.entry), calloc(n + 1, 1), calloc(n + 1, sizeof *in.k) };
    for (size_t i = 0; i < n; i++) {
        in.entry[i] = (unsigned short)(1 + prop_random() % (POOL - 1));
        in.k[i] = random_scalar();
    }
    return in;
}

static void free_input(struct input *in)
{
    free(in->entry), free(in->negated), free(in->k);
}

/* sum of k[i] * a[i], i in [first, first + count) of the scalars against bases from 0 */
static bn254_scalar expected_number(const struct input *in, size_t first, size_t count)
{
    bn254_fr sum, k;
    bn254_scalar r;
    bn254_fr_set_zero(&sum);
    for (size_t i = 0; i < count; i++) {
        bn254_fr_from_scalar(&k, &in->k[first + i]);
        bn254_fr_mul(&k, &k, &pool_number[in->entry[first + i]]);
        if (in->negated[first + i]) bn254_fr_neg(&k, &k);
        bn254_fr_add(&sum, &sum, &k);
    }
    bn254_fr_to_scalar(&r, &sum);
    return r;
}

#define GROUP_HELPERS(g, G)                                                                                            \
    static void *bases_##g(const struct input *in, size_t first, size_t count)                                         \
    {                                                                                                                  \
        unsigned char *mem = malloc((count + 1) * sizeof(bn254_##g##_packed));                                         \
        for (size_t i = 0; i < count; i++) {                                                                           \
            bn254_##g##_affine p = pool_##g[in->entry[first + i]];                                                     \
            if (in->negated[first + i]) bn254_##g##_affine_neg(&p, &p);                                                \
            memcpy(mem + 1 + i * sizeof p, &p, sizeof p);                                                              \
        }                                                                                                              \
        return mem;                                                                                                    \
    }                                                                                                                  \
    static void is_expected_##g(const bn254_##g *got, const struct input *in, size_t first, size_t count,              \
                                const char *what, const struct bn254_run *run)                                         \
    {                                                                                                                  \
        bn254_##g generator, want;                                                                                     \
        bn254_scalar number = expected_number(in, first, count);                                                       \
        bn254_##g##_from_affine(&generator, &G);                                                                       \
        bn254_##g##_mul(&want, &generator, &number);                                                                   \
        PROP(bn254_##g##_eq(got, &want), #g " %s, n %zu, %s, %u threads", what, count, bn254_path_name(run->path),     \
             run->threads);                                                                                            \
        bn254_##g##_affine a;                                                                                          \
        bn254_##g##_to_affine(&a, got);                                                                                \
        bn254_##g##_from_affine(&want, &a);                                                                            \
        PROP(!memcmp(got, &want, sizeof want), #g " %s: not normalised, n %zu", what, count);                          \
    }                                                                                                                  \
    static void check_##g(const struct input *in, const char *what, const struct bn254_run *run)                       \
    {                                                                                                                  \
        unsigned char *bases = bases_##g(in, 0, in->n), *k = malloc(in->n * 32 + 1);                                   \
        size_t bytes = bn254_msm_##g##_scratch_bytes(in->n, run);                                                      \
        unsigned char *scratch = malloc(bytes + 64);                                                                   \
        bn254_##g r;                                                                                                   \
        memset(scratch + bytes, 0x5a, 64); /* a word past the end would show */                                        \
        memcpy(k + 1, in->k, in->n * 32);                                                                              \
        PROP(bn254_msm_##g(&r, (const void *)(bases + 1), (const void *)(k + 1), in->n, run, scratch), #g " %s",       \
             what);                                                                                                    \
        is_expected_##g(&r, in, 0, in->n, what, run);                                                                  \
        for (int i = 0; i < 64; i++) PROP(scratch[bytes + (size_t)i] == 0x5a, #g " %s: scratch overrun", what);        \
        free(bases), free(k), free(scratch);                                                                           \
    }                                                                                                                  \
    static void terms_##g(const struct bn254_run *run)                                                                 \
    {                                                                                                                  \
        struct input in = input_of(17);                                                                                \
        bn254_##g sum, term, point, r;                                                                                 \
        bn254_##g##_set_infinity(&sum);                                                                                \
        for (size_t i = 0; i < in.n; i++) {                                                                            \
            bn254_##g##_from_affine(&point, &pool_##g[in.entry[i]]);                                                   \
            bn254_##g##_mul(&term, &point, &in.k[i]);                                                                  \
            bn254_##g##_add(&sum, &sum, &term);                                                                        \
        }                                                                                                              \
        unsigned char *bases = bases_##g(&in, 0, in.n);                                                                \
        void *scratch = malloc(bn254_msm_##g##_scratch_bytes(in.n, run));                                              \
        PROP(bn254_msm_##g(&r, (const void *)(bases + 1), (const void *)in.k, in.n, run, scratch), #g " terms");       \
        PROP(bn254_##g##_eq(&r, &sum), #g " against double-and-add, %s", bn254_path_name(run->path));                  \
        free(bases), free(scratch), free_input(&in);                                                                   \
    }
GROUP_HELPERS(g1, BN254_G1_GENERATOR)
GROUP_HELPERS(g2, BN254_G2_GENERATOR)

static void check(const struct input *in, const char *what, const struct bn254_run *run)
{
    check_g1(in, what, run);
    if (in->n <= 4100) check_g2(in, what, run);
}

static void any_size(const struct bn254_run *run)
{
    static const size_t sizes[] = { 0,  1,   2,   3,   7,   8,   9,   31,   32,   33,   63,   64,
                                    65, 127, 129, 255, 257, 511, 513, 1023, 1025, 4095, 4097, 20011 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct input in = input_of(sizes[i]);
        check(&in, "random", run);
        free_input(&in);
    }
}

static bn254_scalar r_minus(uint64_t d)
{
    bn254_scalar s = { { BN254_FR_MODULUS[0] - d, BN254_FR_MODULUS[1], BN254_FR_MODULUS[2], BN254_FR_MODULUS[3] } };
    return s;
}

static bn254_scalar half_r_plus(int d) /* (r - 1) / 2 + d */
{
    bn254_scalar s = { { 0xa1f0fac9f8000000u + (uint64_t)(int64_t)d, 0x9419f4243cdcb848u, 0xdc2822db40c0ac2eu,
                         0x183227397098d014u } };
    return s;
}

static bn254_scalar power_of_two(unsigned bit, int d) /* 2^bit + d, d = -1 or 0; below r */
{
    bn254_fr f, one, two;
    bn254_scalar s, e = { { bit, 0, 0, 0 } };
    bn254_fr_set_one(&one);
    bn254_fr_dbl(&two, &one);
    bn254_fr_pow(&f, &two, &e);
    if (d < 0) bn254_fr_sub(&f, &f, &one);
    bn254_fr_to_scalar(&s, &f);
    return s;
}

enum family { ZEROS, ONES, MINUS_ONES, BITS, EQUAL, TOP, AROUND_HALF, SMALL, WORDS, HOT, POWERS, MIXED, FAMILIES };
static const char *const family_name[] = { "zeros",         "ones",       "minus ones", "bits",  "equal",
                                           "r-1",           "around r/2", "small",      "words", "one hot bucket",
                                           "powers of two", "mixed" };

static bn254_scalar of_family(enum family f, const bn254_scalar *same)
{
    bn254_scalar s = { { 0 } };
    switch (f) {
    case ZEROS: return s;
    case ONES: s.l[0] = 1; return s;
    case MINUS_ONES: return r_minus(1);
    case BITS: s.l[0] = prop_random() & 1; return s;
    case EQUAL: return *same;
    case TOP: return r_minus(1 + prop_random() % 3);
    case AROUND_HALF: return half_r_plus((int)(prop_random() % 5) - 2);
    case SMALL: s.l[0] = prop_random() % 300; return s;
    case WORDS:
        s.l[0] = prop_random();
        s.l[1] = prop_random() % 2;
        return s;
    case HOT:
        s = random_scalar();
        s.l[0] = s.l[0] >> 16 << 16 | 5;
        s.l[3] &= 0x0fffffffffffffffu;
        return s;
    case POWERS: return power_of_two((unsigned)(prop_random() % 254), -(int)(prop_random() & 1));
    default: return of_family((enum family)(prop_random() % MIXED), same);
    }
}

static void any_scalars(size_t n, const struct bn254_run *run)
{
    for (int f = 0; f < FAMILIES; f++) {
        struct input in = input_of(n);
        bn254_scalar same = random_scalar();
        for (size_t i = 0; i < n; i++) in.k[i] = of_family((enum family)f, &same);
        check(&in, family_name[f], run);
        free_input(&in);
    }
}

/* Bases: infinity, equal, opposite, all mixed; with scalars that bring them into the same buckets. */
static void any_bases(size_t n, const struct bn254_run *run)
{
    static const char *const names[] = { "infinity bases", "equal bases", "opposite bases", "all infinity",
                                         "mixed bases" };
    for (int f = 0; f < 5; f++)
        for (int same_scalar = 0; same_scalar < 2; same_scalar++) {
            struct input in = input_of(n);
            bn254_scalar same = random_scalar();
            unsigned short one = in.entry[0];
            for (size_t i = 0; i < n; i++) {
                if (same_scalar) in.k[i] = same;
                int what = f == 4 ? (int)(prop_random() % 5) : f;
                if (what == 0 && prop_random() % 3 == 0) in.entry[i] = 0;
                if (what == 1 || what == 2) in.entry[i] = one;
                if (what == 2) in.negated[i] = (unsigned char)(i & 1);
                if (what == 3) in.entry[i] = 0;
            }
            check(&in, names[f], run);
            free_input(&in);
        }
}

/* More live scalars than a chunk: buckets of all windows wait for the next one. The second chunk takes away what the first one
 * brought, so that buckets are infinite when the third begins; then it brings the same points again. */
static void chunks(const struct bn254_run *run)
{
    const size_t chunk = (size_t)1 << 17, n = 2 * chunk + 700;
    struct input in = input_of(n);
    for (size_t i = 0; i < chunk; i++) {
        in.entry[chunk + i] = in.entry[i];
        in.negated[chunk + i] = 1;
        in.k[chunk + i] = in.k[i];
    }
    for (size_t i = 2 * chunk; i < n; i++) {
        if (i % 3 == 0) in.entry[i] = 0;
        if (i % 3 == 1) in.entry[i] = in.entry[i - chunk], in.k[i] = in.k[i - chunk];
    }
    check_g1(&in, "chunks", run);
    free_input(&in);
}

/* The prover's shape: A and B1 over all scalars, B2 in G2, C from an offset on; some bases at infinity. */
static void shared(size_t n, size_t offset, const struct bn254_run *run)
{
    struct input a = input_of(n), b = input_of(n);
    for (size_t i = 0; i < n; i++) {
        if (prop_random() % 3 == 0) b.entry[i] = 0;
        a.k[i] = of_family(prop_random() % 2 ? BITS : MIXED, &b.k[0]);
        b.k[i] = a.k[i];
    }
    size_t rest = n - offset;
    unsigned char *bases[4] = { bases_g1(&a, 0, n), bases_g1(&b, 0, n), bases_g2(&b, 0, n),
                                bases_g1(&a, offset, rest) };
    bn254_g1 ra, rb, rc;
    bn254_g2 r2;
    struct bn254_msm_set sets[4] = { { .bases = bases[0] + 1, .count = n, .r1 = &ra },
                                     { .bases = bases[1] + 1, .count = n, .r1 = &rb },
                                     { .bases = bases[2] + 1, .count = n, .r2 = &r2 },
                                     { .bases = bases[3] + 1, .first = offset, .count = rest, .r1 = &rc } };
    void *scratch = malloc(bn254_msm_shared_scratch_bytes(sets, 4, n, run));
    PROP(bn254_msm_shared(sets, 4, (const void *)a.k, n, run, scratch), "shared");
    is_expected_g1(&ra, &a, 0, n, "shared A", run);
    is_expected_g1(&rb, &b, 0, n, "shared B1", run);
    is_expected_g2(&r2, &b, 0, n, "shared B2", run);
    is_expected_g1(&rc, &a, offset, rest, "shared C", run);
    for (int i = 0; i < 4; i++) free(bases[i]);
    free(scratch), free_input(&a), free_input(&b);
}

/* Beyond the contract nothing is promised but that memory stays whole: a sanitizer build sees it. */
static void scalars_beyond_r(const struct bn254_run *run)
{
    struct input in = input_of(3000);
    for (size_t i = 0; i < in.n; i++)
        for (int w = 0; w < 4; w++) in.k[i].l[w] = prop_random() % 4 ? prop_random() : ~(uint64_t)0;
    unsigned char *bases = bases_g1(&in, 0, in.n);
    void *scratch = malloc(bn254_msm_g1_scratch_bytes(in.n, run));
    bn254_g1 r;
    PROP(bn254_msm_g1(&r, (const void *)(bases + 1), (const void *)in.k, in.n, run, scratch), "beyond r");
    free(bases), free(scratch), free_input(&in);
}

static void stops(const struct bn254_run *run)
{
    struct input in = input_of(2000);
    unsigned char *bases = bases_g1(&in, 0, in.n);
    atomic_int stop = 1;
    struct bn254_run stopped = *run;
    stopped.stop = &stop;
    void *scratch = malloc(bn254_msm_g1_scratch_bytes(in.n, run));
    bn254_g1 r, before;
    memset(&r, 0x77, sizeof r);
    before = r;
    PROP(!bn254_msm_g1(&r, (const void *)(bases + 1), (const void *)in.k, in.n, &stopped, scratch), "stop");
    PROP(!memcmp(&r, &before, sizeof r), "stop: result touched");
    free(bases), free(scratch), free_input(&in);
}

/* Each law at small sizes, and one size whose windows are cut one by one: half a second, for every change of a line. */
static void quick(void)
{
    static const size_t sizes[] = { 0, 1, 2, 7, 9, 33, 65, 129, 513 };
    for (int path = BN254_PATH_PORTABLE; path <= BN254_PATH_IFMA; path++) {
        struct bn254_run one = { .path = (enum bn254_path)path, .threads = 1 }, three = { one.path, 3, NULL };
        if (!bn254_path_available(one.path)) continue;
        terms_g1(&one), terms_g2(&one);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            struct input in = input_of(sizes[i]);
            check(&in, "random", &one);
            free_input(&in);
        }
        any_scalars(150, &one);
        any_bases(80, &one);
        shared(0, 0, &one), shared(1, 1, &one), shared(700, 9, &one);
        shared(300, 9, &three); /* a barrier takes milliseconds on a machine that has other work */
        stops(&one);
    }
    const struct bn254_run best = { .path = bn254_path_best(), .threads = 1 };
    struct input in = input_of(17000);
    check_g1(&in, "random", &best);
    free_input(&in);
}

int main(int argc, char **argv)
{
    prop_seed();
    fill_pools();
    if (argc > 1 && !strcmp(argv[1], "quick")) {
        quick();
        return 0;
    }
    for (int path = BN254_PATH_PORTABLE; path <= BN254_PATH_IFMA; path++) {
        if (!bn254_path_available((enum bn254_path)path)) continue;
        for (unsigned threads = 1; threads <= 3; threads += 2) {
            struct bn254_run run = { .path = (enum bn254_path)path, .threads = threads };
            terms_g1(&run), terms_g2(&run);
            any_size(&run);
            any_scalars(600, &run);
            any_bases(300, &run);
            shared(0, 0, &run), shared(1, 1, &run), shared(2500, 9, &run), shared(17000, 100, &run);
            scalars_beyond_r(&run);
            stops(&run);
        }
        struct bn254_run two = { .path = (enum bn254_path)path, .threads = 2 };
        struct input in = input_of(40000);
        check(&in, "random", &two);
        free_input(&in);
        chunks(&two);
        /* 17000 live scalars: windows one by one, cut for two threads. On the slower paths only what they share differs. */
        if (path == (int)bn254_path_best()) any_scalars(17000, &two), any_bases(17000, &two);
    }
    return 0;
}
