/** Figures of a node's work: bounded, and what is said of its health. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node_scrape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct node_figures f;

static void phases_are_bounded(void **state)
{
    char name[16];
    struct node_figures now;
    node_figures_phase(&f, "", 5); /* before the first one */
    for (int i = 0; i < NODE_PHASES + 3; i++) {
        snprintf(name, sizeof name, "p%d", i);
        node_figures_phase(&f, name, 10);
    }
    node_figures_phase(&f, "p0", 7);
    node_figures_read(&f, &now);
    assert_int_equal(now.phases_n, NODE_PHASES);
    assert_string_equal(now.phases[0].name, "p0");
    assert_int_equal(now.phases[0].ms, 17);
    assert_int_equal(now.phases_other_ms, 30);
}

static void without_a_reader_nothing_is_kept(void **state)
{
    node_figures_phase(NULL, "p", 1);
    node_figures_proved(NULL, 1);
    node_figures_rejected(NULL);
    node_figures_now(NULL, NULL);
}

static void health_is_of_the_loop_and_of_what_can_come(void **state)
{
    const char *why;
    struct node_now now = { .turned_ms = 1000, .connected = true };
    assert_true(node_alive(&now, 10999, &why));
    assert_null(why);
    assert_true(node_ready(&now, 10999, &why));
    assert_false(node_alive(&now, 11000, &why));
    assert_false(node_ready(&now, 11000, &why));
    assert_string_equal(why, "the loop does not turn");
    now.draining = true;
    assert_true(node_alive(&now, 2000, &why));
    assert_false(node_ready(&now, 2000, &why));
    assert_string_equal(why, "the node drains");
    now = (struct node_now){ .turned_ms = 1000 };
    assert_false(node_ready(&now, 2000, &why));
    now = (struct node_now){ .turned_ms = 1000, .connected = true, .gpu_state = 1 };
    assert_true(node_ready(&now, 2000, &why));
    now.gpu_state = 2;
    assert_false(node_ready(&now, 2000, &why));
}

static size_t two_cards(void *arg, struct node_card *to, size_t most)
{
    to[0] = (struct node_card){ .name = "0",
                                .has_memory = true,
                                .memory_used = 5,
                                .memory_total = 9,
                                .has_use = true,
                                .use_percent = 7,
                                .has_power = true,
                                .power_mw = 61005 };
    to[1] = (struct node_card){ .name = "GPU-\"x\"", .has_temperature = true, .temperature_c = 44 };
    return 2;
}

static bool has(const char *text, const char *line)
{
    char framed[256];
    snprintf(framed, sizeof framed, "\n%s\n", line);
    return strstr(text, framed) != NULL;
}

/* A card that does not tell a figure has no series of it. */
static void cards_tell_what_they_tell(void **state)
{
    struct keycache_figures keys = { .keys = 0 };
    static struct handler h = { .name = "echo" };
    struct node_sources s = { .figures = &f, .handlers = { &h }, .handlers_n = 1, .cards = two_cards };
    char *text = NULL;
    size_t n;
    atomic_store(&h.counters.failed, 5);
    atomic_store(&h.counters.permanent, 2);
    atomic_store(&h.counters.busy_ms, 1500);
    node_figures_rejected(&f);
    assert_int_equal(node_scrape(&text, &n, &s, &keys), PV_OK);
    assert_int_equal(strlen(text), n);
    assert_true(has(text, "provost_node_gpu_memory_used_bytes{gpu=\"0\"} 5"));
    assert_true(has(text, "provost_node_gpu_use_ratio{gpu=\"0\"} 0.07"));
    assert_true(has(text, "provost_node_gpu_power_watts{gpu=\"0\"} 61.005"));
    assert_true(has(text, "provost_node_gpu_temperature_celsius{gpu=\"GPU-\\\"x\\\"\"} 44"));
    assert_null(strstr(text, "provost_node_gpu_temperature_celsius{gpu=\"0\"}"));
    assert_null(strstr(text, "provost_node_gpu_memory_bytes{gpu=\"GPU"));
    assert_true(has(text, "provost_node_runs_total{handler=\"echo\",outcome=\"failed\"} 3"));
    assert_true(has(text, "provost_node_runs_total{handler=\"echo\",outcome=\"permanent\"} 2"));
    assert_true(has(text, "provost_node_run_seconds_total{handler=\"echo\"} 1.500"));
    assert_true(has(text, "provost_node_proofs_rejected_total 1"));
    free(text);
}

/* Each tells one thing alone. */
static size_t cards_of_one_figure(void *arg, struct node_card *to, size_t most)
{
    for (size_t i = 0; i < 5; i++) {
        to[i] = (struct node_card){ .has_memory = i == 0,
                                    .has_use = i == 1,
                                    .has_temperature = i == 2,
                                    .has_power = i == 3,
                                    .memory_used = 5,
                                    .memory_total = 9,
                                    .use_percent = 7,
                                    .temperature_c = 44,
                                    .power_mw = 61005 };
        snprintf(to[i].name, sizeof to[i].name, "%zu", i);
    }
    return 5;
}

static void no_figure_stands_in_anothers_place(void **state)
{
    static const char wanted[] =
        "# HELP provost_node_gpu_memory_used_bytes Memory of the card that is used, by anybody.\n"
        "# TYPE provost_node_gpu_memory_used_bytes gauge\n"
        "provost_node_gpu_memory_used_bytes{gpu=\"0\"} 5\n"
        "# HELP provost_node_gpu_memory_bytes Memory of the card.\n"
        "# TYPE provost_node_gpu_memory_bytes gauge\n"
        "provost_node_gpu_memory_bytes{gpu=\"0\"} 9\n"
        "# HELP provost_node_gpu_use_ratio Of the last second, when kernels ran.\n"
        "# TYPE provost_node_gpu_use_ratio gauge\n"
        "provost_node_gpu_use_ratio{gpu=\"1\"} 0.07\n"
        "# HELP provost_node_gpu_temperature_celsius Temperature of the card.\n"
        "# TYPE provost_node_gpu_temperature_celsius gauge\n"
        "provost_node_gpu_temperature_celsius{gpu=\"2\"} 44\n"
        "# HELP provost_node_gpu_power_watts Power that the card takes.\n"
        "# TYPE provost_node_gpu_power_watts gauge\n"
        "provost_node_gpu_power_watts{gpu=\"3\"} 61.005\n";
    struct keycache_figures keys = { .keys = 0 };
    const struct node_sources s = { .figures = &f, .cards = cards_of_one_figure };
    char *text = NULL;
    size_t n;
    assert_int_equal(node_scrape(&text, &n, &s, &keys), PV_OK);
    assert_non_null(strstr(text, "# HELP provost_node_gpu_memory_used_bytes "));
    assert_string_equal(strstr(text, "# HELP provost_node_gpu_memory_used_bytes "), wanted);
    free(text);
}

static int begin(void **state)
{
    node_figures_init(&f);
    return 0;
}

static int end(void **state)
{
    node_figures_clear(&f);
    return 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest all[] = {
        T(phases_are_bounded),
        T(without_a_reader_nothing_is_kept),
        T(health_is_of_the_loop_and_of_what_can_come),
        T(cards_tell_what_they_tell),
        T(no_figure_stands_in_anothers_place),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
