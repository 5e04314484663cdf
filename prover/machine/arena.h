/** The memory of one proof: secret, huge pages where the kernel gives them, touched and wiped no more than it is used.
 *
 *  A plan is an upper bound; a page that nobody wrote to is neither faulted in nor wiped, so what a sparse witness leaves
 *  unused costs nothing.
 */
#ifndef PV_ARENA_H
#define PV_ARENA_H

#include <stddef.h>
#include <stdint.h>

/** bytes of zeroes, page-aligned, never in a core dump; NULL when there is no memory. bytes > 0. */
uint8_t *arena_new(size_t bytes);

/** Wipes every page that was written to and unmaps. */
void arena_destroy(uint8_t *arena, size_t bytes);

/** The same for the part [from, from + bytes) of an arena, which reads as zeroes afterwards and takes no memory. */
void arena_give_back(uint8_t *from, size_t bytes);

#endif
