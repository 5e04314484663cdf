/** A database as it is at one moment, read beside a broker that goes on writing: what it is, which payload files its rows
 *  name, and a copy of it.
 */
#ifndef PV_SNAPSHOT_H
#define PV_SNAPSHOT_H

#include "store.h"

#include "ids.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sqlite3;

struct snapshot_file {
    wire_hash hash;
    uint64_t bytes;
};

struct snapshot {
    struct sqlite3 *db;
    wire_id id; /* of the database */
    uint64_t commits, tasks;
    uint32_t epoch;              /* the last boot epoch */
    int folder;                  /* the number of its payload folder (folder_id.h) */
    struct snapshot_file *files; /* in the order of their hashes; owned */
    size_t files_n;
};

enum snapshot_way {
    SNAPSHOT_LIVE, /* a broker may be writing */
    SNAPSHOT_STILL /* nobody writes, and no file may appear beside it */
};

/** Opens the database at path for reading. *s is cleared by snapshot_close in any case. PV_NOT_FOUND: there is none.
 *  PV_STORE: it is damaged, or not of a broker, or of a schema this program does not know. PV_NO_MEMORY. */
pv_status snapshot_open(struct snapshot *s, const char *path, enum snapshot_way way, char why[STORE_WHY_BYTES]);
/** Fixes the moment, and reads all but the copy; what was read before is forgotten. PV_STORE, PV_NO_MEMORY. */
pv_status snapshot_begin(struct snapshot *s, char why[STORE_WHY_BYTES]);
/** Whether rows of that moment name this file. */
bool snapshot_names(const struct snapshot *s, wire_hash hash);
/** Writes the database of that moment into a new file, whole and without a log, unsynced. PV_DISK_FULL, PV_STORE. */
pv_status snapshot_write(struct snapshot *s, const char *path, char why[STORE_WHY_BYTES]);
/** Lets the moment go, so that the broker's log can be folded in again; what was read of it stays. */
void snapshot_end(struct snapshot *s);
/** Every page and index is read: PV_STORE when one is damaged. */
pv_status snapshot_check(struct snapshot *s, char why[STORE_WHY_BYTES]);
void snapshot_close(struct snapshot *s);

#endif
