#include "sections.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { FILE_HEADER_BYTES = 12, SECTION_HEADER_BYTES = 12 };

static uint64_t read_u64(const uint8_t *p)
{
    return (uint64_t)sections_u32(p) | (uint64_t)sections_u32(p + 4) << 32;
}

/* A wrong magic as an error shows it: without control bytes, which could upset a terminal. */
static void printable(char to[5], const uint8_t *magic)
{
    for (int i = 0; i < 4; i++) to[i] = magic[i] >= 0x20 && magic[i] < 0x7f ? (char)magic[i] : '?';
    to[4] = 0;
}

static pv_status check_header(uint32_t *count, const struct sections_format *f, const uint8_t *bytes, size_t n,
                              struct prove_error *err)
{
    if (n < FILE_HEADER_BYTES) return prove_error_set(err, f->bad, "%zu bytes are too few for a %s file", n, f->magic);
    if (memcmp(bytes, f->magic, 4) != 0) {
        char found[5];
        printable(found, bytes);
        return prove_error_set(err, f->bad, "not a %s file (it begins with \"%s\")", f->magic, found);
    }
    uint32_t version = sections_u32(bytes + 4);
    if (version < f->version_min || version > f->version_max)
        return prove_error_set(err, f->bad, "%s format version %" PRIu32 " is not supported", f->magic, version);
    *count = sections_u32(bytes + 8);
    if (*count > (n - FILE_HEADER_BYTES) / SECTION_HEADER_BYTES)
        return prove_error_set(err, f->bad, "too short for the %" PRIu32 " sections it declares", *count);
    return PV_OK;
}

pv_status sections_of(struct sections *s, const struct sections_format *format, const uint8_t *bytes, size_t n,
                      struct prove_error *err)
{
    struct sections found = { .bad = format->bad };
    uint32_t count = 0;
    TRY(check_header(&count, format, bytes, n, err));
    size_t at = FILE_HEADER_BYTES;
    for (uint32_t i = 0; i < count; i++) {
        if (n - at < SECTION_HEADER_BYTES)
            return prove_error_set(err, format->bad, "ends before section %" PRIu32 " of the %" PRIu32 " it declares",
                                   i + 1, count);
        uint32_t id = sections_u32(bytes + at);
        uint64_t size = read_u64(bytes + at + 4);
        at += SECTION_HEADER_BYTES;
        if (size > n - at)
            return prove_error_set(err, format->bad,
                                   "section %" PRIu32 " declares %" PRIu64 " bytes, but the file has %zu left", id,
                                   size, n - at);
        if (id < SECTIONS_MAX_ID) {
            if (found.by_id[id].bytes) return prove_error_set(err, format->bad, "section %" PRIu32 " occurs twice", id);
            found.by_id[id] = (struct section){ .bytes = bytes + at, .size = size };
        }
        at += (size_t)size;
    }
    *s = found;
    return PV_OK;
}

pv_status sections_need(struct section *out, const struct sections *s, unsigned id, const char *what,
                        struct prove_error *err)
{
    if (!s->by_id[id].bytes) return prove_error_set(err, s->bad, "section %u (%s) is missing", id, what);
    *out = s->by_id[id];
    return PV_OK;
}

pv_status sections_need_exact(struct section *out, const struct sections *s, unsigned id, const char *what,
                              uint64_t size, struct prove_error *err)
{
    struct section found;
    TRY(sections_need(&found, s, id, what, err));
    if (found.size != size)
        return prove_error_set(err, s->bad, "section %u (%s) has %" PRIu64 " bytes, but the header requires %" PRIu64,
                               id, what, found.size, size);
    *out = found;
    return PV_OK;
}
