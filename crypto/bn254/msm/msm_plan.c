#include "msm_plan.h"

#include <stdint.h>

/* A window of fewer digits than this is too little for a batch, so several windows share one. Also the bound of such a
 * group. */
#define GROUP_ITEMS ((size_t)1 << 14)
#define GROUP_CAP (4 * GROUP_ITEMS)
/* The most windows of a task by chunks: they share the bases of a chunk, and each has its set of buckets in memory. One
 * chunk has nothing to share, but two windows still halve the inversions of their reduction. */
#define TASK_WINDOWS 8
#define TASK_WINDOWS_ONE_CHUNK 2

/* limit[c]: up to this many full-size scalars c bits are best, by counting additions: n in each window, and 2.6 times
 * its buckets. (14 bits are never best: 19 windows, where 15 take 17.) 16 bits would begin at 635000 by that count; at
 * 2^20 they were no faster (643 against 639 ms in one run on a Zen 5, where runs differ by more) and take 8 MiB more.
 * */
static const uint32_t limit[MSM_WINDOW_BITS_MAX + 1] = {
    0, 0, 5, 21, 60, 180, 430, 890, 2900, 5100, 14600, 26600, 47800, 169000, 169000, 1500000, UINT32_MAX,
};

unsigned msm_windows(unsigned c)
{
    return (255 + c - 1) / c;
}

unsigned msm_window_bits(size_t n)
{
    unsigned c = 2;
    while (n > limit[c]) c++;
    return c;
}

static unsigned small_windows(unsigned c)
{
    unsigned w =
        (MSM_SMALL_BITS + 2 + c - 1) / c; /* with 65 bits the greatest value would carry out of the signed digits */
    return w < msm_windows(c) ? w : msm_windows(c);
}

void msm_shape_init(struct msm_shape *s, size_t n_full, size_t n_small, size_t n_ones)
{
    /* a small scalar meets a quarter of the windows */
    s->c = msm_window_bits(n_full + (n_small + 3) / 4);
    s->windows = msm_windows(s->c);
    s->small_windows = small_windows(s->c);
    s->buckets = (size_t)1 << (s->c - 1);
    s->n_live = n_full + n_small;
    s->n_full = n_full;
    s->n_ones = n_ones;
}

size_t msm_tasks_max(unsigned threads)
{
    return MSM_WINDOWS_MAX + 4 * (size_t)threads + 2;
}

/* `parts` equal slices of the stretch of windows [first, s->windows), cut anywhere. */
static size_t slice_windows(struct msm_task *task, const struct msm_shape *s, unsigned first, unsigned parts)
{
    size_t n = 0, total = 0;
    for (unsigned w = first; w < s->windows; w++) total += msm_window_items(s, w);
    size_t quota = (total + parts - 1) / parts, room = quota;
    for (unsigned w = first; w < s->windows; w++) {
        size_t items = msm_window_items(s, w), lo = 0;
        while (lo < items) {
            size_t take = items - lo < room ? items - lo : room;
            task[n++] = (struct msm_task){ .window = w, .n_windows = 1, .lo = lo, .hi = lo + take };
            lo += take;
            room -= take;
            if (!room) room = quota;
        }
    }
    return n;
}

static size_t group_windows(struct msm_task *task, const struct msm_shape *s, unsigned threads)
{
    size_t n = 0, total = 0, weight = 0;
    for (unsigned w = 0; w < s->windows; w++) total += msm_window_items(s, w) + s->buckets;
    size_t rounds = (total + threads * GROUP_ITEMS / 2) / (threads * GROUP_ITEMS);
    size_t quota = total / (threads * (rounds ? rounds : 1)) + 1;
    for (unsigned w = 0; w < s->windows; w++) {
        size_t own = msm_window_items(s, w) + s->buckets;
        /* the border goes where the weight is nearer to the quota */
        if (!n || weight + own / 2 > quota || weight + own > GROUP_CAP) {
            task[n++] = (struct msm_task){ .window = w, .lo = 0, .hi = s->n_live, .together = true };
            weight = 0;
        }
        task[n - 1].n_windows++;
        weight += own;
    }
    return n;
}

/* Windows of one task by chunks: every thread should get a task. */
static unsigned task_windows(size_t n_live, unsigned windows, unsigned threads)
{
    const unsigned most = n_live > MSM_CHUNK ? TASK_WINDOWS : TASK_WINDOWS_ONE_CHUNK;
    unsigned each = windows / threads, tasks = (each + most - 1) / most;
    return each ? (each + tasks - 1) / tasks : 1;
}

/* The windows below `whole`, a few to a task, each border where the weight is nearer to an equal share. */
static size_t chunk_windows(struct msm_task *task, const struct msm_shape *s, unsigned whole, unsigned threads)
{
    const unsigned most = task_windows(s->n_live, s->windows, threads), tasks = (whole + most - 1) / most;
    size_t n = 0, total = 0, weight = 0;
    for (unsigned w = 0; w < whole; w++) total += msm_window_items(s, w) + s->buckets;
    for (unsigned w = 0; w < whole; w++) {
        size_t own = msm_window_items(s, w) + s->buckets;
        if (!n || weight + own / 2 > total / tasks || task[n - 1].n_windows == most) {
            task[n++] = (struct msm_task){ .window = w, .lo = 0, .hi = s->n_live };
            weight = 0;
        }
        task[n - 1].n_windows++;
        weight += own;
    }
    return n;
}

size_t msm_tasks(struct msm_task *task, const struct msm_shape *s, unsigned threads)
{
    size_t n = 0, ones_parts = s->n_ones / (GROUP_ITEMS / 4);
    if (ones_parts < 1) ones_parts = s->n_ones ? 1 : 0;
    if (ones_parts > threads) ones_parts = threads;
    if (s->n_live) {
        if (s->n_live < GROUP_ITEMS) {
            n = group_windows(task, s, threads);
        } else {
            unsigned whole = s->windows - s->windows % threads;
            n = chunk_windows(task, s, whole, threads);
            n += slice_windows(task + n, s, whole, threads);
        }
    }
    for (size_t i = 0; i < ones_parts; i++)
        task[n++] = (struct msm_task){ .lo = s->n_ones * i / ones_parts, .hi = s->n_ones * (i + 1) / ones_parts };
    return n;
}

static size_t digits_for(unsigned c, size_t n_full, size_t n_small)
{
    return msm_windows(c) * n_full + small_windows(c) * n_small;
}

/* The most digits under n_full + n_small <= n and n_full + n_small / 4 <= lim: a linear program, so one of its corners.
 * */
static size_t digits_most(unsigned c, size_t n, size_t lim)
{
    size_t best = digits_for(c, n < lim ? n : lim, 0);
    size_t other = digits_for(c, 0, n / 4 < lim ? n : 4 * lim);
    if (other > best) best = other;
    if (lim < n && n / 4 < lim) {
        size_t n_small = (n - lim) / 3 * 4 + 4;
        if (n_small > n) n_small = n;
        other = digits_for(c, n - n_small + 4, n_small);
        if (other > best) best = other;
    }
    return best;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The greatest group of windows of c bits that group_windows makes of up to n live scalars, entries and buckets
 * together: its quota is at most its thread's share, or one and a half times GROUP_ITEMS; the last window exceeds the
 * quota by less than half of its own size. One window always fits. */
static size_t group_most(unsigned c, size_t n, unsigned threads)
{
    size_t own = n + ((size_t)1 << (c - 1)), total = msm_windows(c) * own;
    size_t quota = least(total / threads, GROUP_ITEMS + GROUP_ITEMS / 2) + 1;
    size_t most = least(least(total, GROUP_CAP), quota + own / 2);
    return most > own ? most : own;
}

/* The most windows of c bits that such a group has. c is chosen only for limit[c-1] < n_full + n_small / 4: with few
 * scalars in all, many must be full ones, and those are in every window. */
static size_t group_windows_most(unsigned c, size_t n, size_t group)
{
    size_t n_full = 4 * (size_t)limit[c - 1] > n ? (4 * (size_t)limit[c - 1] - n) / 3 : 0;
    size_t windows = group / (((size_t)1 << (c - 1)) + n_full);
    return windows < 1 ? 1 : least(windows, msm_windows(c));
}

static void bounds_join(struct msm_bounds *b, struct msm_bounds more)
{
    if (more.indices > b->indices) b->indices = more.indices;
    if (more.digits > b->digits) b->digits = more.digits;
    if (more.entries > b->entries) b->entries = more.entries;
    if (more.buckets > b->buckets) b->buckets = more.buckets;
}

struct msm_bounds msm_bounds_for(size_t n, unsigned threads)
{
    struct msm_bounds b = { .indices = n, .entries = least(n, MSM_CHUNK) };
    unsigned c_max = msm_window_bits(n);
    for (unsigned c = 2; c <= c_max; c++) {
        size_t grouped = least(least(n, 4 * (size_t)limit[c]), GROUP_ITEMS), group = group_most(c, grouped, threads);
        bounds_join(&b, (struct msm_bounds){ .digits = digits_most(c, n, limit[c]),
                                             .entries = least(group, msm_windows(c) * grouped),
                                             .buckets = group_windows_most(c, grouped, group) << (c - 1) });
        if (n >= GROUP_ITEMS)
            bounds_join(&b,
                        (struct msm_bounds){ .buckets = (size_t)task_windows(n, msm_windows(c), threads) << (c - 1) });
    }
    return b;
}

struct msm_bounds msm_bounds_of(const struct msm_shape *s, const struct msm_task *task, size_t n_tasks)
{
    struct msm_bounds b = { .indices = s->n_live + s->n_ones };
    for (unsigned w = 0; w < s->windows; w++) b.digits += msm_window_items(s, w);
    for (size_t t = 0; t < n_tasks; t++) {
        struct msm_bounds own = { .buckets = task[t].n_windows ? task[t].n_windows * s->buckets : 1 };
        if (!task[t].together)
            own.entries = least(task[t].hi - task[t].lo, task[t].n_windows ? MSM_CHUNK : MSM_LIST_PART);
        for (unsigned i = 0; task[t].together && i < task[t].n_windows; i++)
            own.entries += msm_window_items(s, task[t].window + i);
        bounds_join(&b, own);
    }
    return b;
}
