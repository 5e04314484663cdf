#include "web.h"

#include "web_admin.h"

#include "log.h"
#include "metrics.h"
#include "overview.h"
#include "rows_json.h"
#include "story.h"
#include "warnings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WRITES_A_TURN = 16, SLOTS_SHOWN = 64 };

static struct http_options options_of(const struct config *c, int wake)
{
    return (struct http_options){ .address = c->http,
                                  .hosts = c->http_hosts,
                                  .read_token = c->http_read_token,
                                  .admin_token = c->http_admin_token,
                                  .wake = wake };
}

static void shut_tell(struct broker *b)
{
    if (http_is_shut(b->http))
        LOG_WARN("http.closed", "address=%s text=%s", b->config->http,
                 "beyond loopback only /livez and /readyz are open: metrics and reads need http_read_token");
}

pv_status web_open(struct broker *b, char *why, size_t why_bytes)
{
    struct http_options o = options_of(b->config, b->wake);
    char reason[HTTP_WHY_BYTES] = "";
    if (!b->config->http[0]) return PV_OK;
    b->web.phases = phases_new();
    b->web.ring = calloc(1, sizeof *b->web.ring);
    if (!b->web.phases || !b->web.ring) return PV_NO_MEMORY;
    pv_status st = http_start(&b->http, &o, reason);
    if (reason[0]) snprintf(why, why_bytes, "%s", reason);
    if (st == PV_OK) shut_tell(b);
    return st;
}

void web_close(struct broker *b)
{
    if (b->http) web_admin_forget(b);
    http_stop(&b->http);
    phases_destroy(&b->web.phases);
    free(b->web.ring);
}

void web_reload(struct broker *b)
{
    struct http_options o = options_of(b->config, b->wake);
    char why[HTTP_WHY_BYTES] = "no memory";
    if (!b->http) return;
    if (http_reload(b->http, &o, why) == PV_OK)
        shut_tell(b);
    else
        LOG_ERROR("http.unchanged", "why=%s", why);
}

void web_forget(struct broker *b)
{
    if (b->http) web_admin_forget(b);
    b->web.open = false;
}

pv_status web_check(const struct config *c, char *why, size_t why_bytes)
{
    struct http_options o = options_of(c, -1);
    char reason[HTTP_WHY_BYTES] = "";
    if (!c->http[0]) return PV_OK;
    pv_status st = http_check(&o, reason);
    if (st != PV_OK) snprintf(why, why_bytes, "%s", reason);
    return st;
}

/* ---- reads ---- */

static struct viewer viewer_of(const struct broker *b)
{
    return (struct viewer){ .role = WIRE_ROLE_ADMIN, .principal = "(http)", .keys = b->keys != NULL };
}

static struct tables_query query_of(const struct http_question *q)
{
    return (struct tables_query){ .queue = q->queue[0] ? q->queue : NULL,
                                  .has_state = q->has_state,
                                  .state = q->state,
                                  .has_after = q->has_after,
                                  .after = q->after,
                                  .newest = q->newest,
                                  .limit = q->limit };
}

static void slot_json(struct json_text *j, const struct sched_running *r)
{
    char id[WIRE_ID_TEXT];
    json_text_object(j, NULL);
    json_text_string(j, "task", wire_id_text(id, r->task));
    json_text_string(j, "principal", r->principal);
    json_text_string(j, "queue", r->queue);
    json_text_string(j, "circuit", r->circuit);
    json_text_string(j, "phase", r->phase[0] ? r->phase : NULL);
    json_text_truth(j, "started", r->started);
    json_text_number(j, "percent", r->percent);
    json_text_number(j, "since_ms", r->since_ms);
    json_text_object_end(j);
}

static const char *cell_text(const struct wire_row *row, const char *key)
{
    for (size_t i = 0; i < row->cells_n; i++)
        if (!strcmp(row->cells[i].key, key) && row->cells[i].type == WIRE_CELL_TEXT) return row->cells[i].text;
    return "";
}

static void prover_json(struct broker *b, struct json_text *j, const struct wire_row *row)
{
    struct sched_running at[SLOTS_SHOWN];
    size_t n = sched_prover_running(b->sched, cell_text(row, "principal"), cell_text(row, "prover"), b->now_ms, at,
                                    SLOTS_SHOWN);
    json_text_object(j, NULL);
    rows_json_cells(j, row);
    json_text_list(j, "at");
    for (size_t i = 0; i < n; i++) slot_json(j, &at[i]);
    json_text_list_end(j);
    json_text_object_end(j);
}

static char *provers_json(struct broker *b, const struct tables_query *q)
{
    struct json_text j = { .at = NULL };
    tables_provers(b->tables, b->sched, &b->peers, b->now_ms, q);
    rows_json_begin(&j, tables_schema(WIRE_WHAT_PROVERS));
    for (size_t i = 0; i < b->tables->rows_n; i++) prover_json(b, &j, &b->tables->rows[i]);
    rows_json_end(&j, b->tables);
    return json_text_take(&j);
}

static void task_answer(struct broker *b, const struct http_question *q)
{
    static struct sched_view view; /* large; the loop is one thread */
    struct json_text j = { .at = NULL };
    pv_status st = sched_show(b->sched, 0, q->principal[0] ? q->principal : NULL, q->task, &view);
    if (st == PV_OK && q->principal[0] && strcmp(view.record.principal, q->principal) != 0) st = PV_NOT_FOUND;
    if (st != PV_OK) {
        web_refuse(b, q->id, st, st == PV_CONFLICT ? WEB_WHOSE_TASK : NULL);
        return;
    }
    tables_task(b->tables, &view);
    json_text_object(&j, NULL);
    json_text_string(&j, "schema", "provost.task-story/1");
    json_text_object(&j, "task");
    rows_json_cells(&j, &b->tables->rows[0]);
    json_text_object_end(&j);
    story_json(&j, b->journal, b->web.phases, q->task, view.record.principal);
    json_text_object_end(&j);
    b->tables->looked = JOURNAL_KEPT / 8; /* an entry is looked at faster than a task */
    http_answer(b->http, q->id, 200, json_text_take(&j));
}

/* False: it goes on in a later turn. */
static bool read_answer(struct broker *b, struct http_question *q, uint64_t left)
{
    struct viewer v = viewer_of(b);
    struct tables_query query = query_of(q);
    query.look = left;
    b->tables->rows_n = b->tables->looked = 0;
    b->tables->unfinished = false;
    char *json = NULL;
    switch (q->what) {
    case HTTP_TASK: task_answer(b, q); return true;
    case HTTP_PROVERS: json = provers_json(b, &query); break;
    case HTTP_HANDLERS:
        query.prover = q->prover;
        query.principal = q->principal;
        tables_handlers(b->tables, b->sched, &b->peers, &query);
        json = rows_json(b->tables, tables_schema(WIRE_WHAT_HANDLERS));
        break;
    case HTTP_TASKS:
        tables_tasks(b->tables, b->sched, &v, &query);
        if (!b->tables->unfinished) json = rows_json(b->tables, tables_schema(WIRE_WHAT_TASKS));
        break;
    default:
        tables_events(b->tables, b->journal, &v, b->wall_ms, &query);
        if (!b->tables->unfinished) json = rows_json(b->tables, tables_schema(WIRE_WHAT_EVENTS));
        break;
    }
    if (b->tables->unfinished) {
        q->after = b->tables->go_on;
        q->has_after = true;
        return false;
    }
    http_answer(b->http, q->id, 200, json);
    return true;
}

static bool question_next(struct broker *b)
{
    if (!b->web.open) b->web.open = http_next(b->http, &b->web.question);
    return b->web.open;
}

void web_turn(struct broker *b)
{
    uint64_t left = LIST_ROWS;
    if (!b->http) return;
    web_admin_settle(b);
    for (size_t writes = 0; left && writes < WRITES_A_TURN && question_next(b);) {
        if (http_is_write(b->web.question.what)) {
            web_admin_do(b, &b->web.question);
            b->web.open = false;
            writes++;
            continue;
        }
        b->web.open = !read_answer(b, &b->web.question, left);
        uint64_t cost = b->tables->looked + LIST_ROW_WRITTEN * b->tables->rows_n + 1;
        b->counters.list_rows += b->tables->looked;
        left -= cost < left ? cost : left;
    }
    if (!b->web.open) question_next(b); /* so that the loop does not sleep on one */
}

bool web_left(const struct broker *b)
{
    return b->web.open;
}

/* ---- what is published ---- */

static char *queues_json(struct broker *b)
{
    struct viewer v = viewer_of(b);
    struct tables_query q = { .limit = WIRE_ROWS_MAX };
    struct json_text j = { .at = NULL };
    rows_json_begin(&j, tables_schema(WIRE_WHAT_QUEUES));
    do {
        tables_queues(b->tables, b->sched, &v, b->now_ms, &q);
        for (size_t i = 0; i < b->tables->rows_n; i++) {
            json_text_object(&j, NULL);
            rows_json_cells(&j, &b->tables->rows[i]);
            json_text_object_end(&j);
        }
        if (b->tables->rows_n) q.after = b->tables->after[b->tables->rows_n - 1];
    } while (b->tables->more);
    rows_json_end(&j, b->tables);
    return json_text_take(&j);
}

static char *status_json(struct broker *b, const struct facts *f)
{
    struct viewer v = viewer_of(b);
    tables_status(b->tables, b->sched, &v, f);
    return rows_json(b->tables, tables_schema(WIRE_WHAT_STATUS));
}

static void scales_take(struct broker *b, struct http_news *news)
{
    struct sched_queue_view q;
    size_t n = 0;
    while (sched_queue_at(b->sched, n, b->now_ms, &q)) n++;
    news->scales = calloc(n ? n : 1, sizeof *news->scales);
    for (size_t i = 0; news->scales && sched_queue_at(b->sched, i, b->now_ms, &q); i++) {
        snprintf(news->scales[i].queue, sizeof news->scales[i].queue, "%s", q.name);
        news->scales[i].json = overview_scale_json(&q);
        news->scales_n = i + 1;
    }
}

static void events_tell(struct broker *b)
{
    struct viewer v = viewer_of(b);
    struct tables_query q = { .has_after = true, .after = b->web.told, .limit = WIRE_ROWS_MAX };
    uint64_t last = journal_last(b->journal, 0);
    if (b->web.told && http_listeners(b->http)) {
        tables_events(b->tables, b->journal, &v, b->wall_ms, &q);
        for (size_t i = 0; i < b->tables->rows_n; i++) {
            struct json_text j = { .at = NULL };
            json_text_object(&j, NULL);
            rows_json_cells(&j, &b->tables->rows[i]);
            json_text_object_end(&j);
            char *json = json_text_take(&j);
            if (json) http_tell(b->http, "event", b->tables->after[i], json);
            free(json);
        }
        char lost[48];
        snprintf(lost, sizeof lost, "{\"messages\":%" PRIu64 "}",
                 b->tables->more ? last - b->tables->after[b->tables->rows_n - 1] : 0);
        if (b->tables->more) http_tell(b->http, "lost", 0, lost);
    }
    b->web.told = last;
}

void web_publish(struct broker *b)
{
    struct http_news news = { .metrics = NULL };
    struct overview o;
    struct facts f;
    char warnings[WARNINGS_BYTES];
    size_t bytes;
    if (!b->http) return;
    broker_facts(b, &f);
    overview_of(&o, &f, b->sched, b->wall_ms);
    warnings_text(warnings, &f);
    if (metrics_text(&news.metrics, &bytes, &f, b->sched) != PV_OK) news.metrics = NULL;
    news.status = status_json(b, &f);
    news.queues = queues_json(b);
    news.overview = overview_json(&o, &f, warnings);
    if (overview_note(b->web.ring, &o, b->now_ms)) news.history = overview_history_json(b->web.ring);
    scales_take(b, &news);
    news.not_ready = f.not_ready;
    news.warnings = warnings;
    events_tell(b);
    if (news.overview) http_tell(b->http, "overview", 0, news.overview);
    http_publish(b->http, &news);
}
