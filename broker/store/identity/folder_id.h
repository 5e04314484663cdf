/** The payload folders of a state folder, "blobs", "blobs-2", "blobs-3", ..., and the id that each carries in its file
 *  ".identity": that of the database whose payloads lie in it.
 */
#ifndef PV_FOLDER_ID_H
#define PV_FOLDER_ID_H

#include "ids.h"
#include "status.h"

#include <stdbool.h>

enum { FOLDER_NAME_BYTES = 16, FOLDERS_MOST = 99 };

/** The name of folder number n, 1 .. FOLDERS_MOST. Returns name. */
const char *folder_name(char name[FOLDER_NAME_BYTES], int n);

enum folder_state {
    FOLDER_ABSENT,
    FOLDER_EMPTY,   /* it holds no payload; its id, if it has one, is of no interest */
    FOLDER_UNKNOWN, /* payloads without an id: of a program before there were ids, or copied without it */
    FOLDER_KNOWN,   /* payloads and an id */
};

/** What folder number n of root is. *id: its id, all zero when it has none that can be read. */
enum folder_state folder_look(int root, int n, wire_id *id);

/** Gives the open folder this id: written beside it, synced, renamed, the folder synced. PV_IO, PV_DISK_FULL. */
pv_status folder_id_write(int folder, wire_id id);

#endif
