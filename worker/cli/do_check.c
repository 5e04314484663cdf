/* check: the broker and its queues, judged for Nagios. */
#include "commands.h"
#include "connect.h"
#include "show.h"
#include "visible.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum nagios { FINE, WARNING, CRITICAL, UNKNOWN };

struct verdict {
    enum nagios level;
    char why[512];
    char warnings[512]; /* the broker's own, which a graver reason does not hide */
    int64_t queued, delayed, running, provers;
};

static void worsen(struct verdict *v, enum nagios level, const char *why, const char *queue)
{
    if (level <= v->level) return;
    v->level = level;
    snprintf(v->why, sizeof v->why, "%s%s%s%s", queue ? "queue " : "", queue ? queue : "", queue ? ": " : "", why);
}

static void worsen_not_ready(struct verdict *v, const char *reason)
{
    char why[200] = "the broker accepts no tasks";
    if (*reason) snprintf(why, sizeof why, "the broker accepts no tasks: %s", reason);
    worsen(v, CRITICAL, why, NULL);
}

static void worsen_warned(struct verdict *v)
{
    size_t n = strlen(v->why);
    if (v->level >= WARNING) snprintf(v->why + n, sizeof v->why - n, "; %s", v->warnings);
    worsen(v, WARNING, v->warnings, NULL);
}

/* How many tasks wait, those whose next attempt is put off among them. */
static void judge_backlog(struct verdict *v, const struct cli *cli, const struct pv_row *q)
{
    uint64_t waiting = (uint64_t)cell_number(q, "queued") + (uint64_t)cell_number(q, "delayed");
    if (waiting >= cli->critical) worsen(v, CRITICAL, "too many tasks wait", cell_text(q, "queue"));
    if (waiting >= cli->warning) worsen(v, WARNING, "many tasks wait", cell_text(q, "queue"));
}

/* Whether somebody takes its tasks. An older broker does not count those that take tasks, nor delayed tasks as demand. */
static void judge_provers(struct verdict *v, const struct pv_row *q)
{
    const char *name = cell_text(q, "queue");
    bool work = cell_number(q, "demand") > 0 || cell_number(q, "delayed") > 0;
    bool counts_serving = pv_row_cell(q, "serving") != NULL;
    if (cell_number(q, "provers") == 0)
        worsen(v, work ? CRITICAL : WARNING, work ? "no live prover for its tasks" : "no live prover", name);
    else if (counts_serving && cell_number(q, "serving") == 0)
        worsen(v, work ? CRITICAL : WARNING, "no prover takes tasks: all drain or are in quarantine", name);
    if (cell_number(q, "unservable") > 0) worsen(v, WARNING, "no live prover can take some of its tasks", name);
}

static void judge_queue(struct verdict *v, const struct cli *cli, const struct pv_row *q)
{
    v->queued += cell_number(q, "queued");
    v->delayed += cell_number(q, "delayed");
    v->running += cell_number(q, "running");
    int64_t provers = cell_number(q, "provers"); /* a key that is told of some queues has no number of all */
    if (provers > v->provers) v->provers = provers;
    judge_backlog(v, cli, q);
    judge_provers(v, q);
    if (cell_number(q, "damaged") > 0)
        worsen(v, WARNING, "the broker's store has lost the input or result of some of its tasks",
               cell_text(q, "queue"));
    if (cell_number(q, "paused")) worsen(v, WARNING, "paused", cell_text(q, "queue"));
}

static pv_status judge_broker(struct verdict *v, pv_client *c)
{
    pv_table *t = NULL;
    pv_status s = pv_list(c, &t, &(struct pv_list_options){ .what = PV_LIST_STATUS }, PV_DEFAULT_TIMEOUT);
    if (s != PV_OK) return s;
    struct pv_row row = pv_table_rows(t) > 0 ? pv_table_row(t, 0) : (struct pv_row){ 0 };
    v->provers = cell_number(&row, "provers");
    if (pv_table_rows(t) > 0 && !cell_number(&row, "ready")) worsen_not_ready(v, cell_text(&row, "not_ready"));
    snprintf(v->warnings, sizeof v->warnings, "%s", cell_text(&row, "warnings"));
    pv_table_free(&t);
    return PV_OK;
}

static pv_status judge_queues(struct verdict *v, pv_client *c, const struct cli *cli)
{
    pv_table *t = NULL;
    pv_status s =
        pv_list(c, &t, &(struct pv_list_options){ .what = PV_LIST_QUEUES, .queue = cli->queue }, PV_DEFAULT_TIMEOUT);
    if (s != PV_OK) return s;
    size_t queues = pv_table_rows(t);
    for (size_t i = 0; i < queues; i++) {
        struct pv_row row = pv_table_row(t, i);
        judge_queue(v, cli, &row);
    }
    if (!queues && cli->queue) worsen(v, UNKNOWN, "no such queue", NULL);
    if (!queues) worsen(v, WARNING, "the broker has no queue that this key may use", NULL);
    pv_table_free(&t);
    return PV_OK;
}

static pv_status judge(struct verdict *v, pv_client *c, const struct cli *cli)
{
    pv_status s = judge_broker(v, c);
    if (s == PV_OK) s = judge_queues(v, c, cli);
    if (s == PV_OK && v->warnings[0]) worsen_warned(v);
    return s;
}

int run_check(struct cli *cli)
{
    static const char *const words[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };
    struct verdict v = { .why = "all is well" };
    pv_client *c = NULL;
    pv_status s = cli_connect_to_look(&c, cli);
    if (s == PV_OK) s = judge(&v, c, cli);
    if (s == PV_USAGE || s == PV_BAD_KEY_FILE)
        worsen(&v, UNKNOWN, pv_status_text(s), NULL);
    else if (s != PV_OK)
        worsen(&v, CRITICAL, pv_status_text(s), NULL);
    pv_client_close(&c);
    if (cli->output == OUTPUT_JSON) {
        show_json(json_pack("{s:s, s:s, s:i, s:s, s:I, s:I, s:I, s:I}", "schema", "provost.check/1", "verdict",
                            words[v.level], "exit", (int)v.level, "text", v.why, "queued", (json_int_t)v.queued,
                            "delayed", (json_int_t)v.delayed, "running", (json_int_t)v.running, "provers",
                            (json_int_t)v.provers));
        return v.level;
    }
    char why[PV_TEXT_BYTES];
    visible_text(why, sizeof why, v.why);
    printf("PROVOST %s - %s | queued=%" PRId64 ";%" PRIu64 ";%" PRIu64 " running=%" PRId64 " provers=%" PRId64
           " delayed=%" PRId64 "\n",
           words[v.level], why, v.queued, cli->warning, cli->critical, v.running, v.provers, v.delayed);
    return v.level;
}
