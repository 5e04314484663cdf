/* Eight affine additions a step, for one group. Included by the group's file, which defines
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
 * Points of the inside are (x, y), four 64-bit words a coordinate of Fp, R = 2^260, x below 4p and y below 2.01p, not canonical; all
 * zero is infinity. No conversion is paid for R: the files' words x*2^256 read as R = 2^260 mean x*2^-4; x's words shifted up
 * by 2 and y's by 1 give x*2^-2 and y*2^-3, the image of (x, y) under the isomorphism (u^2 x, u^3 y), u = 1/2, to the curve with
 * b*u^6. The constant b is in no addition formula, so all sums are made over there, and `store` comes back: x*4, y*8. */

/* Four independent chains of products, to fill the latency of one; so batches are whole groups of 32 sums. */
#define CHAINS 4
#define GROUP_SUMS (8 * CHAINS)

struct sum8 {
    el den;
    el before;                  /* product of the earlier denominators of the chain */
    __mmask8 doubled, first, second, nothing; /* lanes that are no plain addition */
};

IFMA_INLINE void load_side(struct point8 *p, const void *from, const uint32_t *index, bool bases)
{
    if (bases) load_bases(p, from, index);
    else load_points(p, from, index);
}

/* The rare case, exact: what each suspect lane is, and its denominator. No point of the curve has y = 0. */
static __attribute__((noinline)) void sort_out(struct sum8 *s, const void *from, const uint32_t *pair, bool bases)
{
    struct point8 p, q;
    load_side(&p, from, pair, bases);
    load_side(&q, from, pair + 1, bases);
    const __mmask8 p_inf = el_zero_lanes(p.y), q_inf = el_zero_lanes(q.y);
    const __mmask8 same_x = el_is_zero(s->den) & (__mmask8)~(p_inf | q_inf);
    const __mmask8 same_y = el_is_zero(el_sub4(q.y, p.y));
    s->second = p_inf;
    s->first = q_inf & (__mmask8)~p_inf;
    s->doubled = same_x & same_y;
    s->nothing = same_x & (__mmask8)~same_y;
    s->den = el_blend(s->doubled, s->den, el_add(p.y, p.y));
    s->den = el_blend(p_inf | q_inf | s->nothing, s->den, el_one());
}

/* x alone is read: an infinite point has no bits in x either, and who has none is suspect. */
IFMA_INLINE void denominator(struct sum8 *s, const void *from, const uint32_t *pair, bool bases)
{
    el p, q;
    load_xs(&p, &q, from, pair, bases);
    s->den = el_sub4(q, p);
    s->doubled = s->first = s->second = s->nothing = 0;
    __mmask8 suspect = el_maybe_zero(s->den);
    if (!bases) suspect |= el_zero_lanes(p) | el_zero_lanes(q);
    if (__builtin_expect(suspect, 0)) sort_out(s, from, pair, bases);
}

static __attribute__((noinline)) el doubling_slope(el numerator, const struct point8 *p, __mmask8 doubled)
{
    el xx = el_sqr(p->x), twice = el_add(xx, xx);
    return el_blend(doubled, numerator, el_add(twice, xx));
}

/* Lanes without an addition: one of the two points, or infinity. */
static __attribute__((noinline)) void replace(el *x, el *y, const struct sum8 *s, const struct point8 *p, const struct point8 *q)
{
    const el zero = el_zero();
    *x = el_blend(s->nothing, el_blend(s->second, el_blend(s->first, *x, p->x), q->x), zero);
    *y = el_blend(s->nothing, el_blend(s->second, el_blend(s->first, *y, p->y), q->y), zero);
}

/* One group of 32 sums on the way back. inv[c]: the inverse of the chain's product up to and with this group. */
IFMA_INLINE void finish_group(char *dst, const void *from, const uint32_t *pair, const struct sum8 *s, el inv[CHAINS], bool bases)
{
    struct point8 p[CHAINS], q[CHAINS];
    el t[CHAINS], slope[CHAINS], x[CHAINS], y[CHAINS];
    for (int c = 0; c < CHAINS; c++) {
        load_side(&p[c], from, pair + 16 * c, bases);
        load_side(&q[c], from, pair + 16 * c + 1, bases);
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
IFMA_INLINE void start_group(struct sum8 *s, el product[CHAINS], const void *from, const uint32_t *pair, bool bases)
{
    for (int c = 0; c < CHAINS; c++) {
        denominator(&s[c], from, pair + 16 * c, bases);
        s[c].before = product[c];
    }
    for (int c = 0; c < CHAINS; c++) product[c] = el_mul(product[c], s[c].den);
}

IFMA_INLINE void call_ahead(const void *bases, const uint32_t *pair)
{
    for (int i = 0; i < 2 * GROUP_SUMS; i++) {
        const char *base = (const char *)bases + (size_t)(pair[i] & ~MSM_NEGATE) * POINT_BYTES;
        for (int line = 0; line < POINT_BYTES; line += 64) _mm_prefetch(base + line, _MM_HINT_T0);
        _mm_prefetch(base + POINT_BYTES - 1, _MM_HINT_T0);
    }
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

/* tmp: an array of sum8, CHAINS for each group begun */
IFMA_INLINE void add_pairs(char *dst, const void *from, const uint32_t *pair, size_t n, struct sum8 *s, bool bases)
{
    struct tail tail;
    el product[CHAINS];
    const size_t groups = n / GROUP_SUMS, done = groups * GROUP_SUMS;
    for (int c = 0; c < CHAINS; c++) product[c] = el_one();
    for (size_t g = 0; g < groups; g++) {
        if (bases && g + 1 < groups) call_ahead(from, pair + 2 * GROUP_SUMS * (g + 1));
        start_group(s + CHAINS * g, product, from, pair + 2 * GROUP_SUMS * g, bases);
    }
    if (done < n) {
        fill_tail(&tail, pair + 2 * done, n - done);
        start_group(s + CHAINS * groups, product, from, tail.pair, bases);
    }
    el_invert_chains(product);
    if (done < n) {
        finish_group(tail.out, from, tail.pair, s + CHAINS * groups, product, bases);
        memcpy(dst + POINT_BYTES * done, tail.out, POINT_BYTES * (n - done));
    }
    for (size_t g = groups; g-- > 0;)
        finish_group(dst + POINT_BYTES * GROUP_SUMS * g, from, pair + 2 * GROUP_SUMS * g, s + CHAINS * g, product, bases);
}

static void GROUP(add_bases)(void *dst, const void *bases, const uint32_t *pair, size_t n, void *tmp)
{
    if (n) add_pairs(dst, bases, pair, n, tmp, true);
}

static void GROUP(add)(void *dst, const void *src, const uint32_t *pair, size_t n, void *tmp)
{
    if (n) add_pairs(dst, src, pair, n, tmp, false);
}

static void load_eight(char *dst, const void *bases, const uint32_t *index, size_t n)
{
    uint32_t pair[16];
    struct point8 p;
    for (size_t i = 0; i < 8; i++) pair[2 * i] = pair[2 * i + 1] = index[i < n ? i : 0];
    load_bases(&p, bases, pair);
    store_points(dst, p.x, p.y);
}

static void GROUP(load)(void *dst, const void *bases, const uint32_t *index, size_t n)
{
    char out[8 * POINT_BYTES] __attribute__((aligned(64)));
    size_t at = 0;
    for (; at + 8 <= n; at += 8) load_eight((char *)dst + POINT_BYTES * at, bases, index + at, 8);
    if (at == n) return;
    load_eight(out, bases, index + at, n - at);
    memcpy((char *)dst + POINT_BYTES * at, out, POINT_BYTES * (n - at));
}

const struct msm_kernel KERNEL = {
    .point_bytes = POINT_BYTES,
    .base_bytes = POINT_BYTES,
    .tmp_bytes_per_add = sizeof(struct sum8) / 8,
    .add_bases = GROUP(add_bases),
    .add = GROUP(add),
    .load = GROUP(load),
    .store = GROUP(store),
};
