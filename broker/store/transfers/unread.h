/** What a peer was sent and has not read: bytes of frames that wait in the socket's queue, counted for the peer and for its
 *  principal from the moment they are allocated until the socket frees them.
 *
 *      unread_frame --> sent, or waiting to be sent --> unread_frame_free, on a thread of the socket's
 *
 *  The socket frees what it has written to the connection, and everything that is left when the connection ends. That may
 *  be after the peer was forgotten here, so a counter lives until its last frame is freed.
 *
 *  Whoever finds that a peer has too much unread asks to be woken once it has read: unread_watch.
 */
#ifndef PV_UNREAD_H
#define PV_UNREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Charged for each frame beside its bytes: what libzmq and malloc keep of a message. */
enum { UNREAD_FRAME_BYTES = 192 };

struct unread;
struct unread_bell;

/** wake: an eventfd that is counted up when somebody has read; duplicated. NULL: no memory, no descriptor. */
struct unread_bell *unread_bell_new(int wake);
/** Its counters may outlive it. NULL is no error. */
void unread_bell_free(struct unread_bell **bell);
/** The owner of the next counter that fell as far as was asked (unread_watch). NULL: none. */
void *unread_bell_next(struct unread_bell *bell);

/** A counter. of: that of the principal, which counts everything too; NULL: this is one. owner: for unread_bell_next. NULL:
 *  out of memory. */
struct unread *unread_open(struct unread_bell *bell, struct unread *of, void *owner);
/** The owner is gone: nothing is asked of it any more. NULL is no error. */
void unread_close(struct unread **u);

uint64_t unread_bytes(const struct unread *u);

/** Memory for a frame of so many bytes, counted. hint: for unread_frame_free, which frees it. NULL: out of memory. */
void *unread_frame(struct unread *u, size_t bytes, void **hint);
/** Of any thread; in the form of libzmq's zmq_free_fn. */
void unread_frame_free(void *data, void *hint);

/** The same for a frame whose bytes are somebody else's: counts them. back(what) is called when they are no longer needed, of any thread. The
 *  hint for unread_lent_free; NULL: out of memory, and back is not called. */
void *unread_lent(struct unread *u, size_t bytes, void (*back)(void *what), void *what);
void unread_lent_free(void *data, void *hint);

/** The bell rings once, when no more than `most` bytes are unread; at once if that is so already. Of two that are asked for,
 *  the larger `most` holds. */
void unread_watch(struct unread *u, uint64_t most);

#endif
