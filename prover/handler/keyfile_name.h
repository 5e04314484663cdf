/** What an entry of a folder of keys is by its name and kind: a circuit's key, nothing, or what looks like a key and cannot
 *  be one. Reads no file.
 */
#ifndef PV_KEYFILE_NAME_H
#define PV_KEYFILE_NAME_H

#include "ids.h"
#include "prove_error.h"
#include "regular.h"

#include <dirent.h>

enum keyfile_kind { KEYFILE_NONE, KEYFILE_KEY, KEYFILE_FAULT };

struct keyfile_name {
    char name[WIRE_NAME_MAX + 1]; /* KEY: of the circuit */
    char file[512];               /* KEY, FAULT: its path below the folder */
    char path[4096];
    struct file_stamp stamp;          /* KEY */
    char why[PROVE_ERROR_TEXT_BYTES]; /* FAULT */
};

/** Whether the entry of the folder is a key, and of which circuit. */
enum keyfile_kind keyfile_name_of(struct keyfile_name *f, const char *folder, const struct dirent *entry);

#endif
