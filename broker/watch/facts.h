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
