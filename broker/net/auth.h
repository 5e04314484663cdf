/** Who a peer is and what it may do.
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
 *  Several keys may belong to one name, so that a key can be replaced without a gap; their rights are each key's own,
 *  quotas and weight are the name's first entry's, but connections are counted and bounded by key.
 *
 *  A thread of its own answers libzmq's questions (ZAP): a key that is not in the file does not get a connection. The
 *  User-Id of every message is the key itself, and the loop looks it up in its own copy of the table, so that a key
 *  taken out of the file is refused at its next message although its connection is still there.
 */
#ifndef PV_AUTH_H
#define PV_AUTH_H

#include "fields.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* czmq.h brings syslog.h and with it other macros named LOG_INFO: only the .c files that need it include it. */
typedef struct _zcert_t zcert_t;
typedef struct _zactor_t zactor_t;

enum { AUTH_KEY_TEXT = 41, AUTH_WHY_BYTES = 512 };

struct auth_key {
    char text[AUTH_KEY_TEXT]; /* Z85 */
    const char *name;
    uint32_t roles; /* 1 << enum wire_role */
    const char *const *queues;
    size_t queues_n;                                                                 /* 0: every queue */
    uint64_t weight, queued_tasks, queued_bytes, leased, rate, connections, uploads; /* UINT64_MAX: not said */
    uint32_t connected; /* connections that said HELLO under it */
};

/** A table of keys, never changed once read. */
struct auth_keys;

/** Reads and checks the file. PV_BAD_KEY_FILE with a sentence that names the line or the entry; PV_NO_MEMORY. */
pv_status auth_keys_read(struct auth_keys **keys, const char *path, char why[AUTH_WHY_BYTES]);
void auth_keys_destroy(struct auth_keys **keys);

/** The entry of a key in Z85, or NULL. Borrowed until the table is destroyed. */
const struct auth_key *auth_keys_find(const struct auth_keys *keys, const char *text);
/** One connection more (+1) or less (-1) under this key. How many there are now; 0 for a key that is not in the
 *  table. */
uint32_t auth_keys_connected(struct auth_keys *keys, const char *text, int change);
size_t auth_keys_count(const struct auth_keys *keys);
/** Entry i in the order of the file. */
const struct auth_key *auth_keys_at(const struct auth_keys *keys, size_t i);

/** May this key use this queue? */
bool auth_key_serves(const struct auth_key *key, const char *queue);

/** Loads the broker's own certificate. PV_BAD_KEY_FILE when others than its owner can read it, it has no secret,
 *  or its two keys do not belong together. */
pv_status auth_own_key(zcert_t **cert, const char *path, char why[AUTH_WHY_BYTES]);
void auth_own_key_destroy(zcert_t **cert);
/** The same for files with commas between them, at most `most`. On failure none are left. */
pv_status auth_own_keys(zcert_t **certs, size_t *certs_n, size_t most, const char *files, char why[AUTH_WHY_BYTES]);
void auth_own_keys_destroy(zcert_t **certs, size_t *certs_n);

/** Starts the thread that answers ZAP requests for every socket of this process. It takes keys. PV_FAILED. */
pv_status auth_start(zactor_t **actor, struct auth_keys **keys);
/** Hands it another table; it takes keys. From the answer on, connections are judged by it. */
void auth_change(zactor_t *actor, struct auth_keys **keys);
void auth_stop(zactor_t **actor);

#endif
