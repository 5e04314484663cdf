/** Payloads that were just put into rows, still in memory for the first who gets them: not read back out of 17 pages, and not hashed again
 *  (store_payload.hashed). What was written to the database by another program since is noticed (PRAGMA data_version): then the row is
 *  read, as it is without this.
 */
#ifndef PV_SQLITE_RECENT_H
#define PV_SQLITE_RECENT_H

#include "store_payloads.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

enum {
    RECENT_LEAST_BYTES = 16 * 1024, /* of less, the row is as good */
    RECENT_MOST_BYTES = 8 << 20,    /* together; what finds no room is read from its row */
    RECENT_MS = 30000,
    RECENT_ROWS = 256,
};

struct recent_row;

/** Zero-initialised: empty, until sqlite_recent_begin. */
struct sqlite_recent {
    TAILQ_HEAD(, recent_row) ages; /* the oldest first */
    LIST_HEAD(recent_rows, recent_row) rows[RECENT_ROWS];
    struct recent_row *lent; /* in neither any more */
    uint64_t bytes;
};

void sqlite_recent_begin(struct sqlite_recent *r);
void sqlite_recent_clear(struct sqlite_recent *r);

/** A payload that was put into its row now, with the database at that version. Copied, if there is room. */
void sqlite_recent_put(struct sqlite_recent *r, enum store_kind kind, uint64_t row, const struct store_payload *p,
                       int64_t version, uint64_t now_ms);
/** Whether there is one of that row. */
bool sqlite_recent_has(const struct sqlite_recent *r, enum store_kind kind, uint64_t row);
/** Takes it out, and lends it until sqlite_recent_back. False: there is none that was put at this version. */
bool sqlite_recent_get(struct sqlite_recent *r, enum store_kind kind, uint64_t row, int64_t version,
                       struct store_payload *p);
void sqlite_recent_back(struct sqlite_recent *r);
/** The row's payload is deleted. */
void sqlite_recent_drop(struct sqlite_recent *r, enum store_kind kind, uint64_t row);
/** Drops what is RECENT_MS old. */
void sqlite_recent_expire(struct sqlite_recent *r, uint64_t now_ms);

#endif
