/** The store's payloads: the input and the result of a task, by the number of the task's row.
 *
 *  A payload of up to STORE_INLINE_MAX bytes lies in the store. A larger one was put where blobs.h keeps payloads
 *  before it gets here; the store keeps its hash and length, counts the rows that name it, and removes it once the
 *  commit that took its last name is durable. Before that a crash of the machine could bring back a row whose payload
 *  is gone.
 *
 *  Writes are part of the open transaction (store_commit ends it). They answer PV_OK or PV_STORE, which sticks.
 */
#ifndef PV_STORE_PAYLOADS_H
#define PV_STORE_PAYLOADS_H

#include "ids.h"
#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STORE_INLINE_MAX = 64 * 1024, STORE_SURVEY_ROWS = 512 };

struct store;

enum store_kind { STORE_INPUT, STORE_RESULT };

/** A payload: its bytes, or NULL when it lies among the large ones under sha256. */
struct store_payload {
    wire_hash sha256;
    uint64_t length;
    const uint8_t *bytes;
    bool hashed; /* of one that was read: these very bytes have that hash, there is no need to look */
};

/** Writes a payload, in place of the one that the row has. p->bytes is borrowed for the call. */
pv_status store_put_payload(struct store *s, enum store_kind kind, uint64_t row, const struct store_payload *p);
/** Deletes the row's payload; none there is no error. */
pv_status store_delete_payload(struct store *s, enum store_kind kind, uint64_t row);

/** Reads a payload. p->bytes is lent until the next call on the store; NULL: read it with blobs_read. PV_NOT_FOUND:
 *  the row has none. PV_HASH_MISMATCH: the row is damaged. PV_STORE: it could not be read. */
pv_status store_get_payload(struct store *s, enum store_kind kind, uint64_t row, struct store_payload *p);
/** Between the two, reads share one view of what is committed, which costs less than a view for each. No write goes
 *  between. */
void store_read_begin(struct store *s);
void store_read_end(struct store *s);

/** A payload that the row of a task has to have. */
struct store_named {
    wire_id task;
    char principal[WIRE_NAME_MAX + 1];
    enum store_kind kind;
    wire_hash sha256;
    uint64_t length;
    bool in_file;    /* it lies among the large ones */
    pv_status found; /* PV_HASH_MISMATCH: not as the row says; PV_NOT_FOUND: it has none; else PV_OK */
};
/** The inputs of live tasks and the results of succeeded ones, of the next STORE_SURVEY_ROWS tasks after row *after, which moves
 *  on. There may be none among them. to has room for two of each row. Reads no payload. PV_STORE. */
pv_status store_survey(struct store *s, uint64_t *after, struct store_named *to, size_t *n);
/** The highest row of a task; 0: there is none. PV_STORE. */
pv_status store_last_row(struct store *s, uint64_t *row);

/** Gives up a large payload that no row took (an upload nobody wanted any more). It is removed like one that lost its
 *  last name, unless a row names it by then. */
void store_forget_file(struct store *s, wire_hash hash);

#endif
