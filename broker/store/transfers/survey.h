/** Looks at the payloads of all tasks after a start (R20): whether each is there, with its length. Their bytes are looked at
 *  when they are sent (download.h).
 *
 *  It goes in slices of STORE_SURVEY_ROWS tasks, one after the other. The caller's loop reads a slice's rows from the store (2 ms),
 *  a thread asks the file system, which may take seconds on a cold disk. So a start does not wait for it, whatever there is.
 */
#ifndef PV_SURVEY_H
#define PV_SURVEY_H

#include "status.h"
#include "store.h"

#include <stdbool.h>
#include <stdint.h>

struct survey;

/** Begins with the tasks that are in the store now. wake: an eventfd that is counted up when survey_turn has something to do.
 *  Both are borrowed until survey_end. PV_NO_MEMORY, PV_FAILED (no thread), PV_STORE. */
pv_status survey_start(struct survey **out, struct store *s, int wake);
/** Waits for the slice under way. Before the store is closed or opened again. */
void survey_end(struct survey **at);

/** Once a turn of the loop: calls damaged for what is missing or of another length in the slice that has been looked at, and goes
 *  on to the next. False: it is through, or the store could not be read. Never waits. */
bool survey_turn(struct survey *v, void (*damaged)(void *context, const struct store_named *n), void *context);

struct survey_stats {
    uint64_t payloads, damaged;
};
struct survey_stats survey_read_stats(const struct survey *v);

#endif
