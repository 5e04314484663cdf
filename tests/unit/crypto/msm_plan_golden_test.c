/* How an MSM is cut into tasks, and what memory is planned for it: the plans of some sizes, task by task, as a golden text. A plan may change, and then
 * it is measured and `msm_plan_golden_test write` writes the text anew; it does not change by accident. */
#include "golden.h"
#include "msm_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>

#include <cmocka.h>

static const char golden[] = "vectors/crypto/msm_plan.txt";
static void bounds(const char *what, struct msm_bounds b)
{
    golden_tell("  %s: indices %zu digits %zu entries %zu buckets %zu\n", what, b.indices, b.digits, b.entries,
                b.buckets);
}

static void plan(size_t n_full, size_t n_small, size_t n_ones, unsigned threads)
{
    static struct msm_task task[512];
    struct msm_shape s;
    msm_shape_init(&s, n_full, n_small, n_ones);
    size_t n = msm_tasks(task, &s, threads);
    golden_tell("full %zu small %zu ones %zu threads %u: c %u windows %u (%u) buckets %zu live %zu\n", n_full, n_small,
                n_ones, threads, s.c, s.windows, s.small_windows, s.buckets, s.n_live);
    for (size_t i = 0; i < n; i++)
        golden_tell("  %u+%u %zu..%zu%s\n", task[i].window, task[i].n_windows, task[i].lo, task[i].hi,
                    task[i].together ? " together" : "");
    bounds("own", msm_bounds_of(&s, task, n));
    bounds("most", msm_bounds_for(n_full + n_small + n_ones, threads));
}

static void plans_are_what_they_were(void **state)
{
    static const size_t mixtures[][3] = { { 0, 0, 0 },           { 1, 0, 0 },      { 0, 1, 0 },
                                          { 0, 0, 1 },           { 40, 0, 0 },     { 100, 900, 24 },
                                          { 4095, 0, 1 },        { 16383, 0, 0 },  { 16384, 0, 0 },
                                          { 9000, 30000, 5000 }, { 131072, 0, 0 }, { 131073, 0, 12288 },
                                          { 500, 0, 4095 },      { 500, 0, 4096 }, { 300000, 200000, 100 } };
    static const unsigned threads[] = { 1, 2, 3, 8 };
    for (size_t i = 0; i < sizeof mixtures / sizeof *mixtures; i++)
        for (size_t t = 0; t < 4; t++) plan(mixtures[i][0], mixtures[i][1], mixtures[i][2], threads[t]);
    for (size_t n = 1, c = 0; n < 2000000; n++) /* each border of the widths */
        if (msm_window_bits(n) != c) golden_tell("from %zu: %zu bits\n", n, c = msm_window_bits(n));
    for (unsigned t = 1; t < 100; t += 33) golden_tell("%u threads: at most %zu tasks\n", t, msm_tasks_max(t));
    golden_is(golden);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(plans_are_what_they_were) };
    golden_writes(argc > 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
