/** Memory that a program shares with a child of its: a memfd that its maker alone can write to and nobody can shorten.
 *
 *  The maker keeps a mapping to write to and to wipe; whoever gets the descriptor can map it for reading only. So neither a
 *  child that hangs nor one that is killed keeps its maker from wiping what it lent.
 */
#ifndef PV_SHARED_BYTES_H
#define PV_SHARED_BYTES_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shared_bytes {
    uint8_t *at; /* NULL: none. Of others' bytes: reading alone */
    size_t bytes;
    int fd;    /* to be sent with a frame; -1 of others' bytes */
    bool made; /* by this process */
};

/** Makes bytes (> 0) of zeroes. name is for /proc/PID/maps. PV_NO_MEMORY; PV_IO: the kernel has no memfd with these seals (it is
 *  older than 5.1). */
pv_status shared_bytes_new(struct shared_bytes *s, const char *name, size_t bytes);

/** Maps another process's bytes, and closes fd in any case. PV_BAD_MESSAGE: fd is no memfd whose size and contents are safe
 *  from everybody but its maker, or it has another size. PV_NO_MEMORY. */
pv_status shared_bytes_of(struct shared_bytes *s, int fd, size_t bytes);

/** Closes the descriptor: whoever was to map them has done so. */
void shared_bytes_lent(struct shared_bytes *s);

/** Zeroes what this process made; the mapping stays. */
void shared_bytes_wipe(struct shared_bytes *s);

/** Unmaps, closes; harmless on a zeroed one. Wipes nothing. */
void shared_bytes_clear(struct shared_bytes *s);

#endif
