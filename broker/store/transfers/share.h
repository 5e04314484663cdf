/** The accounts of peers and of their principals: what each of them makes the broker hold, counted before it is held.
 *
 *      shares --- principal's share --- peer's share --- downloads (download.h)
 *                        |
 *                     uploads (upload.h): they outlive a connection, so the principal alone is charged
 *
 *  A peer's share lives as long as its connection, and a principal's as long as one of its peers or uploads.
 */
#ifndef PV_SHARE_H
#define PV_SHARE_H

#include "ids.h"

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
    LIST_ENTRY(share) known;          /* of a principal */
};

/** Zero-initialised: none. */
struct shares {
    LIST_HEAD(, share) principals;
};

/** A share for a new connection. NULL: out of memory. */
struct share *share_open(struct shares *s, const char *principal, uint64_t peer);
/** The connection is gone, and its downloads have ended. NULL is no error. */
void share_close(struct shares *s, struct share **share);

/** The share of a principal, held until share_release. NULL: out of memory. */
struct share *share_hold(struct shares *s, const char *principal);
void share_release(struct shares *s, struct share *principal);

#endif
