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
        .counters = { .list_rows = 12,
                      .rows_most = 9,
                      .messages = 1000,
                      .sends = 2000,
                      .lag_ms_total = 1234,
                      .lag_ms_most = 250,
                      .malformed = 3,
                      .denied = { [FACTS_DENIED_ROLE] = 4 },
                      .protocol = { [FACTS_PROTOCOL_MALFORMED] = 3 },
                      .rejected = { [FACTS_REJECTED_RATE] = 5, [FACTS_REJECTED_OTHER] = 6 },
                      .loop = { .at = { 2, 1 }, .sum_us = 300 } }
    };
    write_metrics(&f);
    expect_line("provost_up 1");
    expect_line("provost_boot_epoch 7");
    expect_line("provost_uptime_seconds 62");
    expect_line("provost_connections 12");
    expect_line("provost_peers 11");
    expect_line("provost_strangers 1");
    expect_line("provost_provers_known 5");
    expect_line("provost_tasks_submitted_total 100");
    expect_line("provost_tasks_finished_total{outcome=\"succeeded\"} 90");
    expect_line("provost_tasks_finished_total{outcome=\"expired\"} 0");
    expect_line("provost_affinity_total{hit=\"true\"} 80");
    expect_line("provost_affinity_total{hit=\"false\"} 0");
    expect_line("provost_loop_lag_seconds_total 1.234");
    expect_line("provost_loop_lag_seconds_max 0.250");
    expect_line("provost_auth_denied_total{why=\"role\"} 4");
    expect_line("provost_protocol_errors_total{kind=\"malformed\"} 3");
    expect_line("provost_submit_rejected_total{reason=\"rate\"} 5");
    expect_line("provost_submit_rejected_total{reason=\"other\"} 6");
    expect_line("provost_loop_seconds_bucket{le=\"0.0001\"} 2");
    expect_line("provost_loop_seconds_bucket{le=\"0.00025\"} 3");
    expect_line("provost_loop_seconds_bucket{le=\"+Inf\"} 3");
    expect_line("provost_loop_seconds_sum 0.000300");
    expect_line("provost_loop_seconds_count 3");
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

static void a_synchronous_standby_is_told_of_a_database(void **state)
{
    struct facts f = { .epoch = 1 };
    write_metrics(&f);
    assert_null(strstr(text, "provost_store_synchronous_standby"));
    f.store.keeps = STORE_KEEPS_SERVER;
    write_metrics(&f);
    expect_line("provost_store_synchronous_standby 0");
    f.store.keeps = STORE_KEEPS_STANDBY;
    write_metrics(&f);
    expect_line("provost_store_synchronous_standby 1");
    f.store.keeps = STORE_KEEPS_MEMORY;
    write_metrics(&f);
    expect_line("provost_store_synchronous_standby 0");
}

static void the_names_of_before_stay_for_a_release(void **state)
{
    const struct facts f = { .core = { .submitted = 100, .warm_offers = 80, .provers_lost = 2 },
                             .now_ms = 1,
                             .counters = { .lag_ms_total = 1234, .malformed = 3 } };
    submit(&r, "c1", 1);
    write_metrics(&f);
    expect_line("provost_submitted_total 100");
    expect_line("# HELP provost_submitted_total Deprecated: provost_tasks_submitted_total");
    expect_line("provost_offers_warm_total 80");
    expect_line("provost_provers_lost_total 2");
    expect_line("provost_loop_lag_milliseconds_total 1234");
    expect_line("provost_messages_malformed_total 3");
    expect_line("provost_queue_tasks{queue=\"outer\",state=\"queued\"} 1");
    expect_line("provost_queue_demand{queue=\"outer\"} 1");
    expect_line("provost_queue_unservable{queue=\"outer\"} 1");
    expect_line("provost_queue_oldest_milliseconds{queue=\"outer\"} 1");
}

static void a_refusal_has_one_reason(void **state)
{
    assert_int_equal(facts_rejected_of(PV_BUSY, "rate"), FACTS_REJECTED_RATE);
    assert_int_equal(facts_rejected_of(PV_BUSY, "disk"), FACTS_REJECTED_DISK);
    assert_int_equal(facts_rejected_of(PV_BUSY, "what nobody knows"), FACTS_REJECTED_OTHER);
    assert_int_equal(facts_rejected_of(PV_UNKNOWN_QUEUE, NULL), FACTS_REJECTED_UNKNOWN_QUEUE);
    assert_int_equal(facts_rejected_of(PV_CONFLICT, NULL), FACTS_REJECTED_CONFLICT);
    assert_int_equal(facts_rejected_of(PV_TOO_LARGE, NULL), FACTS_REJECTED_TOO_LARGE);
    assert_int_equal(facts_rejected_of(PV_HASH_MISMATCH, NULL), FACTS_REJECTED_HASH_MISMATCH);
    assert_int_equal(facts_rejected_of(PV_EXPIRED, NULL), FACTS_REJECTED_EXPIRED);
    assert_int_equal(facts_rejected_of(PV_STORE, NULL), FACTS_REJECTED_STORE);
    assert_int_equal(facts_rejected_of(PV_UNAUTHORIZED, NULL), FACTS_REJECTED_UNAUTHORIZED);
    assert_int_equal(facts_rejected_of(PV_BAD_STATE, NULL), FACTS_REJECTED_OTHER);
}

static size_t lines_with(const char *start)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, start)); at++) n += at == text || at[-1] == '\n';
    return n;
}

static void hello_of(const char *principal, const char *name, unsigned n)
{
    struct sched_event ev = { .type = SCHED_PROVER_HELLO, .peer = 100000 + n };
    ev.prover.principal = principal;
    ev.prover.name = name;
    ev.prover.incarnation = rig_id(n + 1);
    ev.prover.slots = 1;
    rig_step(&r, ev);
}

static void provers_are_told_by_name_and_by_principal_where_one_name_is_not_enough(void **state)
{
    const struct facts f = { .now_ms = 5000 };
    prover(&r, "p1", 2, 0);
    submit(&r, "c1", 1);
    started(&r, "p1", 1);
    prover(&r, "p2", 3, 0);
    at(&r, 5000);
    beat(&r, "p1", 1, 0);
    beat(&r, "p2", 0);
    hello_of("else", "p1", 1);
    write_metrics(&f);
    expect_line("provost_provers{state=\"ready\"} 2");
    expect_line("provost_provers{state=\"busy\"} 1");
    expect_line("provost_provers{state=\"draining\"} 0");
    expect_line("provost_slots 6");
    expect_line("provost_slots_busy 1");
    expect_line("provost_prover_busy_seconds_total{prover=\"fleet/p1\"} 5.000");
    expect_line("provost_prover_busy_seconds_total{prover=\"else/p1\"} 0.000");
    expect_line("provost_prover_busy_seconds_total{prover=\"p2\"} 0.000");
    expect_line("provost_prover_heartbeat_age_seconds{prover=\"p2\"} 0.000");
}

static void a_large_fleet_has_bounded_series(void **state)
{
    const struct facts f = { .now_ms = 1 };
    char name[32];
    for (unsigned i = 0; i < 1003; i++) {
        snprintf(name, sizeof name, "q%u", i);
        hello_of("fleet", name, i);
    }
    write_metrics(&f);
    expect_line("provost_slots 1003");
    expect_line("provost_provers_unlisted 3");
    assert_int_equal(lines_with("provost_prover_busy_seconds_total{"), 1000);
    assert_int_equal(lines_with("provost_prover_heartbeat_age_seconds{"), 1000);
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
    expect_line("provost_tasks{queue=\"outer\",state=\"queued\"} 2");
    expect_line("provost_tasks{queue=\"keccak\",state=\"queued\"} 0");
    expect_line("provost_demand_slots{queue=\"outer\"} 2");
    expect_line("provost_oldest_queued_seconds{queue=\"outer\"} 0.001");
    expect_line("provost_tasks_unservable{queue=\"outer\"} 2");
    expect_line("provost_wait_seconds_count{queue=\"outer\"} 0");
    expect_line("provost_queue_demand_paused{queue=\"outer\"} 0");
    expect_line("provost_queue_demand_unservable{queue=\"outer\"} 2");
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
    bool histogram = false;
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
            histogram = strstr(line, " histogram") != NULL;
            continue;
        }
        size_t n = strcspn(line, "{ "), whole = strlen(family);
        bool same = n == whole && !strncmp(line, family, n);
        if (histogram) same = n > whole && !strncmp(line, family, whole) && line[whole] == '_';
        if (!same) fail_msg("%s after %s", line, family);
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
        T(a_synchronous_standby_is_told_of_a_database),
        T(the_names_of_before_stay_for_a_release),
        T(a_refusal_has_one_reason),
        T(provers_are_told_by_name_and_by_principal_where_one_name_is_not_enough),
        T(a_large_fleet_has_bounded_series),
        T(it_is_down_while_not_ready),
        T(every_queue_has_its_lines),
        T(every_sample_belongs_to_the_family_before_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
