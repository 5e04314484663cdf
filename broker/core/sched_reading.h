/** What may be read of the core between two steps: tasks, queues, provers, sessions, counters.
 *
 *  Everything is copied, but for names and notes: those are lent until the next step. The functions ..._at give the
 *  item of index i, from 0, and false when there are no more. None of them walks over all tasks.
 */
#ifndef PV_SCHED_READING_H
#define PV_SCHED_READING_H

#include "measures.h"
#include "sched_config.h"
#include "sched_event.h"
#include "sched_view.h"

#include <stddef.h>

struct sched;

/** The task that the peer's session means by the id (who.h); peer 0: the only one of any principal. owner: the principal whose task an administrator means;
 *  NULL: not said. PV_NOT_FOUND: it has no session, or no such task that it may see. PV_CONFLICT: several principals
 *  have one. Renders the whole task. */
pv_status sched_show(const struct sched *s, uint64_t peer, const char *owner, wire_id id, struct sched_view *view);

/** Whether the principal of the peer's session has a task of this id, whatever its state. O(1). */
bool sched_knows(const struct sched *s, uint64_t peer, wire_id task);

struct sched_filter {
    uint64_t peer;     /* 0: all tasks, else those that this peer may see */
    const char *queue; /* NULL: any */
    uint32_t states;   /* bit 1 << state; 0: any */
    bool newest;       /* from the newest on, downwards: the cursor begins at UINT64_MAX */
};
/** Where a walk over the tasks is, and how many rows it may still look at. */
struct sched_cursor {
    uint64_t after, left;
};
/** The next task, in order of submit. False: none was found before left was used up (left is 0, and the walk goes on
 *  with more of it), or there are no more (left is not 0). A peer's walk looks at the tasks of its principal alone. */
bool sched_task_next(const struct sched *s, const struct sched_filter *f, struct sched_cursor *c,
                     struct sched_view *view);

struct sched_queue_view {
    const char *name;
    bool paused;
    uint64_t tasks[TASK_STATES];
    uint64_t demand; /* queued + delayed + offered + running + recovering: what a scaler must keep capacity for */
    uint64_t demand_paused;     /* of it: those that wait while the queue is paused */
    uint64_t demand_unservable; /* of it: those that wait, not paused, and that no live prover can do */
    uint64_t queued_bytes;      /* of inputs not yet running */
    uint64_t oldest_queued_ms;  /* age of the task that waits longest, 0 none */
    uint64_t average_ms;        /* recent time of a proof; 0 unknown */
    uint64_t unservable;        /* queued tasks that no live prover can do */
    uint64_t damaged;           /* dead tasks whose input or result the store has lost */
    uint64_t provers, slots;    /* live provers, and their slots */
    uint64_t serving;           /* those of them that take tasks: no drain, no quarantine */
    uint64_t run_timeout_ms, stall_timeout_ms;
    bool run_timeout_set, stall_timeout_set; /* by an administrator, whatever is configured */
    enum sched_late late;
    uint64_t live_bytes; /* of the inputs and results that are kept */
    const struct measures_queue *measures;
};
bool sched_queue_at(const struct sched *s, size_t i, uint64_t now_ms, struct sched_queue_view *view);
/** The core's own copy of a queue's name, which lives as long as the core. "" for a queue that is not declared. */
const char *sched_queue_name(const struct sched *s, const char *name);

/** Names of the queues that the prover at this peer announced and that are not declared, at most `most`; how many. Lent until the next
 *  step. */
size_t sched_prover_unserved(const struct sched *s, uint64_t peer, const char **names, size_t most);

struct sched_prover_view {
    const char *principal, *name;
    uint64_t peer; /* 0: not connected */
    bool live, draining;
    uint64_t quarantined_ms; /* left; 0: it is not in quarantine */
    uint32_t slots, prefetch, credit, running;
    uint32_t held;     /* all its attempts, those being revoked included */
    uint64_t heard_ms; /* ago */
    uint64_t vram, ram;
    uint64_t done, failed, lost, busy_ms;
    uint64_t ran_ms;   /* how long its attempts ran, added up; those that run too */
    uint32_t circuits; /* that it announced */
};
/** The first prover from *place on, 0 at the start; *place becomes the place behind it. False: there is none. */
bool sched_prover_next(const struct sched *s, size_t *place, uint64_t now_ms, struct sched_prover_view *view);

/** What one of a prover's slots is at. */
struct sched_running {
    wire_id task;
    const char *principal, *queue, *circuit, *phase; /* of the task; phase "": not said */
    bool started;                                    /* false: offered, its input is on its way */
    uint32_t percent;
    uint64_t since_ms; /* for so long */
};
/** The live attempts of a prover, oldest first, at most `most`; how many. Names are lent until the next step. */
size_t sched_prover_running(const struct sched *s, const char *principal, const char *prover, uint64_t now_ms,
                            struct sched_running *to, size_t most);

/** The circuits that a prover announced, by their names, in the order of these, borrowed until the next step. Where there are more than
 *  `most`, any of them. Returns how many there are. */
size_t sched_prover_circuits(const struct sched *s, const char *principal, const char *prover, struct sched_circuit *to,
                             size_t most);

struct sched_session_view {
    const char *principal, *client;
    wire_id session;
    uint64_t peer;  /* 0: not connected */
    uint64_t tasks; /* attached */
};
bool sched_session_at(const struct sched *s, size_t i, struct sched_session_view *view);

void sched_read_stats(const struct sched *s, struct sched_stats *stats);
/** Lent until the next step, as the measures of a queue are. */
const struct measures *sched_measures(const struct sched *s);

#endif
