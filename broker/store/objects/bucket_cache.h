/** Which payload files lie in the folder that is a cache of a bucket, and which of them goes first: the one that was read the longest ago.
 *  Any thread.
 *
 *  Whatever goes is in the bucket. A file that somebody reads stays readable for him when it goes.
 */
#ifndef PV_BUCKET_CACHE_H
#define PV_BUCKET_CACHE_H

#include "ids.h"
#include "status.h"

#include <stdint.h>

struct bucket_cache;

/** Takes note of what is there, the oldest first. folder: a descriptor, the caller's, open until bucket_cache_close; files of other names
 *  are removed. most: bytes that may lie in it. PV_NO_MEMORY, PV_IO. */
pv_status bucket_cache_open(struct bucket_cache **out, int folder, uint64_t most);
void bucket_cache_close(struct bucket_cache **at);

/** The folder has this file now. What is above `most` goes, but not this one. Out of memory: the file goes. */
void bucket_cache_add(struct bucket_cache *c, wire_hash hash, uint64_t bytes);
/** So many bytes are to come: as much goes as is needed. */
void bucket_cache_room(struct bucket_cache *c, uint64_t bytes);
void bucket_cache_used(struct bucket_cache *c, wire_hash hash);
/** The folder does not have it any more. */
void bucket_cache_forget(struct bucket_cache *c, wire_hash hash);

struct bucket_cache_stats {
    uint64_t files, bytes, evicted;
};
struct bucket_cache_stats bucket_cache_read_stats(struct bucket_cache *c);

#endif
