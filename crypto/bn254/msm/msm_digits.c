#include "msm_digits.h"

#include <string.h>
#include "msm_kernel.h"

struct words {
    uint64_t w[4];
};

static const struct words order_r = { { 0x43e1f593f0000001, 0x2833e84879b97091, 0xb85045b68181585d,
                                        0x30644e72e131a029 } };
static const struct words half_r = { { 0xa1f0fac9f8000000, 0x9419f4243cdcb848, 0xdc2822db40c0ac2e,
                                       0x183227397098d014 } };

/* r = a - b; all ones where that is negative */
static inline uint64_t subtract(struct words *r, const struct words *a, const struct words *b)
{
    uint64_t borrow = 0;
    for (int i = 0; i < 4; i++) {
        unsigned long long t;
        uint64_t more = __builtin_usubll_overflow(a->w[i], b->w[i], &t);
        more |= __builtin_usubll_overflow(t, borrow, &t);
        r->w[i] = t;
        borrow = more;
    }
    return -borrow;
}

/* min(k, r - k), and whether it was negated; by masks, because one in two is negated and no branch predictor can tell
 * which */
static inline enum msm_kind read_scalar(struct words *a, uint32_t *negate, const bn254_scalar_packed *k)
{
    struct words opposite, unused;
    memcpy(a, k, sizeof *a);
    uint64_t above = subtract(&unused, &half_r, a);
    subtract(&opposite, &order_r, a);
    for (int i = 0; i < 4; i++) a->w[i] ^= (a->w[i] ^ opposite.w[i]) & above;
    *negate = (uint32_t)above & MSM_NEGATE;
    if (a->w[1] | a->w[2] | a->w[3]) return MSM_FULL;
    return a->w[0] > 1 ? MSM_SMALL : a->w[0] ? MSM_ONE : MSM_ZERO;
}

void msm_count_kinds(struct msm_kind_counts *c, const bn254_scalar_packed *k, size_t lo, size_t hi)
{
    memset(c, 0, sizeof *c);
    for (size_t i = lo; i < hi; i++) {
        struct words a;
        uint32_t negate;
        c->n[read_scalar(&a, &negate, &k[i])]++;
    }
}

/* 2^(c-1) in every window but the top one, whose digit stays unsigned: then windows of k + bias are digits + 2^(c-1),
 * and no carry runs from window to window. */
static struct words bias_for(const struct msm_shape *s)
{
    struct words b = { { 0 } };
    for (unsigned w = 0; w + 1 < s->windows; w++) {
        unsigned bit = w * s->c + s->c - 1;
        b.w[bit / 64] |= (uint64_t)1 << bit % 64;
    }
    return b;
}

static void add_words(struct words *a, const struct words *b)
{
    uint64_t carry = 0;
    for (int i = 0; i < 4; i++) {
        unsigned long long t;
        carry = __builtin_uaddll_overflow(a->w[i], carry, &t);
        carry += __builtin_uaddll_overflow(t, b->w[i], &t);
        a->w[i] = t;
    }
}

/* Always reads two words, whether a window spans them or not; w[4] is zero. */
static inline unsigned window_of(const uint64_t w[5], unsigned bit, unsigned c)
{
    uint64_t v = w[bit / 64] >> bit % 64 | w[bit / 64 + 1] << 1 << (63 - bit % 64);
    return (unsigned)v & ((1u << c) - 1);
}

static void write_windows(uint16_t *digit, const struct msm_shape *s, const struct words *a, size_t position,
                          unsigned windows)
{
    const uint64_t w[5] = { a->w[0], a->w[1], a->w[2], a->w[3], 0 };
    const unsigned c = s->c, top = s->windows - 1, below = windows < s->windows ? windows : top;
    unsigned bit = 0, i = 0;
    uint16_t *at = digit + position;
    for (; i < below; i++, bit += c) {
        *at = (uint16_t)window_of(w, bit, c);
        at += i < s->small_windows ? s->n_live : s->n_full;
    }
    /* the top digit is unsigned; it wraps only for scalars beyond the contract */
    if (windows == s->windows)
        digit[msm_digits_at(s, top) + position] =
            (uint16_t)((window_of(w, bit, c) + (1u << (c - 1))) & ((1u << c) - 1));
}

void msm_write_digits(struct msm_digits *d, struct msm_kind_counts *at, const struct msm_shape *s,
                      const bn254_scalar_packed *k, size_t lo, size_t hi)
{
    struct words bias = bias_for(s);
    for (size_t i = lo; i < hi; i++) {
        struct words a;
        uint32_t negate;
        enum msm_kind kind = read_scalar(&a, &negate, &k[i]);
        if (kind == MSM_ZERO) continue;
        size_t position = at->n[kind]++;
        d->index[position] = (uint32_t)i | negate;
        if (kind == MSM_ONE) continue;
        add_words(&a, &bias);
        write_windows(d->digit, s, &a, position, kind == MSM_FULL ? s->windows : s->small_windows);
    }
}

static inline size_t items_end(const struct msm_shape *s, const struct msm_task *task, unsigned window)
{
    size_t items = msm_window_items(s, window);
    return items < task->hi ? items : task->hi;
}

/* |digit| and its sign as a mask, without a branch: signs are random, and mispredicting half of them took 5 ns a digit.
 * */
static inline uint32_t magnitude(uint32_t *sign, uint16_t digit, int32_t half)
{
    int32_t v = digit - half, mask = v >> 31;
    *sign = (uint32_t)mask;
    return (uint32_t)((v ^ mask) - mask);
}

static void count_buckets(uint32_t *count, const uint16_t *digit, size_t n, int32_t half)
{
    for (size_t p = 0; p < n; p++) {
        uint32_t sign, m = magnitude(&sign, digit[p], half);
        if (m) count[m - 1]++;
    }
}

static void place_indices(uint32_t *order, uint32_t *next, const uint16_t *digit, const uint32_t *index, size_t n,
                          int32_t half)
{
    for (size_t p = 0; p < n; p++) {
        uint32_t sign, m = magnitude(&sign, digit[p], half);
        if (m) order[next[m - 1]++] = index[p] ^ (sign & MSM_NEGATE);
    }
}

void msm_sort(uint32_t *order, uint32_t *end, const struct msm_digits *d, const struct msm_shape *s,
              const struct msm_task *task)
{
    const size_t buckets = s->buckets * task->n_windows;
    memset(end, 0, buckets * sizeof *end);
    for (unsigned i = 0; i < task->n_windows; i++) {
        const size_t hi = items_end(s, task, task->window + i);
        if (task->lo >= hi) continue;
        count_buckets(end + i * s->buckets, d->digit + msm_digits_at(s, task->window + i) + task->lo, hi - task->lo,
                      (int32_t)s->buckets);
    }
    for (size_t b = 0, at = 0; b < buckets; b++) {
        size_t n = end[b];
        end[b] = (uint32_t)at;
        at += n;
    }
    for (unsigned i = 0; i < task->n_windows; i++) {
        const size_t hi = items_end(s, task, task->window + i);
        if (task->lo >= hi) continue;
        place_indices(order, end + i * s->buckets, d->digit + msm_digits_at(s, task->window + i) + task->lo,
                      d->index + task->lo, hi - task->lo, (int32_t)s->buckets);
    }
}
