/** Payloads on their way in and out in chunks: who may send how much of what, and from where on.
 *
 *  Every byte is asked for by its receiver: CREDIT{offset, bytes}. In: this table grants the credit, a window at a
 *  time, and writes what comes to a file. Out: the peer grants it, and transfers_pump sends at most one chunk of each
 *  transfer a turn, so that a heartbeat never waits behind more than the window. A transfer that was cut goes on
 *  where it was: an upload is kept when its peer goes, and whoever announces the same payload for the same task takes
 *  it over. No socket and no message here: three callbacks speak. A file that is whole is synced and named beside the
 *  loop (disk_jobs.h).
 */
#ifndef PV_TRANSFERS_H
#define PV_TRANSFERS_H

#include "blobs.h"
#include "disk_jobs.h"
#include "fields.h"

/** Which payload: of which task, for or from which attempt ({0, 0}: none, a client's). */
struct transfer_key {
    enum wire_kind kind;
    wire_id task;
    wire_token token;
};

/* What was announced with the payload and is wanted again at its end: of a result, the input it belongs to. */
struct upload_note {
    wire_hash input;
    uint64_t measured_ms;
    bool live; /* its token was that of its bringer's running attempt */
};

struct upload {
    struct transfer_key key;
    uint64_t peer;                 /* handle; 0 while nobody sends */
    char owner[WIRE_NAME_MAX + 1]; /* the principal it is counted for */
    wire_hash sha256;
    uint64_t length, granted; /* bytes announced; offset up to which credit was given */
    uint64_t asked_again_at;  /* 1 + the offset at which a misplaced chunk was last answered */
    uint64_t heard_ms;
    struct upload_note note;
    struct blob_writer writer;
    struct disk_job publish;
    bool publishing, unwanted; /* whole, and being synced; dropped meanwhile */
    struct upload *next, *older, *newer;
};

struct download {
    struct transfer_key key;
    uint64_t peer;
    wire_hash sha256;
    uint64_t length, at, credit_end;
    uint64_t asked_end; /* where the last credit would have ended without our own bounds */
    int fd;             /* -1 until the first credit */
    unsigned restarts;
    struct download *next;
    struct download *active_next, *active_before;
    bool active;
};

struct transfers_config {
    uint64_t window, chunk_max, uploads_max;
    uint64_t abandoned_ms; /* an upload nobody feeds is dropped after this */
    /** CREDIT to a peer. */
    void (*credit)(void *context, uint64_t peer, const struct transfer_key *key, uint64_t offset, uint64_t bytes);
    /** One chunk: bytes of d->fd from d->at on. False: the peer cannot take it now, or never again. */
    bool (*chunk)(void *context, const struct download *d, size_t bytes);
    void *context;
    struct disk_jobs *disk; /* borrowed, only for files; NULL: upload_chunk itself waits for the disk */
};

struct transfers;

pv_status transfers_new(struct transfers **t, struct blobs *blobs, const struct transfers_config *config);
void transfers_destroy(struct transfers **t);

/** Announced and admitted: start, or go on with, owner's upload and grant its first credit.
 *  PV_BUSY: uploads_max; PV_DISK_FULL, PV_IO, PV_NO_MEMORY. An upload of other content under the same key is
 *  dropped. */
pv_status upload_start(struct transfers *t, const struct transfer_key *key, uint64_t peer, const char *owner,
                       uint64_t length, wire_hash sha256, const struct upload_note *note, uint64_t now_ms);

/** How many inputs of this owner are on their way; counted up to most. */
uint64_t uploads_of(const struct transfers *t, const char *owner, uint64_t most);

enum upload_step { UPLOAD_MORE, UPLOAD_COMPLETE, UPLOAD_FAILED, UPLOAD_UNKNOWN };

/** A chunk came. MORE: that was not all, or transfers_published tells how it ended. COMPLETE: the file has its name
 *  and is synced; FAILED: *status says why (PV_HASH_MISMATCH, PV_DISK_FULL, PV_IO, PV_STORE). In both cases *done is
 *  a copy of the entry, which is gone. UNKNOWN: nothing of the kind is expected from this peer. A chunk at another
 *  offset than the next is dropped and credit granted again from the right one. */
enum upload_step upload_chunk(struct transfers *t, const struct transfer_key *key, uint64_t peer, uint64_t offset,
                              const void *data, size_t bytes, uint64_t now_ms, struct upload *done, pv_status *status);

/** An upload whose file was synced beside the loop. True: *done is a copy of the entry, which is gone, *step and
 *  *status as of upload_chunk; UPLOAD_UNKNOWN: it was dropped meanwhile and its file is nobody's. False: no more are
 *  finished. */
bool transfers_published(struct transfers *t, struct upload *done, enum upload_step *step, pv_status *status);

/** Drops an upload; none there is no error. */
void upload_drop(struct transfers *t, const struct transfer_key *key);

/** Lets peer have a payload when it grants credit. Asked again for the same: starts anew where the credit says. */
pv_status download_allow(struct transfers *t, const struct transfer_key *key, uint64_t peer, uint64_t length,
                         wire_hash sha256);
/** PV_NOT_FOUND: nothing was allowed. PV_GONE: the file is not there any more. PV_BAD_MESSAGE: beyond its end.
 *  PV_BUSY: started over too often. */
pv_status download_credit(struct transfers *t, const struct transfer_key *key, uint64_t peer, uint64_t offset,
                          uint64_t bytes);
void download_drop(struct transfers *t, const struct transfer_key *key, uint64_t peer);

/** Sends up to one chunk of each download that has credit, at most budget bytes. True: more could go at once. */
bool transfers_pump(struct transfers *t, uint64_t budget);

/** The connection is gone: downloads end, uploads wait for another. */
void transfers_peer_gone(struct transfers *t, uint64_t peer, uint64_t now_ms);
/** Drops uploads that nobody fed for abandoned_ms. dropped() is told of each. Returns when to come again. */
uint64_t transfers_expire(struct transfers *t, uint64_t now_ms, void (*dropped)(void *context, const struct upload *u));

/** Another bound for uploads to come; those under way go on. */
void transfers_limit(struct transfers *t, uint64_t uploads_max);

struct transfers_stats {
    uint64_t uploads, publishing /* of them */, downloads, upload_bytes_reserved, bytes_in, bytes_out;
};
struct transfers_stats transfers_read_stats(const struct transfers *t);

#endif
