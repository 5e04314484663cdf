/** The Prometheus text: from given facts and a core, line by line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "metrics.h"
#include "sched_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct rig r;
static char *text;
static size_t bytes;

static void write_metrics(const struct facts *f)
{
    free(text);
    text = NULL;
    assert_int_equal(metrics_text(&text, &bytes, f, r.s), PV_OK);
    assert_int_equal(strlen(text), bytes);
}

/* Whole lines only. */
static void expect_line(const char *line)
{
    char framed[256];
    snprintf(framed, sizeof framed, "\n%s\n", line);
    if (!strstr(text, framed)) fail_msg("no line %s in:\n%s", line, text);
}

static void figures_are_the_facts(void **state)
{
    const struct facts f = {
        .epoch = 7,
        .started_ms = 1000,
        .now_ms = 63999,
        .connections = 12,
        .peers = 11,
        .strangers = 1,
        .disk_free = UINT64_MAX,
        .core = { .rows = 30, .provers = 2, .provers_known = 5, .submitted = 100, .succeeded = 90, .warm_offers = 80 },
        .store = { .commits = 50, .syncs = 49 },
        .found = { .commits_lost = 8,
                   .another = true,
                   .log = "x",
                   .unmarked = true,
                   .strangers_n = 2,
                   .payloads_aside = 6 },
        .stale_hellos = 14,
        .later_start = 13,
        .uploads = { .bytes_in = 1ull << 40 },
        .counters = { .list_rows = 12, .rows_most = 9, .messages = 1000, .sends = 2000 }
    };
    write_metrics(&f);
    expect_line("provost_up 1");
    expect_line("provost_boot_epoch 7");
    expect_line("provost_uptime_seconds 62");
    expect_line("provost_connections 12");
    expect_line("provost_peers 11");
    expect_line("provost_strangers 1");
    expect_line("provost_provers 2");
    expect_line("provost_provers_known 5");
    expect_line("provost_submitted_total 100");
    expect_line("provost_offers_warm_total 80");
    expect_line("provost_syncs_total 49");
    expect_line("provost_rows_visited_total 42");
    expect_line("provost_rows_visited_max 9");
    expect_line("provost_bytes_in_total 1099511627776");
    expect_line("provost_disk_free_bytes 18446744073709551615");
    expect_line("provost_store_commits_lost 8");
    expect_line("provost_store_replaced 1");
    expect_line("provost_store_log_aside 1");
    expect_line("provost_watermark_failed 1");
    expect_line("provost_payload_folders_strange 2");
    expect_line("provost_payload_files_aside 6");
    expect_line("provost_stale_hellos_total 14");
    expect_line("provost_later_start 13");
    expect_line("provost_messages_total 1000");
    expect_line("provost_sends_total 2000");
}

static void it_is_down_while_not_ready(void **state)
{
    const struct facts f = { .not_ready = "the disk failed" };
    write_metrics(&f);
    expect_line("provost_up 0");
}

static void every_queue_has_its_lines(void **state)
{
    const struct facts f = { .now_ms = 1 };
    submit(&r, "c1", 1);
    submit(&r, "c1", 2);
    write_metrics(&f);
    expect_line("provost_queue_tasks{queue=\"outer\",state=\"queued\"} 2");
    expect_line("provost_queue_tasks{queue=\"keccak\",state=\"queued\"} 0");
    expect_line("provost_queue_demand{queue=\"outer\"} 2");
    expect_line("provost_queue_demand_paused{queue=\"outer\"} 0");
    expect_line("provost_queue_demand_unservable{queue=\"outer\"} 2");
    expect_line("provost_queue_unservable{queue=\"outer\"} 2");
    expect_line("provost_queue_damaged{queue=\"outer\"} 0");
    expect_line("provost_queue_provers{queue=\"outer\"} 0");
    expect_line("provost_queue_provers_serving{queue=\"outer\"} 0");
    expect_line("provost_queue_paused{queue=\"outer\"} 0");
}

/* A family is introduced once, by HELP and TYPE, before its first sample. */
static void every_sample_belongs_to_the_family_before_it(void **state)
{
    const struct facts f = { .now_ms = 1 };
    char family[128] = "", seen[16384] = "\n", *save = NULL;
    size_t samples = 0;
    write_metrics(&f);
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        if (sscanf(line, "# HELP %127s", family) == 1) {
            char once[160];
            snprintf(once, sizeof once, "\n%s\n", family);
            if (strstr(seen, once)) fail_msg("%s twice", family);
            assert_true(strlen(seen) + strlen(once) < sizeof seen);
            strcat(seen, once + 1);
            continue;
        }
        if (!strncmp(line, "# TYPE ", 7)) {
            assert_false(strncmp(line + 7, family, strlen(family)));
            continue;
        }
        size_t n = strcspn(line, "{ ");
        if (n != strlen(family) || strncmp(line, family, n)) fail_msg("%s after %s", line, family);
        samples++;
    }
    assert_true(samples > 50);
}

static int open_rig(void **state)
{
    rig_open(&r, NULL);
    return 0;
}

static int close_rig(void **state)
{
    free(text);
    text = NULL;
    rig_close(&r);
    return 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(figures_are_the_facts),
        T(it_is_down_while_not_ready),
        T(every_queue_has_its_lines),
        T(every_sample_belongs_to_the_family_before_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
