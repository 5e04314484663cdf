/* The memory an MSM asks for before it sees a scalar is enough for every mixture of scalars, and not much more. */
#include "msm_plan.h"

#include "prop_random.h"

static struct msm_task task[4096];

static void enough(size_t n, size_t n_full, size_t n_small, size_t n_ones, unsigned threads)
{
    struct msm_shape shape;
    msm_shape_init(&shape, n_full, n_small, n_ones);
    size_t n_tasks = msm_tasks(task, &shape, threads);
    struct msm_bounds most = msm_bounds_for(n, threads), own = msm_bounds_of(&shape, task, n_tasks);
#define ENOUGH(what)                                                                                                   \
    PROP(own.what <= most.what, "n=%zu full=%zu small=%zu ones=%zu threads=%u: %zu of %zu", n, n_full, n_small,        \
         n_ones, threads, own.what, most.what)
    PROP(n_tasks <= msm_tasks_max(threads), "n=%zu full=%zu threads=%u: %zu tasks", n, n_full, threads, n_tasks);
    ENOUGH(indices);
    ENOUGH(digits);
    ENOUGH(entries);
    ENOUGH(buckets);
}

static void every_small_mixture(void)
{
    for (size_t n = 0; n <= 40; n++)
        for (size_t n_full = 0; n_full <= n; n_full++)
            for (size_t n_small = 0; n_full + n_small <= n; n_small++)
                for (unsigned threads = 1; threads <= 4; threads++)
                    enough(n, n_full, n_small, n - n_full - n_small, threads);
}

/* Every size up to where windows are cut one by one, all full and all small: passes each border of the window widths. */
static void every_size_of_one_kind(void)
{
    for (size_t n = 0; n <= 70000; n++)
        for (unsigned threads = 1; threads <= 3; threads++) {
            enough(n, n, 0, 0, threads);
            enough(n, 0, n, 0, threads);
        }
}

static void random_mixtures(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t n = prop_random() >> (40 + prop_random() % 24);
        unsigned threads = 1 + (unsigned)(prop_random() % (i % 8 ? 8 : 200));
        size_t n_full = prop_random() % (n + 1), n_small = prop_random() % (n - n_full + 1);
        enough(n, n_full, n_small, prop_random() % (n - n_full - n_small + 1), threads);
    }
}

/* What a prover of 2^13 and 2^16 rows plans for: points of 128 bytes, so 1.3 MB a thread. */
static void not_much_more(void)
{
    for (unsigned log_n = 13; log_n <= 16; log_n += 3)
        PROP(msm_bounds_for((size_t)1 << log_n, 2).buckets <= 10000, "2^%u: %zu", log_n,
             msm_bounds_for((size_t)1 << log_n, 2).buckets);
}

int main(void)
{
    prop_seed();
    every_small_mixture();
    every_size_of_one_kind();
    random_mixtures(300000);
    not_much_more();
    return 0;
}
