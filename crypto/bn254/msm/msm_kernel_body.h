/* One group's MSM kernel on scalar arithmetic. Each path's file includes it, after it has defined
 *   GROUP(name)   this group's and path's name for a function, e.g. g1_adx_ ## name
 *   AFFINE, PACKED, GROUP(unpack)   the library's affine and packed types
 *   FE, FE_IS_ZERO, FE_EQ, FE_ADD, FE_SUB, FE_SQR, FE_INV, FE_ONE(r), FE_NEG_IF   its coordinate field on this path
 *   FE_MUL_LOOSE, FE_SQR_LOOSE, FE_SUB_LOOSE, FE_REDUCE, FE_SUB_ONE, FE_SUB_TWO   the same with loose values (limbs.h);
 *   in Fp2
 *                                 all are reduced
 * The inside form of a point is the library's affine one.
 *
 * Affine addition with Montgomery's trick: one pass multiplies all denominators up, one inversion, one pass back; five
 * products and a square a sum. The denominator is x2 - x1, or 2*y1 for a doubling, or one where nothing is divided (a
 * point at infinity, opposite points).
 *
 * The products of a sum depend on each other (inverse, slope, x, y), and a processor looks ahead over few of their
 * instructions, so independent work must be near. Therefore the denominators are multiplied in LANES chains, and the
 * way back takes BLOCK sums at a time, each step for all of them before the next step: then a product costs as little
 * as an independent one. */

/* Zen 5, mulx, 4096 sums of G1 in the cache: 84 ns a sum with one chain, one sum at a time and every value reduced; 64
 * ns this way, with loose values and without branches on signs. 2 to 8 chains and blocks of 8 to 32 sums give the same
 * time. */
#define LANES 4
#define BLOCK 8

struct GROUP(step_of) {
    FE den, through; /* through: the product of the chain's denominators up to this one */
};

/* Sums of a block on the way back. */
struct GROUP(block) {
    const AFFINE *p[BLOCK], *q[BLOCK];
    FE inverse[BLOCK], dy[BLOCK], slope[BLOCK], square[BLOCK], x[BLOCK], t[BLOCK]; /* t: x1 - x, then times the slope */
    bool copy[BLOCK]; /* nothing is divided: the sum is one of the two points, or infinity */
};

static inline bool GROUP(is_infinity)(const AFFINE *p)
{
    return FE_IS_ZERO(&p->x) && FE_IS_ZERO(&p->y);
}

static inline void GROUP(take_base)(AFFINE *p, const void *bases, uint32_t index)
{
    GROUP(unpack)(p, (const PACKED *)bases + (index & ~MSM_NEGATE));
    FE_NEG_IF(&p->y, index & MSM_NEGATE);
}

/* What a sum with equal x, or with a point at infinity, is made of. */
enum GROUP(kind) { GROUP(DIFFERENT), GROUP(DOUBLE), GROUP(FIRST), GROUP(SECOND), GROUP(NOTHING) };

static enum GROUP(kind) GROUP(kind_of)(const AFFINE *p, const AFFINE *q)
{
    if (GROUP(is_infinity)(p)) return GROUP(SECOND);
    if (GROUP(is_infinity)(q)) return GROUP(FIRST);
    if (!FE_EQ(&p->x, &q->x)) return GROUP(DIFFERENT);
    return FE_EQ(&p->y, &q->y) && !FE_IS_ZERO(&p->y) ? GROUP(DOUBLE) : GROUP(NOTHING);
}

/* Whether kind_of must be asked: infinity has x = 0. Compares only one word of each x: one in 2^63 pairs is suspected
 * without cause. */
static inline bool GROUP(suspect)(const FE *px, const FE *qx)
{
    uint64_t p, q;
    memcpy(&p, px, sizeof p), memcpy(&q, qx, sizeof q);
    return p == q || !p || !q;
}

static __attribute__((noinline)) void GROUP(suspect_denominator)(FE *den, const AFFINE *p, const AFFINE *q)
{
    enum GROUP(kind) kind = GROUP(kind_of)(p, q);
    if (kind == GROUP(DIFFERENT))
        FE_SUB(den, &q->x, &p->x);
    else if (kind == GROUP(DOUBLE))
        FE_ADD(den, &p->y, &p->y);
    else
        FE_ONE(den);
}

static inline void GROUP(denominator)(FE *den, const AFFINE *p, const AFFINE *q)
{
    FE_SUB_LOOSE(den, &q->x, &p->x);
    if (__builtin_expect(GROUP(suspect)(&p->x, &q->x), 0)) GROUP(suspect_denominator)(den, p, q);
}

static void GROUP(multiply_up)(struct GROUP(step_of) * step, const AFFINE *from, const uint32_t *pair, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        GROUP(denominator)(&step[k].den, &from[pair[2 * k]], &from[pair[2 * k + 1]]);
        if (k < LANES)
            step[k].through = step[k].den;
        else
            FE_MUL_LOOSE(&step[k].through, &step[k - LANES].through, &step[k].den);
    }
}

/* inverse[k % LANES] = 1 / step[k].through for the last k of each chain */
static void GROUP(invert)(FE inverse[LANES], const struct GROUP(step_of) * step, size_t n)
{
    const size_t first = n < LANES ? 0 : n - LANES;
    FE product[LANES], all;
    product[0] = step[first].through;
    for (size_t i = 1; i < n - first; i++) FE_MUL_LOOSE(&product[i], &product[i - 1], &step[first + i].through);
    FE_REDUCE(&all, &product[n - first - 1]);
    FE_INV(&all, &all);
    for (size_t i = n - first - 1; i > 0; i--) {
        FE_MUL_LOOSE(&inverse[(first + i) % LANES], &all, &product[i - 1]);
        FE_MUL_LOOSE(&all, &all, &step[first + i].through);
    }
    inverse[first % LANES] = all;
}

static inline __attribute__((always_inline)) void GROUP(divide)(FE *r, FE inverse[LANES],
                                                                const struct GROUP(step_of) * step, size_t k)
{
    FE *chain = &inverse[k % LANES];
    if (k < LANES) {
        *r = *chain;
        return;
    }
    FE_MUL_LOOSE(r, chain, &step[k - LANES].through);
    FE_MUL_LOOSE(chain, chain, &step[k].den);
}

static __attribute__((noinline)) void GROUP(suspect_dy)(struct GROUP(block) * b, size_t i, FE *dy)
{
    const AFFINE *p = b->p[i], *q = b->q[i];
    enum GROUP(kind) kind = GROUP(kind_of)(p, q);
    b->copy[i] = kind != GROUP(DIFFERENT) && kind != GROUP(DOUBLE);
    if (kind == GROUP(DOUBLE)) {
        FE square;
        FE_SQR(&square, &p->x);
        FE_ADD(dy, &square, &square);
        FE_ADD(dy, dy, &square);
    } else if (kind == GROUP(DIFFERENT)) {
        FE_SUB(dy, &q->y, &p->y);
    }
}

/* The points of sum i, and the numerator of its slope. */
static inline void GROUP(take_sum)(struct GROUP(block) * b, size_t i, const AFFINE *p, const AFFINE *q)
{
    b->p[i] = p, b->q[i] = q;
    b->copy[i] = false;
    FE_SUB_LOOSE(&b->dy[i], &b->q[i]->y, &b->p[i]->y);
    if (__builtin_expect(GROUP(suspect)(&b->p[i]->x, &b->q[i]->x), 0)) GROUP(suspect_dy)(b, i, &b->dy[i]);
}

/* x = slope^2 - x1 - x2, and what the slope is multiplied by for y: t = x1 - x */
static inline void GROUP(find_x)(struct GROUP(block) * b, size_t i)
{
    FE_SUB_TWO(&b->x[i], &b->square[i], &b->p[i]->x, &b->q[i]->x);
    FE_SUB_LOOSE(&b->t[i], &b->p[i]->x, &b->x[i]);
}

static __attribute__((noinline)) void GROUP(copy)(AFFINE *r, const AFFINE *p, const AFFINE *q)
{
    enum GROUP(kind) kind = GROUP(kind_of)(p, q);
    if (kind == GROUP(FIRST))
        *r = *p;
    else if (kind == GROUP(SECOND))
        *r = *q;
    else
        memset(r, 0, sizeof *r);
}

static inline void GROUP(find_y)(AFFINE *r, const struct GROUP(block) * b, size_t i)
{
    if (__builtin_expect(b->copy[i], 0)) {
        GROUP(copy)(r, b->p[i], b->q[i]);
        return;
    }
    FE_SUB_ONE(&r->y, &b->t[i], &b->p[i]->y);
    r->x = b->x[i];
}

/* Inputs are read where they lie until each sum is written, from the last to the first. */
static void GROUP(divide_down)(AFFINE *dst, const struct GROUP(step_of) * step, const AFFINE *from,
                               const uint32_t *pair, size_t n)
{
    FE inverse[LANES];
    struct GROUP(block) b;
    GROUP(invert)(inverse, step, n);
    for (size_t hi = n, m; hi; hi -= m) {
        m = hi < BLOCK ? hi : BLOCK;
        const size_t lo = hi - m;
        for (size_t i = m; i-- > 0;) GROUP(divide)(&b.inverse[i], inverse, step, lo + i);
        for (size_t i = m; i-- > 0;) GROUP(take_sum)(&b, i, &from[pair[2 * (lo + i)]], &from[pair[2 * (lo + i) + 1]]);
        for (size_t i = m; i-- > 0;) FE_MUL_LOOSE(&b.slope[i], &b.dy[i], &b.inverse[i]);
        for (size_t i = m; i-- > 0;) FE_SQR_LOOSE(&b.square[i], &b.slope[i]);
        for (size_t i = m; i-- > 0;) GROUP(find_x)(&b, i);
        for (size_t i = m; i-- > 0;) FE_MUL_LOOSE(&b.t[i], &b.t[i], &b.slope[i]);
        for (size_t i = m; i-- > 0;) GROUP(find_y)(&dst[lo + i], &b, i);
    }
}

static void GROUP(add)(void *dst, const void *src, const uint32_t *pair, size_t n, void *tmp)
{
    struct GROUP(step_of) *step = tmp;
    if (!n) return;
    GROUP(multiply_up)(step, src, pair, n);
    GROUP(divide_down)(dst, step, src, pair, n);
}

/* how many bases ahead the prefetch is: about an addition's time */
#define AHEAD 8

static void GROUP(load)(void *dst, const void *bases, const uint32_t *index, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        if (k + AHEAD < n) {
            const char *base = (const char *)((const PACKED *)bases + (index[k + AHEAD] & ~MSM_NEGATE));
            __builtin_prefetch(base);
            __builtin_prefetch(base + sizeof(PACKED) - 1);
        }
        GROUP(take_base)((AFFINE *)dst + k, bases, index[k]);
    }
}

static void GROUP(store)(void *affine, const void *point)
{
    memcpy(affine, point, sizeof(AFFINE));
}

const struct msm_kernel KERNEL = {
    .point_bytes = sizeof(AFFINE),
    .base_bytes = sizeof(PACKED),
    .tmp_bytes_per_add = sizeof(struct GROUP(step_of)),
    .add = GROUP(add),
    .load = GROUP(load),
    .store = GROUP(store),
};
#undef AHEAD
#undef LANES
#undef BLOCK
