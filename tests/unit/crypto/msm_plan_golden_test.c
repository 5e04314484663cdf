/* How an MSM is cut into tasks, and what memory is planned for it: the plans of some sizes, task by task, as a golden text. A plan may change, and then
 * it is measured and `msm_plan_golden_test write` writes the text anew; it does not change by accident. */
#include "msm_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { TEXT_BYTES = 1 << 18 };

static const char golden[] = "vectors/crypto/msm_plan.txt";
static char told[TEXT_BYTES], wanted[TEXT_BYTES];
static bool writes;

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void tell(const char *format, ...)
{
    size_t n = strlen(told);
    va_list args;
    va_start(args, format);
    vsnprintf(told + n, sizeof told - n, format, args);
    va_end(args);
}

static void bounds(const char *what, struct msm_bounds b)
{
    tell("  %s: indices %zu digits %zu entries %zu buckets %zu\n", what, b.indices, b.digits, b.entries, b.buckets);
}

static void plan(size_t n_full, size_t n_small, size_t n_ones, unsigned threads)
{
    static struct msm_task task[512];
    struct msm_shape s;
    msm_shape_init(&s, n_full, n_small, n_ones);
    size_t n = msm_tasks(task, &s, threads);
    tell("full %zu small %zu ones %zu threads %u: c %u windows %u (%u) buckets %zu live %zu\n", n_full, n_small, n_ones,
         threads, s.c, s.windows, s.small_windows, s.buckets, s.n_live);
    for (size_t i = 0; i < n; i++)
        tell("  %u+%u %zu..%zu%s\n", task[i].window, task[i].n_windows, task[i].lo, task[i].hi,
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
        if (msm_window_bits(n) != c) tell("from %zu: %zu bits\n", n, c = msm_window_bits(n));
    for (unsigned t = 1; t < 100; t += 33) tell("%u threads: at most %zu tasks\n", t, msm_tasks_max(t));
    FILE *f = fopen(golden, writes ? "w" : "r");
    assert_non_null(f);
    if (writes)
        fputs(told, f);
    else
        wanted[fread(wanted, 1, sizeof wanted - 1, f)] = 0;
    fclose(f);
    if (writes || !strcmp(told, wanted)) return;
    size_t at = 0;
    while (told[at] && told[at] == wanted[at]) at++;
    while (at > 0 && wanted[at - 1] != '\n') at--;
    fail_msg("wanted\n%.300s\ngot\n%.300s", wanted + at, told + at);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(plans_are_what_they_were) };
    writes = argc > 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
