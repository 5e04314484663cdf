/** What the loop wrote and the database does not have yet: the last word on each row. One thread touches it: the loop's until it is
 *  handed to the writer, and the writer's until it comes back. */
#ifndef PV_PG_BATCH_H
#define PV_PG_BATCH_H

#include "setting_record.h"
#include "store_payloads.h"
#include "task_record.h"
#include "up_clock.h"

#include <stddef.h>

enum pg_kind { PG_INPUT = STORE_INPUT, PG_RESULT = STORE_RESULT, PG_TASK };

/** One row as written last. Shared by a batch and the cache; only the loop's thread counts its users. */
struct pg_cell {
    enum pg_kind kind;
    unsigned users;
    uint64_t row;
    bool deleted;
    struct task_record *task;     /* of PG_TASK */
    struct store_payload payload; /* bytes: the cell's own, NULL: in a file */
};

/** Copies what it is given. NULL: no memory. */
struct pg_cell *pg_cell_task(const struct task_record *task);
struct pg_cell *pg_cell_payload(enum store_kind kind, uint64_t row, const struct store_payload *p);
struct pg_cell *pg_cell_deleted(enum pg_kind kind, uint64_t row);
/** One user fewer; the last one frees it. */
void pg_cell_drop(struct pg_cell *c);
/** Whether it says that the payload lies in a file. */
bool pg_cell_names_file(const struct pg_cell *c);

struct pg_batch {
    struct pg_cell **cells;
    uint32_t *index; /* by kind and row: 1 + its place in cells; 0: none */
    size_t n, room, index_n;
    struct setting_record *settings;
    size_t settings_n, settings_room;
    bool clock_set;
    struct up_clock clock;
    wire_hash *files; /* named and not named any more, within the batch */
    size_t files_n, files_room;
    uint64_t last; /* the last commit in it */
};

bool pg_batch_empty(const struct pg_batch *b);
/** In place of the cell of the same row. Takes the cell, also on failure. PV_NO_MEMORY. */
pv_status pg_batch_put(struct pg_batch *b, struct pg_cell *cell);
pv_status pg_batch_put_setting(struct pg_batch *b, const struct setting_record *setting);
/** A file that may have lost its last name. Without memory it stays until the next sweep. */
void pg_batch_forget(struct pg_batch *b, wire_hash file);
/** Puts what is in `from` over what is in `to`, and clears from. PV_NO_MEMORY: to is not whole. */
pv_status pg_batch_join(struct pg_batch *to, struct pg_batch *from);
/** Whether it may take the last name from a file. */
bool pg_batch_lets_go(const struct pg_batch *b);
void pg_batch_clear(struct pg_batch *b);

#endif
