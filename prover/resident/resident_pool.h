/** The instances of one program that stays: started, asked whether they are well, lent to whoever has a task, started again.
 *
 *      STARTING --READY--> IDLE --taken--> BUSY --given back--> IDLE
 *          |                |  \--PING--> ASKED --PONG--> IDLE
 *          +----------------+---- it ends, hangs, lies ----> PAUSED --1, 2 s--> STARTING
 *                                                               |
 *                                  third death in a row: all rest for 60, 120 s ... (quarantine)
 *
 *  The row is of the program, not of an instance, and is ended by a result that somebody found good (resident_pool_good); an instance that dies
 *  beside good ones waits longer each time all the same, until it survives a task. A thread of its
 *  own does all but the tasks. Thread-safe. What it does is logged: handler.started, handler.ended, handler.quarantined.
 */
#ifndef PV_RESIDENT_POOL_H
#define PV_RESIDENT_POOL_H

#include "resident.h"

#include <stdatomic.h>

struct resident_pool;

/** Starts the instances. x is borrowed. PV_NO_MEMORY, PV_BUSY (no thread). */
pv_status resident_pool_new(struct resident_pool **pool_p, const struct handler_program *x);

/** Tells every instance to end, kills after the grace, ends the thread. No instance is lent. */
void resident_pool_destroy(struct resident_pool **pool_p);

/** Waits until the first instance is ready. PV_BAD_CONFIG with a sentence: one ended, or refused, before any was. PV_CANCELLED: told
 *  says so; it may be NULL. software gets what it says of itself. */
pv_status resident_pool_ready(struct resident_pool *pool, bool (*told)(void *arg), void *arg, char software[128],
                              char why[PROGRAM_WHY_BYTES]);

/** Whether tasks are to be asked for; else *why is the sentence: it is in quarantine, or no instance has been ready for 2 s, as when one
 *  that reads large keys has ended. */
bool resident_pool_serves(struct resident_pool *pool, char why[PROGRAM_WHY_BYTES]);

/** Waits for an instance that has nothing to do, and lends it. PV_CANCELLED: stop. PV_BUSY: it does not serve now, with that sentence; only
 *  after a second, in which whoever asks for its tasks hears of it. */
pv_status resident_pool_take(struct resident **r, struct resident_pool *pool, const atomic_int *stop,
                             char why[PROGRAM_WHY_BYTES]);
void resident_pool_give(struct resident_pool *pool, struct resident *r);

/** In place of give: it is dead, or is to die. because as in resident_end. guiltless: its end is no death of the row. how gets how. */
void resident_pool_lose(struct resident_pool *pool, struct resident *r, const char *because, bool guiltless,
                        char how[RESIDENT_WHY_BYTES]);

/** A result was looked at and is good: the deaths so far are no row. */
void resident_pool_good(struct resident_pool *pool);

/** Starts of instances so far. */
uint64_t resident_pool_starts(struct resident_pool *pool);

/** How many circuits it has said; 0: any. Copies the first `most` names, and what a task of each needs. */
size_t resident_pool_circuits(struct resident_pool *pool, char (*names)[TALK_NAME_MAX + 1], uint64_t *needs,
                              size_t most);

#endif
