/** The heap of what is linked statically into a test: every test of pv_test is linked so that its allocations come by here. */
#ifndef HEAP_WATCH_H
#define HEAP_WATCH_H

#include <stdbool.h>
#include <stddef.h>

/** Blocks that were allocated and not freed. */
size_t heap_blocks(void);

/** This thread's allocation after n others fails, once; -1: none does. */
void heap_fail_after(long n);
/** Whether the allocation of heap_fail_after came, and failed. */
bool heap_failed(void);
/** Allocations of more than this fail, of every thread; 0: none does. */
void heap_most(size_t bytes);

/** From here on blocks are looked at when they are freed: those that hold these bytes are counted. NULL: no longer. The caller keeps secret, and keeps
 *  it out of the heap. */
void heap_look_for(const void *secret, size_t bytes);
/** How many blocks were freed with the secret in them. */
unsigned heap_leaks(void);

#endif
