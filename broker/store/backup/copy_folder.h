/** What a backup and what a restore do alike with the folder that they fill: sentences, paths, whether it is empty, payload folders, and
 *  the database that gets its name last.
 */
#ifndef PV_COPY_FOLDER_H
#define PV_COPY_FOLDER_H

#include "store.h"

#include <stdbool.h>
#include <stddef.h>

#define COPY_DATABASE "provost.db"

enum { COPY_PATH_BYTES = 4200 };

/** why gets "what: detail". Returns st. */
pv_status copy_refuse(char why[STORE_WHY_BYTES], pv_status st, const char *what, const char *detail);
/** The same of an errno: PV_DISK_FULL or PV_IO. */
pv_status copy_refuse_errno(char why[STORE_WHY_BYTES], const char *what, int error);
/** Of a payload that was not copied. */
pv_status copy_refuse_payload(char why[STORE_WHY_BYTES], pv_status st, const char *what);

/** "folder/name". PV_BAD_CONFIG with a sentence: too long. */
pv_status copy_path(char path[COPY_PATH_BYTES], const char *folder, const char *name, char why[STORE_WHY_BYTES]);

/** -1: errno. */
int copy_folder_open(int root, const char *name);
/** Opens the payload folder number n, and makes it where there is none. -1: errno. */
int copy_folder_make(int root, int n);
/** Whether nothing is in it but what every file system has, and what begins with one of these (NULL: nothing else). One that cannot be read
 *  is not empty. */
bool copy_folder_is_empty(int folder, const char *const *but);

/** The written database gets its name, and both are durable. fd is closed. PV_DISK_FULL, PV_IO with a sentence about what. */
pv_status copy_publish(int folder, int fd, const char *temporary, char why[STORE_WHY_BYTES], const char *what);

#endif
