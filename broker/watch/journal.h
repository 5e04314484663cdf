/** What happened lately: a ring of numbered entries for people and tools that follow along.
 *
 *  In memory only. It is written after the commit, which may not be on the disk yet: the journal promises nothing. Numbers go
 *  up by one. At every start of the broker they begin anew, above all earlier ones, so that a reader who goes on from before a
 *  restart, or who was away too long, sees that entries are missing (journal_lost).
 */
#ifndef PV_JOURNAL_H
#define PV_JOURNAL_H

#include "peers.h"
#include "sched.h"
#include "viewer.h"

enum { JOURNAL_KEPT = 16384, JOURNAL_TEXT_BYTES = 96 };

/* K(kind, "word") */
#define JOURNAL_KIND_LIST(K)                                                                                           \
    K(TASK, "task")                                                                                                    \
    K(PROVER, "prover")                                                                                                \
    K(QUEUE, "queue")                                                                                                  \
    K(BROKER, "broker")

enum journal_kind {
#define K(kind, word) JOURNAL_##kind,
    JOURNAL_KIND_LIST(K)
#undef K
        JOURNAL_KINDS
};

struct journal_entry {
    uint64_t number, wall_ms;
    enum journal_kind kind;
    const char *what;             /* static: "moved", "connected", ... */
    const char *principal;        /* lives as long as the core; "" none */
    const char *queue;            /* likewise */
    char name[WIRE_NAME_MAX + 1]; /* the prover it is about; of a task: the one that has or had it; "" none */
    char text[JOURNAL_TEXT_BYTES];
    /* of a task */
    wire_id task;
    wire_token token; /* {0, 0}: none */
    enum task_state from, to;
    pv_status status;
    const char *charged;               /* static: "", "failure", "loss" */
    char traceparent[WIRE_TRACE_TEXT]; /* "" none */
};

struct journal;

/** epoch: the number of this start of the broker. NULL: out of memory. */
struct journal *journal_new(uint32_t epoch);
void journal_destroy(struct journal **j);

/* Writing. Each adds one entry; the oldest goes when the ring is full. what is static. */

/** a: a SCHED_MOVED. */
void journal_moved(struct journal *j, uint64_t wall_ms, const struct sched_action *a);
/** A prover connected or went. Clients leave no entry, only their tasks do: they come and go with every look at a table. */
void journal_peer(struct journal *j, uint64_t wall_ms, const struct peer *peer, const char *what);
/** text (or NULL) is cut to JOURNAL_TEXT_BYTES. */
void journal_prover(struct journal *j, uint64_t wall_ms, const char *name, const char *what, const char *text);
/** by: the administrator's name. queue lives as long as the core (sched_queue_name). */
void journal_queue_verb(struct journal *j, uint64_t wall_ms, const char *queue, enum wire_verb verb, const char *by);
void journal_prover_verb(struct journal *j, uint64_t wall_ms, const char *name, enum wire_verb verb, const char *by);
/** About the broker itself. text as above. */
void journal_broker(struct journal *j, uint64_t wall_ms, const char *what, const char *text);

/* Reading. */

/** The first entry with a number above after, or NULL. Lent until the next one is written. */
const struct journal_entry *journal_after(const struct journal *j, uint64_t after);
/** The number after which exactly n entries follow; 0 if there are fewer. */
uint64_t journal_last(const struct journal *j, uint64_t n);
/** Whether entries with numbers above after have left the ring. After 0: false. */
bool journal_lost(const struct journal *j, uint64_t after);
/** Administrators see all; others what is of their principal, of queues that their key may use, and of the broker. */
bool journal_visible(const struct viewer *v, const struct journal_entry *e);

const char *journal_kind_word(enum journal_kind kind);

#endif
