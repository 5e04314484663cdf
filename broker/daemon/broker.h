/** The state of the daemon, and plain questions to it. Only files of this folder include this.
 *
 *  One turn (loop.c):  a bounded batch of messages, each decoded (intake.c), stepped through the core, its payloads handed to the
 *  store and the transfers (step.c) -> the ends of connections (connections.c) -> one commit (commit.c) -> the replies (say.c,
 *  reply.c) -> a few chunks (download.h) -> sleep. The store syncs the commit on another thread. Replies that promise something
 *  wait for it in the outbox (durable.c), and so does the next commit, while the messages of its batch are already read and stepped.
 *
 *  A struct below that belongs to one file names it.
 */
#ifndef PV_BROKER_H
#define PV_BROKER_H

#include "auth.h"
#include "config.h"
#include "disk_jobs.h"
#include "door.h"
#include "download.h"
#include "facts.h"
#include "flood.h"
#include "http.h"
#include "journal.h"
#include "later_starts.h"
#include "list_turns.h"
#include "notify.h"
#include "outbox.h"
#include "overview.h"
#include "phases.h"
#include "peers.h"
#include "router.h"
#include "sched.h"
#include "store.h"
#include "strangers.h"
#include "survey.h"
#include "tables.h"
#include "up_clock.h"
#include "upload.h"
#include "viewer.h"

/** Where the settings come from (reload.c). */
struct broker_settings {
    const struct config *started;
    struct config *reloaded; /* NULL: not since the start */
    const struct config_args *args;
};

/** Our own keys, and the thread that answers for those of peers (broker_open.c, reload.c). */
struct broker_auth {
    zactor_t *zap;
    zcert_t *certs[ROUTER_ENDPOINTS_MAX]; /* one for all endpoints, or one for each */
    size_t certs_n;
    uint64_t version; /* counts the tables of keys that were read: peer.key_version */
};

/** What gathers until the next commit (step.c, commit.c). */
struct broker_batch {
    struct sched_actions out;
    uint64_t messages; /* read since the last commit */
    bool must_commit;  /* a save that is not lazy is in the open transaction */
    bool must_sync;    /* and one of a queue whose commits are synced */
    bool full;         /* a save of a queue with sync = always: commit and sync now */
    uint64_t lazy_ms;  /* since when lazy saves wait for a commit */
    uint64_t later_ms; /* since when the batch waits for the sync under way; 0: it does not */
};

enum { BROKER_COMMITS = 64 };

/** Commits on their way to the disk, and since when (commit_times.c). One that finds no place is not measured. */
struct broker_commits {
    struct {
        uint64_t number, us;
    } at[BROKER_COMMITS];
    size_t first, n;
};

/** A SHOW is answered after the commit of its batch, so that nobody is told of what is not committed. */
struct broker_show {
    uint64_t peer;
    uint32_t req;
    wire_id task;
};

/** A QUEUE or PROVER: the core answers DONE; the row that goes with it is made after the commit. */
struct broker_operation {
    uint64_t peer;
    uint32_t req;
    bool prover;
    enum wire_verb verb;
    char name[WIRE_NAME_MAX + 1];
    char principal[WIRE_NAME_MAX + 1]; /* of the prover; "": any */
    char by[2 * WIRE_NAME_MAX + 4];    /* the principal, and the name of its client in brackets */
};

enum { BROKER_OPERATIONS = 16, BROKER_WANTED = 256 };

/** Questions of the batch whose answers the core does not make alone (say.c). */
struct broker_questions {
    struct broker_show *shows; /* config->batch of them: at most one for a message */
    size_t shows_n;
    struct broker_operation operations[BROKER_OPERATIONS];
    size_t operations_n;
};

/** Results that the core asked for and that found no room among the uploads (step.c, uploads.c). */
struct broker_wanted {
    struct {
        struct sched_action action;
        struct upload_note note;
    } at[BROKER_WANTED];
    size_t n;
};

/** Payloads that the store could not give, for the core to hear of with the next batch (damage.c). */
struct broker_damaged {
    struct broker_damage {
        struct transfer_key key;
        wire_hash sha256;
        pv_status why;
        bool unsent; /* the offer that it was for did not go out */
    } * at;
    size_t n, cap;
};

/** Peers that were found unreachable: their end is an event of the next batch (connections.c). */
struct broker_cuts {
    uint64_t *handles;
    size_t n, cap;
};

/** A state that is told when it begins and ends, and now and then while it lasts (connections.c). */
struct broker_note {
    bool told;
    uint64_t note_ms; /* no line before */
};

/** The broker's own clock: now_ms and every moment that is saved are on it, so a wall clock that is set harms nobody (R21). */
struct broker_clock {
    struct up_clock up;
    struct clock_reading last; /* when the clocks were read last */
    uint64_t saved_ms;         /* when it went into the store's transaction last */
};

struct store_try;

/** A broker that stands by while another has the store (broker/standby/). */
struct broker_standby {
    struct store *old;           /* the one that was ours, for the next try to close: that may wait for its server */
    struct store_try *try;       /* the one under way, or NULL */
    uint64_t try_ms;             /* when the next is due, on the monotonic clock */
    uint64_t hellos;             /* that were sent on */
    char found[STORE_WHY_BYTES]; /* what the first look at the store found, */
    char found_active[STORE_ENDPOINT_BYTES]; /* and where the active one is */
    char why[STORE_WHY_BYTES];               /* what the last try found */
    char endpoint[STORE_ENDPOINT_BYTES];     /* of the active one; "": not known */
};

enum { BROKER_CIRCUITS = 256, BROKER_HELD = 256 };

/** The lists of the message in hand, on their way to the core (intake.c): too large for a stack. */
struct broker_heard {
    struct sched_circuit circuits[BROKER_CIRCUITS];
    struct sched_held held[BROKER_HELD];
};

enum { BROKER_WEB_WRITES = 64 };

/** HTTP: what it was told and asked (web.c, web_admin.c). */
struct broker_web {
    struct phases *phases;
    struct overview_ring *ring;
    uint64_t told; /* number of the last event that those who listen were told of */
    bool hello;    /* the core knows us */
    bool open;     /* question is being answered */
    struct http_question question;
    struct broker_web_write {
        enum { WEB_FREE, WEB_ASKED, WEB_WAITS } state; /* the core was asked; its answer waits for the disk */
        struct http_question question;
        uint64_t commit;
        char *json;
    } writes[BROKER_WEB_WRITES];
};

struct broker {
    const struct config *config; /* in force */
    struct broker_settings settings;

    /* the rooms; while it stands by there is neither core nor store */
    struct sched *sched;
    struct store *store;
    struct shares shares;
    struct kept *kept; /* what has just come, in memory */
    struct uploads *uploads;
    struct downloads *downloads;
    struct router router;
    struct peers peers;
    struct strangers strangers;
    struct later_starts later_starts;
    struct door door;
    struct flood flood;
    struct auth_keys *keys; /* NULL: --insecure */
    struct broker_auth auth;
    struct journal *journal;
    struct tables *tables;
    struct http *http; /* NULL: not served */
    struct broker_web web;
    struct fleet_handlers fleet;

    /* the turn */
    struct broker_clock clock;
    uint64_t now_ms, wall_ms, started_ms; /* wall_ms is for people and decides nothing */
    uint32_t epoch;
    zmq_msg_t *payload; /* of the message at hand (message.c) */
    struct broker_batch batch;
    struct broker_questions questions;
    struct list_turns lists;
    struct broker_wanted wanted, again; /* again: those that are tried once more (uploads.c) */
    struct broker_heard heard;
    struct broker_damaged damaged;
    struct survey *survey; /* of the payloads, after a start; NULL: it is through (damage.c) */
    struct broker_cuts cuts;
    struct facts_counters counters;
    uint64_t second_ms;                /* when the work of each second is due */
    uint64_t heal_ms, heal_wait_ms;    /* when a store that is full is tried again (0: not known), and the last pause */
    uint64_t healed_ms;                /* when that last went well; 0: never */
    struct broker_note full, short_of; /* of connections, of descriptors */
    bool disk_low, store_failed, stopping;
    bool not_ours; /* another may have the store: nothing more is said (broker_ours) */
    struct broker_standby standby;
    bool mark_failed;     /* the store's watermark, as told last */
    int signals;          /* descriptor */
    struct notify notify; /* the service manager (loop.c) */

    /* what waits for the disk (durable.c) */
    struct disk_jobs *files;     /* threads that hash, write and publish payload files */
    struct disk_jobs *far_files; /* those that put them into a bucket; NULL: there is none */
    int wake;                    /* eventfd: they, or the store, have finished something */
    struct broker_commits commits;
    uint64_t promised; /* the last commit that replies must wait for */
    struct outbox outbox;
    struct outbox offers; /* what waits until the commit outlives this process, which is sooner */
    bool waits_long; /* the replies that wait for one peer nearly fill its queue: the loop must wait for the disk */

    uint8_t buffer[WIRE_HEAD_BYTES + WIRE_BODY_MAX]; /* of the message that is being encoded */
};

/** Reads the clocks into b; says so when the wall clock was set meanwhile. */
void broker_clocks_read(struct broker *b);
/** The broker's clock at this moment; b->now_ms is what it was when the turn began. */
uint64_t broker_clock_ms(const struct broker *b);
/** At the start, when the store is open: goes on from the clock that was saved. PV_STORE. */
pv_status broker_clock_begin(struct broker *b);
/** Saves the clock with the open transaction, if it is older than that many milliseconds. A failure is the store's. */
void broker_clock_save(struct broker *b, uint64_t older_ms);
/** The name by which the core knows the peer's principal: that of its key, "unknown" when the key is not authorised any more,
 *  "local" without keys. Borrowed until keys are read again. */
const char *broker_principal(const struct broker *b, const struct peer *peer);
/** Whether this process may still speak for its store. False stays until it stands by, and has taken the store over anew. */
bool broker_ours(struct broker *b);
/** Why no tasks are accepted, or NULL: they are. Borrowed until the next call on the store. */
const char *broker_not_ready(const struct broker *b);
/** The settings of a queue, or NULL: it is not configured. */
const struct config_queue *broker_queue(const struct broker *b, const char *name);
/** Ends the peer at the start of the next batch. */
void broker_peer_cut(struct broker *b, uint64_t handle);
/** The figures for status and metrics, now. Asks the store and the file system. */
void broker_facts(const struct broker *b, struct facts *f);

#endif
