#include "bn254/msm_buckets.h"

#include <string.h>

/* Items of a segment: what a tree of additions works on at a time. Large enough that the last, short rounds and their
 * inversions weigh little; small enough that the points stay in the second-level cache (512 KiB in G1, twice that in G2). */
#define SEGMENT 8192
/* Additions in a batch of the reduction. */
#define REDUCE_BATCH 128

struct msm_run_of {
    uint32_t bucket;
    uint32_t n; /* of its entries in the list */
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
    size_t points = carve(&at, (buckets + 2 * REDUCE_BATCH) * point_bytes), slots = carve(&at, (SEGMENT + 8) * point_bytes);
    size_t pair = carve(&at, (SEGMENT + 8 + 4 * REDUCE_BATCH) * sizeof *b->pair), list = carve(&at, (SEGMENT + 8) * sizeof *b->list);
    size_t single = carve(&at, (SEGMENT + 8) * sizeof *b->single);
    size_t runs = carve(&at, (SEGMENT + 8) * sizeof *b->runs), tmp = carve(&at, tmp_bytes * SEGMENT / 2 + MSM_TMP_EXTRA);
    if (b)
        *b = (struct msm_bench){ (uint32_t *)(mem + order), (uint32_t *)(mem + end), mem + points, mem + slots,
                                 (uint32_t *)(mem + pair), (uint32_t *)(mem + list),
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

/* The segment being collected. Slots: pair sums first, then single bases, then the carried partial sum of a bucket that
 * the last segment left unfinished. */
struct segment {
    size_t n_pair, n_run, n_single, n_item;
    bool carried; /* run 0 continues a bucket whose value so far is in bench->buckets */
};

/* One round of every tree: adds neighbours, keeps the odd one. Returns the number of additions; *next is the next free slot. */
static size_t tree_round(struct msm_bench *b, const struct msm_kernel *kernel, size_t n_run, size_t *next)
{
    size_t adds = 0, from = 0, to = 0;
    for (size_t e = 0; e < n_run; e++) {
        size_t n = b->runs[e].n, half = n / 2;
        if (half) memcpy(b->pair + 2 * adds, b->list + from, 2 * half * sizeof *b->pair);
        uint32_t odd = b->list[from + n - 1];
        for (size_t i = 0; i < half; i++) b->list[to++] = (uint32_t)(*next + adds + i);
        if (n & 1) b->list[to++] = odd;
        adds += half;
        from += n;
        b->runs[e].n = (uint32_t)(n - half);
    }
    if (adds) kernel->add(b->slots + *next * kernel->point_bytes, b->slots, b->pair, adds, b->tmp);
    *next += adds;
    return adds;
}

/* Slot numbers of the segment's first round, bucket by bucket. A run's n counts bases so far. */
static void list_slots(struct msm_bench *b, const struct segment *s)
{
    size_t pair = 0, single = s->n_pair, to = 0;
    for (size_t e = 0; e < s->n_run; e++) {
        size_t n = b->runs[e].n;
        for (size_t i = 0; i < n / 2; i++) b->list[to++] = (uint32_t)pair++;
        if (n & 1) b->list[to++] = (uint32_t)single++;
        n = n - n / 2;
        if (!e && s->carried) {
            b->list[to++] = (uint32_t)(s->n_pair + s->n_single);
            n++;
        }
        b->runs[e].n = (uint32_t)n;
    }
}

static void finish_segment(struct msm_bench *b, const struct msm_kernel *kernel, const void *bases, struct segment *s)
{
    const size_t bytes = kernel->point_bytes;
    if (!s->n_run) {
        *s = (struct segment){ 0 };
        return;
    }
    if (s->n_pair) kernel->add_bases(b->slots, bases, b->pair, s->n_pair, b->tmp);
    if (s->n_single) kernel->load(b->slots + s->n_pair * bytes, bases, b->single, s->n_single);
    size_t next = s->n_pair + s->n_single;
    if (s->carried) memcpy(b->slots + next++ * bytes, b->buckets + b->runs[0].bucket * bytes, bytes);
    list_slots(b, s);
    while (tree_round(b, kernel, s->n_run, &next)) {}
    for (size_t e = 0; e < s->n_run; e++)
        memcpy(b->buckets + b->runs[e].bucket * bytes, b->slots + b->list[e] * bytes, bytes);
    *s = (struct segment){ 0 };
}

/* Appends those of order[0..n) that the set has to the pairs; returns how many. */
static size_t collect(uint32_t *to, const struct msm_filter *set, const uint32_t *order, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t u = order[i], base = (u & ~MSM_NEGATE) - (uint32_t)set->first;
        to[kept] = base | (u & MSM_NEGATE);
        kept += base < set->count && !(set->infinite && set->infinite[base / 64] >> base % 64 & 1);
    }
    return kept;
}

static void open_run(struct msm_bench *b, struct segment *s, const struct msm_filter *set, const uint32_t *order, size_t n, size_t bucket, bool *touched)
{
    uint32_t *to = b->pair + 2 * s->n_pair;
    size_t kept = collect(to, set, order, n);
    s->n_item += n;
    if (!kept) return;
    if (!s->n_run) s->carried = *touched;
    b->runs[s->n_run++] = (struct msm_run_of){ (uint32_t)bucket, (uint32_t)kept };
    if (kept & 1) b->single[s->n_single++] = to[kept - 1];
    s->n_pair += kept / 2;
    *touched = true;
}

bool msm_fill_buckets(struct msm_bench *b, const struct msm_kernel *kernel, const struct msm_filter *set, const uint32_t *order,
                      const uint32_t *end, size_t n, const atomic_int *stop)
{
    struct segment s = { 0 };
    size_t at = 0;
    memset(b->buckets, 0, n * kernel->point_bytes);
    for (size_t bucket = 0; bucket < n; bucket++) {
        bool touched = false;
        while (at < end[bucket]) {
            size_t take = end[bucket] - at < SEGMENT - s.n_item ? end[bucket] - at : SEGMENT - s.n_item;
            open_run(b, &s, set, order + at, take, bucket, &touched);
            at += take;
            if (s.n_item < SEGMENT) continue;
            if (stop && atomic_load_explicit(stop, memory_order_relaxed)) return false;
            finish_segment(b, kernel, set->bases, &s);
        }
    }
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
    while (2 * segments * n_windows <= REDUCE_BATCH && 4 * segments <= width) segments *= 2;
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
