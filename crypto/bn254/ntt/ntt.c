#include "ntt.h"

#include <omp.h>
#include <string.h>

#include "ntt_kernel.h"
#include "paths.h"

static const struct ntt_kernel *kernel_for(enum bn254_path path)
{
    switch (path) {
#if BN254_HAVE_ADX
    case BN254_PATH_ADX: return &bn254_ntt_kernel_adx;
#endif
#if BN254_HAVE_IFMA
    case BN254_PATH_IFMA: return &bn254_ntt_kernel_ifma;
#endif
    default: return &bn254_ntt_kernel_portable;
    }
}

/* Leaves: large enough to save passes over memory, small enough that even short vectors give work to several threads.
 * Odd where possible, because IFMA takes the levels of a leaf, down to eight elements, two at a time; 9 and 11 for 2^16
 * and 2^18, and 11 and 12 for 2^20, are within 2 %. */
static unsigned leaf_log(unsigned log_n)
{
    if (log_n <= 6) return log_n;
    if (log_n <= 9) return 6;
    if (log_n <= 13) return 7;
    if (log_n <= 18) return 9;
    return log_n <= 20 ? 11 : NTT_LEAF_LOG;
}

/* Tables */

static size_t table_entries(unsigned log_n)
{
    return log_n ? (size_t)1 << (log_n - 1) : 1;
}

static size_t shift_entries(unsigned log_n)
{
    size_t n = (size_t)1 << log_n;
    return NTT_SHIFT_TABLE + (n > NTT_SHIFT_TABLE ? n / NTT_SHIFT_TABLE : 1);
}

size_t bn254_twiddles_bytes(unsigned log_n)
{
    return (table_entries(log_n) + NTT_HEAD + shift_entries(log_n)) * sizeof(bn254_fr) + 63;
}

static void power_of_two(bn254_fr *r, unsigned log)
{
    bn254_scalar two_to = { { 0 } };
    if (log < 64) two_to.l[0] = (uint64_t)1 << log;
    bn254_fr_from_scalar(r, &two_to);
}

/* t[2^l + i] = t[i] * w(2^(l+2)), for the numbers in Montgomery form, whatever constant factor they carry */
static void fill_table(bn254_fr *t, unsigned log_n, unsigned threads)
{
    for (unsigned l = 0; l + 1 < log_n; l++) {
        bn254_fr step;
        size_t half = (size_t)1 << l;
        bn254_fr_root_of_unity(&step, l + 2);
#pragma omp parallel for num_threads(threads) schedule(static) if (half >= 4096)
        for (size_t i = 0; i < half; i++) bn254_fr_mul(&t[half + i], &t[i], &step);
    }
}

static void fill_head(struct bn254_twiddles *tw, size_t entries)
{
    bn254_fr zero = { { 0 } };
    tw->head[0] = tw->t[0];
    for (size_t s = 1; s < NTT_HEAD && s < entries; s++) bn254_fr_sub(&tw->head[s], &zero, &tw->t[ntt_mirror(s)]);
}

/* t[i] = factor * g^(i reversed in log_n bits), for i = step * j, j < n */
static void fill_shift(bn254_fr *t, size_t n, size_t step, unsigned log_n, const bn254_fr *shift,
                       const bn254_fr *factor)
{
    bn254_fr power[BN254_NTT_LOG_MAX]; /* of bit b: g^(2^(log_n-1-b)) */
    power[log_n - 1] = *shift;
    for (unsigned b = log_n - 1; b-- > 0;) bn254_fr_sqr(&power[b], &power[b + 1]);
    for (size_t j = 0; j < n; j++) {
        t[j] = *factor;
        for (unsigned b = 0; b < log_n; b++)
            if ((j * step) >> b & 1) bn254_fr_mul(&t[j], &t[j], &power[b]);
    }
}

void bn254_twiddles_init_shift(struct bn254_twiddles *tw, unsigned log_n, const bn254_fr *shift, void *mem,
                               const struct bn254_run *run)
{
    bn254_fr factor;
    tw->log_n = log_n;
    tw->path = bn254_run_path(run);
    if (log_n < kernel_for(tw->path)->log_n_min) tw->path = BN254_PATH_PORTABLE;
    tw->t = (bn254_fr *)(((uintptr_t)mem + 63) / 64 * 64);
    tw->head = tw->t + table_entries(log_n);
    tw->shift = NULL;
    power_of_two(&factor, kernel_for(tw->path)->log_r - 256);
    tw->t[0] = factor;
    fill_table(tw->t, log_n, bn254_run_threads(run));
    fill_head(tw, table_entries(log_n));
    if (shift) {
        size_t n = (size_t)1 << log_n;
        tw->shift = tw->head + NTT_HEAD;
        memset(&tw->root_2n, 0, sizeof tw->root_2n);
        if (!log_n) return;
        fill_shift(tw->shift, n < NTT_SHIFT_TABLE ? n : NTT_SHIFT_TABLE, 1, log_n, shift, &factor);
        fill_shift(tw->shift + NTT_SHIFT_TABLE, shift_entries(log_n) - NTT_SHIFT_TABLE, NTT_SHIFT_TABLE, log_n, shift,
                   &factor);
    } else {
        bn254_fr_root_of_unity(&tw->root_2n, log_n + 1);
        bn254_fr_mul(&tw->root_2n, &tw->root_2n, &factor);
    }
}

void bn254_twiddles_init(struct bn254_twiddles *tw, unsigned log_n, void *mem, const struct bn254_run *run)
{
    bn254_fr shift;
    bn254_scalar number = { { 25 } }; /* ffjavascript's Fr.shift: the smallest non-residue, squared */
    bn254_fr_from_scalar(&shift, &number);
    bn254_twiddles_init_shift(tw, log_n, log_n == BN254_NTT_LOG_MAX ? &shift : NULL, mem, run);
}

/* Passes */

struct pass {
    struct ntt_vectors v;
    const struct bn254_twiddles *tw;
    const struct ntt_kernel *kernel;
    const struct bn254_run *run;
    unsigned log_n, log_leaf;
    char *work; /* kernel->work_bytes for each thread */
};

/* Rounded up, so that no two threads write to one line of the cache. */
static size_t work_bytes_max(void)
{
    static const enum bn254_path paths[] = { BN254_PATH_PORTABLE, BN254_PATH_ADX, BN254_PATH_IFMA };
    size_t most = 0;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        if (kernel_for(paths[i])->work_bytes > most) most = kernel_for(paths[i])->work_bytes;
    return (most + 63) / 64 * 64;
}

size_t bn254_ntt_scratch_bytes(const struct bn254_run *run)
{
    return bn254_run_threads(run) * work_bytes_max() + 63;
}

/* Of the calling thread, in a team of at most bn254_run_threads. */
static void *work_of(const struct pass *p)
{
    return p->work + (size_t)omp_get_thread_num() * p->kernel->work_bytes;
}

static size_t pieces_of(const struct pass *p, const struct ntt_stretch *s)
{
    return (size_t)1 << (p->log_n - (s->to - s->from) - p->kernel->log_columns);
}

static bool split_stretch(const struct pass *p, const struct ntt_stretch *s, enum ntt_transform t)
{
    const size_t pieces = pieces_of(p, s);
#pragma omp parallel for num_threads(bn254_run_threads(p->run)) schedule(dynamic, 1)
    for (size_t i = 0; i < pieces; i++)
        if (!bn254_run_stopped(p->run)) p->kernel->split(&p->v, p->tw, s, i, t, work_of(p));
    return !bn254_run_stopped(p->run);
}

static bool merge_stretch(const struct pass *p, const struct ntt_stretch *s)
{
    const size_t pieces = pieces_of(p, s);
#pragma omp parallel for num_threads(bn254_run_threads(p->run)) schedule(dynamic, 1)
    for (size_t i = 0; i < pieces; i++)
        if (!bn254_run_stopped(p->run)) p->kernel->merge(&p->v, p->tw, s, i, work_of(p));
    return !bn254_run_stopped(p->run);
}

static bool leaves(const struct pass *p, enum ntt_transform t)
{
    const size_t pieces = (size_t)1 << (p->log_n - p->log_leaf);
#pragma omp parallel for num_threads(bn254_run_threads(p->run)) schedule(dynamic, 1)
    for (size_t i = 0; i < pieces; i++)
        if (!bn254_run_stopped(p->run)) p->kernel->leaf(&p->v, p->tw, p->log_n, p->log_leaf, i, t, work_of(p));
    return !bn254_run_stopped(p->run);
}

/* Stretch i of n, of the levels above the leaves: as equal as can be. */
static struct ntt_stretch stretch(const struct pass *p, unsigned i, unsigned n)
{
    unsigned levels = p->log_n - p->log_leaf;
    return (struct ntt_stretch){ p->log_n, levels * i / n, levels * (i + 1) / n };
}

static unsigned stretches(const struct pass *p)
{
    return (p->log_n - p->log_leaf + NTT_STRETCH_LOG - 1) / NTT_STRETCH_LOG;
}

static bool transform(const struct pass *p, enum ntt_transform t)
{
    unsigned n = stretches(p);
    for (unsigned i = 0; i < n; i++) {
        struct ntt_stretch s = stretch(p, i, n);
        if (!split_stretch(p, &s, t)) return false;
    }
    if (!leaves(p, t)) return false;
    for (unsigned i = n; p->v.h && i-- > 0;) {
        struct ntt_stretch s = stretch(p, i, n);
        if (!merge_stretch(p, &s)) return false;
    }
    return true;
}

static struct pass pass_for(const struct bn254_twiddles *tw, const struct bn254_run *run, void *scratch)
{
    return (struct pass){ .tw = tw,
                          .kernel = kernel_for(tw->path),
                          .run = run,
                          .log_n = tw->log_n,
                          .log_leaf = leaf_log(tw->log_n),
                          .work = (char *)(((uintptr_t)scratch + 63) / 64 * 64) };
}

static void swap(bn254_fr *a, bn254_fr *b)
{
    bn254_fr t = *a;
    *a = *b;
    *b = t;
}

static size_t reversed_bits(size_t i, unsigned bits)
{
    size_t r = 0;
    for (unsigned b = 0; b < bits; b++) r |= (i >> b & 1) << (bits - 1 - b);
    return r;
}

static void reverse_short(bn254_fr *v, unsigned log_n)
{
    for (size_t i = 0; i < (size_t)1 << log_n; i++) {
        size_t j = reversed_bits(i, log_n);
        if (i < j) swap(&v[i], &v[j]);
    }
}

/* Tiles of 16 by 16 elements, upper by lower four bits of the index: a tile is transposed into the tile of the reversed
 * middle bits, 512 bytes at a time. Element by element and on one thread, reordering was a fifth or more of a transform
 * of 2^20. */
#define TILE_LOG 4
#define TILE ((size_t)1 << TILE_LOG)

static void swap_tiles(bn254_fr *v, unsigned log_n, size_t middle, size_t other)
{
    static const unsigned char reversed[TILE] = { 0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15 };
    bn254_fr *a = v + middle * TILE, *b = v + other * TILE;
    for (size_t i = 0; i < TILE; i++)
        for (size_t j = 0; j < TILE; j++) {
            const size_t row = reversed[j], column = reversed[i];
            if (middle < other || i * TILE + j < row * TILE + column)
                swap(&a[(i << (log_n - TILE_LOG)) + j], &b[(row << (log_n - TILE_LOG)) + column]);
        }
}

static void reverse_bits(bn254_fr *v, unsigned log_n, const struct bn254_run *run)
{
    if (log_n < 2 * TILE_LOG) {
        reverse_short(v, log_n);
        return;
    }
    const unsigned bits = log_n - 2 * TILE_LOG;
#pragma omp parallel for num_threads(bn254_run_threads(run)) schedule(dynamic, 64) if (log_n > 12)
    for (size_t m = 0; m < (size_t)1 << bits; m++) {
        const size_t other = reversed_bits(m, bits);
        if (m <= other && !bn254_run_stopped(run)) swap_tiles(v, log_n, m, other);
    }
}

bool bn254_ntt(bn254_fr *v, const struct bn254_twiddles *tw, const struct bn254_run *run, void *scratch)
{
    struct pass p = pass_for(tw, run, scratch);
    p.v = (struct ntt_vectors){ .v = { v }, .count = 1 };
    if (!transform(&p, NTT_FORWARD)) return false;
    reverse_bits(v, tw->log_n, run);
    return !bn254_run_stopped(run);
}

/* 1/2^log_n */
static void inverse_of_size(bn254_fr *r, unsigned log_n)
{
    power_of_two(r, log_n);
    bn254_fr_inv(r, r);
}

bool bn254_intt(bn254_fr *v, const struct bn254_twiddles *tw, const struct bn254_run *run, void *scratch)
{
    struct pass p = pass_for(tw, run, scratch);
    const size_t n = (size_t)1 << tw->log_n;
    bn254_fr scale;
    p.v = (struct ntt_vectors){ .v = { v }, .count = 1 };
    if (!transform(&p, NTT_INVERSE)) return false;
    reverse_bits(v, tw->log_n, run);
    inverse_of_size(&scale, tw->log_n);
#pragma omp parallel for num_threads(bn254_run_threads(run)) schedule(static)
    for (size_t i = 0; i < n; i++) bn254_fr_mul(&v[i], &v[i], &scale);
    return !bn254_run_stopped(run);
}

/* The transforms leave a factor n in a, b and c, and h must be canonical. Words are x*2^256; each product divides by R
 * = 2^log_r, also that of a and b into c. */
static void set_constants(struct ntt_vectors *v, unsigned log_n, unsigned log_r)
{
    bn254_fr size, up, x;
    bn254_scalar s;
    inverse_of_size(&size, log_n);
    power_of_two(&up, log_r - 256);
    bn254_fr_mul(&x, &size, &up);
    bn254_fr_mul(&up, &x, &up);
    bn254_fr_to_scalar(&s, &up);
    memcpy(&v->c, &s, sizeof s);
    bn254_fr_sqr(&x, &x);
    bn254_fr_to_scalar(&s, &x);
    memcpy(&v->ab, &s, sizeof s);
}

bool bn254_quotient(bn254_scalar_packed *h, bn254_fr *a, bn254_fr *b, bn254_fr *c, unsigned log_n,
                    const struct bn254_twiddles *tw, const struct bn254_run *run, void *scratch)
{
    struct pass p = pass_for(tw, run, scratch);
    if (log_n != tw->log_n) return false;
    p.v = (struct ntt_vectors){ .v = { a, b, c }, .count = 3, .h = h };
    set_constants(&p.v, log_n, p.kernel->log_r);
    return transform(&p, NTT_INVERSE);
}
