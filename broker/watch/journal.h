/** What happened lately: a ring of so many events, numbered, for people and tools that follow along.
 *
 *  Memory only. Numbers go up by one and begin anew, above all earlier ones, with every start of the broker, so that who
 *  goes on where he was before a restart, or slept too long, sees that something is missing (events_lost).
 */
#ifndef PV_EVENTS_H
#define PV_EVENTS_H

#include "fields.h"
#include "ids.h"
#include "status.h"
#include "task_state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EVENTS_KEPT = 16384, EVENT_TEXT_BYTES = 96 };

/* E(kind, "word") */
#define EVENT_KIND_LIST(E)                                                                                             \
    E(TASK, "task")                                                                                                    \
    E(PROVER, "prover")                                                                                                \
    E(QUEUE, "queue")                                                                                                  \
    E(BROKER, "broker")

enum event_kind {
#define E(kind, word) EVENT_##kind,
    EVENT_KIND_LIST(E)
#undef E
        EVENT_KINDS
};

struct event {
    uint64_t number; /* given by events_add */
    uint64_t wall_ms;
    enum event_kind kind;
    const char *what;             /* static: "moved", "connected", ... */
    const char *principal;        /* static, or as long as the core lives; "" none */
    const char *queue;            /* likewise */
    char name[WIRE_NAME_MAX + 1]; /* of the prover it is about; of a task: the one that has or had it */
    char text[EVENT_TEXT_BYTES];
    /* of a task */
    wire_id task;
    wire_token token; /* {0, 0}: none */
    enum task_state from, to;
    pv_status status;
    const char *charged; /* static */
};

struct events;

/** Of the broker's start number epoch. NULL: out of memory. */
struct events *events_new(uint32_t epoch);
void events_destroy(struct events **e);

/** Room for one more, the oldest goes: zeroed but for its number, principal "" and queue "". To be filled at once. */
struct event *events_add(struct events *e);

/** The first event with a number above after, or NULL. Lent until the next events_add. */
const struct event *events_after(const struct events *e, uint64_t after);
/** The number of the event that n events follow (0 where there are not so many): where to begin for the last n. */
uint64_t events_last(const struct events *e, uint64_t n);
/** True when events with numbers above after have been there that events_after does not give any more. After 0: false. */
bool events_lost(const struct events *e, uint64_t after);

const char *event_kind_word(enum event_kind kind);

#endif
