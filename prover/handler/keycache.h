/** The node's keys: which its folder of circuits has, and which are resident, within a bound in bytes.
 *
 *  A circuit is a file `NAME.zkey` or `NAME/circuit.zkey`; it is found by name or by the 64 hex digits of its digest. A
 *  key becomes resident when it is first needed, after a full check of its points. The check is made once per digest:
 *  digests that passed are kept in a file. When room is needed, the least recently used key is closed.
 *
 *  What a key is, is up to the caller: a table of functions opens, checks and closes it.
 *
 *  Thread-safe: the node's loop lists keys while runners take and give them.
 */
#ifndef PV_KEYCACHE_H
#define PV_KEYCACHE_H

#include "handler.h"
#include "prove_error.h"

#include <stdatomic.h>

/** What is known of a key file before it is opened for proving. */
struct keycache_facts {
    wire_hash digest;
    uint64_t resident_bytes; /* while the key is open, its file included */
    uint64_t proof_bytes;    /* in addition, for each proof that runs */
    unsigned proofs_at_once; /* how many may take it at a time; 0 means 1 */
    bool on_device;          /* these bytes are GPU memory */
};

struct keycache_ops {
    pv_status (*facts)(struct keycache_facts *facts, void *arg, const char *path, struct prove_error *err);
    /** Checks every point. PV_BAD_ZKEY, PV_CANCELLED. */
    pv_status (*check)(void *arg, const char *path, const atomic_int *stop, struct prove_error *err);
    pv_status (*open)(void **key, void *arg, const char *path, const atomic_int *stop, struct prove_error *err);
    void (*close)(void **key);
};

struct keycache_options {
    const char *folder;
    const char *checked_file; /* digests that passed the full check, one a line; NULL: each process checks again */
    uint64_t bytes_most;      /* for resident keys and running proofs; 0: no bound */
    const struct keycache_ops *ops;
    void *arg;
};

struct keycache;

/** Reads the folder. A file that is not a key is logged and left out. PV_IO (no such folder), PV_NO_MEMORY.
 *  Strings are copied. */
pv_status keycache_new(struct keycache **cache_p, const struct keycache_options *options, struct prove_error *err);
/** Call it after all keys have been given back. */
void keycache_destroy(struct keycache **cache_p);

/** Reads the folder again: adds new and changed files, and drops those that are gone. */
pv_status keycache_scan(struct keycache *c, struct prove_error *err);

/** Lists up to `most` circuits and returns how many; for agent_options.circuits, with the keycache as arg. */
size_t keycache_list(void *cache, struct handler_circuit *to, size_t most);

struct keycache_key; /* a key that was taken */

/** Takes a key for one proof, and loads it if necessary. Waits while another thread loads it, while it serves as many
 *  proofs as it can, or while other keys leave no room. Reports the phases "check" and "load". PV_UNKNOWN_CIRCUIT;
 *  PV_RESOURCES (the key alone exceeds bytes_most); PV_CANCELLED; and the statuses of the ops. */
pv_status keycache_take(struct keycache_key **key_p, struct keycache *c, const char *circuit, const atomic_int *stop,
                        void (*phase)(void *ctx, const char *phase, unsigned percent), void *ctx,
                        struct prove_error *err);
/** What ops.open made; borrowed until it is given back. */
void *keycache_key(const struct keycache_key *key);
void keycache_give(struct keycache *c, struct keycache_key **key_p);

#endif
