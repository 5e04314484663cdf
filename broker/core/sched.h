/** The pure core: who proves what, and when. Events and time in, actions out; no socket, clock, disk or log.
 *
 *      struct sched_event ev = { .type = SCHED_STARTED, .now_ms = t, .wall_ms = w, .peer = p, .token = token };
 *      sched_step(s, &ev, &out);     any number of events; then carry out the saves, commit once, carry out the sends,
 *      sched_actions_clear(&out);    and sleep until sched_next_ms(s) at most, when a SCHED_TICK is due
 *
 *  The rules it keeps are R1 to R22 of broker/SEMANTICS.md, and the life of a task is its moves 1 to 15, which tasks.c
 *  holds as a table (sched_move_allowed):
 *
 *                   1             2              3              5, 12
 *      RECEIVING ------> QUEUED ------> OFFERED ------> RUNNING ------> SUCCEEDED
 *                        ^ ^ ^            | |            | |
 *                        | | +---- 4 -----+ |            | |
 *                        | +----- 8, 9 ---- | -----------+ |
 *                        |                  | 6            | 6
 *                        +--- 6 -- DELAYED <+--------------+
 *
 *      OFFERED, RUNNING -- 6, 7, 8 --> DEAD        any live state -- 10 --> CANCELLED
 *      QUEUED, DELAYED  -- 11 --> EXPIRED          any live state but RECEIVING -- 12 --> SUCCEEDED
 *      DEAD, CANCELLED, EXPIRED -- 13 --> QUEUED   any state that is over -- 14 --> gone
 *      at a start: OFFERED, RUNNING -- 15 --> RECOVERING -- 15 --> RUNNING, OFFERED or QUEUED
 *
 *  What the caller keeps
 *  - now_ms is on a clock that goes on over restarts (up_clock.h), and is never less than in the event before. wall_ms is
 *    Unix time: it becomes the labels that people read, and decides nothing.
 *  - A peer is a number that names one live connection and is never used again; 0 is nobody.
 *  - Actions are in the order to carry out. Every SAVE and DELETE of a batch is committed, once, before its first send.
 *    A batch that has only saves marked lazy may leave them for the next commit. (OFFER is preceded by a save that is
 *    not lazy: after a crash the broker must know which tasks were out.)
 *  - If the commit fails, none of the batch's sends is carried out, and SCHED_STORE_FAILED is the next event. From then
 *    on everything but HELLO and HEARTBEAT is refused with PV_STORE, because memory is ahead of the disk: a core made anew
 *    from the store goes on.
 *  - At start: sched_new; SCHED_QUEUE and SCHED_PRINCIPAL for each; SCHED_SETTING for each that was saved;
 *    SCHED_RESTORE for each record in order of row; SCHED_BOOT; then peers.
 */
#ifndef PV_SCHED_H
#define PV_SCHED_H

#include "sched_action.h"
#include "sched_config.h"
#include "sched_event.h"
#include "sched_reading.h"

struct sched;

/** PV_NO_MEMORY; PV_BAD_CONFIG if lease_ms is under 4 heartbeats or quarantine_tasks over 8. */
pv_status sched_new(struct sched **to, const struct sched_config *config);
/** Frees the core and sets *s to NULL. NULL in *s is allowed. */
void sched_destroy(struct sched **s);

/** Takes one event, does what time has made due, matches tasks with provers, and appends the actions to out.
 *  O(log tasks) and O(lanes that those provers can serve which have changed); SCHED_LAG walks the attempts. Longer work goes in
 *  slices (model.h), and sched_next_ms asks for the next one. */
void sched_step(struct sched *s, const struct sched_event *ev, struct sched_actions *out);

/** When the next SCHED_TICK is due; UINT64_MAX: nothing is due. */
uint64_t sched_next_ms(const struct sched *s);

#endif
