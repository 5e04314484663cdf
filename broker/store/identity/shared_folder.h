/** A payload folder that all brokers of one database mount: the mark in its "blobs" (folder_id.h) is the database's id and the epoch in
 *  which the folder was taken; the database keeps both too. A folder that only one broker sees, an empty mount point, an old folder
 *  and that of another database do not have them.
 */
#ifndef PV_SHARED_FOLDER_H
#define PV_SHARED_FOLDER_H

#include "folder_id.h"

#include <stddef.h>

enum { SHARED_WHY_BYTES = 400 };

/** Whether folder "blobs" of root is the one. wanted: what the database says; epoch 0: it has none yet.
 *  named: rows name payloads in it. *take: it may become the one, as it is free and no payload is named; then it has to be marked.
 *  PV_BAD_CONFIG, and why gets the sentence without the folder's name. */
pv_status shared_folder_judge(int root, const struct folder_mark *wanted, bool named, bool *take,
                              char why[SHARED_WHY_BYTES]);

#endif
