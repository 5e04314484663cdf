/** Payloads on their way in and out in chunks: who may send how much of what, and from which offset on.
 *
 *  Every byte is asked for by its receiver: CREDIT{offset, bytes}. For an upload this table grants credit, a window
 *  at a time, and writes the chunks to a file. For a download the peer grants credit, and transfers_pump sends at
 *  most one chunk of each download a turn, so that a heartbeat never waits behind more than a window. A transfer that
 *  was cut goes on where it was: an upload is kept when its peer goes, and whoever announces the same payload for the
 *  same task takes it over.
 *
 *  No socket and no message here: callbacks send. A file that is whole is synced and named beside the loop
 *  (disk_jobs.h).
 */
#ifndef PV_TRANSFERS_H
#define PV_TRANSFERS_H

#include "blobs.h"
#include "disk_jobs.h"
#include "fields.h"
#include "ids.h"
#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Which payload: an input or a result, of which task, and for or from which attempt ({0, 0}: none, a client's). */
struct transfer_key {
    enum wire_kind kind;
    wire_id task;
    wire_token token;
};

/** What was announced with a result and is needed again when the upload ends. */
struct upload_note {
    wire_hash input; /* the input that the result is for */
    uint64_t measured_ms;
    bool live; /* its token was that of the bringer's running attempt */
};

struct upload {
    struct transfer_key key;
    uint64_t peer;                 /* handle; 0 while nobody sends */
    char owner[WIRE_NAME_MAX + 1]; /* the principal it is counted for */
    wire_hash sha256;
    uint64_t length;         /* announced */
    uint64_t granted;        /* offset up to which credit was given */
    uint64_t asked_again_at; /* 1 + the offset at which a misplaced chunk was last answered */
    uint64_t heard_ms;
    struct upload_note note;
    struct blob_writer writer;
    struct disk_job publish;
    bool publishing; /* whole, and being synced and named */
    bool unwanted;   /* dropped while publishing */
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
    uint64_t window, chunk_max;
    uint64_t uploads_max;  /* bytes announced by all uploads together */
    uint64_t abandoned_ms; /* an upload that gets no chunk for this long is dropped */
    /** Sends CREDIT to a peer. */
    void (*credit)(void *context, uint64_t peer, const struct transfer_key *key, uint64_t offset, uint64_t bytes);
    /** Sends one chunk: so many bytes of d->fd from d->at on. False: the peer cannot take it, now or for good. */
    bool (*chunk)(void *context, const struct download *d, size_t bytes);
    void *context;
    struct disk_jobs *disk; /* borrowed, and used for nothing else; NULL: upload_chunk itself waits for the disk */
};

struct transfers;

/** blobs is borrowed until transfers_destroy. PV_NO_MEMORY. */
pv_status transfers_new(struct transfers **t, struct blobs *blobs, const struct transfers_config *config);
/** Waits for files that are being published. */
void transfers_destroy(struct transfers **t);

/** Starts an upload of owner's that was admitted, or goes on with the one that is there, and grants its first credit.
 *  An upload of other content under the same key is dropped. PV_BUSY: uploads_max reached. PV_DISK_FULL, PV_IO,
 *  PV_NO_MEMORY. */
pv_status upload_start(struct transfers *t, const struct transfer_key *key, uint64_t peer, const char *owner,
                       uint64_t length, wire_hash sha256, const struct upload_note *note, uint64_t now_ms);

/** How many inputs of this owner are on their way. Counts no further than most. */
uint64_t uploads_of(const struct transfers *t, const char *owner, uint64_t most);

enum upload_step {
    UPLOAD_MORE,     /* more chunks are expected, or publishing goes on in the background (transfers_published) */
    UPLOAD_COMPLETE, /* the file is synced and has its name */
    UPLOAD_FAILED,   /* *status: PV_HASH_MISMATCH, PV_DISK_FULL, PV_IO, PV_STORE */
    UPLOAD_UNKNOWN,  /* nobody expects this */
};

/** A chunk from a peer. COMPLETE and FAILED end the upload: *done is a copy of its entry, which is gone. UNKNOWN: no
 *  such upload is expected from this peer. A chunk at another offset than the next one is dropped, and credit is
 *  granted again from the right offset. */
enum upload_step upload_chunk(struct transfers *t, const struct transfer_key *key, uint64_t peer, uint64_t offset,
                              const void *data, size_t bytes, uint64_t now_ms, struct upload *done, pv_status *status);

/** The next upload that was published in the background. *done, *step and *status are those of upload_chunk, except
 *  UNKNOWN: the upload was dropped meanwhile, and no task will name its file. False: none. */
bool transfers_published(struct transfers *t, struct upload *done, enum upload_step *step, pv_status *status);

/** Drops an upload. None there is no error. */
void upload_drop(struct transfers *t, const struct transfer_key *key);

/** Lets a peer have a payload once it grants credit. A second call for the same payload starts anew at the offset of
 *  the next credit. PV_NO_MEMORY. */
pv_status download_allow(struct transfers *t, const struct transfer_key *key, uint64_t peer, uint64_t length,
                         wire_hash sha256);
/** Credit from a peer. PV_NOT_FOUND: nothing was allowed. PV_GONE: the file is not there any more. PV_BAD_MESSAGE:
 *  the offset is beyond the end. PV_BUSY: started over too often. */
pv_status download_credit(struct transfers *t, const struct transfer_key *key, uint64_t peer, uint64_t offset,
                          uint64_t bytes);
/** Ends a download. None there is no error. */
void download_drop(struct transfers *t, const struct transfer_key *key, uint64_t peer);

/** Sends up to one chunk of each download that has credit, and stops after budget bytes. True: more could be sent at
 *  once. */
bool transfers_pump(struct transfers *t, uint64_t budget);

/** A peer's connection is gone: its downloads end, its uploads wait for another peer. */
void transfers_peer_gone(struct transfers *t, uint64_t peer, uint64_t now_ms);
/** Drops uploads that got no chunk for abandoned_ms, and calls dropped (if not NULL) for each. Returns when the next
 *  one is due; UINT64_MAX: none. */
uint64_t transfers_expire(struct transfers *t, uint64_t now_ms, void (*dropped)(void *context, const struct upload *u));

/** Changes uploads_max for uploads to come; those under way go on. */
void transfers_limit(struct transfers *t, uint64_t uploads_max);

struct transfers_stats {
    uint64_t uploads, publishing; /* publishing: of the uploads */
    uint64_t downloads, upload_bytes_reserved, bytes_in, bytes_out;
};
struct transfers_stats transfers_read_stats(const struct transfers *t);

#endif
