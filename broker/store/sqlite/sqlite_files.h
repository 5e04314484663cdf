/** Which payload files (blobs.h) the rows of the store name, and the removal of those that lost their last name. */
#ifndef PV_SQLITE_FILES_H
#define PV_SQLITE_FILES_H

#include "ids.h"
#include "status.h"

#include <stdbool.h>
#include <stdint.h>

struct sqlite_store;

/** One more row names this file, in the open transaction. PV_STORE. */
pv_status sqlite_files_name(struct sqlite_store *s, wire_hash file, uint64_t length);
/** One row fewer names it. When it was the last, the file goes on the list of sqlite_files_forget. PV_STORE. */
pv_status sqlite_files_unname(struct sqlite_store *s, wire_hash file);
/** Puts a file on the list of those to remove once the transaction at hand is durable (or the last commit, when none is
 *  open). If the list cannot grow, the file stays until the sweep at the next start. */
void sqlite_files_forget(struct sqlite_store *s, wire_hash file);

/** Removes the listed files whose commit is durable, except those that got a name since. The store must not have
 *  failed. */
void sqlite_files_remove(struct sqlite_store *s);
/** Whether files are listed. */
bool sqlite_files_wait(const struct sqlite_store *s);

/** At the start: removes uploads that a crash cut off, and files that no row names. unsure: rows may be lost, so such files
 *  are set aside and not removed. Files that lie aside and that a row names come back. s->found counts them. */
void sqlite_files_sweep(struct sqlite_store *s, bool unsure);
void sqlite_files_clear(struct sqlite_store *s);

#endif
