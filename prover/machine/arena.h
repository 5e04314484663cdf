/** The memory of one proof. It is secret, and comes in huge pages where the kernel has them.
 *
 *  Its size is an upper bound: a page that nobody wrote to is neither faulted in nor wiped, so the part that a sparse
 *  witness leaves unused costs nothing.
 */
#ifndef PV_ARENA_H
#define PV_ARENA_H

#include <stddef.h>
#include <stdint.h>

/** bytes of zeroes, page-aligned, never in a core dump; NULL when there is no memory. bytes > 0. */
uint8_t *arena_new(size_t bytes);

/** Wipes every page that was written to and unmaps. */
void arena_destroy(uint8_t *arena, size_t bytes);

/** Wipes and releases the part [from, from + bytes) of an arena, which reads as zeroes afterwards. */
void arena_give_back(uint8_t *from, size_t bytes);

#endif
