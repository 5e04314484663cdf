/** The node's keys: which its folder of circuits has, and which are resident, within a bound in bytes.
 *
 *  A circuit is a file `NAME.zkey` or, without one, `NAME/circuit.zkey`; it is found by name or by the 64 hex digits of its digest. A
 *  key becomes resident when it is first needed, once for all the circuits that have it, after a full check of its
 *  points. The check is made once per digest: digests that passed are kept in a file. When room is needed, the least
 *  recently used key is closed.
 *
 *  What looks like a key and is not served (another name, no key, too large for this node, ...) is logged with the reason
 *  when it comes or changes, and can be asked for (keycache_unserved).
 *
 *  Only bytes with the announced digest are proved with. A resident key is a copy of them, so whatever becomes of its file
 *  does not touch the proofs that run. A file that has changed makes its key stale: it is not announced, and who wants it
 *  waits a moment until a look has read it again. A failure that a changed key could explain is doubted first
 *  (keycache_doubt).
 *
 *  On a device whose memory is short, idle keys are closed before a key gets a plan with which its proofs take longer; a key that
 *  got one is opened again when it is wanted, nobody uses it, and there is room for a better one (at most once in
 *  KEYCACHE_REPLAN_MS).
 *
 *  What a key is, is up to the caller: a table of functions opens, checks and closes it.
 *
 *  Thread-safe: the node's loop lists keys while runners take and give them.
 */
#ifndef PV_KEYCACHE_H
#define PV_KEYCACHE_H

#include "handler.h"
#include "histogram.h"
#include "prove_error.h"
#include "regular.h"
#include "witness_source.h"

#include <stdatomic.h>

/** What is known of a key file before it is opened for proving. */
struct keycache_facts {
    wire_hash digest;
    uint64_t resident_bytes; /* while the key is open; in RAM with the copy of its file */
    uint64_t proof_bytes;    /* in addition, for each proof that runs */
    unsigned places; /* not 0: proofs run in so many places that all keys share, each of the largest proof_bytes */
    unsigned proofs_at_once;   /* how many may take it at a time; 0 means 1 */
    bool on_device;            /* these bytes are GPU memory */
    uint64_t host_bytes;       /* on_device: RAM that the key takes besides, for the copy of its file and the like */
    uint64_t place_host_bytes; /* of a place: RAM */
    unsigned
        slower; /* percent: how much more work a proof is than by the best plan, because the device's memory is short */
};

/** Of a key on a device whose memory is short: the plan that an empty device would have room for, or the best that there is room
 *  for now. */
enum keycache_plan { KEYCACHE_BEST_PLAN, KEYCACHE_ANY_PLAN };

struct keycache_ops {
    /** PV_CANCELLED when it was interrupted; any other failure: the file is no key that can be served. */
    pv_status (*facts)(struct keycache_facts *facts, void *arg, const char *path,
                       const struct regular_interrupt *interrupt, struct prove_error *err);
    /** Copies the file's bytes and makes them ready. PV_HASH_MISMATCH: they have another digest. PV_NO_MEMORY: there is no room for
     *  a key with that plan. */
    pv_status (*open)(void **key, void *arg, const char *path, wire_hash digest, enum keycache_plan plan,
                      const atomic_int *stop, struct prove_error *err);
    /** What the open key holds, into facts where it is not what was surveyed; and whether it would be opened with a better plan
     *  now. May be NULL. */
    void (*opened)(struct keycache_facts *facts, bool *better_now, void *key);
    /** Checks every point of an open key. PV_BAD_ZKEY, PV_CANCELLED. */
    pv_status (*check)(void *arg, void *key, const atomic_int *stop, struct prove_error *err);
    /** Whether the open key's bytes still have the digest: PV_OK, PV_HASH_MISMATCH or PV_CANCELLED. */
    pv_status (*intact)(void *arg, void *key, wire_hash digest, const atomic_int *stop, struct prove_error *err);
    void (*close)(void **key);
};

struct keycache_options {
    const char *folder;
    const char *checked_file; /* digests that passed the full check, one a line; NULL: each process checks again */
    uint64_t bytes_most;      /* for resident keys and running proofs; 0: no bound */
    uint64_t host_most;       /* for what keys on a device take in RAM besides; 0: no bound */
    uint64_t replan_ms;       /* instead of KEYCACHE_REPLAN_MS; 0: that */
    struct regular_interrupt interrupt; /* of every scan and look */
    const struct keycache_ops *ops;
    void *arg;
    const struct witness_source
        *witnesses; /* borrowed; asked at each look which kinds of input a circuit takes; NULL: a witness alone */
};

struct keycache;

/** Reads the folder (keycache_folder.h reads it again). A file that is not a key is logged and left out. PV_IO (no such
 *  folder), PV_NO_MEMORY, PV_CANCELLED (interrupted). Strings are copied. */
pv_status keycache_new(struct keycache **cache_p, const struct keycache_options *options, struct prove_error *err);
/** Call it after all keys have been given back. */
void keycache_destroy(struct keycache **cache_p);

/** Lists up to `most` circuits, those whose names follow `after` ("": from the first on) in the order of their bytes, and
 *  returns how many; for agent_options.circuits, with the keycache as arg. */
size_t keycache_list(void *cache, const char *after, struct handler_circuit *to, size_t most);

/** The first files, by name, that are not served, at most `most`; returns how many there are in all. For
 *  agent_options.unserved. */
size_t keycache_unserved(void *cache, struct handler_unserved *to, size_t most);

/** For people and metrics. Counters are those since the start. */
struct keycache_figures {
    uint64_t keys, resident, unserved, bytes; /* now */
    uint64_t hits, misses, closed;            /* takes that found the key loaded, or did not; keys closed */
    struct histogram loads;                   /* histogram_of_tasks */
};
/** Does not wait: false, and `to` as it was, while another thread looks at the keys. */
bool keycache_try_figures(struct keycache *c, struct keycache_figures *to);

struct keycache_key; /* a key that was taken */

enum {
    KEYCACHE_PATIENCE_MS = 5000, /* ten looks */
    KEYCACHE_REPLAN_MS = 60000,  /* opening a key of 2^20 takes a second */
};

/** How taking is stopped and followed. Zero: it is not. */
struct keycache_watch {
    const atomic_int *stop;
    void (*phase)(void *ctx, const char *phase, unsigned percent);
    void *ctx;
};

/** Where the circuit's key is, without taking it. Of several circuits with one key, one that takes more than a witness. False: there is
 *  none, or no room for its path. */
bool keycache_where(struct keycache *c, const char *circuit, char path[4096]);

/** Takes a key for one proof, and loads it if necessary. Waits while another thread loads it, while it serves as many
 *  proofs as it can, while other keys leave no room, or, for KEYCACHE_PATIENCE_MS, while its file changes. Reports the
 *  phases "load" and "check". PV_UNKNOWN_CIRCUIT; PV_RESOURCES (the key alone exceeds bytes_most); PV_HASH_MISMATCH (its
 *  file has changed and has not been read again); PV_CANCELLED; and the statuses of the ops. watch may be NULL. */
pv_status keycache_take(struct keycache_key **key_p, struct keycache *c, const char *circuit,
                        const struct keycache_watch *watch, struct prove_error *err);
/** What ops.open made; borrowed until it is given back. */
void *keycache_key(const struct keycache_key *key);

/** Whether a failure with a key that is taken can be believed: whether its file is still the one that was read, and its
 *  bytes in memory still have their digest (0.7 s a GB). PV_HASH_MISMATCH with a sentence when it cannot: the key's file or
 *  its bytes have changed (it is read or loaded again), or it came while the node ran and has made no proof yet.
 *  PV_CANCELLED. stop may be NULL. */
pv_status keycache_doubt(struct keycache *c, struct keycache_key *key, const atomic_int *stop, struct prove_error *err);
/** A proof made with the key has been verified. */
void keycache_proved(struct keycache *c, struct keycache_key *key);
void keycache_give(struct keycache *c, struct keycache_key **key_p);

/** What was made ready of the key, on a GPU, may be damaged although its bytes are not: it is closed once nobody proves
 *  with it, and made ready again. */
void keycache_spoil(struct keycache *c, struct keycache_key *key);
/** The taker keeps the key and its bytes but does not prove with it for now, so another may. Ends before it is given. */
void keycache_aside(struct keycache *c, struct keycache_key *key);
void keycache_aside_end(struct keycache *c, struct keycache_key *key);

/** Takes RAM for a proof on the CPU beside keys on a device, within host_most; idle keys make room. False: running proofs
 *  leave too little. Each is ended with the same number. */
bool keycache_lend(struct keycache *c, uint64_t bytes);
void keycache_lend_end(struct keycache *c, uint64_t bytes);

/** Closes the idle key that was used least recently. False: there is none. */
bool keycache_evict(struct keycache *c);

#endif
