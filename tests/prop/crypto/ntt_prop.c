/* Laws of the transforms and of the quotient, on every path of this processor, on one thread and on two. */
#include "ntt.h"

#include <stdatomic.h>
#include <string.h>

#include "prop_random.h"

static bn254_fr random_fr(void)
{
    bn254_scalar s;
    bn254_fr r;
    for (int i = 0; i < 4; i++) s.l[i] = prop_random();
    bn254_fr_from_scalar(&r, &s);
    if (prop_random() % 16 == 0) bn254_fr_set_zero(&r);
    if (prop_random() % 16 == 0) bn254_fr_set_one(&r);
    if (prop_random() % 16 == 0) bn254_fr_neg(&r, &r);
    return r;
}

static bn254_fr *vector(size_t n)
{
    bn254_fr *v = malloc((n ? n : 1) * sizeof *v);
    for (size_t i = 0; i < n; i++) v[i] = random_fr();
    return v;
}

static bn254_fr *copy_of(const bn254_fr *v, size_t n)
{
    bn254_fr *c = malloc(n * sizeof *c);
    memcpy(c, v, n * sizeof *c);
    return c;
}

/* the polynomial's value at x */
static bn254_fr value(const bn254_fr *coefficient, size_t n, const bn254_fr *x)
{
    bn254_fr sum;
    bn254_fr_set_zero(&sum);
    for (size_t i = n; i-- > 0;) {
        bn254_fr_mul(&sum, &sum, x);
        bn254_fr_add(&sum, &sum, &coefficient[i]);
    }
    return sum;
}

/* out[i] = value at shift * root^i */
static void naive(bn254_fr *out, const bn254_fr *v, size_t n, const bn254_fr *shift, const bn254_fr *root)
{
    bn254_fr x = *shift;
    for (size_t i = 0; i < n; i++) {
        out[i] = value(v, n, &x);
        bn254_fr_mul(&x, &x, root);
    }
}

struct tables {
    struct bn254_twiddles tw;
    void *mem, *scratch;
};

static struct tables tables_for(unsigned log_n, const bn254_fr *shift, const struct bn254_run *run)
{
    struct tables t = { .mem = malloc(bn254_twiddles_bytes(log_n)), .scratch = malloc(bn254_ntt_scratch_bytes(run)) };
    if (shift)
        bn254_twiddles_init_shift(&t.tw, log_n, shift, t.mem, run);
    else
        bn254_twiddles_init(&t.tw, log_n, t.mem, run);
    return t;
}

static void tables_free(struct tables *t)
{
    free(t->mem), free(t->scratch);
}

static bool same(const bn254_fr *a, const bn254_fr *b, size_t n)
{
    return !memcmp(a, b, n * sizeof *a);
}

static void equals_naive_transform(unsigned log_n, const struct bn254_run *run)
{
    size_t n = (size_t)1 << log_n;
    struct tables t = tables_for(log_n, NULL, run);
    bn254_fr *v = vector(n), *w = copy_of(v, n), *expected = malloc(n * sizeof *v), one, root;
    bn254_fr_set_one(&one);
    bn254_fr_root_of_unity(&root, log_n);
    naive(expected, v, n, &one, &root);
    PROP(bn254_ntt(w, &t.tw, run, t.scratch), "log_n %u", log_n);
    PROP(same(w, expected, n), "ntt, log_n %u, %s", log_n, bn254_path_name(run->path));
    PROP(bn254_intt(w, &t.tw, run, t.scratch), "log_n %u", log_n);
    PROP(same(w, v, n), "intt of ntt, log_n %u, %s", log_n, bn254_path_name(run->path));
    free(v), free(w), free(expected), tables_free(&t);
}

static void round_trip_and_linear(unsigned log_n, const struct bn254_run *run)
{
    size_t n = (size_t)1 << log_n;
    struct tables t = tables_for(log_n, NULL, run);
    bn254_fr *a = vector(n), *b = vector(n), *s = malloc(n * sizeof *s), *a0 = copy_of(a, n);
    for (size_t i = 0; i < n; i++) bn254_fr_sub(&s[i], &a[i], &b[i]);
    PROP(bn254_ntt(a, &t.tw, run, t.scratch) && bn254_ntt(b, &t.tw, run, t.scratch) &&
             bn254_ntt(s, &t.tw, run, t.scratch),
         "log_n %u", log_n);
    for (size_t i = 0; i < n; i++) {
        bn254_fr d;
        bn254_fr_sub(&d, &a[i], &b[i]);
        PROP(bn254_fr_eq(&d, &s[i]), "linear, log_n %u, at %zu, %s", log_n, i, bn254_path_name(run->path));
    }
    PROP(bn254_intt(a, &t.tw, run, t.scratch) && same(a, a0, n), "round trip, log_n %u, %s", log_n,
         bn254_path_name(run->path));
    /* one output, to tie large sizes to the definition: value at root^k */
    bn254_fr root, x;
    size_t k = prop_random() % n;
    bn254_fr_root_of_unity(&root, log_n);
    bn254_scalar e = { { k, 0, 0, 0 } };
    bn254_fr_pow(&x, &root, &e);
    x = value(a0, n, &x);
    memcpy(a, a0, n * sizeof *a);
    PROP(bn254_ntt(a, &t.tw, run, t.scratch) && bn254_fr_eq(&a[k], &x), "value at root^%zu, log_n %u, %s", k, log_n,
         bn254_path_name(run->path));
    free(a), free(b), free(s), free(a0), tables_free(&t);
}

/* Direct: interpolate, evaluate on the coset, multiply. Points at random positions where n is large. */
static void quotient_is_ab_minus_c(unsigned log_n, const bn254_fr *shift, const struct bn254_run *run)
{
    size_t n = (size_t)1 << log_n;
    struct bn254_run plain = { .path = BN254_PATH_PORTABLE, .threads = 1 };
    struct tables t = tables_for(log_n, shift, run), p = tables_for(log_n, NULL, &plain);
    bn254_fr *v[3], *coefficient[3], root, g;
    bn254_scalar_packed *h = malloc(n * sizeof *h);
    for (int i = 0; i < 3; i++) {
        v[i] = vector(n);
        coefficient[i] = copy_of(v[i], n);
        for (size_t j = 0; i == 2 && j < n; j++) bn254_fr_mul(&coefficient[2][j], &v[0][j], &v[1][j]);
        PROP(bn254_intt(coefficient[i], &p.tw, &plain, p.scratch), "log_n %u", log_n);
    }
    PROP(bn254_quotient(h, v[0], v[1], v[2], log_n, &t.tw, run, t.scratch), "log_n %u", log_n);
    bn254_fr_root_of_unity(&root, log_n);
    if (shift)
        g = *shift;
    else
        bn254_fr_root_of_unity(&g, log_n + 1);
    for (size_t i = 0; i<n; i += n> 64 ? 1 + prop_random() % (n / 8) : 1) {
        bn254_fr x, a, b, c;
        bn254_scalar e = { { i, 0, 0, 0 } }, got, want;
        bn254_fr_pow(&x, &root, &e);
        bn254_fr_mul(&x, &x, &g);
        a = value(coefficient[0], n, &x), b = value(coefficient[1], n, &x), c = value(coefficient[2], n, &x);
        bn254_fr_mul(&a, &a, &b);
        bn254_fr_sub(&a, &a, &c);
        bn254_fr_to_scalar(&want, &a);
        memcpy(&got, &h[i], sizeof got);
        PROP(bn254_scalar_eq(&got, &want), "quotient, log_n %u, at %zu, %s%s", log_n, i, bn254_path_name(run->path),
             shift ? ", shift" : "");
    }
    for (int i = 0; i < 3; i++) free(v[i]), free(coefficient[i]);
    free(h), tables_free(&t), tables_free(&p);
}

/* Every path's bytes: transform, back, and all of the quotient. */
static void paths_agree_on(bn254_fr *in[2], unsigned log_n)
{
    const size_t n = (size_t)1 << log_n;
    const struct bn254_run plain = { .path = BN254_PATH_PORTABLE, .threads = 1 }, best = { .threads = 2 },
                           adx = { .path = BN254_PATH_ADX, .threads = 3 };
    const struct bn254_run *runs[] = { &plain, &adx, &best };
    bn254_fr *out[3];
    bn254_scalar_packed *h[3];
    for (int i = 0; i < 3; i++) {
        struct tables t = tables_for(log_n, NULL, runs[i]);
        bn254_fr *a = copy_of(in[0], n), *b = copy_of(in[1], n), *c = copy_of(in[1], n);
        out[i] = copy_of(in[0], n);
        h[i] = malloc(n * sizeof *h[i]);
        PROP(bn254_ntt(out[i], &t.tw, runs[i], t.scratch) &&
                 bn254_quotient(h[i], a, b, c, log_n, &t.tw, runs[i], t.scratch),
             "log_n %u", log_n);
        PROP(same(out[i], out[0], n), "paths, ntt, log_n %u, %s", log_n, bn254_path_name(bn254_run_path(runs[i])));
        PROP(!memcmp(h[i], h[0], n * sizeof *h[i]), "paths, quotient, log_n %u, %s", log_n,
             bn254_path_name(bn254_run_path(runs[i])));
        free(a), free(b), free(c), tables_free(&t);
    }
    for (int i = 0; i < 3; i++) free(out[i]), free(h[i]);
}

static void paths_agree(unsigned log_n)
{
    const size_t n = (size_t)1 << log_n;
    bn254_fr *in[2] = { vector(n), vector(n) };
    paths_agree_on(in, log_n);
    free(in[0]), free(in[1]);
}

/* What sums grow most from: all equal to r - 1, and every second one of a block. */
static void paths_agree_on_extremes(unsigned log_n)
{
    const size_t n = (size_t)1 << log_n;
    bn254_fr *in[2] = { vector(n), vector(n) };
    for (unsigned block = 0; block < log_n; block += 3) {
        for (size_t i = 0; i < n; i++) {
            bn254_fr_set_one(&in[0][i]);
            bn254_fr_neg(&in[0][i], &in[0][i]);
            in[1][i] = in[0][i];
            if (i >> block & 1) bn254_fr_set_zero(&in[1][i]);
        }
        paths_agree_on(in, log_n);
    }
    free(in[0]), free(in[1]);
}

static void stops(const struct bn254_run *run)
{
    atomic_int stop = 1;
    struct bn254_run r = *run;
    struct tables t = tables_for(10, NULL, run);
    bn254_fr *v[3] = { vector(1024), vector(1024), vector(1024) };
    bn254_scalar_packed h[1024];
    r.stop = &stop;
    PROP(!bn254_ntt(v[0], &t.tw, &r, t.scratch), "stop");
    PROP(!bn254_intt(v[0], &t.tw, &r, t.scratch), "stop");
    PROP(!bn254_quotient(h, v[0], v[1], v[2], 10, &t.tw, &r, t.scratch), "stop");
    free(v[0]), free(v[1]), free(v[2]), tables_free(&t);
}

/* Each law at small sizes; only the paths are compared on several threads, whose barriers are slow beside other work. */
static void quick(void)
{
    bn254_fr twenty_five;
    bn254_fr_from_u64(&twenty_five, 25);
    for (int path = BN254_PATH_PORTABLE; path <= BN254_PATH_IFMA; path++) {
        if (!bn254_path_available((enum bn254_path)path)) continue;
        struct bn254_run run = { .path = (enum bn254_path)path, .threads = 1 };
        for (unsigned log_n = 0; log_n <= 6; log_n++) equals_naive_transform(log_n, &run);
        for (unsigned log_n = 7; log_n <= 12; log_n++) round_trip_and_linear(log_n, &run);
        for (unsigned log_n = 0; log_n <= 10; log_n++) quotient_is_ab_minus_c(log_n, NULL, &run);
        for (unsigned log_n = 1; log_n <= 9; log_n += 2) quotient_is_ab_minus_c(log_n, &twenty_five, &run);
        stops(&run);
    }
    for (unsigned log_n = 0; log_n <= 14; log_n += 2) paths_agree(log_n);
    for (unsigned log_n = 1; log_n <= 9; log_n += 4) paths_agree_on_extremes(log_n);
}

/* crypto_ntt LOG_N: only whether the paths agree at that size, for sizes too long for every day. */
int main(int argc, char **argv)
{
    prop_seed();
    if (argc > 1 && !strcmp(argv[1], "quick")) {
        quick();
        return 0;
    }
    if (argc > 1) {
        paths_agree((unsigned)atoi(argv[1]));
        return 0;
    }
    bn254_fr twenty_five;
    bn254_fr_from_u64(&twenty_five, 25);
    for (int path = BN254_PATH_PORTABLE; path <= BN254_PATH_IFMA; path++) {
        if (!bn254_path_available((enum bn254_path)path)) continue;
        for (unsigned threads = 1; threads <= 2; threads++) {
            struct bn254_run run = { .path = (enum bn254_path)path, .threads = threads };
            for (unsigned log_n = 0; log_n <= 8; log_n++) equals_naive_transform(log_n, &run);
            for (unsigned log_n = 9; log_n <= 13; log_n++) round_trip_and_linear(log_n, &run);
            for (unsigned log_n = 0; log_n <= 14; log_n++) quotient_is_ab_minus_c(log_n, NULL, &run);
            for (unsigned log_n = 1; log_n <= 15; log_n += 2) quotient_is_ab_minus_c(log_n, &twenty_five, &run);
            stops(&run);
        }
    }
    for (unsigned log_n = 0; log_n <= 17; log_n++) paths_agree(log_n);
    for (unsigned log_n = 1; log_n <= 13; log_n += 2) paths_agree_on_extremes(log_n);
    return 0;
}
