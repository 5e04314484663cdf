#include "bn254/msm_buckets.h"

#include <string.h>

/* Items of a segment: what a tree of additions works on at a time. Large enough that the last, short rounds and their
 * inversions weigh little; small enough that the points stay in the second-level cache (512 KiB in G1, twice that in G2). */
#define SEGMENT 8192
/* Chains of the reduction, at the most. */
#define REDUCE_BATCH 512

struct msm_run_of {
    uint32_t bucket;
    uint32_t n; /* of its entries in the list */
    bool carried; /* the bucket has a value already, which takes part */
};

static size_t carve(size_t *at, size_t bytes)
{
    size_t here = *at;
    *at += (bytes + 63) / 64 * 64;
    return here;
}

static size_t layout(struct msm_bench *b, unsigned char *mem, size_t entries, size_t buckets, size_t point_bytes, size_t tmp_bytes)
{
    size_t at = 0;
    size_t order = carve(&at, entries * sizeof *b->order), end = carve(&at, buckets * sizeof *b->end);
    /* buckets after slots, a whole number of points apart: an index into the slots reaches both */
    size_t slots = carve(&at, (SEGMENT + 8) * point_bytes), points = carve(&at, (buckets + 2 * REDUCE_BATCH) * point_bytes);
    size_t pair = carve(&at, (SEGMENT + 16 + 4 * REDUCE_BATCH) * sizeof *b->pair), list = carve(&at, (SEGMENT + 16) * sizeof *b->list), list_out = carve(&at, (SEGMENT + 16) * sizeof *b->list);
    size_t single = carve(&at, (SEGMENT + 8) * sizeof *b->single);
    size_t runs = carve(&at, (SEGMENT + 8) * sizeof *b->runs), tmp = carve(&at, tmp_bytes * SEGMENT / 2 + MSM_TMP_EXTRA);
    if (b)
        *b = (struct msm_bench){ (uint32_t *)(mem + order), (uint32_t *)(mem + end), mem + points, mem + slots,
                                 (uint32_t *)(mem + pair), (uint32_t *)(mem + list), (uint32_t *)(mem + list_out),
                                 (uint32_t *)(mem + single), (struct msm_run_of *)(mem + runs), mem + tmp };
    return at;
}

size_t msm_bench_bytes(size_t entries, size_t buckets, size_t point_bytes_max, size_t tmp_bytes_per_add_max)
{
    return layout(NULL, NULL, entries, buckets, point_bytes_max, tmp_bytes_per_add_max);
}

void msm_bench_init(struct msm_bench *b, void *mem, size_t entries, size_t buckets, size_t point_bytes_max, size_t tmp_bytes_per_add_max)
{
    layout(b, mem, entries, buckets, point_bytes_max, tmp_bytes_per_add_max);
}

/* The segment being collected. Slots: pair sums first, then single bases. An item is a slot at the most: a base, or the value of a
 * bucket that is added to. */
struct segment {
    size_t n_pair, n_run, n_single, n_item;
};

/* Runs are short and their lengths random: what follows writes four entries where fewer may be meant and goes on from the right place,
 * because a branch guessed wrong costs more. The lists have room for what is written too much. */

/* to[i] = first + i for i < n, and up to four entries more */
static inline void count_up(uint32_t *to, uint32_t first, size_t n)
{
    size_t i = 0;
    do
        for (size_t e = 0; e < 4; e++) to[i + e] = first + (uint32_t)(i + e);
    while ((i += 4) < n);
}

/* to[i] = from[i] for i < n, and up to eight entries more */
static inline void copy_entries(uint32_t *to, const uint32_t *from, size_t n)
{
    size_t i = 0;
    do memcpy(to + i, from + i, 8 * sizeof *to);
    while ((i += 8) < n);
}

/* One round of every tree: adds neighbours, keeps the odd one. Returns the number of additions; *next is the next free slot. */
static size_t tree_round(struct msm_bench *b, const struct msm_kernel *kernel, size_t n_run, size_t *next)
{
    const uint32_t *from = b->list;
    uint32_t *to = b->list_out;
    size_t adds = 0;
    for (size_t e = 0; e < n_run; e++) {
        size_t n = b->runs[e].n, half = n / 2;
        copy_entries(b->pair + 2 * adds, from, 2 * half);
        count_up(to, (uint32_t)(*next + adds), half);
        to[half] = from[n - 1]; /* is kept where n is odd */
        adds += half;
        from += n;
        to += n - half;
        b->runs[e].n = (uint32_t)(n - half);
    }
    if (adds) kernel->add(b->slots + *next * kernel->point_bytes, b->slots, b->pair, adds, b->tmp);
    *next += adds;
    to = b->list, b->list = b->list_out, b->list_out = to;
    return adds;
}

/* Slot numbers of the segment's first round, bucket by bucket. A run's n counts bases so far. */
static void list_slots(struct msm_bench *b, const struct segment *s, size_t first_bucket)
{
    uint32_t *to = b->list, pair = 0, single = (uint32_t)s->n_pair;
    for (size_t e = 0; e < s->n_run; e++) {
        uint32_t *const from = to, half = b->runs[e].n / 2, odd = b->runs[e].n & 1;
        count_up(to, pair, half);
        to[half] = single;
        to += half + odd;
        *to = (uint32_t)first_bucket + b->runs[e].bucket;
        to += b->runs[e].carried;
        pair += half, single += odd;
        b->runs[e].n = (uint32_t)(to - from);
    }
}

static inline void copy_point(unsigned char *to, const unsigned char *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 64) memcpy(to + i, from + i, 64); /* inline: a call a point counts */
}

static void finish_segment(struct msm_bench *b, const struct msm_kernel *kernel, const void *bases, struct segment *s)
{
    const size_t bytes = kernel->point_bytes;
    if (s->n_pair) kernel->add_bases(b->slots, bases, b->pair, s->n_pair, b->tmp);
    if (s->n_single) kernel->load(b->slots + s->n_pair * bytes, bases, b->single, s->n_single);
    size_t next = s->n_pair + s->n_single;
    list_slots(b, s, (size_t)(b->buckets - b->slots) / bytes);
    while (tree_round(b, kernel, s->n_run, &next)) {}
    for (size_t e = 0; e < s->n_run; e++) copy_point(b->buckets + b->runs[e].bucket * bytes, b->slots + b->list[e] * bytes, bytes);
    *s = (struct segment){ 0 };
}

/* Appends those of order[0..n) that the set has to the pairs; returns how many. */
static size_t collect(uint32_t *to, const struct msm_filter *set, const uint32_t *order, size_t n)
{
    size_t kept = 0;
    if (!set->infinite && !set->first && set->count == set->of) {
        copy_entries(to, order, n);
        return n;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t u = order[i], base = (u & ~MSM_NEGATE) - (uint32_t)set->first;
        to[kept] = base | (u & MSM_NEGATE);
        kept += base < set->count && !(set->infinite && set->infinite[base / 64] >> base % 64 & 1);
    }
    return kept;
}

static bool is_infinity(const unsigned char *point, size_t bytes)
{
    uint64_t any = 0, w[8];
    for (size_t i = 0; i < bytes; i += 64) {
        memcpy(w, point + i, 64);
        any |= w[0] | w[1] | w[2] | w[3] | w[4] | w[5] | w[6] | w[7];
    }
    return !any;
}

static void open_run(struct msm_bench *b, struct segment *s, const struct msm_filter *set, const uint32_t *order, size_t n, size_t bucket, bool carried)
{
    uint32_t *to = b->pair + 2 * s->n_pair;
    size_t kept = collect(to, set, order, n);
    s->n_item += n;
    if (!kept) return;
    s->n_item += carried;
    b->runs[s->n_run++] = (struct msm_run_of){ (uint32_t)bucket, (uint32_t)kept, carried };
    b->single[s->n_single] = to[kept - 1];
    s->n_single += kept & 1;
    s->n_pair += kept / 2;
}

void msm_clear_buckets(struct msm_bench *b, const struct msm_kernel *kernel, size_t n)
{
    memset(b->buckets, 0, n * kernel->point_bytes);
}

/* Adds order[0..n) to one bucket; the segment stays open. */
static bool add_entries(struct msm_bench *b, const struct msm_kernel *kernel, struct segment *s, const struct msm_filter *set,
                        const uint32_t *order, size_t n, size_t bucket, const atomic_int *stop)
{
    const size_t bytes = kernel->point_bytes;
    while (n) {
        size_t take = n < SEGMENT - s->n_item ? n : SEGMENT - s->n_item;
        open_run(b, s, set, order, take, bucket, !is_infinity(b->buckets + bucket * bytes, bytes));
        order += take;
        n -= take;
        if (s->n_item < SEGMENT) continue;
        if (stop && atomic_load_explicit(stop, memory_order_relaxed)) return false;
        finish_segment(b, kernel, set->bases, s);
    }
    return true;
}

bool msm_fill_buckets(struct msm_bench *b, const struct msm_kernel *kernel, const struct msm_filter *set, size_t first, size_t n, const atomic_int *stop)
{
    struct segment s = { 0 };
    for (size_t i = 0, at = 0; i < n; at = b->end[i++])
        if (!add_entries(b, kernel, &s, set, b->order + at, b->end[i] - at, first + i, stop)) return false;
    finish_segment(b, kernel, set->bases, &s);
    return true;
}

bool msm_fill_list(struct msm_bench *b, const struct msm_kernel *kernel, const struct msm_filter *set, const uint32_t *list, size_t n, const atomic_int *stop)
{
    struct segment s = { 0 };
    if (!add_entries(b, kernel, &s, set, list, n, 0, stop)) return false;
    finish_segment(b, kernel, set->bases, &s);
    return true;
}

/* totals += the buckets at `offset` of each segment; partials += the totals as they were, when asked for */
static void reduce_step(struct msm_bench *b, const struct msm_kernel *kernel, size_t n, size_t chains, size_t length, size_t offset, bool partials)
{
    uint32_t *pair = b->pair;
    for (size_t j = 0; j < chains; j++) {
        pair[2 * j] = (uint32_t)(n + j);
        pair[2 * j + 1] = (uint32_t)(j * length + offset);
    }
    pair += 2 * chains;
    for (size_t j = 0; partials && j < chains; j++) {
        pair[2 * j] = (uint32_t)(n + chains + j);
        pair[2 * j + 1] = (uint32_t)(n + j);
    }
    kernel->add(b->buckets + n * kernel->point_bytes, b->buckets, b->pair, partials ? 2 * chains : chains, b->tmp);
}

static void add_last_totals(struct msm_bench *b, const struct msm_kernel *kernel, size_t n, size_t chains)
{
    for (size_t j = 0; j < chains; j++) {
        b->pair[2 * j] = (uint32_t)(n + chains + j);
        b->pair[2 * j + 1] = (uint32_t)(n + j);
    }
    kernel->add(b->buckets + (n + chains) * kernel->point_bytes, b->buckets, b->pair, chains, b->tmp);
}

size_t msm_reduce_buckets(struct msm_bench *b, const struct msm_kernel *kernel, size_t n_windows, size_t width,
                          const unsigned char **total, const unsigned char **partial)
{
    const size_t bytes = kernel->point_bytes, n = n_windows * width;
    size_t segments = 1;
    /* an inversion for each of the n / chains steps, three Jacobian additions for each chain: even at about sqrt(2n) chains */
    while (2 * segments * n_windows <= REDUCE_BATCH && 4 * segments <= width && 2 * segments * segments * n_windows <= width) segments *= 2;
    size_t chains = n_windows * segments, length = width / segments;
    unsigned char *totals = b->buckets + n * bytes, *partials = totals + chains * bytes;
    for (size_t j = 0; j < chains; j++) memcpy(totals + j * bytes, b->buckets + (j * length + length - 1) * bytes, bytes);
    memcpy(partials, totals, chains * bytes);
    for (size_t i = length - 1; i-- > 0;) reduce_step(b, kernel, n, chains, length, i, i + 2 < length);
    if (length > 1) add_last_totals(b, kernel, n, chains);
    *total = totals;
    *partial = partials;
    return segments;
}
