/** Tables for people and tools: tasks, queues, provers, clients, events, and the broker's own status as a table of one row.
 *
 *  Rows first, printers after: what fills a row here knows neither a socket nor a page. LIST sends these rows as they are; a web
 *  page and an HTTP API print the same ones. Columns are only added within a version of a schema (tables_schema).
 */
#ifndef PV_TABLES_H
#define PV_TABLES_H

#include "facts.h"
#include "journal.h"
#include "msg.h"
#include "peers.h"
#include "sched.h"
#include "viewer.h"

enum { TABLES_TEXT_BYTES = 128 * 1024 };

/** The rows of one answer, in room of their own that the next answer uses again. Read rows, rows_n, after and more. */
struct tables {
    struct wire_row rows[WIRE_ROWS_MAX];
    uint64_t after[WIRE_ROWS_MAX]; /* where a page begins that follows row i: tables_query.after */
    size_t rows_n;
    bool more;       /* rows follow the last one */
    uint64_t looked; /* at so many rows to find these: tables_query.look */
    bool unfinished; /* none was found among those that it might look at: the walk goes on from go_on */
    uint64_t go_on;
    struct wire_cell cells[WIRE_ROWS_MAX * WIRE_CELLS_MAX];
    char text[TABLES_TEXT_BYTES];
    size_t cells_n, text_n;
};

/** Which rows of a table. Zero, with a limit of WIRE_ROWS_MAX: all, from the first on. */
struct tables_query {
    const char *queue;              /* tasks, queues, events: of this queue alone; NULL: any */
    const char *prover, *principal; /* keys, handlers: of this one */
    bool has_state;
    enum task_state state; /* tasks in this state; events of tasks that came into it */
    bool has_after;        /* false for events: the newest that fit */
    uint64_t after;        /* rows behind this place */
    bool newest;           /* tasks: from the newest on, after counts down */
    size_t limit;          /* 1 .. WIRE_ROWS_MAX */
    uint64_t look;         /* most rows to look at, those that do not match among them; 0: all */
};

/** PV_NO_MEMORY. */
pv_status tables_new(struct tables **t);
void tables_destroy(struct tables **t);

/** "provost.tasks/1", ...: the name and version of a table's columns. */
const char *tables_schema(enum wire_what what);
/** Whether v may look at this table at all. Of tasks, queues and events v sees only some rows, of the status only what
 *  is not about others: without the right to see them, sums are over its queues and the broker's own counters are nil. */
bool tables_allowed(enum wire_what what, const struct viewer *v);

/* Each replaces the rows of t by a page of its table. Texts are copied. A page that has looked at q->look rows ends
 * there, with more; one that has found nothing yet is unfinished. */

void tables_tasks(struct tables *t, const struct sched *s, const struct viewer *v, const struct tables_query *q);
void tables_queues(struct tables *t, const struct sched *s, const struct viewer *v, uint64_t now_ms,
                   const struct tables_query *q);
/** peers: the software of those that are connected. */
void tables_provers(struct tables *t, const struct sched *s, const struct peers *peers, uint64_t now_ms,
                    const struct tables_query *q);
void tables_clients(struct tables *t, const struct sched *s, const struct tables_query *q);
void tables_status(struct tables *t, const struct sched *s, const struct viewer *v, const struct facts *f);
/** The circuits of one prover, and the key files that it does not serve, with its reasons. Out of memory: no rows. */
void tables_keys(struct tables *t, const struct sched *s, const struct peers *peers, const struct tables_query *q);
/** What one prover says of its handlers. */
void tables_handlers(struct tables *t, const struct sched *s, const struct peers *peers, const struct tables_query *q);
/** The connection of the prover q->prover of q->principal ("": the first of that name), or NULL. */
const struct peer *tables_peer(const struct sched *s, const struct peers *peers, const struct tables_query *q);
/** wall_ms: the time of the row that says that entries after q->after were lost. */
void tables_events(struct tables *t, const struct journal *j, const struct viewer *v, uint64_t wall_ms,
                   const struct tables_query *q);

/** The row of one task. */
void tables_task(struct tables *t, const struct sched_view *task);
/** The row of one queue, of every prover of one name: each principal may have one; principal NULL: any. No row:
 *  there is none. */
void tables_queue(struct tables *t, const struct sched *s, uint64_t now_ms, const char *name);
void tables_prover(struct tables *t, const struct sched *s, const struct peers *peers, uint64_t now_ms,
                   const char *name, const char *principal);

#endif
