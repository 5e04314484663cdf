/** CURVE keys from zcert files: the part of ZPL that czmq writes, nothing more. */
#ifndef PV_KEYS_H
#define PV_KEYS_H

#include "status.h"

#include <stdbool.h>

enum { KEY_TEXT = 41 }; /* 40 characters of Z85 and the NUL */

struct client_keys {
    bool have;
    char public_key[KEY_TEXT];
    char secret_key[KEY_TEXT];
    char server_key[KEY_TEXT];
};

/** Reads the own pair from key_file and the broker's public key from server_key, which is a file or the key itself.
 *  PV_BAD_KEY_FILE: missing, not a zcert, or its secret part is readable by group or others. */
pv_status client_keys_load(struct client_keys *k, const char *key_file, const char *server_key);

/** The public key in a key file of either kind. PV_BAD_KEY_FILE. */
pv_status client_key_public(char out[KEY_TEXT], const char *path);

/** Wipes it. */
void client_keys_clear(struct client_keys *k);

#endif
