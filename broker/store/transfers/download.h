/** Payloads on their way out in chunks: who may be sent how much of what, from which offset on, and until when.
 *
 *  The peer grants credit, CREDIT{offset, bytes}, and downloads_pump sends a chunk at a time: the principals in turn,
 *  the peers of a principal in turn, the downloads of a peer in turn. So a heartbeat never waits behind more than a
 *  window, and who asks for much waits longer, not the others.
 *
 *      download_allow --> allowed --credit--> sending --the credit is used up--> allowed
 *                            |                   |
 *                            +-------------------+--> gone, with its cause: download_end (the attempt or the task is over,
 *                                                     the peer has acknowledged), download_started and whole, the peer's end
 *
 *  A peer that has not read what it was sent (unread.h) is not served until it has: its window is one for all its
 *  downloads.
 *
 *  What goes out is hashed on its way (R20). The bytes that would make it whole are held back when the digest is not
 *  what it should be, so that nothing damaged is ever complete; a receiver that begins in the middle waits until the
 *  bytes before have been hashed, a piece a turn.
 *
 *  What has just come is sent from memory, once (kept.h): each credit asks whether its file is still the one that was written, and the
 *  bytes were hashed when they came.
 *
 *  A download has its file open only while it sends, and a peer that sends several has one open: what is deleted takes
 *  no room on the disk because somebody is connected.
 *
 *  No socket and no message here: a callback sends.
 */
#ifndef PV_DOWNLOAD_H
#define PV_DOWNLOAD_H

#include "blobs.h"
#include "kept.h"
#include "sha256.h"
#include "share.h"
#include "status.h"
#include "transfer_key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct download {
    struct transfer_key key;
    struct share *share; /* of the peer that receives */
    uint64_t row;        /* of its task */
    wire_hash sha256;
    uint64_t length, at, credit_end;
    uint64_t asked_end; /* where the last credit would have ended without our own bounds */
    int fd;             /* -1: not open */
    uint64_t kept;      /* its number, if the last credit found it in memory and its file as it was; 0: not */
    const struct kept_payload *memory; /* while a chunk is sent from there: borrowed */
    unsigned restarts;
    struct sha256 digest; /* of the bytes before `hashed`; cleared: of none */
    uint64_t hashed;
    bool started;  /* the attempt has begun: it ends when it is whole */
    bool sending;  /* in its share's line */
    bool fetching; /* its file is on the way here: whoever has its turn leaves the line */
    bool doubted;  /* its file here was damaged, and has been fetched anew */
    struct download *next;
    TAILQ_ENTRY(download) of_peer, in_line, of_fetching;
};

struct downloads_config {
    uint64_t window, chunk_max;
    struct shares *shares; /* borrowed */
    struct kept *kept;     /* borrowed; NULL: nothing is sent from memory */
    /** A descriptor from which it can be read; below 0: errno, EINPROGRESS where it is being fetched (downloads_fetched). NULL: that of
     *  its file. */
    int (*open)(void *context, const struct download *d);
    /** Sends one chunk: so many bytes from d->at on, of d->memory, or, if that is NULL, of d->fd after download_digest. PV_GONE, PV_HASH_MISMATCH: the file is
     *  damaged. Anything else but PV_OK: the peer cannot take it, or the disk not give it, now or for good. */
    pv_status (*chunk)(void *context, struct download *d, size_t bytes);
    /** Its file is damaged. True: it can be fetched anew, and is opened again. NULL: it cannot. */
    bool (*doubt)(void *context, const struct download *d);
    /** Its file is missing or cut (PV_GONE) or changed (PV_HASH_MISMATCH). */
    void (*damaged)(void *context, const struct download *d, pv_status why);
    void *context;
};

struct downloads;

/** blobs is borrowed until downloads_destroy. PV_NO_MEMORY. */
pv_status downloads_new(struct downloads **t, struct blobs *blobs, const struct downloads_config *config);
void downloads_destroy(struct downloads **downloads);

/** Lets a peer have a payload once it grants credit. A second call for the same payload starts anew at the offset of
 *  the next credit. PV_NO_MEMORY. */
pv_status download_allow(struct downloads *t, const struct transfer_key *key, struct share *share, uint64_t row,
                         uint64_t length, wire_hash sha256);
/** Whether the peer may have it already, or has begun. */
bool download_allowed(struct downloads *t, const struct transfer_key *key, const struct share *share);
/** Credit from a peer. PV_NOT_FOUND: nothing is allowed, or no longer. PV_GONE: the file is not there any more.
 *  PV_BAD_MESSAGE: the offset is beyond the end. PV_BUSY: started over too often. */
pv_status download_credit(struct downloads *t, const struct transfer_key *key, struct share *share, uint64_t offset,
                          uint64_t bytes);

/** The bytes that are to be sent next, from d->at on. PV_HASH_MISMATCH: with them it would be whole, and is not what it
 *  should be: they must not be sent. PV_NO_MEMORY, PV_INTERNAL. */
pv_status download_digest(struct download *d, const void *bytes, size_t n);

/** Its attempt has begun: a receiver that begins has the payload. */
void download_started(struct downloads *t, const struct transfer_key *key);
/** Ends the download of one peer, or (share NULL) those of all. None there is no error. */
void download_end(struct downloads *t, const struct transfer_key *key, const struct share *share);
/** A peer's connection is gone: its downloads end. */
void downloads_peer_gone(struct downloads *t, struct share *share);

/** Sends chunks, at most about one for each peer and no more than budget bytes. True: more could be sent at once.
 *  What no descriptor is left for waits, and is sent when there is one again. */
bool downloads_pump(struct downloads *t, uint64_t budget);

/** A file has been fetched: PV_OK; it is lost: PV_GONE, PV_HASH_MISMATCH; anything else: it is tried again where it is wanted, unless that
 *  is PV_CANCELLED. */
void downloads_fetched(struct downloads *t, wire_hash sha256, pv_status status);

struct downloads_stats {
    uint64_t downloads, bytes_out;
};
struct downloads_stats downloads_read_stats(const struct downloads *t);

#endif
