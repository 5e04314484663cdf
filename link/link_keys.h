/** The CURVE keys of one peer: its own pair, and the public key of each broker it may dial. */
#ifndef PV_LINK_KEYS_H
#define PV_LINK_KEYS_H

#include "keyfile.h"

#include <stdbool.h>
#include <stddef.h>

enum { LINK_KEYS_SERVERS_MAX = 16, LINK_KEYS_WHY_BYTES = 256 };

/** Zero: no keys. */
struct link_keys {
    bool have;
    struct keyfile_pair own;
    char server_key[LINK_KEYS_SERVERS_MAX][KEYFILE_TEXT];
    size_t servers; /* 1: the same key at every endpoint, else one key per endpoint */
};

/** Reads our own pair from key_file and the brokers' public keys from server_keys: files, or the keys themselves,
 *  separated by commas or blanks (so a file name may not contain a comma; it may contain blanks if it is there).
 *  k     is written on success only.
 *  why   a sentence for people on failure; NULL when it is not wanted.
 *  PV_BAD_KEY_FILE: missing, not a zcert, too many, or the secret part is readable by group or others. */
pv_status link_keys_load(struct link_keys *k, const char *key_file, const char *server_keys,
                         char why[LINK_KEYS_WHY_BYTES]);

/** True when k fits a list of that many endpoints: one server key for all of them, or one for each. */
bool link_keys_fit(const struct link_keys *k, size_t endpoints);

/** The broker's key at endpoint i of the list; borrowed from k. */
const char *link_keys_server(const struct link_keys *k, size_t i);

/** Wipes it. Any number of times. */
void link_keys_clear(struct link_keys *k);

#endif
