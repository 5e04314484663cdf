/** Tells the thread sanitizer about memory that one thread passes to another through a libzmq socket. libzmq's queues order
 *  the two threads' accesses, but libzmq is not built with the sanitizer, which therefore does not see it. With these marks
 *  it still finds an access to the memory by the thread that does not own it. Without the sanitizer they do nothing. */
#ifndef PV_HAND_OVER_H
#define PV_HAND_OVER_H

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
/** Before the send: from here on the other thread owns thing. */
#define HAND_OVER(thing) __tsan_release(thing)
/** After the receive: from here on this thread owns thing. */
#define TAKE_OVER(thing) __tsan_acquire(thing)
#else
#define HAND_OVER(thing) ((void)(thing))
#define TAKE_OVER(thing) ((void)(thing))
#endif

#endif
