/** The heap of what is linked statically into a test: every test of pv_test is linked so that its allocations come by here. */
#ifndef HEAP_WATCH_H
#define HEAP_WATCH_H

#include <stddef.h>

/** Blocks that were allocated and not freed. */
size_t heap_blocks(void);

/** The allocation after n others fails, once, whichever thread it is of; -1: none does. */
void heap_fail_after(long n);
/** Whether the allocation of heap_fail_after came, and failed. */
int heap_failed(void);

/** From here on blocks are looked at when they are freed: those that hold these bytes are counted. NULL: no longer. The caller keeps secret, and keeps
 *  it out of the heap. */
void heap_look_for(const void *secret, size_t bytes);
/** How many blocks were freed with the secret in them. */
unsigned heap_leaks(void);

#endif
