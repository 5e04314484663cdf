/** Random bytes from the kernel, for ids, sessions, jitter and blinding. */
#ifndef PV_RANDOM_H
#define PV_RANDOM_H

#include "status.h"

#include <stddef.h>
#include <stdint.h>

/** Fills to with uniform bytes from getrandom(2). Blocks only before the kernel's pool is ready, early at boot.
 *  PV_INTERNAL when the kernel refuses; the caller must then not go on with anything that needs secrecy. */
pv_status pv_random(void *to, size_t bytes);

/** A number in [0, bound) for jitter, not for secrets: 0 when bound is 0 or the kernel refuses. */
uint32_t pv_random_below(uint32_t bound);

#endif
