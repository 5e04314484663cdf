/* One group's MSM kernel on scalar arithmetic. Included by the file of each path, after it has defined
 *   GROUP(name)   this group's and path's name for a function, e.g. g1_adx_ ## name
 *   AFFINE, PACKED, GROUP(unpack)   the library's affine and packed types
 *   FE, FE_IS_ZERO, FE_EQ, FE_ADD, FE_SUB, FE_NEG, FE_MUL, FE_SQR, FE_INV, FE_ONE(r)   its coordinate field on this path.
 * The inside form of a point is the library's affine one.
 *
 * Affine addition with Montgomery's trick: one pass multiplies all denominators up, one inversion, one pass back; five
 * products and a square a sum. The denominator is x2 - x1, or 2*y1 where a point is doubled; where nothing is to be divided
 * (a point at infinity, opposite points) it is one. */

struct GROUP(step_of) {
    FE den, before; /* before: the product of the denominators of all earlier sums */
};

static inline bool GROUP(is_infinity)(const AFFINE *p)
{
    return FE_IS_ZERO(&p->x) && FE_IS_ZERO(&p->y);
}

static inline void GROUP(take)(AFFINE *p, const void *from, uint32_t index, bool bases)
{
    if (!bases) {
        *p = ((const AFFINE *)from)[index];
        return;
    }
    GROUP(unpack)(p, (const PACKED *)from + (index & ~MSM_NEGATE));
    if (index & MSM_NEGATE) FE_NEG(&p->y, &p->y);
}

/* What a sum with equal x, or with a point at infinity, is made of. */
enum GROUP(kind) { GROUP(DIFFERENT), GROUP(DOUBLE), GROUP(FIRST), GROUP(SECOND), GROUP(NOTHING) };

static __attribute__((noinline)) enum GROUP(kind) GROUP(exception)(const AFFINE *p, const AFFINE *q)
{
    if (GROUP(is_infinity)(p)) return GROUP(SECOND);
    if (GROUP(is_infinity)(q)) return GROUP(FIRST);
    if (!FE_EQ(&p->x, &q->x)) return GROUP(DIFFERENT);
    return FE_EQ(&p->y, &q->y) && !FE_IS_ZERO(&p->y) ? GROUP(DOUBLE) : GROUP(NOTHING);
}

static inline enum GROUP(kind) GROUP(kind_of)(const AFFINE *p, const AFFINE *q, const FE *dx)
{
    if (__builtin_expect(FE_IS_ZERO(dx) || FE_IS_ZERO(&p->y) || FE_IS_ZERO(&q->y), 0)) return GROUP(exception)(p, q);
    return GROUP(DIFFERENT);
}

static inline void GROUP(denominator)(FE *den, const AFFINE *p, const AFFINE *q)
{
    FE_SUB(den, &q->x, &p->x);
    enum GROUP(kind) kind = GROUP(kind_of)(p, q, den);
    if (__builtin_expect(kind == GROUP(DIFFERENT), 1)) return;
    if (kind == GROUP(DOUBLE)) FE_ADD(den, &p->y, &p->y);
    else FE_ONE(den);
}

static inline void GROUP(finish)(AFFINE *r, const AFFINE *p, const AFFINE *q, const FE *inverse)
{
    FE slope, t, x;
    FE_SUB(&t, &q->x, &p->x);
    enum GROUP(kind) kind = GROUP(kind_of)(p, q, &t);
    FE_SUB(&t, &q->y, &p->y);
    if (__builtin_expect(kind != GROUP(DIFFERENT), 0)) {
        if (kind != GROUP(DOUBLE)) {
            if (kind == GROUP(FIRST)) *r = *p;
            else if (kind == GROUP(SECOND)) *r = *q;
            else memset(r, 0, sizeof *r);
            return;
        }
        FE_SQR(&slope, &p->x);
        FE_ADD(&t, &slope, &slope);
        FE_ADD(&t, &t, &slope);
    }
    FE_MUL(&slope, &t, inverse);
    FE_SQR(&x, &slope);
    FE_SUB(&x, &x, &p->x);
    FE_SUB(&x, &x, &q->x);
    FE_SUB(&t, &p->x, &x);
    FE_MUL(&t, &t, &slope);
    FE_SUB(&r->y, &t, &p->y);
    r->x = x;
}

/* how far ahead a base is called from memory: about ten additions' time */
#define AHEAD 8

static inline void GROUP(call_ahead)(const void *from, const uint32_t *pair, size_t k, size_t n)
{
    if (k + AHEAD >= n) return;
    for (int i = 0; i < 2; i++) {
        const char *base = (const char *)((const PACKED *)from + (pair[2 * (k + AHEAD) + i] & ~MSM_NEGATE));
        __builtin_prefetch(base);
        __builtin_prefetch(base + sizeof(PACKED) - 1);
    }
}

static inline __attribute__((always_inline)) void GROUP(add_pairs)(AFFINE *dst, const void *from, const uint32_t *pair, size_t n, void *tmp, bool bases)
{
    struct GROUP(step_of) *step = tmp;
    AFFINE p, q;
    FE product, inverse;
    if (!n) return;
    FE_ONE(&product);
    for (size_t k = 0; k < n; k++) {
        if (bases) GROUP(call_ahead)(from, pair, k, n);
        GROUP(take)(&p, from, pair[2 * k], bases);
        GROUP(take)(&q, from, pair[2 * k + 1], bases);
        GROUP(denominator)(&step[k].den, &p, &q);
        step[k].before = product;
        FE_MUL(&product, &product, &step[k].den);
    }
    FE_INV(&product, &product);
    for (size_t k = n; k-- > 0;) {
        GROUP(take)(&p, from, pair[2 * k], bases);
        GROUP(take)(&q, from, pair[2 * k + 1], bases);
        FE_MUL(&inverse, &product, &step[k].before);
        FE_MUL(&product, &product, &step[k].den);
        GROUP(finish)(&dst[k], &p, &q, &inverse);
    }
}

static void GROUP(add_bases)(void *dst, const void *bases, const uint32_t *pair, size_t n, void *tmp)
{
    GROUP(add_pairs)(dst, bases, pair, n, tmp, true);
}

static void GROUP(add)(void *dst, const void *src, const uint32_t *pair, size_t n, void *tmp)
{
    GROUP(add_pairs)(dst, src, pair, n, tmp, false);
}

static void GROUP(load)(void *dst, const void *bases, const uint32_t *index, size_t n)
{
    for (size_t k = 0; k < n; k++) GROUP(take)((AFFINE *)dst + k, bases, index[k], true);
}

static void GROUP(store)(void *affine, const void *point)
{
    memcpy(affine, point, sizeof(AFFINE));
}

const struct msm_kernel KERNEL = {
    .point_bytes = sizeof(AFFINE),
    .base_bytes = sizeof(PACKED),
    .tmp_bytes_per_add = sizeof(struct GROUP(step_of)),
    .add_bases = GROUP(add_bases),
    .add = GROUP(add),
    .load = GROUP(load),
    .store = GROUP(store),
};
#undef AHEAD
