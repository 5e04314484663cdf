/** Bytes from the kernel: ids, sessions, jitter, blinding. */
#ifndef PV_RANDOM_H
#define PV_RANDOM_H

#include "status.h"

#include <stddef.h>
#include <stdint.h>

/** Fills to with uniform bytes from getrandom(2). Blocks only before the kernel's pool is ready, early at boot.
 *  PV_INTERNAL when the kernel refuses: then nothing that needs secrecy may go on. */
pv_status pv_random(void *to, size_t bytes);

/** A number in [0, bound) for jitter, not for secrets: 0 when bound is 0 or the kernel refuses. */
uint32_t pv_random_below(uint32_t bound);

#endif
