/** Reads CURVE keys from files of czmq's zcert format, as czmq writes them. One reader for every program; czmq's own
 *  zcert_load accepts 40 characters that are not Z85 as a key, and leaks a block of memory for each file it cannot read.
 */
#ifndef PV_KEYFILE_H
#define PV_KEYFILE_H

#include "status.h"

#include <stdbool.h>
#include <sys/stat.h>

enum { KEYFILE_TEXT = 41 }; /* 40 characters of Z85 and the NUL */

struct keyfile_pair {
    char public_key[KEYFILE_TEXT];
    char secret_key[KEYFILE_TEXT];
};

/** Whether nobody but the owner can read the file with this state (of fstat). So counts a credential that systemd handed over, too: root's,
 *  in the folder CREDENTIALS_DIRECTORY that this service alone can enter, and readable by it through an access list, which shows as
 *  the group's bit (systemd.exec(5), LoadCredential). */
bool keyfile_is_private(const char *path, const struct stat *state);

/** Reads both keys from path, or from path_secret if that exists: czmq writes a pair into two files.
 *  PV_BAD_KEY_FILE: missing, not such a file (or above 16 KiB), or readable by group or others. PV_NO_MEMORY. */
pv_status keyfile_pair_read(struct keyfile_pair *pair, const char *path);
/** Wipes both keys. */
void keyfile_pair_clear(struct keyfile_pair *pair);

/** True when text is 40 characters of Z85. */
bool keyfile_is_key(const char *text);

/** Reads the public key from a file with or without a secret key. PV_BAD_KEY_FILE, PV_NO_MEMORY. */
pv_status keyfile_public_read(char out[KEYFILE_TEXT], const char *path);

#endif
