#include "msm.h"

#include <omp.h>
#include <string.h>

#include "msm_buckets.h"
#include "msm_digits.h"
#include "msm_kernel.h"
#include "msm_plan.h"
#include "msm_sum.h"
#include "paths.h"

/* Window sums of one set; the last entry is the sum of the ones. */
union window_sums {
    bn254_g1 g1[MSM_WINDOWS_MAX + 1];
    bn254_g2 g2[MSM_WINDOWS_MAX + 1];
};

struct job {
    const struct bn254_msm_set *sets;
    size_t n_sets, n;
    const bn254_scalar_packed *k;
    enum bn254_path path;
    unsigned threads;
    const atomic_int *stop;

    struct msm_shape shape;
    struct msm_digits digits;
    struct msm_kind_counts *counts; /* per thread */
    uint64_t *infinite[BN254_MSM_SETS_MAX];
    bool any_infinite[BN254_MSM_SETS_MAX];
    struct msm_task *tasks;
    size_t n_tasks;
    union window_sums *sums;
    struct msm_bench *benches;
};

static const struct msm_kernel *kernel_of(const struct job *j, size_t set)
{
    const bool g1 = j->sets[set].r1 != NULL;
    switch (j->path) {
#if BN254_HAVE_ADX
    case BN254_PATH_ADX: return g1 ? &bn254_msm_kernel_g1_adx : &bn254_msm_kernel_g2_adx;
#endif
#if BN254_HAVE_IFMA
    case BN254_PATH_IFMA: return g1 ? &bn254_msm_kernel_g1_ifma : &bn254_msm_kernel_g2_ifma;
#endif
    default: return g1 ? &bn254_msm_kernel_g1_portable : &bn254_msm_kernel_g2_portable;
    }
}

static bool stopped(const struct job *j)
{
    return j->stop && atomic_load_explicit(j->stop, memory_order_relaxed);
}

static size_t carve(size_t *at, size_t bytes)
{
    size_t here = *at;
    *at += (bytes + 63) / 64 * 64;
    return here;
}

/* Lays the job's memory out in the caller's scratch, or only counts it when scratch is NULL. What is needed before the
 * scalars are read comes first. */
static size_t layout(struct job *j, void *scratch, const struct msm_bounds *room)
{
    const uintptr_t mem = ((uintptr_t)scratch + 63) / 64 * 64;
    struct msm_sizes sizes = { 0 };
    size_t at = 0;
    for (size_t s = 0; s < j->n_sets; s++) msm_sizes_join(&sizes, kernel_of(j, s));
    j->counts = (struct msm_kind_counts *)(mem + carve(&at, j->threads * sizeof *j->counts));
    j->tasks = (struct msm_task *)(mem + carve(&at, msm_tasks_max(j->threads) * sizeof *j->tasks));
    j->sums = (union window_sums *)(mem + carve(&at, j->n_sets * sizeof *j->sums));
    j->benches = (struct msm_bench *)(mem + carve(&at, j->threads * sizeof *j->benches));
    for (size_t s = 0; s < j->n_sets; s++)
        j->infinite[s] = (uint64_t *)(mem + carve(&at, (j->sets[s].count + 63) / 64 * 8));
    j->digits.index = (uint32_t *)(mem + carve(&at, room->indices * sizeof *j->digits.index));
    j->digits.digit = (uint16_t *)(mem + carve(&at, room->digits * sizeof *j->digits.digit));
    size_t bench = msm_bench_bytes(room->entries, room->buckets, &sizes);
    for (unsigned t = 0; t < j->threads; t++) {
        size_t here = carve(&at, bench);
        if (scratch) msm_bench_init(&j->benches[t], (void *)(mem + here), room->entries, room->buckets, &sizes);
    }
    return at;
}

/* After the scalars are counted: plans the tasks and only the memory that they need, so a sparse witness does not touch
 * the rest. */
static void plan_tasks(struct job *j, void *scratch)
{
    j->n_tasks = msm_tasks(j->tasks, &j->shape, j->threads);
    struct msm_bounds room = msm_bounds_of(&j->shape, j->tasks, j->n_tasks);
    layout(j, scratch, &room);
}

static struct job job_for(const struct bn254_msm_set *sets, size_t n_sets, const bn254_scalar_packed *k, size_t n,
                          const struct bn254_run *run)
{
    struct job j = { .sets = sets, .n_sets = n_sets, .n = n, .k = k };
    j.path = bn254_run_path(run);
    j.threads = bn254_run_threads(run);
    j.stop = run ? run->stop : NULL;
    return j;
}

size_t bn254_msm_shared_scratch_bytes(const struct bn254_msm_set *sets, size_t n_sets, size_t n,
                                      const struct bn254_run *run)
{
    struct job j = job_for(sets, n_sets, NULL, n, run);
    struct msm_bounds most = msm_bounds_for(n, j.threads);
    return layout(&j, NULL, &most) + 63;
}

static void count_scalars(struct job *j)
{
    const size_t n = j->n, parts = j->threads;
#pragma omp parallel for num_threads(j->threads) schedule(static, 1)
    for (size_t t = 0; t < parts; t++) msm_count_kinds(&j->counts[t], j->k, n * t / parts, n * (t + 1) / parts);
}

/* Turns counts into first positions: all full scalars, then all small ones, then all ones. */
static void place_scalars(struct job *j)
{
    static const enum msm_kind sequence[] = { MSM_FULL, MSM_SMALL, MSM_ONE };
    size_t at = 0, n_of[4] = { 0 };
    for (int i = 0; i < 3; i++)
        for (unsigned t = 0; t < j->threads; t++) {
            size_t n = j->counts[t].n[sequence[i]];
            j->counts[t].n[sequence[i]] = at;
            at += n;
            n_of[sequence[i]] += n;
        }
    msm_shape_init(&j->shape, n_of[MSM_FULL], n_of[MSM_SMALL], n_of[MSM_ONE]);
}

static void write_digits(struct job *j)
{
    const size_t n = j->n, parts = j->threads;
#pragma omp parallel for num_threads(j->threads) schedule(static, 1)
    for (size_t t = 0; t < parts; t++)
        msm_write_digits(&j->digits, &j->counts[t], &j->shape, j->k, n * t / parts, n * (t + 1) / parts);
}

static bool all_zero(const unsigned char *p, size_t bytes)
{
    uint64_t any = 0, w;
    for (size_t i = 0; i < bytes; i += 8) {
        memcpy(&w, p + i, 8);
        any |= w;
    }
    return !any;
}

static void mark_infinities(struct job *j, size_t set)
{
    const struct bn254_msm_set *s = &j->sets[set];
    const size_t bytes = kernel_of(j, set)->base_bytes, words = (s->count + 63) / 64;
    bool any = false;
#pragma omp parallel for num_threads(j->threads) schedule(static) reduction(|| : any)
    for (size_t w = 0; w < words; w++) {
        size_t n = s->count - 64 * w < 64 ? s->count - 64 * w : 64;
        uint64_t bits = 0;
        for (size_t i = 0; i < n; i++)
            bits |= (uint64_t)all_zero((const unsigned char *)s->bases + (64 * w + i) * bytes, bytes) << i;
        j->infinite[set][w] = bits;
        any = any || bits;
    }
    j->any_infinite[set] = any;
}

static struct msm_filter filter_of(const struct job *j, size_t set)
{
    const struct bn254_msm_set *s = &j->sets[set];
    return (struct msm_filter){ s->bases, s->first, s->count, j->n, j->any_infinite[set] ? j->infinite[set] : NULL };
}

static void add_to_sum(struct job *j, size_t set, unsigned window, const bn254_g1 *g1, const bn254_g2 *g2)
{
#pragma omp critical(bn254_msm_sums)
    {
        union window_sums *sums = &j->sums[set];
        if (j->sets[set].r1)
            bn254_g1_add(&sums->g1[window], &sums->g1[window], g1);
        else
            bn254_g2_add(&sums->g2[window], &sums->g2[window], g2);
    }
}

/* Adds one window's value, from the reduced buckets, to the set's sum of that window. */
static void add_window(struct job *j, size_t set, unsigned window, const unsigned char *total,
                       const unsigned char *partial, size_t segments, unsigned log_length)
{
    const struct msm_kernel *kernel = kernel_of(j, set);
    bn254_g1 g1;
    bn254_g2 g2;
    if (j->sets[set].r1)
        msm_weigh_g1(&g1, kernel, total, partial, segments, log_length);
    else
        msm_weigh_g2(&g2, kernel, total, partial, segments, log_length);
    add_to_sum(j, set, window, &g1, &g2);
}

static void reduce_windows(struct job *j, size_t set, const struct msm_task *task, struct msm_bench *bench)
{
    const struct msm_kernel *kernel = kernel_of(j, set);
    const unsigned char *total, *partial;
    size_t segments = msm_reduce_buckets(bench, kernel, task->n_windows, j->shape.buckets, &total, &partial);
    unsigned log_length = (unsigned)__builtin_ctzll(j->shape.buckets / segments);
    for (unsigned i = 0; i < task->n_windows; i++) {
        size_t at = i * segments * kernel->point_bytes;
        add_window(j, set, task->window + i, total + at, partial + at, segments, log_length);
    }
}

/* Few scalars: one sort takes all windows of the task, so that batches are worth while, and serves all sets. */
static void sum_together(struct job *j, const struct msm_task *task, struct msm_bench *bench)
{
    const size_t n = j->shape.buckets * task->n_windows;
    msm_sort(bench->order, bench->end, &j->digits, &j->shape, task);
    for (size_t s = 0; s < j->n_sets; s++) {
        const struct msm_filter set = filter_of(j, s);
        msm_clear_buckets(bench, kernel_of(j, s), n);
        if (!msm_fill_buckets(bench, kernel_of(j, s), &set, 0, n, j->stop)) return;
        reduce_windows(j, s, task, bench);
    }
}

/* One chunk of the scalars into the buckets of every window of the task. */
static bool fill_chunk(struct job *j, const struct msm_filter *set, const struct msm_kernel *kernel,
                       const struct msm_task *task, size_t lo, size_t hi, struct msm_bench *bench)
{
    for (unsigned i = 0; i < task->n_windows; i++) {
        const struct msm_task one = { .window = task->window + i, .n_windows = 1, .lo = lo, .hi = hi };
        msm_sort(bench->order, bench->end, &j->digits, &j->shape, &one);
        if (!msm_fill_buckets(bench, kernel, set, i * j->shape.buckets, j->shape.buckets, j->stop)) return false;
    }
    return true;
}

/* Many scalars: a chunk's bases come from memory once and are in the cache for the other windows of the task. Sorting
 * again for each set costs a tenth of the additions; keeping the buckets of all sets at a time would take that many
 * times the memory. */
static void sum_by_chunks(struct job *j, const struct msm_task *task, struct msm_bench *bench)
{
    for (size_t s = 0; s < j->n_sets; s++) {
        const struct msm_filter set = filter_of(j, s);
        msm_clear_buckets(bench, kernel_of(j, s), j->shape.buckets * task->n_windows);
        for (size_t lo = task->lo; lo < task->hi; lo += MSM_CHUNK) {
            size_t hi = task->hi - lo < MSM_CHUNK ? task->hi : lo + MSM_CHUNK;
            if (!fill_chunk(j, &set, kernel_of(j, s), task, lo, hi, bench)) return;
        }
        reduce_windows(j, s, task, bench);
    }
}

static void sum_windows(struct job *j, const struct msm_task *task, struct msm_bench *bench)
{
    if (task->together)
        sum_together(j, task, bench);
    else
        sum_by_chunks(j, task, bench);
}

static void sum_ones(struct job *j, const struct msm_task *task, struct msm_bench *bench)
{
    for (size_t s = 0; s < j->n_sets; s++) {
        const struct msm_filter set = filter_of(j, s);
        msm_clear_buckets(bench, kernel_of(j, s), 1);
        if (!msm_fill_list(bench, kernel_of(j, s), &set, j->digits.index + j->shape.n_live + task->lo,
                           task->hi - task->lo, j->stop))
            return;
        add_window(j, s, MSM_WINDOWS_MAX, bench->buckets, bench->buckets, 1, 0);
    }
}

static void clear_sums(struct job *j)
{
    for (size_t s = 0; s < j->n_sets; s++)
        for (unsigned w = 0; w <= MSM_WINDOWS_MAX; w++) {
            if (j->sets[s].r1)
                bn254_g1_set_infinity(&j->sums[s].g1[w]);
            else
                bn254_g2_set_infinity(&j->sums[s].g2[w]);
        }
}

static void run_tasks(struct job *j)
{
#pragma omp parallel for num_threads(j->threads) schedule(dynamic, 1)
    for (size_t t = 0; t < j->n_tasks; t++) {
        if (stopped(j)) continue;
        struct msm_bench *bench = &j->benches[omp_get_thread_num()];
        if (j->tasks[t].n_windows)
            sum_windows(j, &j->tasks[t], bench);
        else
            sum_ones(j, &j->tasks[t], bench);
    }
}

static void write_results(struct job *j)
{
    for (size_t s = 0; s < j->n_sets; s++) {
        const struct bn254_msm_set *set = &j->sets[s];
        const union window_sums *sums = &j->sums[s];
        if (set->r1)
            msm_horner_g1(set->r1, sums->g1, j->shape.windows, j->shape.c, &sums->g1[MSM_WINDOWS_MAX]);
        else
            msm_horner_g2(set->r2, sums->g2, j->shape.windows, j->shape.c, &sums->g2[MSM_WINDOWS_MAX]);
    }
}

/* Everything but what is made of the windows' sums. */
static bool run_job(struct job *j, void *scratch)
{
    layout(j, scratch, &(struct msm_bounds){ 0 });
    count_scalars(j);
    place_scalars(j);
    if (stopped(j)) return false;
    plan_tasks(j, scratch);
    write_digits(j);
    for (size_t s = 0; s < j->n_sets; s++) mark_infinities(j, s);
    clear_sums(j);
    run_tasks(j);
    return !stopped(j);
}

bool bn254_msm_shared(const struct bn254_msm_set *sets, size_t n_sets, const bn254_scalar_packed *k, size_t n,
                      const struct bn254_run *run, void *scratch)
{
    struct job j = job_for(sets, n_sets, k, n, run);
    if (!run_job(&j, scratch)) return false;
    write_results(&j);
    return true;
}

bool bn254_msm_g1(bn254_g1 *r, const bn254_g1_packed *bases, const bn254_scalar_packed *k, size_t n,
                  const struct bn254_run *run, void *scratch)
{
    struct bn254_msm_set set = { .bases = bases, .count = n, .r1 = r };
    return bn254_msm_shared(&set, 1, k, n, run, scratch);
}

size_t bn254_msm_g1_scratch_bytes(size_t n, const struct bn254_run *run)
{
    bn254_g1 r;
    struct bn254_msm_set set = { .count = n, .r1 = &r };
    return bn254_msm_shared_scratch_bytes(&set, 1, n, run);
}

bool bn254_msm_g2(bn254_g2 *r, const bn254_g2_packed *bases, const bn254_scalar_packed *k, size_t n,
                  const struct bn254_run *run, void *scratch)
{
    struct bn254_msm_set set = { .bases = bases, .count = n, .r2 = r };
    return bn254_msm_shared(&set, 1, k, n, run, scratch);
}

size_t bn254_msm_g2_scratch_bytes(size_t n, const struct bn254_run *run)
{
    bn254_g2 r;
    struct bn254_msm_set set = { .count = n, .r2 = &r };
    return bn254_msm_shared_scratch_bytes(&set, 1, n, run);
}

bool bn254_msm_g2_windows(bn254_g2 *sum, unsigned count, unsigned *bits, const bn254_g2_packed *bases,
                          const bn254_scalar_packed *k, size_t n, const struct bn254_run *run, void *scratch)
{
    bn254_g2 unused;
    const struct bn254_msm_set set = { .bases = bases, .count = n, .r2 = &unused };
    struct job j = job_for(&set, 1, k, n, run);
    if (!run_job(&j, scratch)) return false;
    for (unsigned w = 0; w < count; w++)
        if (w < j.shape.windows)
            sum[w] = j.sums->g2[w];
        else
            bn254_g2_set_infinity(&sum[w]);
    bn254_g2_add(&sum[0], &sum[0], &j.sums->g2[MSM_WINDOWS_MAX]); /* a one is a digit of the lowest window */
    *bits = j.shape.c;
    return true;
}
