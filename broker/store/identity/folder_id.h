/** The payload folders of a state folder, "blobs", "blobs-2", "blobs-3", ..., and what each carries in its file
 *  ".identity": the id of the database whose payloads lie in it, and the latest boot epoch that used it.
 */
#ifndef PV_FOLDER_ID_H
#define PV_FOLDER_ID_H

#include "ids.h"
#include "status.h"

#include <stdbool.h>
#include <stdint.h>

enum { FOLDER_NAME_BYTES = 16, FOLDERS_MOST = 99 };

/** The name of folder number n, 1 .. FOLDERS_MOST. Returns name. */
const char *folder_name(char name[FOLDER_NAME_BYTES], int n);

enum folder_state {
    FOLDER_ABSENT,
    FOLDER_EMPTY,   /* it holds no payload; its id, if it has one, is of no interest */
    FOLDER_UNKNOWN, /* payloads without an id: of a program before there were ids, or copied without it */
    FOLDER_KNOWN,   /* payloads and an id */
};

struct folder_mark {
    wire_id id; /* all zero: none that can be read */
    uint32_t epoch;
};

/** What folder number n of root is, and its mark. */
enum folder_state folder_look(int root, int n, struct folder_mark *mark);

/** Marks the open folder: written beside it, synced, renamed, the folder synced. PV_IO, PV_DISK_FULL. */
pv_status folder_mark_write(int folder, const struct folder_mark *mark);
/** Takes the mark away, if it has one. */
void folder_mark_remove(int folder);

#endif
