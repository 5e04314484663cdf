/** The CUDA threads of a block, as fibers, and which runs next. */
#ifndef EMU_FIBER_H
#define EMU_FIBER_H
#include "emu_block.h"

namespace emu
{
/** A fiber for thread t: a free one, or a new one. Under TSan each CUDA thread keeps its own. */
Fiber *fiber_for(Thread *t);
/** t may run. */
void push_ready(Thread *t);
/** The thread to run next, in the order EMU_SEED asks for; NULL when none may run. */
Thread *pop_ready();
/** Leaves the running fiber for thread n, or for the block's loop when n is NULL. */
void leave(Thread *n);
/** t, the running thread, waits; returns when push_ready(t) has brought it back. */
void wait_here(Thread *t);
} // namespace emu
#endif
