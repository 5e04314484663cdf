/** The figures at a glance: now, and over the last hour; and what an autoscaler reads of a queue.
 *
 *  The ring has one entry for every OVERVIEW_STEP_MS. Counters are those since the start of the broker: who draws takes differences.
 */
#ifndef PV_OVERVIEW_H
#define PV_OVERVIEW_H

#include "facts.h"
#include "json_text.h"
#include "sched.h"

enum { OVERVIEW_STEP_MS = 10000, OVERVIEW_KEPT = 361 /* an hour, and the entry that it begins with */ };

struct overview {
    uint64_t wall_ms;
    uint64_t waiting, running, oldest_queued_ms; /* queued and delayed tasks; running ones; how long the first waits */
    uint64_t provers, draining, quarantined, slots,
        busy; /* live provers; those of them that take nothing; their slots */
    uint64_t submitted, succeeded, failures, losses, dead, cancelled, expired;
};

void overview_of(struct overview *o, const struct facts *f, const struct sched *s, uint64_t wall_ms);
/** NULL: no memory. */
char *overview_json(const struct overview *o, const struct facts *f, const char *warnings);

struct overview_ring {
    struct overview at[OVERVIEW_KEPT];
    size_t n; /* there were */
    uint64_t due_ms;
};

/** Keeps o if it is time. True: it was. */
bool overview_note(struct overview_ring *r, const struct overview *o, uint64_t now_ms);
/** [{..}, ...], the oldest first. NULL: no memory. */
char *overview_history_json(const struct overview_ring *r);

/** {"schema":"provost.scale/1","queue":..,"demand_slots":..,"running_slots":..,...}. NULL: no memory. */
char *overview_scale_json(const struct sched_queue_view *q);

#endif
