/** Payload files that lie in a store of objects which all brokers of a fleet reach (objects/bucket.h). The folder "files" of struct blobs
 *  is a cache of it then: what is in it was put far away before, and may go at any moment.
 *
 *  The order is: write, put far away, rename. Only then may a row that names it commit. A payload that is not in the cache is fetched by a
 *  thread, and the loop hears when it is there.
 */
#ifndef PV_BLOBS_FAR_H
#define PV_BLOBS_FAR_H

#include "blobs.h"

#include "ids.h"
#include "status.h"

#include <stdbool.h>
#include <stdint.h>

struct blobs_far {
    const struct blobs_far_calls *calls;
};

/** What such a store answers. */
struct blobs_far_calls {
    /* On any thread but the loop's: these wait.
     *  PV_UNREACHABLE: it could not be had, and may be later; the call has waited a little.  PV_CANCELLED: stop was said. */

    /** PV_DISK_FULL, PV_TOO_LARGE, PV_HASH_MISMATCH, PV_IO (our file). */
    pv_status (*put)(struct blobs_far *f, int fd, uint64_t length, wire_hash hash);
    /** Into the cache. PV_GONE: it is not there. PV_HASH_MISMATCH: it has other bytes. */
    pv_status (*bring)(struct blobs_far *f, wire_hash hash, uint64_t length);
    /** PV_GONE. One that is in the cache alone is put there again. */
    pv_status (*look)(struct blobs_far *f, wire_hash hash, uint64_t length);

    /* Of the loop: these do not wait. */

    /** Begins to bring it, unless that is under way. */
    void (*fetch)(struct blobs_far *f, wire_hash hash, uint64_t length);
    /** The next that has ended; *status as of bring. False: none. */
    bool (*fetched)(struct blobs_far *f, wire_hash *hash, pv_status *status);
    /** Deletes it there, later, while this broker has the store. A put of the same name that begins meanwhile comes first. */
    void (*remove)(struct blobs_far *f, wire_hash hash);
    /** Calls under way end soon, and later ones are cancelled. */
    void (*stop)(struct blobs_far *f);
    /** Why it cannot be used now; NULL: it can, as far as is known. Lent until the next call. */
    const char *(*ill)(struct blobs_far *f);

    /* Of any thread: the cache has it; it was read; it has it no more. */
    void (*kept)(struct blobs_far *f, wire_hash hash, uint64_t length);
    void (*used)(struct blobs_far *f, wire_hash hash);
    void (*dropped)(struct blobs_far *f, wire_hash hash);
};

/* Each of these also does for a folder that is no cache. */

/** blobs_there, but that what is not in a cache counts as there: it shows when it is fetched. Does not wait. */
pv_status blobs_trusted(const struct blobs *b, wire_hash hash, uint64_t length);
/** Whether it has to be fetched first. */
bool blobs_away(const struct blobs *b, wire_hash hash, uint64_t length);
/** blobs_there, but that the far store is asked. PV_IO: it could not be. Waits. */
pv_status blobs_look(const struct blobs *b, wire_hash hash, uint64_t length);
/** Makes sure that blobs_read finds it. PV_GONE, PV_HASH_MISMATCH, PV_IO. Waits. */
pv_status blobs_bring(const struct blobs *b, wire_hash hash, uint64_t length);
/** Begins to fetch. False: there is nowhere to fetch it from. */
bool blobs_fetch(const struct blobs *b, wire_hash hash, uint64_t length);
bool blobs_fetched(const struct blobs *b, wire_hash *hash, pv_status *status);
/** The file in the cache is damaged: it goes. False: the folder is no cache. */
bool blobs_distrust(const struct blobs *b, wire_hash hash);
void blobs_far_stop(const struct blobs *b);
const char *blobs_far_ill(const struct blobs *b);

#endif
