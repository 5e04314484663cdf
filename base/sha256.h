/** SHA-256 by libcrypto, in one call or piece by piece as chunks arrive. */
#ifndef PV_SHA256_H
#define PV_SHA256_H

#include "ids.h"
#include "status.h"

/** The digest of bytes bytes at data. PV_NO_MEMORY or PV_INTERNAL when libcrypto fails. */
pv_status sha256_of(wire_hash *out, const void *data, size_t bytes);

/** A digest in progress. All zero is the cleared state. */
struct sha256 {
    void *context;
};

/** Starts a digest, or starts it again. PV_NO_MEMORY, PV_INTERNAL. */
pv_status sha256_start(struct sha256 *s);
pv_status sha256_feed(struct sha256 *s, const void *data, size_t bytes);
/** Writes the digest. The next call must be sha256_start or sha256_clear. */
pv_status sha256_finish(struct sha256 *s, wire_hash *out);
/** Frees what s holds. May be called any number of times. */
void sha256_clear(struct sha256 *s);

#endif
