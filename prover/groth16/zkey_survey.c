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
    LAST_KEPT = 4,      /* 1 protocol, 2 header, 3 IC, 4 coefficients */
    PIECE_BYTES = 1 << 20
};

struct survey {
    const char *path;
    int fd;
    struct file_stamp stamp;
    struct mapfile file; /* as large as the real one; only what is needed is read into it */
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
        if (sections_u32(header) <= LAST_KEPT) TRY(keep(s, at, length_of(header), err));
        at += length_of(header);
    }
    return PV_OK;
}

static pv_status feed_all(struct sha256 *sha, uint8_t *piece, const struct survey *s, struct prove_error *err)
{
    for (uint64_t at = 0; at < s->file.size;) {
        uint64_t n = s->file.size - at < PIECE_BYTES ? s->file.size - at : PIECE_BYTES;
        TRY(regular_read(s->fd, piece, (size_t)n, at, s->path, err));
        if (sha256_feed(sha, piece, (size_t)n) != PV_OK)
            return prove_error_set(err, PV_INTERNAL, "libcrypto refuses SHA-256");
        at += n;
    }
    return PV_OK;
}

static pv_status digest_all(uint8_t digest[32], const struct survey *s, struct prove_error *err)
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
    struct zkey found;
    TRY(mapfile_zeroes(&s->file, (size_t)s->stamp.size, err));
    s->file.stamp = s->stamp;
    pv_status status = keep_sections(s, err);
    if (status == PV_OK) {
        struct mapfile given = s->file;
        TRY(zkey_take(&found, &given, s->path, err));
        status = digest_all(digest, s, err);
        if (status == PV_OK) status = regular_unchanged(s->fd, &s->stamp, s->path, err);
    }
    if (status == PV_OK)
        *z = found;
    else
        mapfile_close(&s->file);
    return status;
}

pv_status zkey_survey(struct zkey *z, uint8_t digest[32], const char *path, struct prove_error *err)
{
    struct survey s = { .path = path };
    TRY(regular_open(&s.fd, &s.stamp, path, err));
    pv_status status = read_parts(z, digest, &s, err);
    close(s.fd);
    return status;
}
