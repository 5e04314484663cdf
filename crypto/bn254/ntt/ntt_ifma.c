/* The transforms on AVX-512 IFMA: eight butterflies a step.
 *
 * Data keep the library's form x*2^256 and the table has z*2^260, so a product over 2^260 is x*z*2^256: nothing is
 * converted. In memory values are below 2.01 r. While they are worked on they are columns, carried only when a
 * multiplication reads them, and they grow by 6r a level of splits, to at most 77r; merges keep them below 12r. Lanes
 * are neighbouring elements; only the last three levels, inside eight elements, need a transposition.
 *
 * Four rows and two levels at a time: 35 cycles for eight butterflies on Zen 5, 30 of them multiply-adds. Whole
 * products (vec.h), one level at a time, took 82. */
#include <string.h>

#include "ntt_kernel.h"

#include "fr52.h"
#include "factor.h"

#define LOG_COLUMNS 3
#define MERGE_BOUND 12 /* of what goes into two levels of merges, in r */
#define LOG_NEAR                                                                                                       \
    6 /* log of the rows that stay in the first-level cache, with their factors, while all their levels are done */

/* Eight elements in memory, in lanes 0 2 1 3 4 6 5 7. */
IFMA_INLINE fe8 load8(const bn254_fr *v)
{
    const char *at = (const char *)v;
    const vec r0 = _mm512_loadu_si512(at), r1 = _mm512_loadu_si512(at + 64), r2 = _mm512_loadu_si512(at + 128),
              r3 = _mm512_loadu_si512(at + 192);
    const vec lo0 = _mm512_unpacklo_epi64(r0, r1), hi0 = _mm512_unpackhi_epi64(r0, r1);
    const vec lo1 = _mm512_unpacklo_epi64(r2, r3), hi1 = _mm512_unpackhi_epi64(r2, r3);
    return fe8_from_words(_mm512_shuffle_i64x2(lo0, lo1, 0x88), _mm512_shuffle_i64x2(hi0, hi1, 0x88),
                          _mm512_shuffle_i64x2(lo0, lo1, 0xdd), _mm512_shuffle_i64x2(hi0, hi1, 0xdd), 0);
}

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

/* While they are worked on, values are columns (fe8_add_product). */

IFMA_INLINE fe8 columns_add(fe8 a, fe8 b)
{
    for (int i = 0; i < 5; i++) a.v[i] = _mm512_add_epi64(a.v[i], b.v[i]);
    return a;
}

/* a - b + k*r, b < k*r */
IFMA_INLINE fe8 columns_sub(fe8 a, fe8 b, uint64_t k)
{
    for (int i = 0; i < 5; i++) a.v[i] = _mm512_sub_epi64(_mm512_add_epi64(a.v[i], vec_set(k * P52[i])), b.v[i]);
    return a;
}

/* Below 2.01 r, carried: minus q r for a quotient that is never too large, from the two upper columns. What is added is
 * q times 2^260 - r, in five limbs. */
IFMA_INLINE fe8 settled(fe8 a)
{
    const vec m = vec_set(MASK52), top = _mm512_add_epi64(a.v[4], _mm512_srai_epi64(a.v[3], 52));
    const vec q = HI52(_mm512_setzero_si512(), top, vec_set(((uint64_t)1 << 52) / (P52[4] + 16)));
    for (int i = 0; i < 5; i++) a.v[i] = LO52(a.v[i], q, vec_set((i ? MASK52 : MASK52 + 1) - P52[i]));
    for (int i = 0; i < 4; i++) a.v[i + 1] = HI52(a.v[i + 1], q, vec_set((i ? MASK52 : MASK52 + 1) - P52[i]));
    a = fe8_carry(a);
    a.v[4] = _mm512_and_si512(a.v[4], m);
    return a;
}

IFMA_INLINE fe8 product(fe8 a, struct factor z)
{
    const vec zero = _mm512_setzero_si512();
    return fe8_add_product((fe8){ { zero, zero, zero, zero, zero } }, fe8_operand(a), z);
}

/* Butterflies */

/* (u, v) -> (u + z v, u - z v) */
IFMA_INLINE void split_one(fe8 *u, fe8 *v, struct factor z)
{
    const fe8 more = fe8_add_product(*u, fe8_operand(*v), z);
    *v = columns_sub(columns_add(*u, *u), more, FACTOR_BOUND);
    *u = more;
}

IFMA_INLINE void split_two(fe8 *u0, fe8 *v0, fe8 *u1, fe8 *v1, struct factor z)
{
    const fe8 v[2] = { fe8_operand(*v0), fe8_operand(*v1) };
    fe8 more[2] = { *u0, *u1 };
    fe8_add_product_two(more, v, z);
    *v0 = columns_sub(columns_add(*u0, *u0), more[0], FACTOR_BOUND);
    *v1 = columns_sub(columns_add(*u1, *u1), more[1], FACTOR_BOUND);
    *u0 = more[0], *u1 = more[1];
}

/* (u, v) -> (u + v, (u - v) z), both below bound*r */
IFMA_INLINE void merge_one(fe8 *u, fe8 *v, struct factor z, uint64_t bound)
{
    const fe8 sum = columns_add(*u, *v);
    *v = product(columns_sub(*u, *v, bound), z);
    *u = sum;
}

IFMA_INLINE void merge_two(fe8 *u0, fe8 *v0, fe8 *u1, fe8 *v1, struct factor z, uint64_t bound0, uint64_t bound1)
{
    const vec zero = _mm512_setzero_si512();
    const fe8 difference[2] = { fe8_operand(columns_sub(*u0, *v0, bound0)),
                                fe8_operand(columns_sub(*u1, *v1, bound1)) };
    fe8 times[2] = { { { zero, zero, zero, zero, zero } }, { { zero, zero, zero, zero, zero } } };
    fe8_add_product_two(times, difference, z);
    *u0 = columns_add(*u0, *v0), *u1 = columns_add(*u1, *v1);
    *v0 = times[0], *v1 = times[1];
}

/* The factors of a piece in the order of a heap: factor i of its level l is number 2^l + i. */

static const unsigned char lane_element[8] = { 0, 2, 1, 3, 4, 6, 5, 7 }; /* and lane of element */

IFMA_INLINE struct factor factor_at(const struct factor8 *f, size_t number)
{
    return factor_of_all(&f[number >> 3], lane_element[number & 7]);
}

IFMA_INLINE fe8 negated(fe8 z)
{
    return fe8_sub((fe8){ { _mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(),
                            _mm512_setzero_si512(), _mm512_setzero_si512() } },
                   z, 1);
}

IFMA_INLINE fe8 reversed(fe8 z)
{
    const vec lane = _mm512_set_epi64(0, 1, 2, 3, 4, 5, 6, 7);
    for (int i = 0; i < 5; i++) z.v[i] = _mm512_permutexvar_epi64(lane, z.v[i]);
    return z;
}

/* Eight factors from number s on, a multiple of 8, in lanes as load8 has them. */
static fe8 eight_roots(const struct bn254_twiddles *tw, size_t s, enum ntt_transform t)
{
    if (t == NTT_FORWARD) return load8(tw->t + s);
    if (s < NTT_HEAD) return load8(tw->head + s);
    return negated(reversed(load8(tw->t + ntt_mirror(s + 7))));
}

static bn254_fr one_root(const struct bn254_twiddles *tw, size_t s, enum ntt_transform t)
{
    bn254_fr z;
    if (t == NTT_FORWARD) return tw->t[s];
    if (s < NTT_HEAD) return tw->head[s];
    bn254_fr_neg(&z, &tw->t[ntt_mirror(s)]);
    return z;
}

static void expand_levels(struct factor8 *f, unsigned levels, const struct bn254_twiddles *tw, size_t block,
                          enum ntt_transform t)
{
    bn254_fr top[8] = { { { 0 } } };
    for (unsigned l = 0; l < levels && l < 3; l++)
        for (size_t i = 0; i < (size_t)1 << l; i++) top[((size_t)1 << l) + i] = one_root(tw, (block << l) + i, t);
    factor8_expand(f, load8(top));
    for (unsigned l = 3; l < levels; l++)
        for (size_t i = 0; i < (size_t)1 << l; i += 8)
            factor8_expand(&f[(((size_t)1 << l) + i) >> 3], eight_roots(tw, (block << l) + i, t));
}

/* Levels of splits */

static void split_rows_two(fe8 *v, size_t half, struct factor z)
{
    for (size_t i = 0; i < half; i++) split_one(&v[i], &v[half + i], z);
}

/* Two levels of `blocks` blocks one after the other; number: of the first one's factor. */
static void split_rows_four(fe8 *v, size_t blocks, size_t quarter, const struct factor8 *f, size_t number)
{
    for (; blocks > 0; blocks--, number++, v += 3 * quarter) {
        const struct factor z = factor_at(f, number), z0 = factor_at(f, 2 * number), z1 = factor_at(f, 2 * number + 1);
        for (size_t i = 0; i < quarter; i++, v++) {
            fe8 a = v[0], b = v[quarter], c = v[2 * quarter], d = v[3 * quarter];
            split_two(&a, &c, &b, &d, z);
            split_one(&a, &b, z0);
            split_one(&c, &d, z1);
            v[0] = a, v[quarter] = b, v[2 * quarter] = c, v[3 * quarter] = d;
        }
    }
}

static void split_near(fe8 *v, unsigned log_rows, const struct factor8 *f, size_t number)
{
    const size_t rows = (size_t)1 << log_rows;
    if (log_rows % 2) split_rows_two(v, rows / 2, factor_at(f, number));
    for (unsigned l = log_rows % 2; l < log_rows; l += 2)
        split_rows_four(v, (size_t)1 << l, rows >> l >> 2, f, number << l);
}

static void split_levels(fe8 *v, unsigned log_rows, const struct factor8 *f, size_t number)
{
    if (log_rows <= LOG_NEAR) {
        split_near(v, log_rows, f, number);
        return;
    }
    const size_t quarter = (size_t)1 << (log_rows - 2);
    split_rows_four(v, 1, quarter, f, number);
    for (size_t i = 0; i < 4; i++) split_levels(v + quarter * i, log_rows - 2, f, 4 * number + i);
}

/* z = 1 */
static void split_rows_one(fe8 *v, size_t half, uint64_t bound)
{
    for (size_t i = 0; i < half; i++) {
        const fe8 more = columns_add(v[i], v[half + i]);
        v[half + i] = columns_sub(v[i], v[half + i], bound);
        v[i] = more;
    }
}

/* From block 0 on, the first factor of a level is one: in three levels that is half of the products, a quarter and an
 * eighth. Values grow to 5, 11 and 23 r. */
static void split_levels_first(fe8 *v, unsigned log_rows, const struct factor8 *f, size_t number)
{
    if (number == 8 || !log_rows) {
        split_levels(v, log_rows, f, number);
        return;
    }
    const size_t half = (size_t)1 << (log_rows - 1);
    split_rows_one(v, half, 3 * number);
    split_levels_first(v, log_rows - 1, f, 2 * number);
    split_levels(v + half, log_rows - 1, f, 2 * number + 1);
}

static void split_block(fe8 *v, unsigned log_rows, const struct factor8 *f, size_t block)
{
    if (block)
        split_levels(v, log_rows, f, 1);
    else
        split_levels_first(v, log_rows, f, 1);
}

/* Levels of merges: from below 12r, or 6r if they are odd in number, to below 12r. */

/* One level, from below 6r. */
static void merge_rows_two(fe8 *v, size_t half, struct factor z)
{
    for (size_t i = 0; i < half; i++) merge_one(&v[i], &v[half + i], z, FACTOR_BOUND);
}

/* Only the sum of four grows too large. */
static void merge_rows_four(fe8 *v, size_t blocks, size_t quarter, const struct factor8 *f, size_t number)
{
    for (; blocks > 0; blocks--, number++, v += 3 * quarter) {
        const struct factor z = factor_at(f, number), z0 = factor_at(f, 2 * number), z1 = factor_at(f, 2 * number + 1);
        for (size_t i = 0; i < quarter; i++, v++) {
            fe8 a = v[0], b = v[quarter], c = v[2 * quarter], d = v[3 * quarter];
            merge_one(&a, &b, z0, MERGE_BOUND);
            merge_one(&c, &d, z1, MERGE_BOUND);
            merge_two(&a, &c, &b, &d, z, 2 * MERGE_BOUND, FACTOR_BOUND);
            v[0] = settled(a), v[quarter] = b, v[2 * quarter] = c, v[3 * quarter] = d;
        }
    }
}

static void merge_near(fe8 *v, unsigned log_rows, const struct factor8 *f, size_t number)
{
    const size_t rows = (size_t)1 << log_rows;
    if (log_rows % 2)
        for (size_t s = 0; s < rows / 2; s++) merge_rows_two(v + 2 * s, 1, factor_at(f, number * (rows / 2) + s));
    for (unsigned l = log_rows & ~1u; l > 0; l -= 2)
        merge_rows_four(v, (size_t)1 << (l - 2), rows >> l, f, number << (l - 2));
}

static void merge_levels(fe8 *v, unsigned log_rows, const struct factor8 *f, size_t number)
{
    if (log_rows <= LOG_NEAR) {
        merge_near(v, log_rows, f, number);
        return;
    }
    const size_t quarter = (size_t)1 << (log_rows - 2);
    for (size_t i = 0; i < 4; i++) merge_levels(v + quarter * i, log_rows - 2, f, 4 * number + i);
    merge_rows_four(v, 1, quarter, f, number);
}

/* The last merge of all, see ntt_body.h: to below 18r, with a shift 24r. */
static void merge_levels_last(fe8 *v, unsigned log_rows, const struct factor8 *f, const struct bn254_twiddles *tw)
{
    const size_t half = (size_t)1 << (log_rows - 1);
    struct factor8 root_2n;
    merge_levels(v, log_rows - 1, f, 2);
    merge_levels(v + half, log_rows - 1, f, 3);
    if (tw->shift) {
        split_rows_one(v, half, MERGE_BOUND);
        return;
    }
    factor8_expand(&root_2n, spread(&tw->root_2n));
    split_rows_two(v, half, factor_of_all(&root_2n, 0));
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
    return (struct columns){ v + (block << (s->log_n - s->from)) + column, (size_t)1 << log_stride,
                             (size_t)1 << (s->to - s->from), block };
}

static void load_columns(fe8 *work, const struct columns *c)
{
    for (size_t i = 0; i < c->rows; i++) work[i] = load8(c->at + i * c->stride);
}

static void store_columns(const struct columns *c, const fe8 *work)
{
    for (size_t i = 0; i < c->rows; i++) store8(c->at + i * c->stride, settled(work[i]));
}

#define MAX_ROWS ((size_t)1 << NTT_STRETCH_LOG)
#define MAX_GROUPS (MAX_ROWS / 8)

/* What a piece is worked on in: rows of three vectors, and the factors of their levels. */
struct work {
    fe8 rows[3][MAX_ROWS];
    struct factor8 f[MAX_GROUPS];
};

/* c = a*b / 2^260, below 2r */
static void multiply_rows(fe8 *c, const fe8 *a, const fe8 *b, size_t rows)
{
    for (size_t i = 0; i < rows; i++) c[i] = fe8_mul(a[i], b[i]);
}

static void split(const struct ntt_vectors *v, const struct bn254_twiddles *tw, const struct ntt_stretch *s,
                  size_t piece, enum ntt_transform t, void *memory)
{
    fe8(*work)[MAX_ROWS] = ((struct work *)memory)->rows;
    struct factor8 *f = ((struct work *)memory)->f;
    const bool first = v->h && !s->from;
    struct columns c = columns_of(v->v[0], s, piece);
    expand_levels(f, s->to - s->from, tw, c.block, t);
    for (unsigned k = 0; k < (first ? 2 : v->count); k++) {
        c = columns_of(v->v[k], s, piece);
        load_columns(work[k], &c);
    }
    if (first) multiply_rows(work[2], work[0], work[1], c.rows);
    for (unsigned k = 0; k < v->count; k++) {
        c = columns_of(v->v[k], s, piece);
        split_block(work[k], s->to - s->from, f, c.block);
        store_columns(&c, work[k]);
    }
}

struct combination {
    struct factor8 ab, minus_c;
};

static void expand_combination(struct combination *x, const struct ntt_vectors *v)
{
    factor8_expand(&x->ab, spread(&v->ab));
    factor8_expand(&x->minus_c, negated(spread(&v->c)));
}

/* Two rows beside each other. a b is below 2.01 * 18 r^2 (see merge_levels_last), the sum of two products below 12r. */
static void combine_columns(const struct ntt_vectors *v, const struct columns *c, fe8 work[3][MAX_ROWS])
{
    struct combination x;
    char *h = (char *)(v->h + (c->at - v->v[0]));
    expand_combination(&x, v);
    for (size_t i = 0; i < c->rows; i += 2) {
        const fe8 minus_c[2] = { fe8_operand(work[2][i]), fe8_operand(work[2][i + 1]) };
        fe8 ab[2], sum[2];
        for (int k = 0; k < 2; k++) {
            const vec zero = _mm512_setzero_si512();
            ab[k] = fe8_mul(settled(work[0][i + k]), fe8_operand(work[1][i + k]));
            sum[k] = (fe8){ { zero, zero, zero, zero, zero } };
        }
        fe8_add_product_two(sum, ab, factor_of_all(&x.ab, 0));
        fe8_add_product_two(sum, minus_c, factor_of_all(&x.minus_c, 0));
        for (int k = 0; k < 2; k++) store8(h + (i + k) * c->stride * sizeof(bn254_fr), fe8_canonical(sum[k]));
    }
}

static void merge(const struct ntt_vectors *v, const struct bn254_twiddles *tw, const struct ntt_stretch *s,
                  size_t piece, void *memory)
{
    fe8(*work)[MAX_ROWS] = ((struct work *)memory)->rows;
    struct factor8 *f = ((struct work *)memory)->f;
    struct columns c = columns_of(v->v[0], s, piece);
    expand_levels(f, s->to - s->from, tw, c.block, NTT_FORWARD);
    for (unsigned k = 0; k < 3; k++) {
        c = columns_of(v->v[k], s, piece);
        load_columns(work[k], &c);
        if (!s->from) {
            merge_levels_last(work[k], s->to - s->from, f, tw);
            continue;
        }
        merge_levels(work[k], s->to - s->from, f, 1);
        store_columns(&c, work[k]);
    }
    if (s->from) return;
    c = columns_of(v->v[0], s, piece);
    combine_columns(v, &c, work);
}

/* Leaves: the last three levels, 64 elements at a time. Transposed, lane j of t[i] is element 8j + i. */

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

/* z[i] lane j = row j's entry i, i < 2n: rows of 2n entries, row j the j-th from `from` on, or from its end backward.
 * */
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

/* The factors of the three levels for blocks q .. q+7 of eight elements, in the order of a heap: z[1], z[2..3],
 * z[4..7]. */
IFMA_INLINE void load_factors(fe8 z[8], const bn254_fr *table, size_t q)
{
    z[0] = z[1] = load_row(table + q, false);
    load_rows(z + 2, table + 2 * q, 1, false);
    load_rows(z + 4, table + 4 * q, 2, false);
}

static void load_split_factors(fe8 z[8], const struct bn254_twiddles *tw, size_t q, enum ntt_transform t)
{
    fe8 back[8];
    if (t == NTT_FORWARD || !q) {
        load_factors(z, t == NTT_FORWARD ? tw->t : tw->head, q);
        return;
    }
    back[1] = load_row(tw->t + ntt_mirror(q + 7), true);
    load_rows(back + 2, tw->t + ntt_mirror(2 * q + 15), 1, true);
    load_rows(back + 4, tw->t + ntt_mirror(4 * q + 31), 2, true);
    z[0] = z[1] = negated(back[1]);
    for (int i = 0; i < 2; i++) z[2 + i] = negated(back[3 - i]);
    for (int i = 0; i < 4; i++) z[4 + i] = negated(back[7 - i]);
}

static void load_coset_factors(fe8 z[8], const struct bn254_twiddles *tw, size_t half, size_t first)
{
    if (!tw->shift) {
        load_rows(z, tw->t + (first & (half - 1)), 4, false);
        return;
    }
    const fe8 high = spread(&tw->shift[NTT_SHIFT_TABLE + first / NTT_SHIFT_TABLE]);
    load_rows(z, tw->shift + (first & (NTT_SHIFT_TABLE - 1)), 4, false);
    for (int i = 0; i < 8; i++) z[i] = fe8_canonical(fe8_mul(z[i], high));
}

typedef fe8 turned[8];

/* Unrolled, these loops exceed the processor's instruction cache: rolled, this stage takes 7 % less time (Zen 5). */
#define ROLLED _Pragma("GCC unroll 1")

/* Factor i of a level of 1, 2, 4 is number 1, 2 or 4 + i: pairs (i, i + distance) */
static void expand_heap(struct factor8 f[8], const fe8 z[8])
{
    factor8_expand_beside(f, z, 4);
    factor8_expand_beside(f + 4, z + 4, 4);
}

/* Not inlined into one function: their factors together would be a frame of 24 KiB. */
static __attribute__((noinline)) void split_eight(turned *t, unsigned count, const fe8 z[8])
{
    struct factor8 f[8];
    expand_heap(f, z);
    ROLLED for (unsigned k = 0; k < count; k++) ROLLED for (int i = 0; i < 4; i += 2)
        split_two(&t[k][i], &t[k][i + 4], &t[k][i + 1], &t[k][i + 5], factor_by_lane(&f[1]));
    ROLLED for (unsigned k = 0; k < count; k++) ROLLED for (int i = 0; i < 8; i += 4)
        split_two(&t[k][i], &t[k][i + 2], &t[k][i + 1], &t[k][i + 3], factor_by_lane(&f[2 + i / 4]));
    ROLLED for (unsigned k = 0; k < count; k++) ROLLED for (int i = 0; i < 8; i += 2)
        split_one(&t[k][i], &t[k][i + 1], factor_by_lane(&f[4 + i / 2]));
}

static __attribute__((noinline)) void coset_eight(turned *t, unsigned count, const fe8 z[8])
{
    struct factor8 f[8];
    expand_heap(f, z);
    ROLLED for (unsigned k = 0; k < count; k++) ROLLED for (int i = 0; i < 8; i++) t[k][i] =
        product(t[k][i], factor_by_lane(&f[i]));
}

#define EIGHT_BOUND 24 /* of a sum of four products */

/* From products, which are below 6r, to sums of eight, four, two, two, and products. The first ones are settled, so
 * that all are below 12r, or 6r. */
static __attribute__((noinline)) void merge_eight(turned *t, unsigned count, const fe8 z[8], int settle)
{
    struct factor8 f[8];
    expand_heap(f, z);
    ROLLED for (unsigned k = 0; k < count; k++) ROLLED for (int i = 0; i < 8; i += 2)
        merge_one(&t[k][i], &t[k][i + 1], factor_by_lane(&f[4 + i / 2]), EIGHT_BOUND);
    ROLLED for (unsigned k = 0; k < count; k++) ROLLED for (int i = 0; i < 8; i += 4) merge_two(
        &t[k][i], &t[k][i + 2], &t[k][i + 1], &t[k][i + 3], factor_by_lane(&f[2 + i / 4]), EIGHT_BOUND, EIGHT_BOUND);
    ROLLED for (unsigned k = 0; k < count; k++) ROLLED for (int i = 0; i < 4; i += 2)
        merge_two(&t[k][i], &t[k][i + 4], &t[k][i + 1], &t[k][i + 5], factor_by_lane(&f[1]), EIGHT_BOUND, EIGHT_BOUND);
    ROLLED for (unsigned k = 0; k < count; k++) ROLLED for (int i = 0; i < settle; i++) t[k][i] = settled(t[k][i]);
}

static void call_ahead(const bn254_fr *v, size_t n)
{
    for (size_t i = 0; i < n; i += 2) _mm_prefetch((const char *)(v + i), _MM_HINT_T0);
}

struct leaf {
    size_t half, first; /* elements: of half the vector, before this leaf */
    unsigned log_rows;
    enum ntt_transform transform;
};

/* Prefetches most of what the 64 elements from `first` on will read of the table: saves 4 % of the quotient of 2^20 on
 * Zen 5. (Prefetching the next leaf's elements as well changed nothing.) */
static void prefetch_factors(const struct bn254_twiddles *tw, size_t half, size_t first)
{
    const size_t q = first / 8 & (half / 4 - 1);
    call_ahead(tw->t + (first & (half - 1)), 64);
    call_ahead(tw->t + 4 * q, 32);
    call_ahead(tw->t + 2 * q, 16);
    if (!q) return;
    call_ahead(tw->t + ntt_mirror(4 * q + 31), 32);
    call_ahead(tw->t + ntt_mirror(2 * q + 15), 16);
}

/* Rows i .. i+7 of a leaf. */
static void middle(fe8 work[3][MAX_ROWS], size_t i, const struct ntt_vectors *v, const struct bn254_twiddles *tw,
                   const struct leaf *l)
{
    turned t[3];
    fe8 z[8];
    const size_t first = l->first + 8 * i;
    for (unsigned k = 0; k < v->count; k++) turn_in(t[k], work[k] + i);
    if (v->h) prefetch_factors(tw, l->half, first + 128);
    load_split_factors(z, tw, first / 8, l->transform);
    split_eight(t, v->count, z);
    if (v->h) {
        load_coset_factors(z, tw, l->half, first);
        coset_eight(t, v->count, z);
        load_factors(z, tw->t, first / 8);
        merge_eight(t, v->count, z, l->log_rows % 2 ? 4 : 2);
    }
    for (unsigned k = 0; k < v->count; k++) turn_out(work[k] + i, t[k]);
}

static void store_canonical(bn254_fr *v, const fe8 *work, size_t rows)
{
    for (size_t i = 0; i < rows; i++) store8(v + 8 * i, fe8_canonical(settled(work[i])));
}

static void leaf(const struct ntt_vectors *v, const struct bn254_twiddles *tw, unsigned log_n, unsigned log_leaf,
                 size_t number, enum ntt_transform t, void *memory)
{
    fe8(*work)[MAX_ROWS] = ((struct work *)memory)->rows;
    struct factor8 *f = ((struct work *)memory)->f;
    const struct leaf l = { ((size_t)1 << log_n) / 2, number << log_leaf, log_leaf - 3, t };
    const size_t rows = (size_t)1 << l.log_rows;
    expand_levels(f, l.log_rows, tw, number, t);
    for (unsigned k = 0; k < v->count; k++) {
        load_columns(work[k], &(struct columns){ v->v[k] + l.first, 8, rows, 0 });
        split_block(work[k], l.log_rows, f, number);
    }
    for (size_t i = 0; i < rows; i += 8) middle(work, i, v, tw, &l);
    if (!v->h) {
        store_canonical(v->v[0] + l.first, work[0], rows);
        return;
    }
    expand_levels(f, l.log_rows, tw, number, NTT_FORWARD);
    for (unsigned k = 0; k < v->count; k++) {
        merge_levels(work[k], l.log_rows, f, 1);
        store_columns(&(struct columns){ v->v[k] + l.first, 8, rows, 0 }, work[k]);
    }
}

const struct ntt_kernel bn254_ntt_kernel_ifma = {
    .log_n_min = 7, /* 64 elements have one coset factor each, and half of all factors are in the table */
    .log_columns = LOG_COLUMNS,
    .log_r = 260,
    .work_bytes = sizeof(struct work),
    .split = split,
    .merge = merge,
    .leaf = leaf,
};
