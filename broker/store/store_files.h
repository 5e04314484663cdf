/** Which payload files (blobs.h) the rows of the store name, and the removal of those that lost their last name. */
#ifndef PV_STORE_FILES_H
#define PV_STORE_FILES_H

#include "ids.h"
#include "status.h"

#include <stdbool.h>
#include <stdint.h>

struct store;

/** One more row names this file, in the open transaction. PV_STORE. */
pv_status store_files_name(struct store *s, wire_hash file, uint64_t length);
/** One row fewer names it. When it was the last, the file goes on the list of store_files_forget. PV_STORE. */
pv_status store_files_unname(struct store *s, wire_hash file);
/** Puts a file on the list of those to remove once the transaction at hand is durable (or the last commit, when none is
 *  open). If the list cannot grow, the file stays until the sweep at the next start. */
void store_files_forget(struct store *s, wire_hash file);

/** Removes the listed files whose commit is durable, except those that got a name since. The store must not have
 *  failed. */
void store_files_remove(struct store *s);
/** Whether files are listed. */
bool store_files_wait(const struct store *s);

/** At the start: removes uploads that a crash cut off, and files that no row names. unsure: rows may be lost, so such files
 *  are set aside and not removed. Files that lie aside and that a row names come back. s->found counts them. */
void store_files_sweep(struct store *s, bool unsure);
void store_files_clear(struct store *s);

#endif
