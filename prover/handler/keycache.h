/** The node's keys: what lies in its folder of circuits, and which of them are resident, bounded in bytes.
 *
 *  A circuit is a file `NAME.zkey` or `NAME/circuit.zkey`; it is asked for by name or by the 64 hex digits of its digest.
 *  A key becomes resident when it is first needed, after a full check of its points, once per digest: what passed is
 *  remembered in a file. When room is needed the key unused for the longest time goes.
 *
 *  What a key is, is the caller's: a table of functions opens, checks and closes it.
 *
 *  Thread-safe: the node's loop lists while runners take and give.
 */
#ifndef PV_KEYCACHE_H
#define PV_KEYCACHE_H

#include "handler.h"
#include "prove_error.h"

#include <stdatomic.h>

/** Known of a key file without opening it for proving. */
struct keycache_facts {
    wire_hash digest;
    uint64_t resident_bytes; /* while the key is open, its file included */
    uint64_t proof_bytes;    /* besides, for each proof that runs */
    unsigned proofs_at_once; /* how many takers it may have; 0 is 1 */
    bool on_device;          /* these are of the GPU's memory */
};

struct keycache_ops {
    pv_status (*facts)(struct keycache_facts *facts, void *arg, const char *path, struct prove_error *err);
    /** Every point of it. PV_BAD_ZKEY, PV_CANCELLED. */
    pv_status (*check)(void *arg, const char *path, const atomic_int *stop, struct prove_error *err);
    pv_status (*open)(void **key, void *arg, const char *path, const atomic_int *stop, struct prove_error *err);
    void (*close)(void **key);
};

struct keycache_options {
    const char *folder;
    const char *checked_file; /* digests that passed the full check, one a line; NULL: checked again by each process */
    uint64_t bytes_most;      /* of resident keys and the proofs that run; 0: no bound */
    const struct keycache_ops *ops;
    void *arg;
};

struct keycache;

/** Reads the folder. A file that is no key is logged and left out. PV_IO (no such folder), PV_NO_MEMORY.
 *  Strings are copied. */
pv_status keycache_new(struct keycache **cache_p, const struct keycache_options *options, struct prove_error *err);
/** All keys have been given back. */
void keycache_destroy(struct keycache **cache_p);

/** Reads the folder again: new and changed files are there from now on, gone ones no longer. */
pv_status keycache_scan(struct keycache *c, struct prove_error *err);

/** An agent_options.circuits; arg is the keycache. */
size_t keycache_list(void *cache, struct handler_circuit *to, size_t most);

/** Takes a key for one proof, loading it if need be; waits while it is loaded, or used by as many
 *  proofs as it serves at once, or while others leave no room for one more. phase is told "check" and "load".
 *  PV_UNKNOWN_CIRCUIT; PV_RESOURCES (it alone is above bytes_most); PV_CANCELLED; and what the ops say. */
struct keycache_key; /* taken */
pv_status keycache_take(struct keycache_key **key_p, struct keycache *c, const char *circuit, const atomic_int *stop,
                        void (*phase)(void *ctx, const char *phase, unsigned percent), void *ctx,
                        struct prove_error *err);
/** What ops.open made; borrowed until it is given back. */
void *keycache_key(const struct keycache_key *key);
void keycache_give(struct keycache *c, struct keycache_key **key_p);

#endif
