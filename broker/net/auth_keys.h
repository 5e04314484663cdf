/** Keys: the table of public keys that may connect, with what each may do, and the broker's own key pairs.
 *
 *  The file of authorised keys (YAML) names a principal for each public key:
 *      keys:
 *        - name: acme                 # the principal
 *          key: "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
 *          roles: [client]            # of client, prover, admin
 *          queues: [outer, keccak]    # absent: all of them
 *          weight: 1                  # share of the provers' time
 *          queued_tasks: 1000         # quotas; absent: the broker's. Also queued_bytes, leased, rate (submits a second),
 *          connections: 100           # connections, uploads (inputs on their way in chunks)
 *  Several keys may belong to one name, so that a key can be replaced without a gap. Roles and queues are each key's
 *  own. Quotas and weight are those of the name's first entry, except connections, which are counted and bounded by
 *  key.
 *
 *  When the file is read again, the connections of a key whose name, roles or queues changed end and have to say HELLO
 *  again; quotas and weight count at once.
 */
#ifndef PV_AUTH_KEYS_H
#define PV_AUTH_KEYS_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Not czmq.h, which brings syslog.h and with it other macros named LOG_INFO: only .c files that need it include it. */
typedef struct _zcert_t zcert_t;

enum { AUTH_KEY_TEXT = 41, AUTH_WHY_BYTES = 512 };

struct auth_key {
    char text[AUTH_KEY_TEXT]; /* Z85 */
    const char *name;
    uint32_t roles; /* 1 << enum wire_role */
    const char *const *queues;
    size_t queues_n; /* 0: every queue */
    uint64_t weight;
    uint64_t queued_tasks, queued_bytes, leased, rate, connections, uploads; /* UINT64_MAX: not in the file */
    uint32_t connected; /* connections that said HELLO under this key */
};

/** A table of keys. Only the counts of connections change after it was read: those are the loop's. */
struct auth_keys;

/** Reads and checks the file. PV_BAD_KEY_FILE with a sentence that names the line or the entry; PV_NO_MEMORY. */
pv_status auth_keys_read(struct auth_keys **keys, const char *path, char why[AUTH_WHY_BYTES]);
/** Another owner of the same table, in this or another thread: the file is read once for both. Each destroys its own. */
struct auth_keys *auth_keys_share(struct auth_keys *keys);
/** The last owner frees it. NULL there is no error. */
void auth_keys_destroy(struct auth_keys **keys);

/** The entry of a key in Z85, or NULL. Borrowed until the table is destroyed. */
const struct auth_key *auth_keys_find(const struct auth_keys *keys, const char *text);
/** Counts a connection in (+1) or out (-1) under this key. Returns how many there are now; 0 for a key that is not in
 *  the table. */
uint32_t auth_keys_connected(struct auth_keys *keys, const char *text, int change);
size_t auth_keys_count(const struct auth_keys *keys);
/** Entry i in the order of the file, i below auth_keys_count. Borrowed until the table is destroyed. */
const struct auth_key *auth_keys_at(const struct auth_keys *keys, size_t i);

/** Whether both give the same name, roles and queues: who the key is and what it may do, as against how much. */
bool auth_key_same_rights(const struct auth_key *a, const struct auth_key *b);
/** Whether this key may use this queue. */
bool auth_key_serves(const struct auth_key *key, const char *queue);

/** Loads the broker's own certificate. PV_BAD_KEY_FILE when anybody but its owner can read it, when it has no secret
 *  key, or when its two keys do not belong together. */
pv_status auth_own_key(zcert_t **cert, const char *path, char why[AUTH_WHY_BYTES]);
void auth_own_key_destroy(zcert_t **cert);
/** The same for several files with commas between them. certs has room for `most`. PV_BAD_CONFIG: more files than
 *  that. On failure none are left. */
pv_status auth_own_keys(zcert_t **certs, size_t *certs_n, size_t most, const char *files, char why[AUTH_WHY_BYTES]);
void auth_own_keys_destroy(zcert_t **certs, size_t *certs_n);

#endif
