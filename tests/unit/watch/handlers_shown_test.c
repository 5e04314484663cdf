/* Handlers of provers as people and Prometheus see them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "handler_metrics.h"
#include "sched_rig.h"
#include "tables.h"

#include <string.h>

static struct rig r;
static struct tables *t;
static struct peers peers;
static struct fleet_handlers fleet;
static struct peer *peer;

static int open_rig(void **state)
{
    rig_open(&r, NULL);
    if (tables_new(&t) != PV_OK || peers_init(&peers, 4) != PV_OK) return 1;
    peer = peers_add(&peers, 1, 0);
    r.next_peer = peer->handle - 1;
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .silent = true });
    return 0;
}

static int close_rig(void **state)
{
    tables_destroy(&t);
    peers_clear(&peers);
    fleet_handlers_clear(&fleet);
    rig_close(&r);
    return 0;
}

static void says(const char *name, uint64_t good, uint64_t late, uint64_t busy_ms, const char *why)
{
    struct wire_cell cells[WIRE_HANDLER_CELLS];
    struct wire_handler h = { .figures = { [WIRE_HANDLER_SUCCEEDED] = good,
                                           [WIRE_HANDLER_STOPPED] = late,
                                           [WIRE_HANDLER_BUSY_MS] = busy_ms,
                                           [WIRE_HANDLER_REST_MS] = why ? 60000 : 0 } };
    struct wire_msg m = { .type = WIRE_HEARTBEAT };
    snprintf(h.name, sizeof h.name, "%s", name);
    if (why) snprintf(h.why, sizeof h.why, "%s", why);
    struct wire_row row = wire_handler_row(cells, &h);
    WIRE_SET_LIST(&m, handlers, &row, 1);
    peer_handlers_take(&fleet, peer, "fleet", &m);
}

static const struct wire_cell *cell_of(size_t row, const char *key)
{
    for (size_t i = 0; row < t->rows_n && i < t->rows[row].cells_n; i++)
        if (!strcmp(t->rows[row].cells[i].key, key)) return &t->rows[row].cells[i];
    fail_msg("no column %s in row %zu of %zu", key, row, t->rows_n);
    return NULL;
}

static void the_handlers_of_a_prover_come_in_pages(void **state)
{
    struct tables_query q = { .limit = 2, .prover = "p1", .principal = "fleet" };
    says("a", 0, 0, 0, NULL);
    says("b", 3, 1, 40, "it crashed");
    says("c", 0, 0, 0, NULL);
    tables_handlers(t, r.s, &peers, &q);
    assert_true(t->rows_n == 2 && t->more);
    assert_string_equal(cell_of(0, "handler")->text, "a");
    assert_int_equal(cell_of(0, "why")->type, WIRE_CELL_NIL);
    assert_int_equal(cell_of(1, "succeeded")->number, 3);
    assert_int_equal(cell_of(1, "mean_ms")->number, 10);
    assert_int_equal(cell_of(1, "rest_ms")->number, 60000);
    assert_string_equal(cell_of(1, "why")->text, "it crashed");
    q.after = t->after[1];
    tables_handlers(t, r.s, &peers, &q);
    assert_true(t->rows_n == 1 && !t->more);
    assert_string_equal(cell_of(0, "handler")->text, "c");
    q.after = UINT64_MAX;
    tables_handlers(t, r.s, &peers, &q);
    assert_int_equal(t->rows_n, 0);
    q = (struct tables_query){ .limit = 200, .prover = "p1", .principal = "" };
    tables_handlers(t, r.s, &peers, &q);
    assert_int_equal(t->rows_n, 3);
    q.principal = "other";
    tables_handlers(t, r.s, &peers, &q);
    assert_int_equal(t->rows_n, 0);
    q.limit = 200;
    tables_provers(t, r.s, &peers, r.now_ms, &q);
    assert_int_equal(cell_of(0, "handlers")->number, 3);
    assert_int_equal(cell_of(0, "handlers_resting")->number, 1);
}

static void they_are_for_those_who_may_see_provers(void **state)
{
    const struct auth_key *none = NULL;
    struct viewer some = { .role = WIRE_ROLE_CLIENT, .keys = true, .rights = none },
                  admin = { .role = WIRE_ROLE_ADMIN, .keys = true };
    assert_false(tables_allowed(WIRE_WHAT_HANDLERS, &some));
    assert_true(tables_allowed(WIRE_WHAT_HANDLERS, &admin));
    assert_string_equal(tables_schema(WIRE_WHAT_HANDLERS), "provost.handlers/1");
}

static char *metrics(void)
{
    char *text = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&text, &n);
    handler_metrics(to, &fleet);
    fclose(to);
    return text;
}

static void prometheus_gets_sums_in_seconds(void **state)
{
    says("sort", 0, 0, 0, NULL);
    says("sort", 3, 1, 61007, NULL);
    char *text = metrics();
    assert_non_null(strstr(text, "\nprovost_handler_calls_total{handler=\"sort\",outcome=\"succeeded\"} 3\n"));
    assert_non_null(strstr(text, "\nprovost_handler_calls_total{handler=\"sort\",outcome=\"stopped\"} 1\n"));
    assert_non_null(strstr(text, "\nprovost_handler_calls_total{handler=\"sort\",outcome=\"permanent\"} 0\n"));
    assert_non_null(strstr(text, "\nprovost_handler_seconds_total{handler=\"sort\"} 61.007\n"));
    assert_null(strstr(text, "\"other\""));
    free(text);
    says("other", 0, 0, 0, NULL);
    text = metrics();
    assert_non_null(strstr(text, "{handler=\"other\"} 0.000\n"));
    free(text);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)
    const struct CMUnitTest tests[] = {
        T(the_handlers_of_a_prover_come_in_pages),
        T(they_are_for_those_who_may_see_provers),
        T(prometheus_gets_sums_in_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
