/** What survives a restart: SQLite (write-ahead log, synchronous=FULL) behind one narrow interface, and beside it the
 *  payload files of blobs.h. One store, one thread, one folder:
 *
 *      lock          held while the store is open: two brokers never share a folder
 *      provost.db    task, input, result, blob, setting, meta; the schema is plain enough for PostgreSQL
 *      blobs/        payloads above STORE_INLINE_MAX, by SHA-256
 *      incoming/     uploads under way
 *
 *  Writes gather in one transaction until store_commit, which says when they are durable. The first failure of the disk
 *  sticks: everything after it answers PV_STORE until the process starts again and reads what is really there,
 *  because a sync that failed once says nothing when it succeeds the next time.
 */
#ifndef PV_STORE_H
#define PV_STORE_H

#include "blobs.h"
#include "faults.h"
#include "setting_record.h"
#include "task_record.h"

enum { STORE_INLINE_MAX = 64 * 1024, STORE_WHY_BYTES = 512 };

struct store;

enum store_kind { STORE_INPUT, STORE_RESULT };

/** A payload on its way in: bytes of its own, or (bytes NULL) a file kept by a blob_writer before. */
struct store_payload {
    wire_hash sha256;
    uint64_t length;
    const uint8_t *bytes;
};

/** Opens or makes the store in dir (made, 0700, when it is not there) and removes what a crash left half done.
 *  wake: an eventfd that is counted up when there is something for store_turn, borrowed until store_close; -1: none.
 *  PV_BUSY: another process has it. PV_STORE: not ours, a newer schema, damaged. PV_IO. why gets the sentence. */
pv_status store_open(struct store **s, const char *dir, int wake, struct faults *faults, char why[STORE_WHY_BYTES]);
/** Rolls back what was not committed. */
void store_close(struct store **s);

/** The next boot epoch, durable when this returns. Once per start, before anybody can connect. */
pv_status store_boot(struct store *s, uint32_t *epoch);

/** Every task in order of its row, at start. A status other than PV_OK from each ends it and is returned. */
pv_status store_scan(struct store *s, pv_status (*each)(void *context, const struct task_record *task), void *context);

/** Every setting, at start. One whose key this program does not know (a newer one wrote it) is left alone. */
pv_status store_scan_settings(struct store *s, pv_status (*each)(void *context, const struct setting_record *setting),
                              void *context);

/* Writes, all part of the open transaction. PV_STORE sticks. */
/** In place of the one of the same key, principal and name; cleared: none is left. */
pv_status store_put_setting(struct store *s, const struct setting_record *setting);
pv_status store_put_task(struct store *s, const struct task_record *task);
/** The task's row with its payloads; files no other row names go once the commit is durable. */
pv_status store_delete_task(struct store *s, uint64_t row);
pv_status store_put_payload(struct store *s, enum store_kind kind, uint64_t row, const struct store_payload *p);
pv_status store_delete_payload(struct store *s, enum store_kind kind, uint64_t row);

/* Commits. They are numbered 1, 2, 3, ... within one opening of the store, in the order of the calls. A commit becomes durable
 * with or after all that were made before it, never before one of them. A crash of this process alone loses no commit; a
 * crash of the machine may lose those that are not durable, and only from the newest backwards.
 *
 * A caller that must not wait goes round like this:
 *     store_turn(s);                               the durable number moves on, or the store has failed
 *     if (store_failure(s)) ...
 *     ... writes ...   store_commit(s, STORE_SOON, &n);   store_sync(s);
 *     and promises nothing about commit n until store_durable(s) >= n. */

enum store_when {
    STORE_NOW,  /* durable, with all commits before it, when store_commit returns; waits for the disk */
    STORE_SOON, /* store_sync makes it durable beside the caller */
    STORE_LAZY, /* durable with the next commit that is made durable; asks for nothing */
};

/** Ends the transaction. number: of the commit that holds what was written before this call; when nothing was, it is the
 *  last commit's, and NOW and SOON count for that one. PV_STORE: nothing of the transaction will be there, or it is not
 *  known to be durable (NOW); the store has failed. */
pv_status store_commit(struct store *s, enum store_when when, uint64_t *number);

/** Starts to make durable what was committed with SOON, in the background, with everything committed before this call. Does
 *  nothing while that goes on for earlier commits: they are one batch, what comes meanwhile is the next. Never waits. */
void store_sync(struct store *s);
/** Whether commits are being made durable in the background: a commit made now would only wait for the next time. */
bool store_syncing(const struct store *s);
/** Once a turn of the caller's loop: takes note of what ended in the background. store_durable moves on, or store_failure says
 *  what went wrong. Starts nothing and never waits. */
void store_turn(struct store *s);
/** The same after waiting for what goes on in the background; returns at once when nothing does. */
void store_settle(struct store *s);
/** The last commit that is durable as of the last store_turn, store_settle or store_commit. Never goes back. */
uint64_t store_durable(const struct store *s);

/** Whether there is something to commit. */
bool store_writing(const struct store *s);

/** Reads between the two share one view of what is committed, and its locks. No write goes between. */
void store_read_begin(struct store *s);
void store_read_end(struct store *s);

/** A payload on its way out. Inline ones: bytes are lent until the next call on the store; files: bytes NULL, read them
 *  with blobs_read. PV_NOT_FOUND when the row has none. */
pv_status store_get_payload(struct store *s, enum store_kind kind, uint64_t row, struct store_payload *p);

/** Removes a kept file after the next sync unless some row names it by then: an upload nobody wanted any more. */
void store_forget_file(struct store *s, wire_hash hash);

/** The payload files, for uploads and reading. Borrowed until store_close. */
struct blobs *store_blobs(struct store *s);

/** Marks the store failed, for a failure found beside it (a payload file whose sync failed). */
void store_fail(struct store *s, const char *why);
/** Why it failed, or NULL while it works. */
const char *store_failure(const struct store *s);

struct store_stats {
    uint64_t commits, syncs, rows_written;
    uint64_t database_bytes; /* pages in use */
};
void store_read_stats(struct store *s, struct store_stats *to);

/** Housekeeping, about once a second: gives unused space back, a little at a time, and asks for a sync (store_sync starts
 *  it) when payload files wait for one to be removed and nothing else asked. */
void store_tidy(struct store *s);

#endif
