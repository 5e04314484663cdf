/** A small file of marks: two slots of one sector each, written in turn, each with a sum, so that one that was torn leaves the other.
 *  What a slot holds is its user's struct: first a magic of 8 bytes and a serial number, last the sum, no hole in it.
 */
#ifndef PV_MARK_SLOT_H
#define PV_MARK_SLOT_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

enum { MARK_MAGIC_BYTES = 8 };

struct mark_slot {
    char magic[MARK_MAGIC_BYTES];
    uint64_t serial; /* the greater is the newer */
};

/** Opens this file in the folder root, or makes it. *fd is -1 on failure: PV_IO (also what is no plain file), PV_DISK_FULL. */
pv_status mark_file_open(int root, const char *name, int *fd, struct stat *st);

/** Reads slot 0 or 1 of `bytes` bytes. False: it is not whole, or has another magic. */
bool mark_slot_read(int fd, int which, const char magic[MARK_MAGIC_BYTES], void *slot, size_t bytes);
/** Sets its sum and writes it to the slot of its serial number. 0, or the errno. */
int mark_slot_write(int fd, void *slot, size_t bytes);

#endif
