#include "zkey_survey.h"

#include "sections.h"
#include "sha256.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FILE_HEADER_BYTES = 12,
    SECTION_HEADER_BYTES = 12,
    SECTIONS_MOST = 64, /* keys have ten */
    LAST_KEPT = 3,      /* 1 protocol, 2 header, 3 IC */
    COEFS = 4,          /* of this one only the count, before its records */
    COUNT_BYTES = 4,
    PIECE_BYTES = 1 << 20
};

struct survey {
    const char *path;
    int fd;
    struct file_stamp stamp;
    struct mapfile file; /* as large as the real one; only what is needed is read into it */
    const struct regular_interrupt *interrupt;
    struct zkey zkey; /* the same bytes */
    struct zkey_coefs_seen coefs;
    struct zkey_coef record; /* a coefficient whose first bytes were in the piece before: record_bytes of them */
    size_t record_bytes;
};

static pv_status keep(const struct survey *s, uint64_t at, uint64_t n, struct prove_error *err)
{
    return regular_read(s->fd, mapfile_own(&s->file) + at, (size_t)n, at, s->path, err);
}

static uint64_t length_of(const uint8_t *header)
{
    return (uint64_t)sections_u32(header + 4) | (uint64_t)sections_u32(header + 8) << 32;
}

/* Goes from section to section. What does not fit is left for zkey_take to say, which sees the same headers. */
static pv_status keep_sections(const struct survey *s, struct prove_error *err)
{
    uint64_t size = s->file.size, at = FILE_HEADER_BYTES;
    if (size < at) return keep(s, 0, size, err);
    TRY(keep(s, 0, at, err));
    uint32_t count = sections_u32(s->file.bytes + 8);
    if (count > SECTIONS_MOST)
        return prove_error_set(err, PV_BAD_ZKEY, "%s: declares %" PRIu32 " sections, but a key has ten", s->path,
                               count);
    for (uint32_t i = 0; i < count && size - at >= SECTION_HEADER_BYTES; i++) {
        const uint8_t *header = s->file.bytes + at;
        TRY(keep(s, at, SECTION_HEADER_BYTES, err));
        at += SECTION_HEADER_BYTES;
        if (length_of(header) > size - at) return PV_OK;
        uint32_t id = sections_u32(header);
        if (id <= LAST_KEPT) TRY(keep(s, at, length_of(header), err));
        if (id == COEFS && length_of(header) >= COUNT_BYTES) TRY(keep(s, at, COUNT_BYTES, err));
        at += length_of(header);
    }
    return PV_OK;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The coefficients among n bytes at p, which follow those that were seen before. */
static pv_status see_bytes(struct survey *s, const uint8_t *p, size_t n, struct prove_error *err)
{
    enum { EACH = sizeof(struct zkey_coef) };
    while (n) {
        if (!s->record_bytes && n >= EACH) {
            size_t whole = n / EACH;
            TRY(zkey_coefs_see(&s->coefs, &s->zkey, (const struct zkey_coef *)p, (uint32_t)whole, err));
            p += whole * EACH;
            n -= whole * EACH;
            continue;
        }
        size_t part = least(EACH - s->record_bytes, n);
        memcpy((uint8_t *)&s->record + s->record_bytes, p, part);
        s->record_bytes = (s->record_bytes + part) % EACH;
        if (!s->record_bytes) TRY(zkey_coefs_see(&s->coefs, &s->zkey, &s->record, 1, err));
        p += part;
        n -= part;
    }
    return PV_OK;
}

/* What lies of section 4 in the n bytes of the file from at on. */
static pv_status see_piece(struct survey *s, const uint8_t *piece, uint64_t at, uint64_t n, struct prove_error *err)
{
    uint64_t from = (uint64_t)((const uint8_t *)s->zkey.coefs - s->file.bytes);
    uint64_t end = least(from + (uint64_t)s->zkey.coef_count * sizeof(struct zkey_coef), at + n);
    if (from < at) from = at;
    return from < end ? see_bytes(s, piece + (from - at), (size_t)(end - from), err) : PV_OK;
}

static pv_status feed_all(struct sha256 *sha, uint8_t *piece, struct survey *s, struct prove_error *err)
{
    for (uint64_t at = 0; at < s->file.size;) {
        uint64_t n = least(s->file.size - at, PIECE_BYTES);
        if (regular_interrupted(s->interrupt)) return prove_error_set(err, PV_CANCELLED, "stopped");
        TRY(regular_read(s->fd, piece, (size_t)n, at, s->path, err));
        if (sha256_feed(sha, piece, (size_t)n) != PV_OK)
            return prove_error_set(err, PV_INTERNAL, "libcrypto refuses SHA-256");
        pv_status status = see_piece(s, piece, at, n, err);
        if (status != PV_OK) return prove_error_in(err, status, s->path);
        at += n;
    }
    return PV_OK;
}

static pv_status digest_all(uint8_t digest[32], struct survey *s, struct prove_error *err)
{
    struct sha256 sha = { 0 };
    wire_hash found;
    uint8_t *piece = malloc(PIECE_BYTES);
    pv_status status = piece ? sha256_start(&sha) : PV_NO_MEMORY;
    if (status != PV_OK) prove_error_set(err, status, "%s: no digest: out of memory", s->path);
    if (status == PV_OK) status = feed_all(&sha, piece, s, err);
    if (status == PV_OK) status = sha256_finish(&sha, &found);
    if (status == PV_OK) memcpy(digest, found.bytes, sizeof found.bytes);
    sha256_clear(&sha);
    free(piece);
    return status;
}

/* The structure first: a file that is still being copied costs no digest. */
static pv_status read_parts(struct zkey *z, uint8_t digest[32], struct survey *s, struct prove_error *err)
{
    TRY(mapfile_zeroes(&s->file, (size_t)s->stamp.size, err));
    s->file.stamp = s->stamp;
    pv_status status = keep_sections(s, err);
    if (status == PV_OK) status = zkey_of_head(&s->zkey, s->file.bytes, s->file.size, s->path, err);
    if (status == PV_OK) status = digest_all(digest, s, err);
    if (status == PV_OK) status = regular_unchanged(s->fd, &s->stamp, s->path, err);
    if (status != PV_OK) {
        mapfile_close(&s->file);
        return status;
    }
    zkey_coefs_end(&s->zkey, &s->coefs);
    *z = s->zkey;
    z->points_absent = true;
    z->file = s->file;
    return PV_OK;
}

pv_status zkey_survey(struct zkey *z, uint8_t digest[32], const char *path, const struct regular_interrupt *interrupt,
                      struct prove_error *err)
{
    struct survey s = { .path = path, .interrupt = interrupt };
    TRY(regular_open(&s.fd, &s.stamp, path, err));
    pv_status status = read_parts(z, digest, &s, err);
    close(s.fd);
    return status;
}
