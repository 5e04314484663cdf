/** The accounts of peers and of their principals: what each of them makes the broker hold, counted before it is held.
 *
 *      shares --- principal's share --- peer's share --- downloads (download.h)
 *                        |                    |
 *                        +--------------------+--- unread (unread.h): what was sent and has not left the process
 *                        |
 *                     uploads (upload.h): they outlive a connection, so the principal alone is charged
 *
 *  A peer's share lives as long as its connection, and a principal's as long as one of its peers or uploads.
 */
#ifndef PV_SHARE_H
#define PV_SHARE_H

#include "ids.h"
#include "status.h"
#include "unread.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct download;

struct share {
    struct share *of;             /* the principal's; NULL: this is one */
    char name[WIRE_NAME_MAX + 1]; /* of the principal */
    uint64_t peer;                /* handle; 0 in a principal's */
    uint64_t refs;                /* of a principal's: its peers and uploads */
    uint64_t downloads_n;
    TAILQ_HEAD(, download) downloads; /* of a peer: all of them */
    TAILQ_HEAD(, download) line;      /* of a peer: those that have credit, the next to serve first */
    TAILQ_HEAD(, share) peers;        /* of a principal: those of its peers whose line is not empty */
    TAILQ_ENTRY(share) turn;          /* in its principal's peers, or among the principals that have such peers */
    bool waiting;                     /* it is in that list */
    TAILQ_HEAD(, share) held_peers;   /* of a principal: those of its peers that have to read first */
    TAILQ_ENTRY(share) held_turn;     /* in that list */
    bool held;                        /* it is in that list */
    struct unread *unread;
    uint64_t coming[2];      /* of a principal: bytes announced by its uploads, of inputs and of results */
    uint64_t left;           /* of a principal: results on their way whose peer is gone (upload.c) */
    LIST_ENTRY(share) known; /* of a principal */
};

struct shares {
    LIST_HEAD(, share) principals;
    struct unread_bell *bell;
    uint64_t unread_max; /* of a peer, in bytes: config.h's window */
};

/* What all peers of a principal may have unread together, in the unread_max of a peer; and above that, with one message for
 * each peer that has read everything, so that those that read are not stopped by those that do not. */
enum { SHARE_PRINCIPAL = 16, SHARE_PRINCIPAL_MOST = 64 };

/** wake: an eventfd that is counted up when a peer has read (shares_rung). PV_NO_MEMORY. */
pv_status shares_init(struct shares *s, int wake, uint64_t unread_max);
/** No share is left. */
void shares_clear(struct shares *s);

/** A share for a new connection. NULL: out of memory. */
struct share *share_open(struct shares *s, const char *principal, uint64_t peer);
/** The connection is gone, and its downloads have ended. NULL is no error. */
void share_close(struct shares *s, struct share **share);

/** That of a principal. NULL: it has none. */
struct share *share_find(const struct shares *s, const char *principal);
/** The share of a principal, held until share_release. NULL: out of memory. */
struct share *share_hold(struct shares *s, const char *principal);
void share_release(struct shares *s, struct share *principal);

/** Whether the peer may be sent so much more before it reads. It may if it has nothing unread, whatever the others of its
 *  principal have, up to SHARE_PRINCIPAL_MOST. */
bool share_may_send(const struct shares *s, const struct share *peer, uint64_t bytes);
/** Asks for shares_rung when it may be sent so much again. */
void share_watch(const struct shares *s, struct share *peer, uint64_t bytes);
/** A peer or a principal that may have read enough. NULL: none, until the eventfd tells. */
struct share *shares_rung(struct shares *s);
/** Whether the peer has as much unread as it may. */
bool share_is_full(const struct shares *s, const struct share *peer);

#endif
