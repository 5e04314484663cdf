/** CURVE keys from the files of czmq's zcert: the part of ZPL that czmq writes, nothing more. One reader for every program:
 *  zcert_load takes 40 characters that are no Z85 for a key, and loses a block of memory for each file it cannot read.
 */
#ifndef PV_KEYFILE_H
#define PV_KEYFILE_H

#include "status.h"

#include <stdbool.h>

enum { KEYFILE_TEXT = 41 }; /* 40 characters of Z85 and the NUL */

struct keyfile_pair {
    char public_key[KEYFILE_TEXT];
    char secret_key[KEYFILE_TEXT];
};

/** Both keys of path; of path_secret instead when that exists, as czmq writes a pair into two files.
 *  PV_BAD_KEY_FILE: missing, not such a file (or above 16 KiB), or readable by group or others. */
pv_status keyfile_pair_read(struct keyfile_pair *pair, const char *path);
/** Wipes it. */
void keyfile_pair_clear(struct keyfile_pair *pair);

/** 40 characters of Z85. */
bool keyfile_is_key(const char *text);

/** The public key in a file of either kind. PV_BAD_KEY_FILE. */
pv_status keyfile_public_read(char out[KEYFILE_TEXT], const char *path);

#endif
