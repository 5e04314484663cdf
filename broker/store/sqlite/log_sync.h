/** Makes what a writer appends to a file durable, beside the writer: one sync at a time, on a thread.
 *
 *  The writer numbers what it writes (1, 2, 3, ...) and asks for everything up to some number to become durable. A
 *  sync covers all that was written before it started; what is written while it runs shares the next one. All calls
 *  come from the writer's thread; only the sync itself runs on another.
 *
 *  The first sync that fails is the last one: the durable number stays where it is and no further sync starts. The
 *  kernel may have dropped the pages it could not write, and a second sync would then report success without them.
 */
#ifndef PV_LOG_SYNC_H
#define PV_LOG_SYNC_H

#include "faults.h"
#include "status.h"

#include <stdbool.h>
#include <stdint.h>

struct log_sync;

/** fd: the file, borrowed until log_sync_close. wake: an eventfd that is counted up when a sync has ended, borrowed
 *  too; -1: none. faults: NULL in production; each sync counts as one FAULT_SYNC. PV_NO_MEMORY, PV_FAILED (no
 *  thread). */
pv_status log_sync_open(struct log_sync **out, int fd, int wake, struct faults *faults);
/** Waits for the sync under way. */
void log_sync_close(struct log_sync **l);

/** Asks for everything up to number to become durable. Starts nothing; a number that was asked for before changes
 *  nothing. */
void log_sync_ask(struct log_sync *l, uint64_t number);
/** Starts a sync if something asked for is not durable and no sync is under way. written: the last number written so
 *  far, which is what this sync covers. Never waits. */
void log_sync_start(struct log_sync *l, uint64_t written);
/** The writer has synced the file itself, up to number. */
void log_sync_reached(struct log_sync *l, uint64_t number);

/** Takes note of the sync that has ended; never waits. True: one ended, well (log_sync_durable) or not
 *  (log_sync_failed). */
bool log_sync_collect(struct log_sync *l);
/** The same after waiting for the sync under way. False at once if there is none. */
bool log_sync_settle(struct log_sync *l);

/** Whether a sync was started whose end was not collected. */
bool log_sync_running(const struct log_sync *l);
/** The last number asked for. */
uint64_t log_sync_asked(const struct log_sync *l);
/** Everything up to this number is durable. Never goes back. */
uint64_t log_sync_durable(const struct log_sync *l);
/** Whether a sync failed. */
bool log_sync_failed(const struct log_sync *l);

#endif
