/* The transforms' kernel on scalar arithmetic. Each path's file includes it, after it has defined NTT(name) and KERNEL
 * and chosen how fr.h multiplies. */
#include <string.h>

#include "ntt_factor.h"
#include "ntt_kernel.h"

#define LOG_COLUMNS 2

/* While they are worked on, values are any four words (ntt_factor.h). */

/* n butterflies with one factor: (u, v) -> (u + z v, u - z v). */
static void NTT(split_run)(bn254_fr *u, bn254_fr *v, size_t n, const bn254_fr *z)
{
    struct ntt_factor f;
    ntt_factor_of(&f, z);
    for (size_t i = 0; i < n; i++) {
        uint64_t x[4], y[4];
        ntt_times(y, v[i].l, &f);
        ntt_settle(x, u[i].l);
        ntt_sum_and_difference(u[i].l, v[i].l, x, y);
    }
}

/* The factor is -z. */
static void NTT(split_run_negative)(bn254_fr *u, bn254_fr *v, size_t n, const bn254_fr *z)
{
    struct ntt_factor f;
    ntt_factor_of(&f, z);
    for (size_t i = 0; i < n; i++) {
        uint64_t x[4], y[4];
        ntt_times(y, v[i].l, &f);
        ntt_settle(x, u[i].l);
        ntt_sum_and_difference(v[i].l, u[i].l, x, y);
    }
}

static void NTT(split_run_one)(bn254_fr *u, bn254_fr *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t x[4], y[4];
        ntt_settle(x, u[i].l);
        ntt_settle(y, v[i].l);
        ntt_sum_and_difference(u[i].l, v[i].l, x, y);
    }
}

static void NTT(split_block)(bn254_fr *u, size_t half, const struct bn254_twiddles *tw, size_t s, bool forward)
{
    if (!s)
        NTT(split_run_one)(u, u + half, half);
    else if (forward)
        NTT(split_run)(u, u + half, half, &tw->t[s]);
    else
        NTT(split_run_negative)(u, u + half, half, &tw->t[ntt_mirror(s)]);
}

/* (u, v) -> (u + v, (u - v) z) */
static void NTT(merge_block)(bn254_fr *u, size_t half, const struct bn254_twiddles *tw, size_t s)
{
    bn254_fr *v = u + half;
    struct ntt_factor f;
    if (!s) {
        NTT(split_run_one)(u, v, half);
        return;
    }
    ntt_factor_of(&f, &tw->t[s]);
    for (size_t i = 0; i < half; i++) {
        uint64_t x[4], y[4], difference[4];
        ntt_settle(x, u[i].l);
        ntt_settle(y, v[i].l);
        ntt_sum_and_difference(u[i].l, difference, x, y);
        ntt_times(v[i].l, difference, &f);
    }
}

/* The last merge of all. The coset factors of the upper half are those of the lower half times w(2n), which is applied
 * here. */
static void NTT(merge_last)(bn254_fr *u, size_t half, const struct bn254_twiddles *tw)
{
    if (tw->shift)
        NTT(split_run_one)(u, u + half, half);
    else
        NTT(split_run)(u, u + half, half, &tw->root_2n);
}

/* The levels of `rows` rows of `width` elements that are block `block` of level `from`. */
static void NTT(split_levels)(bn254_fr *v, unsigned log_rows, size_t width, const struct bn254_twiddles *tw,
                              size_t block, bool forward)
{
    for (unsigned l = 0; l < log_rows; l++) {
        size_t half = (width << log_rows) >> (l + 1);
        for (size_t s = 0; s < (size_t)1 << l; s++)
            NTT(split_block)(v + 2 * half * s, half, tw, (block << l) + s, forward);
    }
}

static void NTT(merge_levels)(bn254_fr *v, unsigned log_rows, size_t width, const struct bn254_twiddles *tw,
                              size_t block, bool top)
{
    for (unsigned l = log_rows; l-- > 0;) {
        size_t half = (width << log_rows) >> (l + 1);
        if (top && !l)
            NTT(merge_last)(v, half, tw);
        else
            for (size_t s = 0; s < (size_t)1 << l; s++) NTT(merge_block)(v + 2 * half * s, half, tw, (block << l) + s);
    }
}

struct NTT(columns) {
    bn254_fr *at;
    size_t stride, rows, block;
};

static struct NTT(columns) NTT(columns_of)(bn254_fr *v, const struct ntt_stretch *s, size_t piece)
{
    unsigned log_stride = s->log_n - s->to, log_pieces = log_stride - LOG_COLUMNS;
    size_t block = piece >> log_pieces, column = (piece - (block << log_pieces)) << LOG_COLUMNS;
    return (struct NTT(columns)){ v + (block << (s->log_n - s->from)) + column, (size_t)1 << log_stride,
                                  (size_t)1 << (s->to - s->from), block };
}

#define COLUMN_BYTES (sizeof(bn254_fr) << LOG_COLUMNS)

static void NTT(load_columns)(bn254_fr *work, const struct NTT(columns) * c)
{
    for (size_t i = 0; i < c->rows; i++) memcpy(work + (i << LOG_COLUMNS), c->at + i * c->stride, COLUMN_BYTES);
}

static void NTT(store_columns)(const struct NTT(columns) * c, const bn254_fr *work)
{
    for (size_t i = 0; i < c->rows; i++) memcpy(c->at + i * c->stride, work + (i << LOG_COLUMNS), COLUMN_BYTES);
}

static void NTT(multiply)(bn254_fr *c, const bn254_fr *a, const bn254_fr *b, size_t n)
{
    for (size_t i = 0; i < n; i++) bn254_fr_mul(&c[i], &a[i], &b[i]);
}

static void NTT(combine)(bn254_scalar_packed *h, const bn254_fr *a, const bn254_fr *b, const bn254_fr *c, size_t n,
                         const struct ntt_vectors *k)
{
    for (size_t i = 0; i < n; i++) {
        bn254_fr ab, x;
        bn254_fr_mul(&ab, &b[i], &k->ab);
        bn254_fr_mul(&ab, &a[i], &ab);
        bn254_fr_mul(&x, &c[i], &k->c);
        bn254_fr_sub(&ab, &ab, &x);
        memcpy(&h[i], &ab, sizeof ab);
    }
}

static void NTT(multiply_columns)(const struct ntt_vectors *v, const struct ntt_stretch *s, size_t piece)
{
    const struct NTT(columns) c = NTT(columns_of)(v->v[2], s, piece);
    for (size_t i = 0; i < c.rows; i++) {
        bn254_fr *at = c.at + i * c.stride;
        NTT(multiply)(at, v->v[0] + (at - v->v[2]), v->v[1] + (at - v->v[2]), (size_t)1 << LOG_COLUMNS);
    }
}

static void NTT(combine_columns)(const struct ntt_vectors *v, const struct ntt_stretch *s, size_t piece)
{
    const struct NTT(columns) c = NTT(columns_of)(v->v[0], s, piece);
    for (size_t i = 0; i < c.rows; i++) {
        const size_t at = (size_t)(c.at + i * c.stride - v->v[0]);
        NTT(combine)(v->h + at, v->v[0] + at, v->v[1] + at, v->v[2] + at, (size_t)1 << LOG_COLUMNS, v);
    }
}

static void NTT(split)(const struct ntt_vectors *v, const struct bn254_twiddles *tw, const struct ntt_stretch *s,
                       size_t piece, enum ntt_transform t, void *columns)
{
    bn254_fr *work = columns;
    if (v->h && !s->from) NTT(multiply_columns)(v, s, piece);
    for (unsigned k = 0; k < v->count; k++) {
        const struct NTT(columns) c = NTT(columns_of)(v->v[k], s, piece);
        NTT(load_columns)(work, &c);
        NTT(split_levels)(work, s->to - s->from, (size_t)1 << LOG_COLUMNS, tw, c.block, t == NTT_FORWARD);
        NTT(store_columns)(&c, work);
    }
}

static void NTT(merge)(const struct ntt_vectors *v, const struct bn254_twiddles *tw, const struct ntt_stretch *s,
                       size_t piece, void *columns)
{
    bn254_fr *work = columns;
    for (unsigned k = 0; k < v->count; k++) {
        const struct NTT(columns) c = NTT(columns_of)(v->v[k], s, piece);
        NTT(load_columns)(work, &c);
        NTT(merge_levels)(work, s->to - s->from, (size_t)1 << LOG_COLUMNS, tw, c.block, !s->from);
        NTT(store_columns)(&c, work);
    }
    if (!s->from) NTT(combine_columns)(v, s, piece);
}

static void NTT(coset)(bn254_fr *v, const struct bn254_twiddles *tw, unsigned log_n, size_t lo, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t p = lo + i;
        if (tw->shift) {
            bn254_fr_mul(&v[i], &v[i], &tw->shift[p & (NTT_SHIFT_TABLE - 1)]);
            bn254_fr_mul(&v[i], &v[i], &tw->shift[NTT_SHIFT_TABLE + p / NTT_SHIFT_TABLE]);
        } else {
            bn254_fr_mul(&v[i], &v[i], &tw->t[p & (((size_t)1 << log_n) / 2 - 1)]);
        }
    }
}

static void NTT(make_canonical)(bn254_fr *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ntt_settle(v[i].l, v[i].l);
        for (int k = 0; k < 2; k++) limbs_reduce_once(v[i].l, v[i].l, ntt_modulus);
    }
}

static void NTT(leaf)(const struct ntt_vectors *v, const struct bn254_twiddles *tw, unsigned log_n, unsigned log_leaf,
                      size_t leaf, enum ntt_transform t, void *unused)
{
    const size_t n = (size_t)1 << log_leaf;
    if (v->h && log_leaf == log_n) NTT(multiply)(v->v[2], v->v[0], v->v[1], n);
    for (unsigned k = 0; k < v->count; k++) {
        bn254_fr *at = v->v[k] + leaf * n;
        NTT(split_levels)(at, log_leaf, 1, tw, leaf, t == NTT_FORWARD);
        if (!v->h) {
            NTT(make_canonical)(at, n);
            continue;
        }
        NTT(coset)(at, tw, log_n, leaf * n, n);
        NTT(merge_levels)(at, log_leaf, 1, tw, leaf, log_n == log_leaf);
    }
    if (v->h && log_leaf == log_n) NTT(combine)(v->h, v->v[0], v->v[1], v->v[2], n, v);
}

const struct ntt_kernel KERNEL = {
    .log_columns = LOG_COLUMNS,
    .log_r = 256,
    .work_bytes = sizeof(bn254_fr) << (NTT_STRETCH_LOG + LOG_COLUMNS),
    .split = NTT(split),
    .merge = NTT(merge),
    .leaf = NTT(leaf),
};
