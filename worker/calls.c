#include "ack.h"
#include "client.h"
#include "decode.h"
#include "follow.h"
#include "public_id.h"
#include "request.h"
#include "visible.h"
#include "task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Enters, asks, waits for the answer, leaves. */
static pv_status ask(pv_client *c, struct request *q, int64_t timeout_ms)
{
    TRY(client_enter(c));
    pv_status s = request_run(c, q, client_deadline(timeout_ms, c->request_timeout_ms));
    return client_leave(c, s, q->text);
}

static struct request about(enum wire_type type, enum wire_type want, const pv_task_id *id)
{
    struct request q = { .ask = { .type = type }, .want = want };
    WIRE_SET(&q.ask, task, wire_of(id));
    return q;
}

static void name(char to[PV_NAME_BYTES], const char *from)
{
    snprintf(to, PV_NAME_BYTES, "%s", from ? from : "");
}

#define OR_MINUS(m, field) ((m)->has.field ? public_number((m)->field) : -1)

static void show(struct pv_task_info *i, const struct wire_msg *m)
{
    *i = (struct pv_task_info){
        .id = public_of(m->task),
        .state = (enum pv_task_state)m->state,
        .generation = m->generation,
        .status = m->status,
        .position = OR_MINUS(m, position),
        .eta_ms = OR_MINUS(m, eta_ms),
        .percent = OR_MINUS(m, percent),
        .failures = OR_MINUS(m, failures),
        .losses = OR_MINUS(m, losses),
        .attempts = OR_MINUS(m, attempts),
        .priority = OR_MINUS(m, priority),
        .length = OR_MINUS(m, length),
        .result_length = OR_MINUS(m, result_length),
        .measured_ms = OR_MINUS(m, measured_ms),
        .created_ms = OR_MINUS(m, created),
        .changed_ms = OR_MINUS(m, changed),
        .deadline_ms = OR_MINUS(m, deadline),
        .unservable = m->has.unservable && m->unservable,
    };
    visible_text(i->text, sizeof i->text, m->has.text ? m->text : "");
    name(i->queue, m->queue);
    name(i->circuit, m->circuit);
    name(i->prover, m->prover);
    name(i->client, m->client);
    name(i->principal, m->principal);
    name(i->group, m->group);
    name(i->phase, m->phase);
}

static pv_status ask_task(pv_client *c, struct pv_task_info *info, enum wire_type type, const pv_task_id *id,
                          int64_t timeout_ms)
{
    struct request q = about(type, WIRE_TASK, id);
    pv_status s = ask(c, &q, timeout_ms);
    if (s == PV_OK && info) show(info, &q.answer);
    request_clear(&q);
    return s;
}

pv_status pv_show(pv_client *c, struct pv_task_info *info, const pv_task_id *id, int64_t timeout_ms)
{
    return ask_task(c, info, WIRE_SHOW, id, timeout_ms);
}

pv_status pv_kick(pv_client *c, struct pv_task_info *info, const pv_task_id *id, int64_t timeout_ms)
{
    return ask_task(c, info, WIRE_KICK, id, timeout_ms);
}

pv_status pv_cancel(pv_client *c, enum pv_task_state *state, const pv_task_id *id, int64_t timeout_ms)
{
    struct request q = about(WIRE_CANCEL, WIRE_CANCELLED, id);
    pv_status s = ask(c, &q, timeout_ms);
    if (s == PV_OK && state) *state = (enum pv_task_state)q.answer.state;
    request_clear(&q);
    return s;
}

pv_status pv_fetch(pv_client *c, struct pv_result *r, const pv_task_id *id, int64_t timeout_ms)
{
    struct request q = about(WIRE_FETCH, WIRE_DELIVER, id);
    pv_status s = ask(c, &q, timeout_ms);
    if (s == PV_OK) {
        struct pv_result got = { 0 };
        follow_result(&got, &q.answer);
        got.bytes = incoming_release(&q.result, &got.bytes_n);
        *r = got;
    }
    request_clear(&q);
    return s;
}

pv_status pv_ack(pv_client *c, const pv_task_id *id)
{
    TRY(client_enter(c));
    struct task *t = tasks_find(c, wire_of(id));
    if (!t || t->stage != STAGE_HANDED) return client_leave(c, PV_NOT_FOUND, "no result of this task waits for pv_ack");
    pv_status s = ack_add(c, t->id, t->r.generation);
    if (s == PV_OK) {
        tasks_drop(c, t);
        client_wake(c);
    }
    return client_leave(c, s, NULL);
}

_Static_assert((int)PV_PURGE_SESSION == (int)WIRE_SCOPE_SESSION && (int)PV_PURGE_CLIENT == (int)WIRE_SCOPE_CLIENT &&
                   (int)PV_PURGE_QUEUE == (int)WIRE_SCOPE_QUEUE && (int)PV_PURGE_PRINCIPAL == (int)WIRE_SCOPE_PRINCIPAL,
               "scopes");

/* What makes no sense is not sent. */
static pv_status misused(pv_client *c, const char *text)
{
    TRY(client_enter(c));
    return client_leave(c, PV_USAGE, text);
}

/* NULL, or what is wrong. */
static const char *purge_message(struct wire_msg *m, const struct pv_purge_options *w)
{
    WIRE_SET(m, scope, (enum wire_scope)w->scope);
    if (w->scope == PV_PURGE_QUEUE && !w->queue) return "queue: a purge of a queue has to name it";
    if (w->client) WIRE_SET(m, client, w->client);
    if (w->queue) WIRE_SET(m, queue, w->queue);
    if (w->session && !wire_id_of_text(&m->session, w->session)) return "session: must be 32 hex digits";
    m->has.session = w->session != NULL;
    if (w->states) WIRE_SET(m, states, w->states);
    if (w->age_ms) WIRE_SET(m, age_ms, w->age_ms);
    if (w->dry_run) WIRE_SET(m, dry, true);
    return NULL;
}

static pv_status purge(pv_client *c, uint64_t counts[PV_TASK_STATES], const struct pv_purge_options *what, bool forget,
                       int64_t timeout_ms)
{
    struct request q = { .ask = { .type = WIRE_PURGE }, .want = WIRE_COUNTS };
    const char *wrong = purge_message(&q.ask, what);
    if (wrong) return misused(c, wrong);
    if (forget) WIRE_SET(&q.ask, forget, true);
    pv_status s = ask(c, &q, timeout_ms);
    if (s == PV_OK && counts) memcpy(counts, q.answer.counts.of, sizeof q.answer.counts.of);
    request_clear(&q);
    return s;
}

pv_status pv_purge(pv_client *c, uint64_t counts[PV_TASK_STATES], const struct pv_purge_options *what,
                   int64_t timeout_ms)
{
    return purge(c, counts, what, false, timeout_ms);
}

/* An older broker would overlook the field and keep what it cancels. */
static pv_status forgets(pv_client *c, int64_t timeout_ms)
{
    TRY(pv_client_ready(c, timeout_ms));
    TRY(client_enter(c));
    bool tells = c->link.purge_forgets;
    return client_leave(c, tells ? PV_OK : PV_BAD_VERSION, "this broker is too old to forget at once what it cancels");
}

pv_status pv_purge_and_forget(pv_client *c, uint64_t counts[PV_TASK_STATES], const struct pv_purge_options *what,
                              int64_t timeout_ms)
{
    TRY(forgets(c, timeout_ms));
    return purge(c, counts, what, true, timeout_ms);
}

/* ---- tables ---- */

/* Keeps the pages as they came: cells point into the messages, which own the strings. */
struct pv_table {
    struct wire_msg *pages;
    size_t pages_n;
    size_t rows_n;
    struct pv_cell *cells; /* of row i: from first[i] to first[i + 1] */
    size_t *first;
};

void pv_table_free(pv_table **t)
{
    if (!*t) return;
    for (size_t i = 0; i < (*t)->pages_n; i++) wire_msg_clear(&(*t)->pages[i]);
    free((*t)->pages);
    free((*t)->cells);
    free((*t)->first);
    free(*t);
    *t = NULL;
}

static struct pv_cell cell_of(const struct wire_cell *w)
{
    struct pv_cell cell = { .key = w->key };
    switch (w->type) {
    case WIRE_CELL_NIL: break;
    case WIRE_CELL_INT:
        cell.type = PV_CELL_INT;
        cell.number = w->number;
        break;
    case WIRE_CELL_BOOL:
        cell.type = PV_CELL_BOOL;
        cell.number = w->truth;
        break;
    case WIRE_CELL_TEXT:
        cell.type = PV_CELL_TEXT;
        cell.text = w->text;
        break;
    }
    return cell;
}

/* Puts the cells of all pages into one array. */
static pv_status lay_out(pv_table *t)
{
    size_t rows = 0, cells = 0;
    for (size_t p = 0; p < t->pages_n; p++) {
        rows += t->pages[p].rows_n;
        for (size_t i = 0; i < t->pages[p].rows_n; i++) cells += t->pages[p].rows[i].cells_n;
    }
    t->cells = calloc(cells + 1, sizeof *t->cells);
    t->first = calloc(rows + 1, sizeof *t->first);
    if (!t->cells || !t->first) return PV_NO_MEMORY;
    size_t at = 0;
    for (size_t p = 0; p < t->pages_n; p++) {
        for (size_t i = 0; i < t->pages[p].rows_n; i++) {
            const struct wire_row *row = &t->pages[p].rows[i];
            for (size_t k = 0; k < row->cells_n; k++) t->cells[at++] = cell_of(&row->cells[k]);
            t->first[++t->rows_n] = at;
        }
    }
    return PV_OK;
}

static pv_status add_page(pv_table *t, struct wire_msg *answer)
{
    struct wire_msg *more = realloc(t->pages, (t->pages_n + 1) * sizeof *more);
    if (!more) return PV_NO_MEMORY;
    t->pages = more;
    t->pages[t->pages_n++] = *answer;
    *answer = (struct wire_msg){ 0 };
    return PV_OK;
}

_Static_assert((int)PV_LIST_TASKS == (int)WIRE_WHAT_TASKS && (int)PV_LIST_QUEUES == (int)WIRE_WHAT_QUEUES &&
                   (int)PV_LIST_PROVERS == (int)WIRE_WHAT_PROVERS && (int)PV_LIST_CLIENTS == (int)WIRE_WHAT_CLIENTS &&
                   (int)PV_LIST_STATUS == (int)WIRE_WHAT_STATUS && (int)PV_LIST_EVENTS == (int)WIRE_WHAT_EVENTS,
               "tables");

/* What is listed: a table, or what one prover has. */
struct listed {
    const struct pv_list_options *table;
    const char *principal, *prover;
    enum wire_what of_prover;
};

/* False: there is no such state. */
static bool list_message(struct wire_msg *m, const struct listed *of)
{
    const struct pv_list_options *w = of->table;
    WIRE_SET(m, what, of->prover ? of->of_prover : (enum wire_what)w->what);
    if (of->prover) WIRE_SET(m, prover, of->prover);
    if (of->prover) WIRE_SET(m, principal, of->principal);
    if (w->queue) WIRE_SET(m, queue, w->queue);
    if (!w->state) return true;
    m->has.state = task_state_of_word(&m->state, w->state);
    return m->has.state;
}

static pv_status list_pages(pv_client *c, pv_table *t, const struct listed *of, int64_t timeout_ms)
{
    const struct pv_list_options *w = of->table;
    size_t most = w->rows_max ? w->rows_max : 1000, rows = 0;
    const char *after = w->after;
    do {
        struct request q = { .ask = { .type = WIRE_LIST }, .want = WIRE_ROWS };
        if (!list_message(&q.ask, of)) return misused(c, "state: must be the word of a state, such as queued");
        if (after) WIRE_SET(&q.ask, after, after);
        WIRE_SET(&q.ask, limit, most - rows < WIRE_ROWS_MAX ? (uint32_t)(most - rows) : WIRE_ROWS_MAX);
        pv_status s = ask(c, &q, timeout_ms);
        if (s == PV_OK) s = add_page(t, &q.answer);
        request_clear(&q);
        if (s != PV_OK) return s;
        const struct wire_msg *page = &t->pages[t->pages_n - 1];
        rows += page->rows_n;
        after = page->has.next && page->rows_n > 0 ? page->next : NULL;
    } while (after && rows < most);
    return PV_OK;
}

static void free_table(void *table)
{
    pv_table_free(table);
}

static pv_status list(pv_client *c, pv_table **out, const struct listed *of, int64_t timeout_ms)
{
    pv_table *t = calloc(1, sizeof *t);
    if (!t) return PV_NO_MEMORY;
    pv_status s;
    pthread_cleanup_push(free_table, &t); /* the thread may be cancelled while it waits for a page */
    s = list_pages(c, t, of, timeout_ms);
    pthread_cleanup_pop(0);
    if (s == PV_OK) s = lay_out(t);
    if (s == PV_OK)
        *out = t;
    else
        pv_table_free(&t);
    return s;
}

pv_status pv_list(pv_client *c, pv_table **t, const struct pv_list_options *what, int64_t timeout_ms)
{
    return list(c, t, &(struct listed){ .table = what }, timeout_ms);
}

static pv_status list_of_prover(pv_client *c, pv_table **t, const struct listed *of, int64_t timeout_ms)
{
    bool handlers = of->of_prover == WIRE_WHAT_HANDLERS;
    TRY(pv_client_ready(c, timeout_ms));
    TRY(client_enter(c));
    bool tells = handlers ? c->link.takes_handlers : c->link.more_circuits;
    TRY(client_leave(c, tells ? PV_OK : PV_BAD_VERSION,
                     handlers ? "this broker is too old to tell what a prover's handlers did"
                              : "this broker is too old to tell which keys a prover has"));
    return list(c, t, of, timeout_ms);
}

static const struct pv_list_options all_rows = { .rows_max = SIZE_MAX };

pv_status pv_prover_keys(pv_client *c, pv_table **t, const char *principal, const char *prover, int64_t timeout_ms)
{
    return list_of_prover(c, t, &(struct listed){ &all_rows, principal, prover, WIRE_WHAT_KEYS }, timeout_ms);
}

pv_status pv_prover_handlers(pv_client *c, pv_table **t, const char *principal, const char *prover, int64_t timeout_ms)
{
    return list_of_prover(c, t, &(struct listed){ &all_rows, principal, prover, WIRE_WHAT_HANDLERS }, timeout_ms);
}

const char *pv_table_schema(const pv_table *t)
{
    return t->pages_n > 0 ? t->pages[0].schema : "";
}

size_t pv_table_rows(const pv_table *t)
{
    return t->rows_n;
}

struct pv_row pv_table_row(const pv_table *t, size_t i)
{
    return (struct pv_row){ .cells = t->cells + t->first[i], .cells_n = t->first[i + 1] - t->first[i] };
}

const char *pv_table_next(const pv_table *t)
{
    return t->pages_n > 0 && t->pages[t->pages_n - 1].has.next ? t->pages[t->pages_n - 1].next : NULL;
}

const struct pv_cell *pv_row_cell(const struct pv_row *row, const char *key)
{
    for (size_t i = 0; i < row->cells_n; i++) {
        if (strcmp(row->cells[i].key, key) == 0) return &row->cells[i];
    }
    return NULL;
}

/* ---- operating ---- */

static pv_status operate(pv_client *c, pv_table **out, struct request *q, int64_t timeout_ms)
{
    q->want = WIRE_ROWS;
    pv_status s = ask(c, q, timeout_ms);
    pv_table *t = NULL;
    if (s == PV_OK && out) {
        t = calloc(1, sizeof *t);
        s = t ? add_page(t, &q->answer) : PV_NO_MEMORY;
        if (s == PV_OK) s = lay_out(t);
    }
    request_clear(q);
    if (s == PV_OK && out)
        *out = t;
    else if (t)
        pv_table_free(&t);
    return s;
}

static pv_status operate_queue(pv_client *c, pv_table **t, const char *queue, enum wire_verb verb, int64_t timeout_ms)
{
    struct request q = { .ask = { .type = WIRE_QUEUE } };
    WIRE_SET(&q.ask, queue, queue);
    WIRE_SET(&q.ask, verb, verb);
    return operate(c, t, &q, timeout_ms);
}

pv_status pv_queue_pause(pv_client *c, pv_table **t, const char *queue, int64_t timeout_ms)
{
    return operate_queue(c, t, queue, WIRE_VERB_PAUSE, timeout_ms);
}

pv_status pv_queue_resume(pv_client *c, pv_table **t, const char *queue, int64_t timeout_ms)
{
    return operate_queue(c, t, queue, WIRE_VERB_RESUME, timeout_ms);
}

static void option(struct wire_row *row, struct wire_cell *cells, const char *key, int64_t value)
{
    struct wire_cell *cell = &cells[row->cells_n];
    if (value == 0) return;
    *cell = (struct wire_cell){ .key = key, .type = value == PV_CONFIGURED ? WIRE_CELL_NIL : WIRE_CELL_INT };
    if (value > 0) cell->number = value;
    row->cells_n++;
}

pv_status pv_queue_set(pv_client *c, pv_table **t, const char *queue, const struct pv_queue_settings *what,
                       int64_t timeout_ms)
{
    struct wire_cell cells[2];
    struct request q = { .ask = { .type = WIRE_QUEUE } };
    q.ask.options.cells = cells;
    q.ask.has.options = true;
    option(&q.ask.options, cells, "run_timeout_ms", what->run_timeout_ms);
    option(&q.ask.options, cells, "stall_timeout_ms", what->stall_timeout_ms);
    WIRE_SET(&q.ask, queue, queue);
    WIRE_SET(&q.ask, verb, WIRE_VERB_SET);
    return operate(c, t, &q, timeout_ms);
}

/* An older broker would overlook the principal, and operate every prover of the name. */
static pv_status tells_principals(pv_client *c, int64_t timeout_ms)
{
    TRY(pv_client_ready(c, timeout_ms));
    TRY(client_enter(c));
    bool tells = c->link.by_principal;
    return client_leave(c, tells ? PV_OK : PV_BAD_VERSION,
                        "this broker is too old to tell the provers of several principals apart");
}

static pv_status operate_prover(pv_client *c, pv_table **t, const char *principal, const char *prover,
                                enum wire_verb verb, int64_t timeout_ms)
{
    struct request q = { .ask = { .type = WIRE_PROVER } };
    if (principal) TRY(tells_principals(c, timeout_ms));
    WIRE_SET(&q.ask, prover, prover);
    if (principal) WIRE_SET(&q.ask, principal, principal);
    WIRE_SET(&q.ask, verb, verb);
    return operate(c, t, &q, timeout_ms);
}

pv_status pv_prover_drain(pv_client *c, pv_table **t, const char *prover, int64_t timeout_ms)
{
    return operate_prover(c, t, NULL, prover, WIRE_VERB_DRAIN, timeout_ms);
}

pv_status pv_prover_resume(pv_client *c, pv_table **t, const char *prover, int64_t timeout_ms)
{
    return operate_prover(c, t, NULL, prover, WIRE_VERB_RESUME, timeout_ms);
}

pv_status pv_prover_drain_of(pv_client *c, pv_table **t, const char *principal, const char *prover, int64_t timeout_ms)
{
    return operate_prover(c, t, principal, prover, WIRE_VERB_DRAIN, timeout_ms);
}

pv_status pv_prover_resume_of(pv_client *c, pv_table **t, const char *principal, const char *prover, int64_t timeout_ms)
{
    return operate_prover(c, t, principal, prover, WIRE_VERB_RESUME, timeout_ms);
}
