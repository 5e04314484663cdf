/** The container of circom's and snarkjs's files (zkey, wtns): 4 magic bytes, u32 version, u32 section count; then per
 *  section u32 id, u64 length and the payload. Little-endian. Sections may come in any order; unknown ids are skipped.
 *  Bytes after the last section are allowed, as snarkjs and rapidsnark allow them.
 */
#ifndef PV_SECTIONS_H
#define PV_SECTIONS_H

#include "prove_error.h"

#include <stddef.h>
#include <stdint.h>

enum { SECTIONS_MAX_ID = 16 }; /* ids 1..15 are kept; the formats read here use 1..10 */

struct section {
    const uint8_t *bytes; /* into the file; NULL when the file has no such section */
    uint64_t size;
};

struct sections {
    pv_status bad; /* the status of every error: PV_BAD_ZKEY or PV_BAD_WTNS */
    struct section by_id[SECTIONS_MAX_ID];
};

/** Which container is expected. */
struct sections_format {
    const char *magic; /* 4 characters */
    uint32_t version_min, version_max;
    pv_status bad;
};

/** Fills *s from the n bytes at bytes, which must outlive it. Every declared length must lie inside the file, the
 *  declared number of sections must be there, and no kept id may come twice. *s is untouched on failure. */
pv_status sections_of(struct sections *s, const struct sections_format *format, const uint8_t *bytes, size_t n,
                      struct prove_error *err);

/** The section's payload, or an error that names it (`what`) when the file lacks it. */
pv_status sections_need(struct section *out, const struct sections *s, unsigned id, const char *what,
                        struct prove_error *err);

/** As sections_need, and its length must be exactly size bytes. */
pv_status sections_need_exact(struct section *out, const struct sections *s, unsigned id, const char *what,
                              uint64_t size, struct prove_error *err);

/** Little-endian u32 at any alignment. */
static inline uint32_t sections_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

#endif
