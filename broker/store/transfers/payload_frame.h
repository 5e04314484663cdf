/** A piece of a payload in memory, shared by whoever needs it and never changed.
 *
 *      frame_copy, or a struct around one whose memory is somebody else's --> held and let go, on any thread --> freed by the last
 */
#ifndef PV_PAYLOAD_FRAME_H
#define PV_PAYLOAD_FRAME_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct frame {
    const uint8_t *bytes;
    size_t n;
    uint64_t at;                      /* its offset in the payload */
    atomic_uint refs;                 /* 1 at first: the maker's */
    void (*free)(struct frame *self); /* of any thread */
};

/** One with memory of its own. NULL: out of memory. */
struct frame *frame_copy(const void *bytes, size_t n);

struct frame *frame_hold(struct frame *f);
/** *f is NULL afterwards; NULL is no error. */
void frame_release(struct frame **f);

#endif
