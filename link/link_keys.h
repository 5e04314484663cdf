/** The keys a connection needs: our own pair, and the brokers' public keys. */
#ifndef PV_KEYS_H
#define PV_KEYS_H

#include "keyfile.h"

#include <stddef.h>

enum { KEY_SERVERS_MAX = 16 };

struct client_keys {
    bool have;
    struct keyfile_pair own;
    char server_key[KEY_SERVERS_MAX][KEYFILE_TEXT];
    size_t servers; /* 1: the same at every endpoint, else one for each */
};

/** Reads the own pair from key_file and the broker's public keys from server_keys: files or the keys themselves, with
 *  commas between them (so no file's name may have one). PV_BAD_KEY_FILE: missing, not a zcert, too many, or the secret
 *  part is readable by group or others. */
pv_status client_keys_load(struct client_keys *k, const char *key_file, const char *server_keys);

/** The broker's key at endpoint i of the list. */
const char *client_keys_server(const struct client_keys *k, size_t i);

/** Wipes it. */
void client_keys_clear(struct client_keys *k);

#endif
