/** Histograms at their edges, and the text of a scrape. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "prom_text.h"

#include <stdlib.h>
#include <string.h>

static const struct histogram_bounds two = { 2, { 10, 20 } };

static void a_bound_belongs_to_its_bucket(void **state)
{
    struct histogram h = { .sum_us = 0 };
    const uint64_t values[] = { 0, 10, 11, 20, 21, UINT64_MAX / 2 };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) histogram_add(&h, &two, values[i]);
    assert_int_equal(h.at[0], 2);
    assert_int_equal(h.at[1], 2);
    assert_int_equal(h.at[2], 2);
    assert_int_equal(histogram_count(&h, &two), 6);
    assert_int_equal(h.sum_us, 62 + UINT64_MAX / 2);
}

static void a_sum_stops_where_it_cannot_go_on(void **state)
{
    struct histogram h = { .sum_us = UINT64_MAX - 5 };
    histogram_add(&h, &two, 5);
    assert_int_equal(h.sum_us, UINT64_MAX);
    histogram_add(&h, &two, 1);
    assert_int_equal(h.sum_us, UINT64_MAX);
    histogram_add_ms(&h, &two, UINT64_MAX / 2);
    assert_int_equal(h.at[2], 1);
}

static void bounds_rise(void **state)
{
    const struct histogram_bounds *all[] = { &histogram_of_tasks, &histogram_of_turns };
    for (size_t k = 0; k < 2; k++) {
        assert_in_range(all[k]->n, 2, HISTOGRAM_BOUNDS_MAX);
        for (size_t i = 1; i < all[k]->n; i++) assert_true(all[k]->us[i] > all[k]->us[i - 1]);
    }
}

static void text_is_as_the_format_asks(void **state)
{
    char *text = NULL;
    size_t n = 0;
    const struct prom_labels one = { { { "a", "x\"y\\z\nw" } } }, labels = { { { "a", "1" }, { "b", "2" } } };
    struct histogram h = { .at = { 1, 2, 3 }, .sum_us = 12345678 };
    FILE *to = open_memstream(&text, &n);
    prom_family(to, "m", "counter", "Help.");
    prom_sample(to, "m", NULL, UINT64_MAX);
    prom_sample(to, "m", &one, 3);
    prom_seconds_ms(to, "s", &labels, 61007);
    prom_seconds_us(to, "u", NULL, 1000001);
    prom_histogram(to, "h", NULL, &h, &two);
    prom_histogram(to, "g", &labels, &h, &two);
    fclose(to);
    assert_string_equal(text, "# HELP m Help.\n# TYPE m counter\nm 18446744073709551615\n"
                              "m{a=\"x\\\"y\\\\z\\nw\"} 3\n"
                              "s{a=\"1\",b=\"2\"} 61.007\nu 1.000001\n"
                              "h_bucket{le=\"1e-05\"} 1\nh_bucket{le=\"2e-05\"} 3\nh_bucket{le=\"+Inf\"} 6\n"
                              "h_sum 12.345678\nh_count 6\n"
                              "g_bucket{a=\"1\",b=\"2\",le=\"1e-05\"} 1\ng_bucket{a=\"1\",b=\"2\",le=\"2e-05\"} 3\n"
                              "g_bucket{a=\"1\",b=\"2\",le=\"+Inf\"} 6\n"
                              "g_sum{a=\"1\",b=\"2\"} 12.345678\ng_count{a=\"1\",b=\"2\"} 6\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(a_bound_belongs_to_its_bucket),
        cmocka_unit_test(a_sum_stops_where_it_cannot_go_on),
        cmocka_unit_test(bounds_rise),
        cmocka_unit_test(text_is_as_the_format_asks),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
