#include "msm_buckets.h"

#include <string.h>

/* Bytes of points in one batch of lanes, which shares one inversion: enough lanes that the inversion (1.3 us) weighs
 * little, and few enough that they and what a batch keeps for its way back (350 KiB) stay in the second-level cache.
 * Zen 5, ns an addition in G1: 12.6 with half as many bytes, 11.9, 12.2 with twice as many, 12.7 with four times; in G2
 * 42, 41, 48, 49. */
#define BATCH_BYTES ((size_t)128 << 10)
#define BATCH_MAX (BATCH_BYTES / 64)
/* The most lanes beyond one a bucket. */
#define EXTRAS 1024
/* A lane has fewer entries than this: no sort, and no part of a list, has EXTRAS * CAP_LIMIT entries. */
#define CAP_LIMIT 256
/* The most chains of the reduction. */
#define REDUCE_BATCH 512

/* Entries [from, from + n) of bench->from, added up in one lane. */
struct msm_lane_of {
    uint32_t from, n;
    uint32_t target; /* a point: the bucket, or a slot of its own */
};

/* A bucket with more entries than a lane takes: n slots are added to it as well. */
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

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t batch_lanes(const struct msm_kernel *kernel)
{
    return BATCH_BYTES / kernel->point_bytes;
}

static size_t layout(struct msm_bench *b, unsigned char *mem, size_t entries, size_t buckets,
                     const struct msm_sizes *sizes)
{
    size_t at = 0;
    size_t order = carve(&at, entries * sizeof *b->order), end = carve(&at, buckets * sizeof *b->end);
    size_t kept = carve(&at, entries * sizeof *b->kept), kept_end = carve(&at, buckets * sizeof *b->kept_end);
    size_t full = carve(&at, buckets), lane = carve(&at, (buckets + EXTRAS) * sizeof *b->lane);
    /* buckets after slots, a whole number of points apart: an index into the slots reaches both */
    size_t slots = carve(&at, 2 * EXTRAS * sizes->point_bytes),
           points = carve(&at, (buckets + 2 * REDUCE_BATCH) * sizes->point_bytes);
    size_t pair = carve(&at, 2 * (BATCH_MAX + 8) * sizeof *b->pair),
           index = carve(&at, (BATCH_MAX + MSM_LANES_PAD) * sizeof *b->index);
    size_t list = carve(&at, (2 * EXTRAS + 16) * sizeof *b->list),
           list_out = carve(&at, (2 * EXTRAS + 16) * sizeof *b->list);
    size_t runs = carve(&at, EXTRAS * sizeof *b->runs);
    size_t lanes = carve(&at, sizes->lanes_bytes), tmp = carve(&at, sizes->tmp_bytes);
    if (b)
        *b = (struct msm_bench){ .order = (uint32_t *)(mem + order),
                                 .end = (uint32_t *)(mem + end),
                                 .kept = (uint32_t *)(mem + kept),
                                 .kept_end = (uint32_t *)(mem + kept_end),
                                 .full = mem + full,
                                 .lane = (struct msm_lane_of *)(mem + lane),
                                 .buckets = mem + points,
                                 .slots = mem + slots,
                                 .pair = (uint32_t *)(mem + pair),
                                 .index = (uint32_t *)(mem + index),
                                 .list = (uint32_t *)(mem + list),
                                 .list_out = (uint32_t *)(mem + list_out),
                                 .runs = (struct msm_run_of *)(mem + runs),
                                 .lanes = mem + lanes,
                                 .tmp = mem + tmp };
    return at;
}
size_t msm_bench_bytes(size_t entries, size_t buckets, const struct msm_sizes *sizes)
{
    return layout(NULL, NULL, entries, buckets, sizes);
}

void msm_bench_init(struct msm_bench *b, void *mem, size_t entries, size_t buckets, const struct msm_sizes *sizes)
{
    layout(b, mem, entries, buckets, sizes);
}

_Static_assert(EXTRAS <= BATCH_BYTES / 128 && 2 * REDUCE_BATCH <= BATCH_BYTES / 128,
               "the sums of other batches fit one of lanes");

void msm_sizes_join(struct msm_sizes *s, const struct msm_kernel *kernel)
{
    const size_t batch = batch_lanes(kernel), tmp_bytes = batch * kernel->tmp_bytes_per_add + MSM_TMP_EXTRA;
    /* a kernel without lanes works on points, with the bases that are added beside them */
    const size_t lanes_bytes =
        kernel->lanes ? (batch + MSM_LANES_PAD) * kernel->lanes->bytes : 2 * batch * kernel->point_bytes;
    if (kernel->point_bytes > s->point_bytes) s->point_bytes = kernel->point_bytes;
    if (lanes_bytes > s->lanes_bytes) s->lanes_bytes = lanes_bytes;
    if (tmp_bytes > s->tmp_bytes) s->tmp_bytes = tmp_bytes;
}

static inline void copy_point(unsigned char *to, const unsigned char *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 64) memcpy(to + i, from + i, 64); /* inline: a call for each point would count */
}

/* Lanes of either kind. */

static void open_bases(struct msm_bench *b, const struct msm_kernel *kernel, const void *bases, size_t n)
{
    if (kernel->lanes)
        kernel->lanes->open_bases(b->lanes, bases, b->index, n);
    else
        kernel->load(b->lanes, bases, b->index, n);
}

static void open_points(struct msm_bench *b, const struct msm_kernel *kernel, size_t n)
{
    const size_t bytes = kernel->point_bytes;
    if (kernel->lanes)
        kernel->lanes->open_points(b->lanes, b->slots, b->index, n);
    else
        for (size_t k = 0; k < n; k++) copy_point(b->lanes + k * bytes, b->slots + b->index[k] * bytes, bytes);
}

static void add_bases(struct msm_bench *b, const struct msm_kernel *kernel, const void *bases, size_t n)
{
    if (kernel->lanes) {
        kernel->lanes->add_bases(b->lanes, bases, b->index, n, b->tmp);
        return;
    }
    const size_t batch = batch_lanes(kernel);
    kernel->load(b->lanes + batch * kernel->point_bytes, bases, b->index, n);
    for (size_t k = 0; k < n; k++) b->pair[2 * k] = (uint32_t)k, b->pair[2 * k + 1] = (uint32_t)(batch + k);
    kernel->add(b->lanes, b->lanes, b->pair, n, b->tmp);
}

static void close_lanes(struct msm_bench *b, const struct msm_kernel *kernel, size_t n)
{
    const size_t bytes = kernel->point_bytes;
    if (kernel->lanes)
        kernel->lanes->close(b->slots, b->index, b->lanes, n);
    else
        for (size_t k = 0; k < n; k++) copy_point(b->slots + b->index[k] * bytes, b->lanes + k * bytes, bytes);
}

/* The entries of consecutive buckets: bucket i has entry[end[i-1] .. end[i]). */
struct entries {
    const uint32_t *entry, *end;
    size_t n_buckets, first_bucket;
};

static inline size_t bucket_entries(const struct entries *e, size_t i)
{
    return e->end[i] - (i ? e->end[i - 1] : 0);
}

static bool keeps_all(const struct msm_filter *set)
{
    return !set->infinite && !set->first && set->count == set->of;
}

/* The entries that the set has, their indices counted from its first. Without a branch: half of a real key's B are
 * infinite. */
static struct entries keep(struct msm_bench *b, const struct msm_filter *set, struct entries e)
{
    if (keeps_all(set)) return e;
    size_t kept = 0;
    for (size_t i = 0, at = 0; i < e.n_buckets; i++) {
        for (; at < e.end[i]; at++) {
            uint32_t u = e.entry[at], base = (u & ~MSM_NEGATE) - (uint32_t)set->first;
            b->kept[kept] = base | (u & MSM_NEGATE);
            kept += base < set->count && !(set->infinite && set->infinite[base / 64] >> base % 64 & 1);
        }
        b->kept_end[i] = (uint32_t)kept;
    }
    return (struct entries){ b->kept, b->kept_end, e.n_buckets, e.first_bucket };
}

/* The most entries of a lane. More leave few lanes in the last batches; fewer make more lanes, at most EXTRAS, that
 * must be added up afterwards: an inversion is worth about 150 of these. */
static unsigned lane_cap(const struct entries *e)
{
    /* longer[n]: buckets with more than n entries; before that, those with n (the last: n or more). */
    uint32_t longer[CAP_LIMIT] = { 0 };
    size_t rest = 0, best = SIZE_MAX, best_cost = SIZE_MAX;
    for (size_t i = 0; i < e->n_buckets; i++) {
        size_t n = bucket_entries(e, i), known = least(n, CAP_LIMIT - 1);
        longer[known]++;
        rest += n - known;
    }
    for (size_t n = CAP_LIMIT - 1, above = 0; n < CAP_LIMIT; n--) {
        size_t here = longer[n];
        longer[n] = (uint32_t)above;
        above += here;
    }
    for (size_t cap = 8; cap < CAP_LIMIT; cap++) {
        size_t extras = (rest + cap - 1) / cap;
        if (rest) extras += longer[CAP_LIMIT - 2];
        for (size_t n = cap; n < CAP_LIMIT; n += cap) extras += longer[n];
        if (extras > EXTRAS || 150 * cap + extras >= best_cost) continue;
        best = cap;
        best_cost = 150 * cap + extras;
    }
    return (unsigned)best;
}

/* Lanes in the order of work: first those that begin with a base, then those that continue their bucket's value; long
 * ones first in each, so that a batch of neighbours has few additions in which only some take part. */
struct cut {
    size_t n_fresh, n_lanes, n_extras, n_runs;
};

struct places {
    uint32_t at[2][CAP_LIMIT]; /* by whether it continues a value, and by entries */
};

static void count_lanes(struct places *p, const struct entries *e, const uint8_t *full, size_t cap)
{
    memset(p, 0, sizeof *p);
    for (size_t i = 0; i < e->n_buckets; i++) {
        size_t n = bucket_entries(e, i), more = n - least(n, cap);
        p->at[full[i]][least(n, cap)]++;
        if (!more) continue;
        p->at[0][cap] += (uint32_t)(more / cap);
        p->at[0][more % cap]++;
    }
}

static struct cut place_lanes(struct places *p, size_t cap)
{
    struct cut c = { 0 };
    for (int full = 0; full < 2; full++) {
        for (size_t n = cap; n > 0; n--) {
            uint32_t here = p->at[full][n];
            p->at[full][n] = (uint32_t)c.n_lanes;
            c.n_lanes += here;
        }
        if (!full) c.n_fresh = c.n_lanes;
    }
    return c;
}

static void cut_extras(struct msm_bench *b, struct cut *c, struct places *p, size_t from, size_t n, size_t bucket,
                       size_t cap)
{
    const size_t before = c->n_extras;
    for (size_t take; n; n -= take, from += take) {
        take = least(n, cap);
        b->lane[p->at[0][take]++] = (struct msm_lane_of){ (uint32_t)from, (uint32_t)take, (uint32_t)c->n_extras++ };
    }
    b->runs[c->n_runs++] = (struct msm_run_of){ (uint32_t)bucket, (uint32_t)(c->n_extras - before) };
}

/* buckets: the first bucket's number among the points that begin with the slots. */
static struct cut cut_lanes(struct msm_bench *b, const struct entries *e, size_t buckets)
{
    const size_t cap = lane_cap(e);
    uint8_t *full = b->full + e->first_bucket;
    struct places p;
    count_lanes(&p, e, full, cap);
    struct cut c = place_lanes(&p, cap);
    for (size_t i = 0, from = 0; i < e->n_buckets; from = e->end[i++]) {
        size_t n = e->end[i] - from, take = least(n, cap), bucket = buckets + e->first_bucket + i;
        if (!n) continue;
        b->lane[p.at[full[i]][take]++] = (struct msm_lane_of){ (uint32_t)from, (uint32_t)take, (uint32_t)bucket };
        full[i] = 1;
        if (n > take) cut_extras(b, &c, &p, from + take, n - take, bucket, cap);
    }
    return c;
}

/* Entry j of each lane that has one: these lanes come first. */
static size_t list_column(struct msm_bench *b, const struct msm_lane_of *lane, size_t n, const uint32_t *entry,
                          size_t j)
{
    while (n && lane[n - 1].n <= j) n--;
    for (size_t k = 0; k < n; k++) b->index[k] = entry[lane[k].from + j];
    for (size_t k = 0; k < MSM_LANES_PAD; k++) b->index[n + k] = b->index[0];
    return n;
}

static void list_targets(struct msm_bench *b, const struct msm_lane_of *lane, size_t n)
{
    for (size_t k = 0; k < n; k++) b->index[k] = lane[k].target;
    for (size_t k = 0; k < MSM_LANES_PAD; k++) b->index[n + k] = b->index[0];
}

static void add_up_batch(struct msm_bench *b, const struct msm_kernel *kernel, const void *bases,
                         const struct msm_lane_of *lane, size_t n, const uint32_t *entry, bool fresh)
{
    size_t j = 0, width = n;
    if (fresh) {
        list_column(b, lane, n, entry, j++);
        open_bases(b, kernel, bases, n);
    } else {
        list_targets(b, lane, n);
        open_points(b, kernel, n);
    }
    while ((width = list_column(b, lane, width, entry, j++))) add_bases(b, kernel, bases, width);
    list_targets(b, lane, n);
    close_lanes(b, kernel, n);
}

static bool add_up_lanes(struct msm_bench *b, const struct msm_kernel *kernel, const void *bases, size_t lo, size_t hi,
                         const uint32_t *entry, bool fresh, const atomic_int *stop)
{
    const size_t batch = batch_lanes(kernel);
    for (size_t at = lo; at < hi; at += batch) {
        if (stop && atomic_load_explicit(stop, memory_order_relaxed)) return false;
        add_up_batch(b, kernel, bases, b->lane + at, least(hi - at, batch), entry, fresh);
    }
    return true;
}

/* Runs are short and their lengths random, and a mispredicted branch costs more than a write. So these write four or
 * eight entries even where fewer are meant and continue from the right place; the lists have room for the surplus. */

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

/* One round of every tree: adds neighbours, keeps the odd one. Returns the number of additions; *next is the next free
 * slot. */
static size_t tree_round(struct msm_bench *b, const struct msm_kernel *kernel, size_t n_run, size_t *next)
{
    const uint32_t *from = b->list;
    uint32_t *to = b->list_out;
    size_t adds = 0;
    for (size_t e = 0; e < n_run; e++) {
        size_t n = b->runs[e].n, half = n / 2;
        copy_entries(b->pair + 2 * adds, from, 2 * half);
        count_up(to, (uint32_t)(*next + adds), half);
        to[half] = from[n - 1]; /* kept when n is odd */
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

/* Adds the slots of each bucket to it. */
static void add_extras(struct msm_bench *b, const struct msm_kernel *kernel, const struct cut *c)
{
    const size_t bytes = kernel->point_bytes;
    size_t next = c->n_extras;
    uint32_t *to = b->list, slot = 0;
    for (size_t e = 0; e < c->n_runs; e++) {
        for (uint32_t i = 0; i < b->runs[e].n; i++) *to++ = slot++;
        *to++ = b->runs[e].bucket;
        b->runs[e].n++;
    }
    while (tree_round(b, kernel, c->n_runs, &next)) {
    }
    for (size_t e = 0; e < c->n_runs; e++)
        copy_point(b->slots + b->runs[e].bucket * bytes, b->slots + b->list[e] * bytes, bytes);
}

static bool fill(struct msm_bench *b, const struct msm_kernel *kernel, const struct msm_filter *set, struct entries all,
                 const atomic_int *stop)
{
    const struct entries e = keep(b, set, all);
    const struct cut c = cut_lanes(b, &e, (size_t)(b->buckets - b->slots) / kernel->point_bytes);
    if (!add_up_lanes(b, kernel, set->bases, 0, c.n_fresh, e.entry, true, stop)) return false;
    if (!add_up_lanes(b, kernel, set->bases, c.n_fresh, c.n_lanes, e.entry, false, stop)) return false;
    if (c.n_runs) add_extras(b, kernel, &c);
    return true;
}

void msm_clear_buckets(struct msm_bench *b, const struct msm_kernel *kernel, size_t n)
{
    memset(b->buckets, 0, n * kernel->point_bytes);
    memset(b->full, 0, n);
}

bool msm_fill_buckets(struct msm_bench *b, const struct msm_kernel *kernel, const struct msm_filter *set, size_t first,
                      size_t n, const atomic_int *stop)
{
    return fill(b, kernel, set, (struct entries){ b->order, b->end, n, first }, stop);
}

bool msm_fill_list(struct msm_bench *b, const struct msm_kernel *kernel, const struct msm_filter *set,
                   const uint32_t *list, size_t n, const atomic_int *stop)
{
    for (size_t take; n; n -= take, list += take) {
        take = least(n, MSM_LIST_PART);
        const uint32_t end = (uint32_t)take;
        if (!fill(b, kernel, set, (struct entries){ list, &end, 1, 0 }, stop)) return false;
    }
    return true;
}

/* totals += the buckets at `offset` of each segment; partials += the totals as they were, when asked for */
static void reduce_step(struct msm_bench *b, const struct msm_kernel *kernel, size_t n, size_t chains, size_t length,
                        size_t offset, bool partials)
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
    /* each of the n / chains steps costs an inversion, each chain three Jacobian additions: they balance at about
     * sqrt(2n) chains */
    while (2 * segments * n_windows <= REDUCE_BATCH && 4 * segments <= width &&
           2 * segments * segments * n_windows <= width)
        segments *= 2;
    size_t chains = n_windows * segments, length = width / segments;
    unsigned char *totals = b->buckets + n * bytes, *partials = totals + chains * bytes;
    for (size_t j = 0; j < chains; j++)
        memcpy(totals + j * bytes, b->buckets + (j * length + length - 1) * bytes, bytes);
    memcpy(partials, totals, chains * bytes);
    for (size_t i = length - 1; i-- > 0;) reduce_step(b, kernel, n, chains, length, i, i + 2 < length);
    if (length > 1) add_last_totals(b, kernel, n, chains);
    *total = totals;
    *partial = partials;
    return segments;
}
