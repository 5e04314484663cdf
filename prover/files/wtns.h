/** A witness as circom's generators write it (.wtns, versions 1 and 2), read in place.
 *
 *  Section 1: u32 n8 = 32, the prime, u32 count. Section 2: count values of 32 bytes, little-endian, not Montgomery.
 *  Value 0 is the constant 1, then outputs, then public inputs, then the rest.
 *  An open wtns has exactly count values, each reduced (< r), and value 0 is 1.
 */
#ifndef PV_WTNS_H
#define PV_WTNS_H

#include "types.h"
#include "mapfile.h"
#include "prove_error.h"

#include <stddef.h>
#include <stdint.h>

struct wtns {
    struct mapfile file; /* owned after wtns_open, empty after wtns_of */
    const bn254_scalar_packed *values;
    uint32_t count;
};

/** Reads path into memory of this process and checks it: PV_BAD_WTNS for what the file's structure shows,
 *  PV_BAD_WITNESS for a value that is not reduced or a value 0 that is not 1; mapfile_read's statuses. On failure nothing stays open and *w is untouched. */
pv_status wtns_open(struct wtns *w, const char *path, struct prove_error *err);

/** The same over size bytes that stay the caller's and must outlive *w. Errors call them name. */
pv_status wtns_of(struct wtns *w, const uint8_t *bytes, size_t size, const char *name, struct prove_error *err);

/** Wipes and frees what wtns_open read; harmless on a zeroed w. */
void wtns_close(struct wtns *w);

#endif
