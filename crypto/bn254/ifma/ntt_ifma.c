/* The transforms on AVX-512 IFMA: eight butterflies a step.
 *
 * Data keep the library's form x*2^256 and the table has z*2^260, so a product over 2^260 is x*z*2^256: nothing is converted. In
 * memory values are below 2.01 r; in work they grow by 2r a level of splits (26r at the most) and double with merges, which
 * reduce at 32r. Lanes are neighbouring elements; only the last three levels, inside eight elements, need them turned round. */
#include <string.h>

#include "bn254/ntt_kernel.h"

#include "fr52.h"
#include "vec.h"

#define LOG_COLUMNS 3
#define MERGE_BOUND 4 /* of values from memory or from a product, in r; a power of two */

/* Eight elements in memory, in lanes 0 2 1 3 4 6 5 7. */
IFMA_INLINE fe8 load8(const bn254_fr *v)
{
    const char *at = (const char *)v;
    const vec r0 = _mm512_loadu_si512(at), r1 = _mm512_loadu_si512(at + 64), r2 = _mm512_loadu_si512(at + 128), r3 = _mm512_loadu_si512(at + 192);
    const vec lo0 = _mm512_unpacklo_epi64(r0, r1), hi0 = _mm512_unpackhi_epi64(r0, r1);
    const vec lo1 = _mm512_unpacklo_epi64(r2, r3), hi1 = _mm512_unpackhi_epi64(r2, r3);
    return fe8_from_words(_mm512_shuffle_i64x2(lo0, lo1, 0x88), _mm512_shuffle_i64x2(hi0, hi1, 0x88),
                          _mm512_shuffle_i64x2(lo0, lo1, 0xdd), _mm512_shuffle_i64x2(hi0, hi1, 0xdd), 0);
}

static const unsigned char lane_element[8] = { 0, 2, 1, 3, 4, 6, 5, 7 };

IFMA_INLINE void store8(void *v, fe8 a)
{
    const vec low = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0), high = _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4);
    char *at = v;
    vec w[4];
    fe8_to_words(w, a);
    const vec lo0 = _mm512_permutex2var_epi64(w[0], low, w[2]), hi0 = _mm512_permutex2var_epi64(w[1], low, w[3]);
    const vec lo1 = _mm512_permutex2var_epi64(w[0], high, w[2]), hi1 = _mm512_permutex2var_epi64(w[1], high, w[3]);
    _mm512_storeu_si512(at, _mm512_unpacklo_epi64(lo0, hi0));
    _mm512_storeu_si512(at + 64, _mm512_unpackhi_epi64(lo0, hi0));
    _mm512_storeu_si512(at + 128, _mm512_unpacklo_epi64(lo1, hi1));
    _mm512_storeu_si512(at + 192, _mm512_unpackhi_epi64(lo1, hi1));
}

/* One element in all lanes. */
IFMA_INLINE fe8 spread(const bn254_fr *z)
{
    return fe8_from_words(vec_set(z->l[0]), vec_set(z->l[1]), vec_set(z->l[2]), vec_set(z->l[3]), 0);
}

/* Butterflies */

/* (u, v) -> (u + z v, u - z v), or with -z */
IFMA_INLINE void split_one(fe8 *u, fe8 *v, fe8 z, bool negative)
{
    const fe8 x = fe8_mul(*v, z), more = fe8_add(*u, x), less = fe8_sub(*u, x, 2);
    *u = negative ? less : more;
    *v = negative ? more : less;
}

/* (u, v) -> (u + v, (u - v) z), both below bound*r; sums of 32r are reduced */
IFMA_INLINE void merge_one(fe8 *u, fe8 *v, fe8 z, uint64_t bound)
{
    const fe8 sum = fe8_add(*u, *v), difference = fe8_sub(*u, *v, bound);
    *v = fe8_mul(difference, z);
    *u = bound == 16 ? fe8_reduce_wide(sum) : sum;
}

static inline uint64_t next_bound(uint64_t bound)
{
    return bound == 16 ? MERGE_BOUND : 2 * bound;
}

static void split_run(fe8 *u, fe8 *v, size_t n, const bn254_fr *factor, bool negative)
{
    const fe8 z = spread(factor);
    if (negative)
        for (size_t i = 0; i < n; i++) split_one(&u[i], &v[i], z, true);
    else
        for (size_t i = 0; i < n; i++) split_one(&u[i], &v[i], z, false);
}

/* z = 1; v may be anything below 26r here, so it is reduced first */
static void split_run_one(fe8 *u, fe8 *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const fe8 x = fe8_reduce_wide(v[i]);
        v[i] = fe8_sub(u[i], x, 3);
        u[i] = fe8_add(u[i], x);
    }
}

static void merge_run(fe8 *u, fe8 *v, size_t n, const bn254_fr *factor, uint64_t bound)
{
    const fe8 z = spread(factor);
    if (bound == 16)
        for (size_t i = 0; i < n; i++) merge_one(&u[i], &v[i], z, 16);
    else
        for (size_t i = 0; i < n; i++) merge_one(&u[i], &v[i], z, bound);
}

static void split_block(fe8 *u, size_t half, const struct bn254_twiddles *tw, size_t s, bool forward)
{
    if (!s) split_run_one(u, u + half, half);
    else if (forward) split_run(u, u + half, half, &tw->t[s], false);
    else split_run(u, u + half, half, &tw->t[ntt_mirror(s)], true);
}

static void split_levels(fe8 *v, unsigned log_rows, const struct bn254_twiddles *tw, size_t block, bool forward)
{
    for (unsigned l = 0; l < log_rows; l++) {
        size_t half = ((size_t)1 << log_rows) >> (l + 1);
        for (size_t s = 0; s < (size_t)1 << l; s++) split_block(v + 2 * half * s, half, tw, (block << l) + s, forward);
    }
}

/* The last merge of all: see ntt_body.h. */
static void merge_last(fe8 *u, size_t half, const struct bn254_twiddles *tw)
{
    if (tw->shift) split_run_one(u, u + half, half);
    else split_run(u, u + half, half, &tw->root_2n, false);
}

static void merge_levels(fe8 *v, unsigned log_rows, const struct bn254_twiddles *tw, size_t block, bool top, uint64_t bound)
{
    for (unsigned l = log_rows; l-- > 0; bound = next_bound(bound)) {
        size_t half = ((size_t)1 << log_rows) >> (l + 1);
        if (top && !l) merge_last(v, half, tw);
        else
            for (size_t s = 0; s < (size_t)1 << l; s++) merge_run(v + 2 * half * s, v + 2 * half * s + half, half, &tw->t[(block << l) + s], bound);
    }
}

/* Columns */

struct columns {
    bn254_fr *at;
    size_t stride, rows, block;
};

static struct columns columns_of(bn254_fr *v, const struct ntt_stretch *s, size_t piece)
{
    unsigned log_stride = s->log_n - s->to, log_pieces = log_stride - LOG_COLUMNS;
    size_t block = piece >> log_pieces, column = (piece - (block << log_pieces)) << LOG_COLUMNS;
    return (struct columns){ v + (block << (s->log_n - s->from)) + column, (size_t)1 << log_stride, (size_t)1 << (s->to - s->from), block };
}

static void load_columns(fe8 *work, const struct columns *c)
{
    for (size_t i = 0; i < c->rows; i++) work[i] = load8(c->at + i * c->stride);
}

static void store_columns(const struct columns *c, const fe8 *work)
{
    for (size_t i = 0; i < c->rows; i++) store8(c->at + i * c->stride, fe8_reduce_wide(work[i]));
}

static void split(bn254_fr *v, const struct bn254_twiddles *tw, const struct ntt_stretch *s, size_t piece, bool forward)
{
    fe8 work[(size_t)1 << NTT_STRETCH_LOG];
    struct columns c = columns_of(v, s, piece);
    load_columns(work, &c);
    split_levels(work, s->to - s->from, tw, c.block, forward);
    store_columns(&c, work);
}

static void merge(bn254_fr *v, const struct bn254_twiddles *tw, const struct ntt_stretch *s, size_t piece)
{
    fe8 work[(size_t)1 << NTT_STRETCH_LOG];
    struct columns c = columns_of(v, s, piece);
    load_columns(work, &c);
    merge_levels(work, s->to - s->from, tw, c.block, !s->from, MERGE_BOUND);
    store_columns(&c, work);
}

/* Leaves: the last three levels, 64 elements at a time. Turned round, t[i] lane j is element 8j + i. */

IFMA_INLINE void turn(fe8 t[8])
{
    for (int limb = 0; limb < 5; limb++) {
        vec r[8];
        for (int i = 0; i < 8; i++) r[i] = t[i].v[limb];
        vec_transpose(r);
        for (int i = 0; i < 8; i++) t[i].v[limb] = r[i];
    }
}

IFMA_INLINE void turn_in(fe8 t[8], const fe8 *v)
{
    fe8 w[8];
    for (int i = 0; i < 8; i++) w[i] = v[i];
    turn(w);
    for (int i = 0; i < 8; i++) t[lane_element[i]] = w[i];
}

IFMA_INLINE void turn_out(fe8 *v, const fe8 t[8])
{
    fe8 w[8];
    for (int i = 0; i < 8; i++) w[i] = t[lane_element[i]];
    turn(w);
    for (int i = 0; i < 8; i++) v[i] = w[i];
}

/* z[i] lane j = row j's entry i, i < 2n: rows of 2n entries, row j the j-th from `from` on, or from its end backward. */
IFMA_INLINE void load_rows(fe8 *z, const bn254_fr *from, int n, bool backward)
{
    for (int c = 0; c < n; c++) {
        vec r[8];
        for (int j = 0; j < 8; j++) r[j] = _mm512_loadu_si512(from + (backward ? 7 - j : j) * 2 * n + 2 * c);
        vec_transpose(r);
        z[2 * c] = fe8_from_words(r[0], r[1], r[2], r[3], 0);
        z[2 * c + 1] = fe8_from_words(r[4], r[5], r[6], r[7], 0);
    }
}

/* lane j = from[j], or from[7 - j] */
IFMA_INLINE fe8 load_row(const bn254_fr *from, bool backward)
{
    vec lane = _mm512_set_epi64(7, 5, 6, 4, 3, 1, 2, 0);
    fe8 z = load8(from);
    if (backward) lane = _mm512_set_epi64(0, 2, 1, 3, 4, 6, 5, 7);
    for (int i = 0; i < 5; i++) z.v[i] = _mm512_permutexvar_epi64(lane, z.v[i]);
    return z;
}

/* The factors of the three levels for blocks q .. q+7 of eight elements. */
struct factors {
    fe8 a, b[2], c[4];
};

IFMA_INLINE void load_factors(struct factors *f, const bn254_fr *table, size_t q)
{
    f->a = load_row(table + q, false);
    load_rows(f->b, table + 2 * q, 1, false);
    load_rows(f->c, table + 4 * q, 2, false);
}

/* Those of the inverse, up to the sign; q > 0 and a multiple of 8. */
IFMA_INLINE void load_mirrored(struct factors *f, const bn254_fr *table, size_t q)
{
    fe8 b[2], c[4];
    f->a = load_row(table + ntt_mirror(q + 7), true);
    load_rows(b, table + ntt_mirror(2 * q + 15), 1, true);
    load_rows(c, table + ntt_mirror(4 * q + 31), 2, true);
    f->b[0] = b[1], f->b[1] = b[0];
    for (int i = 0; i < 4; i++) f->c[i] = c[3 - i];
}

IFMA_INLINE void split_eight(fe8 t[8], const struct factors *f, bool negative)
{
    for (int i = 0; i < 4; i++) split_one(&t[i], &t[i + 4], f->a, negative);
    for (int i = 0; i < 2; i++) {
        split_one(&t[i], &t[i + 2], f->b[0], negative);
        split_one(&t[i + 4], &t[i + 6], f->b[1], negative);
    }
    for (int i = 0; i < 4; i++) split_one(&t[2 * i], &t[2 * i + 1], f->c[i], negative);
}

IFMA_INLINE void merge_eight(fe8 t[8], const struct factors *f)
{
    for (int i = 0; i < 4; i++) merge_one(&t[2 * i], &t[2 * i + 1], f->c[i], 4);
    for (int i = 0; i < 2; i++) {
        merge_one(&t[i], &t[i + 2], f->b[0], 8);
        merge_one(&t[i + 4], &t[i + 6], f->b[1], 8);
    }
    for (int i = 0; i < 4; i++) merge_one(&t[i], &t[i + 4], f->a, 16);
}

static void split_last(fe8 *v, const struct bn254_twiddles *tw, size_t q, bool forward)
{
    struct factors f;
    fe8 t[8];
    turn_in(t, v);
    if (forward || !q) {
        load_factors(&f, forward ? tw->t : tw->head, q);
        split_eight(t, &f, false);
    } else {
        load_mirrored(&f, tw->t, q);
        split_eight(t, &f, true);
    }
    for (int i = 0; i < 8; i++) v[i] = t[i]; /* still turned round */
}

static void coset_eight(fe8 t[8], const struct bn254_twiddles *tw, size_t half, size_t first)
{
    fe8 z[8];
    if (!tw->shift) {
        load_rows(z, tw->t + (first & (half - 1)), 4, false);
        for (int i = 0; i < 8; i++) t[i] = fe8_mul(t[i], z[i]);
        return;
    }
    const fe8 high = spread(&tw->shift[NTT_SHIFT_TABLE + first / NTT_SHIFT_TABLE]);
    load_rows(z, tw->shift + (first & (NTT_SHIFT_TABLE - 1)), 4, false);
    for (int i = 0; i < 8; i++) t[i] = fe8_mul(fe8_mul(t[i], z[i]), high);
}

static void merge_first(fe8 *t, const struct bn254_twiddles *tw, size_t q)
{
    struct factors f;
    load_factors(&f, tw->t, q);
    merge_eight(t, &f);
    turn_out(t, t);
}

static void leaf(bn254_fr *v, const struct bn254_twiddles *tw, unsigned log_n, unsigned log_leaf, size_t number, enum ntt_leaf_work todo)
{
    fe8 work[(size_t)1 << (NTT_LEAF_LOG - 3)];
    const size_t rows = (size_t)1 << (log_leaf - 3), first = number << log_leaf;
    const struct columns c = { v + first, 8, rows, 0 };
    load_columns(work, &c);
    split_levels(work, log_leaf - 3, tw, number, todo == NTT_LEAF_FORWARD);
    for (size_t i = 0; i < rows; i += 8) {
        split_last(work + i, tw, number * rows + i, todo == NTT_LEAF_FORWARD);
        if (todo != NTT_LEAF_QUOTIENT) {
            turn_out(work + i, work + i);
            continue;
        }
        coset_eight(work + i, tw, ((size_t)1 << log_n) / 2, first + 8 * i);
        merge_first(work + i, tw, number * rows + i);
    }
    if (todo == NTT_LEAF_QUOTIENT) {
        merge_levels(work, log_leaf - 3, tw, number, false, MERGE_BOUND);
        store_columns(&c, work);
        return;
    }
    for (size_t i = 0; i < rows; i++) store8(c.at + 8 * i, fe8_canonical(fe8_reduce_wide(work[i])));
}

static void combine(bn254_scalar_packed *h, const bn254_fr *a, const bn254_fr *b, const bn254_fr *c, size_t n, const struct ntt_constants *k)
{
    const fe8 k_ab = spread(&k->ab), k_c = spread(&k->c);
    for (size_t i = 0; i < n; i += 8) {
        const fe8 ab = fe8_mul(fe8_mul(load8(a + i), load8(b + i)), k_ab);
        store8(h + i, fe8_canonical(fe8_sub(ab, fe8_mul(load8(c + i), k_c), 2)));
    }
}

const struct ntt_kernel bn254_ntt_kernel_ifma = {
    .log_n_min = 7, /* 64 elements have one coset factor each, and half of all factors are in the table */
    .log_columns = LOG_COLUMNS,
    .log_r = 260,
    .split = split,
    .merge = merge,
    .leaf = leaf,
    .combine = combine,
};
