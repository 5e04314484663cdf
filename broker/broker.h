/** The daemon's inside: what loop.c turns and its neighbours share. Nobody else includes this.
 *
 *  One turn:  a bounded batch of messages, each decoded (intake.c), stepped through the core and written (carry.c) -> notices
 *  from the socket's monitor -> one commit -> the sends (carry.c, reply.c) -> a few chunks (transfers.h) -> sleep.
 *  The store syncs the commit on another thread (durable.c): words that promise wait for it in the outbox, and so does the next
 *  commit, while the messages of its batch are already read and stepped.
 */
#ifndef PV_BROKER_H
#define PV_BROKER_H

#include "auth.h"
#include "config.h"
#include "disk_jobs.h"
#include "router.h"
#include "journal.h"
#include "flood.h"
#include "http.h"
#include "loop.h"
#include "outbox.h"
#include "peers.h"
#include "sched.h"
#include "store.h"
#include "strangers.h"
#include "transfers.h"

struct listing;

/** What an event brings that the core does not see. */
struct broker_payload {
    bool complete; /* stored is here: SAVE_INPUT and SAVE_RESULT mean it */
    bool saved;    /* out: the core asked for it */
    struct store_payload stored;
    struct upload_note note; /* of a RESULT: kept with its upload until that ends */
};

/* A SHOW waits for the commit of its batch, so that nobody is told of what is not durable. */
struct broker_show {
    uint64_t peer;
    uint32_t req;
    wire_id task;
};

/* QUEUE and PROVER of the batch: the core answers DONE, the row that goes with it is made after the commit. */
struct broker_operation {
    uint64_t peer;
    uint32_t req;
    bool prover;
    enum wire_verb verb;
    char name[WIRE_NAME_MAX + 1];
    char by[WIRE_NAME_MAX + 1];
};

/* A result that was wanted and found no room. */
struct broker_wanted {
    struct sched_action action;
    struct upload_note note;
};

/** When a reply goes out. */
enum reply_when {
    REPLY_AT_ONCE,      /* answered while messages are read: keeps no order with the replies of batches */
    REPLY_IN_ORDER,     /* of a batch: behind those that wait for the same peer */
    REPLY_WHEN_DURABLE, /* of a batch whose commit is not durable yet: waits for that too, if it promises anything */
};

enum { BROKER_OPERATIONS = 16, BROKER_WANTED = 256 };

struct broker_counters {
    uint64_t messages, malformed, refused_keys, strangers, strangers_cut, sends, unreachable, cut, lag_ms_total,
        lag_ms_most, turns;
};

struct broker {
    const struct config *config; /* in force */
    const struct config *config_started;
    struct config *config_reloaded; /* NULL: not since the start */
    const struct config_args *args;
    struct store *store;
    struct sched *sched;
    struct sched_actions out;
    bool must_commit; /* a save that is not lazy is in the open transaction */
    bool must_sync;   /* and one of a queue whose commits are synced */
    bool batch_full;  /* a save of a queue with sync = always: commit and sync now */
    uint64_t batch_n; /* messages read since the last commit */
    bool waits_long;  /* so much waits for one peer that the loop had better wait for the disk */
    struct outbox outbox;
    struct disk_jobs *files; /* threads that publish payload files */
    int wake;                /* eventfd: they, or the store, have finished something */
    uint64_t promised;       /* the last commit that replies must wait for */
    struct router router;
    struct flood flood;
    struct strangers strangers;
    struct peers peers;
    struct transfers *transfers;
    struct auth_keys *keys; /* NULL: --insecure */
    zactor_t *zap;
    zcert_t *certs[ROUTER_ENDPOINTS_MAX]; /* our own keys: one for all endpoints, or one for each */
    size_t certs_n;
    uint64_t key_version;
    struct http *http;
    struct listing *listing;
    struct events *events;
    uint32_t epoch;
    uint64_t now_ms, wall_ms, started_ms;
    uint64_t disk_ms, publish_ms;
    bool disk_low, store_failed, more_chunks;
    uint64_t *cut; /* peers found unreachable while sending: their end is an event of the next batch */
    size_t cut_n, cut_cap;
    struct broker_show *shows;
    size_t shows_n;
    uint64_t lazy_ms;  /* since when lazy saves wait for a commit */
    uint64_t later_ms; /* since when the batch waits for the running sync; 0: it does not */
    struct broker_wanted wanted[BROKER_WANTED];
    size_t wanted_n;
    struct broker_operation operations[BROKER_OPERATIONS];
    size_t operations_n;
    struct broker_counters counters;
    int signals; /* descriptor */
    bool stopping;
    uint8_t buffer[WIRE_HEAD_BYTES + WIRE_BODY_MAX];
};

/* --- loop.c --- */

/** Steps the core with ev (its clocks are set here) and does at once what its actions say about store and uploads.
 *  payload: what the event brings, or NULL. An upload that cannot start is an event too, so this calls itself. */
void broker_step(struct broker *b, struct sched_event *ev, struct broker_payload *payload);
/** The peer is gone, or has to be: tells the core and forgets it. */
void broker_peer_end(struct broker *b, struct peer *peer);
/** The same, later: at the start of the next batch. */
void broker_peer_cut(struct broker *b, uint64_t handle);
/** A monitor's notice: a connection came or went. */
void broker_notice(struct broker *b, enum router_event e, int fd);
/** The name the core knows the peer's principal by. */
const char *broker_principal(const struct broker *b, const struct peer *peer);
/** What is in the way of accepting tasks, or NULL. */
const char *broker_not_ready(const struct broker *b);
pv_status broker_declare_queues(struct broker *b);
pv_status broker_declare_principals(struct broker *b);
const struct config_queue *broker_queue(const struct broker *b, const char *name);

/* --- reload.c --- */

/** HUP: reads settings and keys again. */
void broker_reload(struct broker *b);
void reload_clear(struct broker *b);

/* --- intake.c --- */

/** One message, as it came from the socket. */
void intake_message(struct broker *b, struct router_message *m);
/** A payload came to its end: status says which. */
void intake_upload_ended(struct broker *b, const struct upload *u, pv_status status);

/** Waits for the payload files that are being published, and tells the core. */
void sync_settle_files(struct broker *b);

/* --- carry.c --- */

/** Tries again to take results that found no room. */
void carry_wanted(struct broker *b);
/** Speaks: every send of the batch, in order. behind: the commit that they tell of is not durable yet. */
void carry_sends(struct broker *b, bool behind);
/** Answers the batch's SHOWs. */
void carry_shows(struct broker *b, bool behind);
/* Callbacks of the transfers. */
void carry_credit(void *context, uint64_t peer, const struct transfer_key *key, uint64_t offset, uint64_t bytes);
bool carry_chunk(void *context, const struct download *d, size_t bytes);

/* --- reply.c --- */

/** Encodes and sends, or puts it into the outbox. payload (or NULL) is taken when that went well. A peer that cannot be
 *  reached is cut. */
bool reply_send(struct broker *b, enum reply_when when, uint64_t peer, const struct wire_msg *m, zmq_msg_t *payload);
/** Sends what waited, if its peer is still there. */
void reply_word(struct broker *b, struct outbox_word *w);
/** Cuts a peer once everything is said to it. */
void reply_last(struct broker *b, uint64_t peer);
/** The same to a routing id that belongs to no peer yet. */
void reply_stranger(struct broker *b, uint32_t routing, const struct wire_msg *m);
/** ERROR, at once; req 0: none. text NULL: the status' own. */
void reply_error(struct broker *b, uint64_t peer, uint32_t req, pv_status status, const char *text);
void reply_view(struct broker *b, enum reply_when when, const struct sched_action *a, enum wire_type type);
void reply_deliver(struct broker *b, enum reply_when when, const struct sched_action *a);
void reply_offer(struct broker *b, enum reply_when when, const struct sched_action *a);
void reply_welcome(struct broker *b, enum reply_when when, const struct sched_action *a);
void reply_refuse(struct broker *b, enum reply_when when, const struct sched_action *a);

/* --- feed.c --- */

void feed_moved(struct broker *b, const struct sched_action *a);
/** what is static, text may be NULL. */
void feed_peer(struct broker *b, const struct peer *peer, const char *what);
void feed_prover(struct broker *b, const char *name, const char *what, const char *text);
void feed_operation(struct broker *b, const struct broker_operation *o);
void feed_broker(struct broker *b, const char *what, const char *text);
/** Administrators see all; others what is of their principal, and what is of everybody. */
bool feed_visible(const struct broker *b, const struct peer *peer, const struct event *e);

/* --- listing.c --- */

pv_status listing_new(struct listing **l);
void listing_destroy(struct listing **l);
/** Answers LIST. */
void listing_answer(struct broker *b, const struct peer *peer, const struct wire_msg *m);
/** Answers QUEUE and PROVER: the row of what was operated. */
void listing_queue(struct broker *b, enum reply_when when, uint64_t peer, uint32_t req, const char *name);
void listing_prover(struct broker *b, enum reply_when when, uint64_t peer, uint32_t req, const char *name);

/* --- metrics.c --- */

void metrics_publish(struct broker *b);

/* --- shared by two files since the functions moved --- */
void upload_admit(struct broker *b, const struct sched_action *a, enum wire_kind kind, struct upload_note note);
bool connection_counts(struct broker *b, struct peer *peer);
bool key_stands(struct broker *b, struct peer *peer, const char *user);
struct peer *peer_new(struct broker *b, uint32_t routing, const struct router_message *m);
bool room_for(struct broker *b, const struct wire_msg *m);
bool uploads_left(struct broker *b, const struct peer *peer, const struct wire_msg *m);
void clocks_read(struct broker *b);
void cuts_take(struct broker *b);
void flood_stop(struct broker *b);
void notices_read(struct broker *b);
void strangers_cut(struct broker *b);
void upload_forgotten(void *context, const struct upload *u);
void files_collect(struct broker *b);

#endif
