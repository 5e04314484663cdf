/** LISTs that wait: a turn of the loop looks at so many rows for them, whatever is asked, and the rest goes on in the next.
 *
 *  A LIST that comes when none waits is answered at once. When several wait, principals take turns, and those of one principal
 *  are answered one after the other. One whose filter matches few rows keeps its place and goes on, turn by turn, until its page
 *  has a row or the table is through: a page that says next is never empty.
 */
#ifndef PV_LIST_TURNS_H
#define PV_LIST_TURNS_H

#include "tables.h"

enum {
    LIST_ROWS = 4096,     /* looked at in one turn */
    LIST_ROW_WRITTEN = 8, /* a row that is written into an answer costs as much as looking at so many */
    LIST_WAITING = 64,    /* LISTs of one principal that wait; above: BUSY lists */
    LIST_WAITING_ALL = 4096
};

struct list_question {
    struct list_question *next;
    uint64_t peer;
    uint32_t req;
    enum wire_what what;
    struct tables_query query;
    char queue[WIRE_NAME_MAX + 1];                                /* query.queue points here */
    char prover[WIRE_NAME_MAX + 1], principal[WIRE_NAME_MAX + 1]; /* likewise */
};

/** A principal that has LISTs waiting. */
struct list_asker {
    struct list_asker *next;
    char principal[WIRE_NAME_MAX + 1];
    struct list_question *first, **end;
    uint32_t n;
};

struct list_turns {
    struct list_asker *first, **end; /* who is next first */
    uint32_t n;                      /* questions */
    uint64_t left;                   /* rows of this turn */
};

void list_turns_init(struct list_turns *l);
void list_turns_clear(struct list_turns *l);
/** A turn begins. */
void list_turns_begin(struct list_turns *l);
/** Takes what an answer cost from the turn: rows looked at, and rows written. */
void list_turns_spend(struct list_turns *l, uint64_t looked, uint64_t written);

/** Whether a question may be answered at once. */
bool list_turns_free(const struct list_turns *l);
/** Waits behind the others of its principal; the question is copied. PV_BUSY: too many wait. PV_NO_MEMORY. */
pv_status list_turns_wait(struct list_turns *l, const char *principal, const struct list_question *q);
/** The question whose turn it is; NULL: none waits, or the turn's rows are used up. It stays with l. */
struct list_question *list_turns_next(struct list_turns *l);
/** What came of it: answered, it goes; else it stays the first of its principal. In both cases the next principal has its turn. */
void list_turns_done(struct list_turns *l, bool answered);

#endif
