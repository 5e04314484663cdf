/** Payloads on their way in, in chunks: who may send how much of what, and from which offset on.
 *
 *  Every byte is asked for: this table grants credit, CREDIT{offset, bytes}, a window at a time, and writes the chunks
 *  to a file. An upload that was cut goes on where it was: it is kept when its peer goes, and whoever announces the same
 *  payload for the same task takes it over.
 *
 *  uploads_max is shared out before a byte is held. A quarter of it is for results alone. Of the rest, as of the results'
 *  part, a principal may hold as much as is free afterwards: alone it has half, of n each has one part in n + 1, and who
 *  holds nothing may always begin with one payload, if that fits at all. While somebody is refused, an upload that takes
 *  less than UPLOAD_SLOW_BYTES in UPLOAD_SLOW_MS makes room.
 *
 *  No socket and no message here: a callback sends. Bytes are hashed and written beside the loop, in step with their arrival, and a
 *  file that is whole is synced and named there (feed.h, disk_jobs.h). Credit is given for what is written: what came and is not written
 *  is a window at most.
 */
#ifndef PV_UPLOAD_H
#define PV_UPLOAD_H

#include "blobs.h"
#include "disk_jobs.h"
#include "feed.h"
#include "kept.h"
#include "share.h"
#include "status.h"
#include "transfer_key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    UPLOAD_LEFT_MOST =
        256, /* results of one principal that wait for their prover to come back: above, the oldest goes */
    UPLOAD_SLOW_MS = 30000, /* 16 KiB/s: a slow telephone line's */
    UPLOAD_SLOW_BYTES = UPLOAD_SLOW_MS / 1000 * 16 * 1024
};

/** What was announced with a result and is needed again when the upload ends. */
struct upload_note {
    wire_hash input; /* the input that the result is for */
    uint64_t measured_ms;
    bool live; /* its token was that of the bringer's running attempt */
};

struct upload {
    struct transfer_key key;
    uint64_t peer;       /* handle; 0 while nobody sends */
    struct share *owner; /* the principal it is counted for */
    wire_hash sha256;
    uint64_t length;         /* announced */
    uint64_t granted;        /* offset up to which credit was given */
    uint64_t asked_again_at; /* 1 + the offset at which a misplaced chunk was last answered */
    uint64_t heard_ms;
    uint64_t paced_ms, paced_at; /* when its pace was last looked at, and how far it was */
    struct upload_note note;
    struct feed feed;
    uint64_t waiting; /* feed_waiting as it is counted */
    bool left;        /* a result whose peer is gone */
    bool away;        /* the job that is out puts it far away */
    bool publishing;  /* it waits for no peer any more: all of it has come, or it has failed */
    bool unwanted;    /* dropped while a job of its feed was out, or in the line of the ended */
    struct upload *next, *older, *newer;
    struct upload *ended_next; /* in the line for uploads_published */
    pv_status ended;           /* how */
};

struct uploads_config {
    uint64_t window;
    uint64_t uploads_max;  /* bytes announced by all uploads together */
    struct shares *shares; /* borrowed */
    uint64_t abandoned_ms; /* an upload that gets no chunk for this long is dropped */
    /** Sends CREDIT to a peer. */
    void (*credit)(void *context, uint64_t peer, const struct transfer_key *key, uint64_t offset, uint64_t bytes);
    void *context;
    struct disk_jobs
        *disk; /* borrowed, and used for nothing else; NULL: upload_chunk itself hashes and waits for the disk */
    struct kept *kept; /* borrowed; where what comes stays for whoever is sent it next; NULL: nowhere */
    struct disk_jobs
        *far; /* the same, for files that are put far away (blobs_far.h): that may take long. NULL: none are */
};

struct uploads;

/** blobs is borrowed until uploads_destroy. PV_NO_MEMORY. */
pv_status uploads_new(struct uploads **t, struct blobs *blobs, const struct uploads_config *config);
/** Waits for what goes on in the background. */
void uploads_destroy(struct uploads **at);

/** Whether the principal may begin one of so many bytes now. False counts as refused. */
bool uploads_admit(struct uploads *t, enum wire_kind kind, const char *owner, uint64_t length, uint64_t now_ms);

/** Starts an upload of owner's that was admitted, or goes on with the one that is there, and grants its first credit.
 *  An upload of other content under the same key is dropped. PV_BUSY: not admitted. PV_DISK_FULL, PV_IO,
 *  PV_NO_MEMORY. */
pv_status upload_start(struct uploads *t, const struct transfer_key *key, uint64_t peer, const char *owner,
                       uint64_t length, wire_hash sha256, const struct upload_note *note, uint64_t now_ms);

/** How many inputs of this owner are on their way. Counts no further than most. */
uint64_t uploads_of(const struct uploads *t, const char *owner, uint64_t most);

enum upload_step {
    UPLOAD_MORE,     /* more chunks are expected, or publishing goes on in the background (uploads_published) */
    UPLOAD_COMPLETE, /* the file is synced and has its name */
    UPLOAD_FAILED,   /* *status: PV_HASH_MISMATCH, PV_DISK_FULL, PV_IO, PV_STORE */
    UPLOAD_UNKNOWN,  /* nobody expects this */
};

/** A piece that came. */
struct upload_piece {
    uint64_t offset;
    const void *data; /* borrowed for the call */
    size_t bytes;
    struct frame *frame; /* the same bytes in memory that may be kept, taken in any case; NULL: they are copied */
};

/** A chunk from a peer. COMPLETE and FAILED end the upload: *done is a copy of its entry, which is gone. UNKNOWN: no
 *  such upload is expected from this peer. A chunk at another offset than the next one, or beyond what credit was given for, is
 *  dropped, and credit is granted again from the right offset. */
enum upload_step upload_chunk(struct uploads *t, const struct transfer_key *key, uint64_t peer,
                              const struct upload_piece *piece, uint64_t now_ms, struct upload *done,
                              pv_status *status);

/** The next upload that ended in the background. *done, *step and *status are those of upload_chunk, except
 *  UNKNOWN: the upload was dropped meanwhile, and no task will name its file. False: none. */
bool uploads_published(struct uploads *t, struct upload *done, enum upload_step *step, pv_status *status);
/** Waits until everything that has come is hashed and written, and what is whole is published: uploads_published has all of it. Not for
 *  what is on its way far away. */
void uploads_drain(struct uploads *t);

/** Drops an upload. None there is no error. */
void upload_drop(struct uploads *t, const struct transfer_key *key);

/** A peer's connection is gone: its uploads wait for another peer. Each holds a descriptor and a file, so of a principal's results
 *  no more than UPLOAD_LEFT_MOST wait: the oldest is dropped, and begins anew when it is announced again. */
void uploads_peer_gone(struct uploads *t, uint64_t peer);
/** Drops uploads that got no chunk for abandoned_ms, and slow ones while somebody is refused, and calls dropped (if not
 *  NULL) for each. Returns when the next one is due to be abandoned; UINT64_MAX: none. */
uint64_t uploads_expire(struct uploads *t, uint64_t now_ms, void (*dropped)(void *context, const struct upload *u));

/** Changes uploads_max for uploads to come; those under way go on. */
void uploads_limit(struct uploads *t, uint64_t uploads_max);

struct uploads_stats {
    uint64_t uploads, publishing; /* publishing: of the uploads */
    uint64_t bytes_reserved, bytes_in;
    uint64_t bytes_waiting; /* that came and wait in memory to be written */
    uint64_t refused, slow; /* for want of room; dropped for being slow */
    uint64_t left_dropped;  /* results whose prover was gone and that made room */
};
struct uploads_stats uploads_read_stats(const struct uploads *t);

#endif
