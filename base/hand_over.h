/** What one thread passes to another through a socket of libzmq: its queues order memory, which the thread sanitizer does not
 *  see, because libzmq is not built for it. It is told, and so watches what is done to the thing outside of one's turn. */
#ifndef PV_HAND_OVER_H
#define PV_HAND_OVER_H

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
/** Before the send: from here on it is the other thread's. */
#define HAND_OVER(thing) __tsan_release(thing)
/** After the receive. */
#define TAKE_OVER(thing) __tsan_acquire(thing)
#else
#define HAND_OVER(thing) ((void)(thing))
#define TAKE_OVER(thing) ((void)(thing))
#endif

#endif
