/* Eight affine additions a step, for one group. The group's file includes it, after it has defined
 *   GROUP(name), POINT_BYTES, KERNEL, GROUP(store)
 *   el: a coordinate of eight points, and on it, with values in multiples of p:
 *     el_one, el_zero, el_blend(lanes, no, yes), el_add
 *     el_sub4(a, b) = a - b + 4p                    b below 4p
 *     el_mul(a, b), below 2p                        a below 2p, b below 8p
 *     el_sqr(a), below 2p                           a below 4p
 *     el_sub_two(a, b, c) = a - b - c, below 2.01p  a below 2p, b and c below 4p
 *     el_sub_one(a, b) = a - b, below 2.01p         a below 2p, b below 4p
 *     el_maybe_zero, el_is_zero (value below 16p), el_zero_lanes (all bits zero), el_invert_chains(el[4])
 *   load_bases(point8, bases, index), load_points(...), store_points(dst, x, y): eight points, every second index;
 *   load_xs(el *p, el *q, from, pair, bases): both sides' x alone.
 *
 * Inside the MSM a point is (x, y), four 64-bit words a coordinate of Fp, R = 2^260, x below 4p and y below 2.01p, not
 * canonical; all zero is infinity. The other R costs no conversion: the files' words x*2^256, read with R = 2^260, mean
 * x*2^-4; x's words shifted up by 2 and y's by 1 give x*2^-2 and y*2^-3, the image of (x, y) under the isomorphism (u^2
 * x, u^3 y), u = 1/2, to the curve with b*u^6. No addition formula has the constant b, so all sums are made on that
 * curve, and `store` comes back: x*4, y*8. */

/* Four independent chains of products hide the latency of one; so batches are whole groups of 32 sums. */
#define CHAINS 4
#define GROUP_SUMS (8 * CHAINS)

struct sum8 {
    el den;
    el before;                                /* product of the earlier denominators of the chain */
    __mmask8 doubled, first, second, nothing; /* lanes that are not plain additions */
};

/* The rare case, exact: the kind of each suspect lane, and its denominator. No point of the curve has y = 0. */
static __attribute__((noinline)) void sort_out(struct sum8 *s, const void *from, const uint32_t *pair)
{
    struct point8 p, q;
    load_points(&p, from, pair, 2);
    load_points(&q, from, pair + 1, 2);
    const __mmask8 p_inf = el_zero_lanes(p.y), q_inf = el_zero_lanes(q.y);
    const __mmask8 same_x = el_is_zero(s->den) & (__mmask8) ~(p_inf | q_inf);
    const __mmask8 same_y = el_is_zero(el_sub4(q.y, p.y));
    s->second = p_inf;
    s->first = q_inf & (__mmask8)~p_inf;
    s->doubled = same_x & same_y;
    s->nothing = same_x & (__mmask8)~same_y;
    s->den = el_blend(s->doubled, s->den, el_add(p.y, p.y));
    s->den = el_blend(p_inf | q_inf | s->nothing, s->den, el_one());
}

/* Reads x alone: an infinite point has no bits in x either, and a point without any is suspect. */
IFMA_INLINE void denominator(struct sum8 *s, const void *from, const uint32_t *pair)
{
    el p, q;
    load_xs(&p, &q, from, pair);
    s->den = el_sub4(q, p);
    s->doubled = s->first = s->second = s->nothing = 0;
    const __mmask8 suspect = el_maybe_zero(s->den) | el_zero_lanes(p) | el_zero_lanes(q);
    if (__builtin_expect(suspect, 0)) sort_out(s, from, pair);
}

static __attribute__((noinline)) el doubling_slope(el numerator, const struct point8 *p, __mmask8 doubled)
{
    el xx = el_sqr(p->x), twice = el_add(xx, xx);
    return el_blend(doubled, numerator, el_add(twice, xx));
}

/* Lanes without an addition: one of the two points, or infinity. */
static __attribute__((noinline)) void replace(el *x, el *y, const struct sum8 *s, const struct point8 *p,
                                              const struct point8 *q)
{
    const el zero = el_zero();
    *x = el_blend(s->nothing, el_blend(s->second, el_blend(s->first, *x, p->x), q->x), zero);
    *y = el_blend(s->nothing, el_blend(s->second, el_blend(s->first, *y, p->y), q->y), zero);
}

/* The points of one group: in scratch, for with them and its other values a frame of G2 would be 24 KiB. */
struct points {
    struct point8 p[CHAINS], q[CHAINS];
};

_Static_assert(CHAINS * sizeof(struct sum8) + sizeof(struct points) <= MSM_TMP_EXTRA, "a group begun, and its points");

/* One group of 32 sums on the way back, not inlined (its frame would be there twice). inv[c]: the inverse of the chain's
 * product up to and including this group. */
static __attribute__((noinline)) void finish_group(char *dst, const void *from, const uint32_t *pair,
                                                   const struct sum8 *s, el inv[CHAINS], struct points *at)
{
    struct point8 *p = at->p, *q = at->q;
    el t[CHAINS], slope[CHAINS], x[CHAINS], y[CHAINS];
    for (int c = 0; c < CHAINS; c++) {
        load_points(&p[c], from, pair + 16 * c, 2);
        load_points(&q[c], from, pair + 16 * c + 1, 2);
        t[c] = el_sub4(q[c].y, p[c].y);
        if (__builtin_expect(s[c].doubled, 0)) t[c] = doubling_slope(t[c], &p[c], s[c].doubled);
    }
    for (int c = 0; c < CHAINS; c++) slope[c] = el_mul(inv[c], s[c].before);
    for (int c = 0; c < CHAINS; c++) inv[c] = el_mul(inv[c], s[c].den);
    for (int c = 0; c < CHAINS; c++) slope[c] = el_mul(slope[c], t[c]);
    for (int c = 0; c < CHAINS; c++) x[c] = el_sqr(slope[c]);
    for (int c = 0; c < CHAINS; c++) {
        x[c] = el_sub_two(x[c], p[c].x, q[c].x);
        t[c] = el_sub4(p[c].x, x[c]);
    }
    for (int c = 0; c < CHAINS; c++) y[c] = el_mul(slope[c], t[c]);
    for (int c = 0; c < CHAINS; c++) {
        y[c] = el_sub_one(y[c], p[c].y);
        if (__builtin_expect(s[c].first | s[c].second | s[c].nothing, 0)) replace(&x[c], &y[c], &s[c], &p[c], &q[c]);
        store_points(dst + 8 * POINT_BYTES * c, x[c], y[c]);
    }
}

/* The denominators of one group; the chains' products move on. */
IFMA_INLINE void start_group(struct sum8 *s, el product[CHAINS], const void *from, const uint32_t *pair)
{
    for (int c = 0; c < CHAINS; c++) {
        denominator(&s[c], from, pair + 16 * c);
        s[c].before = product[c];
    }
    for (int c = 0; c < CHAINS; c++) product[c] = el_mul(product[c], s[c].den);
}

/* The sums beyond whole groups, repeated up to one. */
struct tail {
    uint32_t pair[2 * GROUP_SUMS];
    char out[POINT_BYTES * GROUP_SUMS] __attribute__((aligned(64)));
};

static void fill_tail(struct tail *t, const uint32_t *pair, size_t n)
{
    for (size_t i = 0; i < GROUP_SUMS; i++) memcpy(t->pair + 2 * i, pair + 2 * (i % n), 2 * sizeof *pair);
}

/* tmp: an array of sum8, CHAINS for each group begun, and the points of a group */
static void GROUP(add)(void *dst, const void *src, const uint32_t *pair, size_t n, void *tmp)
{
    struct sum8 *s = tmp;
    struct tail tail;
    el product[CHAINS];
    const size_t groups = n / GROUP_SUMS, done = groups * GROUP_SUMS;
    struct points *points = (struct points *)(s + CHAINS * (groups + 1));
    if (!n) return;
    for (int c = 0; c < CHAINS; c++) product[c] = el_one();
    for (size_t g = 0; g < groups; g++) start_group(s + CHAINS * g, product, src, pair + 2 * GROUP_SUMS * g);
    if (done < n) {
        fill_tail(&tail, pair + 2 * done, n - done);
        start_group(s + CHAINS * groups, product, src, tail.pair);
    }
    el_invert_chains(product);
    if (done < n) {
        finish_group(tail.out, src, tail.pair, s + CHAINS * groups, product, points);
        memcpy((char *)dst + POINT_BYTES * done, tail.out, POINT_BYTES * (n - done));
    }
    for (size_t g = groups; g-- > 0;)
        finish_group((char *)dst + POINT_BYTES * GROUP_SUMS * g, src, pair + 2 * GROUP_SUMS * g, s + CHAINS * g,
                     product, points);
}

/* Lanes (msm_ifma_lanes.h). `step8` has what the way back needs of a base, so a base is read once. */

struct lane8 {
    el n, y;
};

struct step8 {
    el den;
    el rise; /* a factor: times the product of the earlier denominators of the chain */
};

struct rare {
    __mmask8 keep, doubled; /* lanes that are not plain additions: the lane keeps its present value, or was doubled */
};

IFMA_INLINE void open_lane(struct lane8 *r, el x, el y, __mmask8 negative)
{
    r->n = el_lane_n(x);
    r->y = el_lane_minus(y, negative);
}

/* The rare case, exact: a lane that takes the base as it is, or becomes infinite, does so at once. beyond: lanes past
 * the end. */
static __attribute__((noinline)) void sort_out_lanes(struct step8 *s, struct rare *rare, struct lane8 *lane,
                                                     const void *bases, const uint32_t *index, __mmask8 beyond)
{
    struct point8 q;
    struct lane8 opened;
    load_bases(&q, bases, index);
    open_lane(&opened, q.x, q.y, negated_lanes(index));
    const __mmask8 infinite = el_zero_lanes(lane->n) & el_zero_lanes(lane->y) & (__mmask8)~beyond;
    const __mmask8 same_x = el_is_zero(s->den) & (__mmask8) ~(infinite | beyond),
                   same_y = el_is_zero(el_limbs(s->rise));
    const __mmask8 nothing = same_x & (__mmask8)~same_y;
    rare->doubled = same_x & same_y;
    rare->keep = infinite | nothing | beyond;
    /* -3x^2 over -2y */
    const el xx = el_sqr(q.x), rise = el_factor(el_lane_y_rest(el_add(el_add(xx, xx), xx)));
    s->rise = el_blend(rare->doubled, s->rise, rise);
    s->den = el_blend(rare->doubled, s->den, el_add(lane->y, lane->y));
    s->den = el_blend(rare->keep, s->den, el_one());
    lane->n = el_blend(nothing, el_blend(infinite, lane->n, opened.n), el_zero());
    lane->y = el_blend(nothing, el_blend(infinite, lane->y, opened.y), el_zero());
}

IFMA_INLINE void start_lanes(struct step8 *s, struct rare *rare, struct lane8 *lane, const void *bases,
                             const uint32_t *index, __mmask8 beyond)
{
    struct point8 q;
    load_bases(&q, bases, index);
    s->den = el_lane_den(q.x, lane->n);
    s->rise = el_lane_rise(q.y, negated_lanes(index), lane->y);
    *rare = (struct rare){ 0 };
    const __mmask8 suspect = el_maybe_zero(s->den) | el_maybe_infinite(lane->n) | beyond;
    if (__builtin_expect(suspect, 0)) sort_out_lanes(s, rare, lane, bases, index, beyond);
}

static __attribute__((noinline)) void keep_or_double(struct lane8 *r, const struct lane8 *lane, el slope,
                                                     struct rare rare)
{
    const el x = el_reduce_wide(el_sqr_plus(slope, el_plus(lane->n, lane->n))), t = el_factor(el_plus(x, lane->n));
    const el y = el_lane_y(el_mul_plus(slope, t, el_lane_y_rest(lane->y)));
    r->n = el_blend(rare.keep, el_blend(rare.doubled, r->n, el_lane_n(x)), lane->n);
    r->y = el_blend(rare.keep, el_blend(rare.doubled, r->y, y), lane->y);
}

static __attribute__((noinline)) void finish_lane_group(struct lane8 *lane, const struct step8 *s,
                                                        const struct rare *rare, el inv[CHAINS])
{
    el slope[CHAINS], t[CHAINS];
    struct lane8 r[CHAINS];
    for (int c = 0; c < CHAINS; c++) slope[c] = el_mul_factor(inv[c], s[c].rise);
    for (int c = 0; c < CHAINS; c++) inv[c] = el_mul_factor(inv[c], s[c].den);
    for (int c = 0; c < CHAINS; c++) {
        el x = el_lane_x(el_sqr_plus(slope[c], el_lane_rest(lane[c].n, s[c].den)));
        r[c].n = el_lane_n(x);
        t[c] = el_factor(el_plus(x, lane[c].n));
    }
    for (int c = 0; c < CHAINS; c++) {
        r[c].y = el_lane_y(el_mul_plus(slope[c], t[c], el_lane_y_rest(lane[c].y)));
        if (__builtin_expect(rare[c].keep | rare[c].doubled, 0)) keep_or_double(&r[c], &lane[c], slope[c], rare[c]);
        lane[c] = r[c];
    }
}

IFMA_INLINE void prefetch_bases(const void *bases, const uint32_t *index)
{
    for (int i = 0; i < 8; i++) {
        const char *base = (const char *)bases + (size_t)(index[i] & ~MSM_NEGATE) * POINT_BYTES;
        for (int line = 0; line < POINT_BYTES; line += 64) _mm_prefetch(base + line, _MM_HINT_T0);
        _mm_prefetch(base + POINT_BYTES - 1, _MM_HINT_T0);
    }
}

/* How many vectors ahead bases are prefetched. */
#define AHEAD 4

struct batch {
    struct lane8 *lane;
    const void *bases;
    const uint32_t *index;
    size_t n;
    struct step8 *step;
    struct rare *rare;
};

/* Lanes of vector v that are past the end. */
static inline __mmask8 beyond(const struct batch *b, size_t v)
{
    return b->n >= 8 * v + 8 ? 0 : b->n <= 8 * v ? 0xff : (__mmask8)(0xff << (b->n - 8 * v));
}

IFMA_INLINE void start_vector(const struct batch *b, size_t v)
{
    prefetch_bases(b->bases, b->index + 8 * (v + AHEAD));
    start_lanes(&b->step[v], &b->rare[v], &b->lane[v], b->bases, b->index + 8 * v, beyond(b, v));
}

static void GROUP(add_bases)(void *lanes, const void *bases, const uint32_t *index, size_t n, void *tmp)
{
    const size_t groups = (n + GROUP_SUMS - 1) / GROUP_SUMS, vectors = CHAINS * groups;
    struct step8 *step = tmp;
    struct rare *rare = (struct rare *)(step + vectors);
    const struct batch b = { lanes, bases, index, n, step, rare };
    el product[CHAINS];
    if (!n) return;
    for (int c = 0; c < CHAINS; c++) product[c] = el_one();
    start_vector(&b, 0);
    for (size_t v = 0; v < vectors; v += CHAINS)
        for (size_t c = 0; c < CHAINS; c++) {
            /* one ahead of its product, or the product would wait for the loads */
            if (v + c + 1 < vectors) start_vector(&b, v + c + 1);
            step[v + c].rise = el_mul_factor(product[c], step[v + c].rise);
            product[c] = el_mul_factor(product[c], step[v + c].den);
        }
    el_invert_chains(product);
    for (size_t g = groups; g-- > 0;)
        finish_lane_group(b.lane + CHAINS * g, step + CHAINS * g, rare + CHAINS * g, product);
}

static void GROUP(open_bases)(void *lanes, const void *bases, const uint32_t *index, size_t n)
{
    struct lane8 *lane = lanes;
    struct point8 p;
    for (size_t at = 0; at < n; at += 8) {
        load_bases(&p, bases, index + at);
        open_lane(lane++, p.x, p.y, negated_lanes(index + at));
    }
}

static void GROUP(open_points)(void *lanes, const void *points, const uint32_t *index, size_t n)
{
    struct lane8 *lane = lanes;
    struct point8 p;
    for (size_t at = 0; at < n; at += 8, lane++) {
        load_points(&p, points, index + at, 1);
        const __mmask8 infinite = el_zero_lanes(p.x) & el_zero_lanes(p.y);
        open_lane(lane, p.x, p.y, 0);
        lane->n = el_blend(infinite, lane->n, el_zero());
        lane->y = el_blend(infinite, lane->y, el_zero());
    }
}

static void GROUP(close)(void *points, const uint32_t *index, const void *lanes, size_t n)
{
    const struct lane8 *lane = lanes;
    for (size_t at = 0; at < n; at += 8, lane++) {
        const __mmask8 infinite = el_zero_lanes(lane->n) & el_zero_lanes(lane->y);
        const el x = el_blend(infinite, el_reduce(el_lane_n(lane->n)), el_zero());      /* 12p - n */
        const el y = el_blend(infinite, el_reduce(el_lane_y_rest(lane->y)), el_zero()); /* 8p - y' */
        scatter_points(points, index + at, x, y, n - at < 8 ? n - at : 8);
    }
}

static const struct msm_lane_kernel GROUP(lanes) = {
    .bytes = sizeof(struct lane8) / 8,
    .open_bases = GROUP(open_bases),
    .open_points = GROUP(open_points),
    .add_bases = GROUP(add_bases),
    .close = GROUP(close),
};

const struct msm_kernel KERNEL = {
    .point_bytes = POINT_BYTES,
    .base_bytes = POINT_BYTES,
    .tmp_bytes_per_add = sizeof(struct sum8) / 8, /* more than a step8 and its share of rare ones */
    .add = GROUP(add),
    .store = GROUP(store),
    .lanes = &GROUP(lanes),
};
