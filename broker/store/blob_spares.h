/** Payload files that nobody needs any more, kept for the next payloads to be written over: their blocks are found, their pages in memory.
 *
 *      removed --> spare (in "incoming", under a number) --> written over, synced and named, as a new file is
 *                       |
 *                       +--> gone: SPARE_MS old, room is needed, the disk is low, a start
 *
 *  A payload of 1 MiB in a new file, removed later, is 0.65 to 0.9 ms of processor time, and 0.35 to 0.4 in a spare one (RESULTS.md).
 *
 *  A file is written over only if it has one name and nobody has it open, in any process: the system is asked for a write lease
 *  (fcntl(2), F_SETLEASE), which it gives for no other. So a download goes on to read what it had, and so does a backup. After a power cut the old
 *  name may be there again, with other bytes: its rows had gone for good before, and the start's sweep removes it.
 */
#ifndef PV_BLOB_SPARES_H
#define PV_BLOB_SPARES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SPARES_MOST = 64,
    SPARES_MOST_BYTES = 64 << 20,
    SPARES_FRACTION = 64, /* nor more than this part of what is free on the disk */
    SPARE_MS = 60000,
};

struct blob_spare {
    uint64_t serial, bytes, since_ms;
};

/** Zero-initialised: keeps none. */
struct blob_spares {
    struct blob_spare at[SPARES_MOST]; /* the oldest first */
    size_t n;
    uint64_t bytes;
    uint64_t most_bytes; /* 0: none is kept */
    uint64_t now_ms;     /* of the last blob_spares_expire */
};

/** Takes a file out of its folder, for later, under the name of that number. False: it is still there, and to be removed. */
bool blob_spare_put(struct blob_spares *s, int folder, const char *name, int incoming, uint64_t serial);
/** A file to write so many bytes over, open, no longer than that, and its number. Below 0: there is none. */
int blob_spare_take(struct blob_spares *s, int incoming, uint64_t length, uint64_t *serial);
/** Removes those that are SPARE_MS old, or (disk_low) all. */
void blob_spares_expire(struct blob_spares *s, int incoming, uint64_t now_ms, bool disk_low);

#endif
