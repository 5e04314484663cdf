/** What the tables and the metrics tell of the broker as a whole. The daemon fills it in (broker_facts); nothing here asks where
 *  the figures come from.
 */
#ifndef PV_FACTS_H
#define PV_FACTS_H

#include "sched.h"
#include "store.h"
#include "download.h"
#include "peer_handlers.h"
#include "upload.h"

/* F(NAME, "label"): what counters are broken down by. The last of a list is for what comes later. */
#define FACTS_DENIED_LIST(F)                                                                                           \
    F(KEY, "unknown-key") /* at the handshake: no authorised key */                                                    \
    F(REVOKED, "revoked") /* a message under a key that is authorised no more */                                       \
    F(ROLE, "role")       /* a role that the key does not have, or a message of another role */                        \
    F(QUEUE, "queue")     /* a queue that the key may not use */                                                       \
    F(HTTP, "http")       /* no token, or a wrong one */

#define FACTS_PROTOCOL_LIST(F)                                                                                         \
    F(MALFORMED, "malformed") /* refused by the decoder */                                                             \
    F(ROUTING, "routing-id")  /* a routing id that the peer chose itself */                                            \
    F(NO_HELLO, "no-hello")   /* a message before HELLO */                                                             \
    F(VERSION, "version")     /* HELLO of other versions */                                                            \
    F(SESSION, "session")     /* HELLO of another session on the same connection */

#define FACTS_REJECTED_LIST(F)                                                                                         \
    F(QUEUED_TASKS, "queued_tasks")                                                                                    \
    F(QUEUED_BYTES, "queued_bytes")                                                                                    \
    F(RATE, "rate")                                                                                                    \
    F(DISK, "disk")                                                                                                    \
    F(MEMORY, "memory")                                                                                                \
    F(ATTACHMENTS, "attachments")                                                                                      \
    F(UPLOADS, "uploads_max")                                                                                          \
    F(UNAUTHORIZED, "unauthorized")                                                                                    \
    F(UNKNOWN_QUEUE, "unknown-queue")                                                                                  \
    F(CONFLICT, "conflict")                                                                                            \
    F(EXPIRED, "expired")                                                                                              \
    F(TOO_LARGE, "too-large")                                                                                          \
    F(HASH_MISMATCH, "hash-mismatch")                                                                                  \
    F(STORE, "store")                                                                                                  \
    F(OTHER, "other")

#define F(name, word) FACTS_DENIED_##name,
enum facts_denied { FACTS_DENIED_LIST(F) FACTS_DENIED_N };
#undef F
#define F(name, word) FACTS_PROTOCOL_##name,
enum facts_protocol { FACTS_PROTOCOL_LIST(F) FACTS_PROTOCOL_N };
#undef F
#define F(name, word) FACTS_REJECTED_##name,
enum facts_rejected { FACTS_REJECTED_LIST(F) FACTS_REJECTED_N };
#undef F

/** The reason of a refused SUBMIT: the limit that it hit (NULL: none), else the word of its status. */
enum facts_rejected facts_rejected_of(pv_status status, const char *which);

/** The daemon's own counters, since its start. */
struct facts_counters {
    uint64_t messages, malformed,
        refused_keys; /* received; refused by the decoder; under a key that is not authorised */
    uint64_t strangers,
        strangers_cut;     /* messages under a routing id that the peer chose; connections cut before HELLO */
    uint64_t refused_full; /* HELLOs for which there was no place */
    uint64_t sends, unreachable, cut;   /* messages sent; that did not reach their peer; connections cut */
    uint64_t unread_cut;                /* of the unreachable: they read nothing */
    uint64_t lag_ms_total, lag_ms_most; /* how late the loop was */
    uint64_t clock_jumps;               /* how often the wall clock was found set */
    uint64_t damaged;                   /* payloads that the store could not give */
    uint64_t gpu_wrong_proofs;          /* that provers told since the start */
    uint64_t gpu_ended;                 /* likewise */
    uint64_t turns;
    uint64_t list_rows; /* looked at for LISTs */
    uint64_t rows_most; /* the most that one turn looked at, by the core and for LISTs */
    uint64_t denied[FACTS_DENIED_N], protocol[FACTS_PROTOCOL_N], rejected[FACTS_REJECTED_N];
    struct histogram commit, loop; /* histogram_of_turns: from a commit to its being on the disk; the work of a turn */
};

struct facts {
    const char *software;  /* name and version */
    const char *not_ready; /* why no tasks are accepted; NULL: they are */
    uint32_t epoch;        /* counts the starts of this store */
    uint64_t now_ms, started_ms;
    uint64_t heartbeat_ms, lease_ms; /* as told to peers */
    bool keys;                       /* peers have keys; false: --insecure */
    uint32_t connections;            /* of the socket */
    uint32_t connections_most;       /* with these no more are let in but administrators */
    uint32_t peers, strangers;       /* those that have spoken; those that have not said HELLO */
    uint32_t gpus_unused;            /* provers that say why their GPU proves nothing */
    bool descriptors_short;          /* none are left */
    uint64_t stale_hellos;           /* of peers that have seen a later start */
    uint32_t later_start;            /* which one, within the last minute; 0: none */
    uint64_t disk_free;              /* bytes where the store is */
    struct sched_stats core;
    struct store_stats store;
    struct store_found found;
    struct uploads_stats uploads;
    struct downloads_stats downloads;
    struct facts_counters counters;
    const struct fleet_handlers *handlers; /* what provers say of theirs; NULL: nothing. Borrowed */
    struct {
        uint64_t requests, refused, streams_cut;
        uint32_t streams, questions;
    } http; /* zero: not served */
};

#endif
