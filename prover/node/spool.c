#include "spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_io.h"
#include "sha256.h"

static const char magic[8] = "PVSPOOL1";

enum { HEADER_BYTES = 8 + 4 + 8 + 16 + 32 + 32 + 8 + 8, NAME_BYTES = 64 };

struct spool {
    char *folder;
    int fd; /* of the folder: every file is named relative to it */
    struct spool_entry *entries;
    size_t count, room;
};

static pv_status io_failed(char *why, const char *folder, const char *name, const char *what)
{
    int e = errno;
    snprintf(why, SPOOL_WHY_BYTES, "%s/%s: %s: %s", folder, name, what, strerror(e));
    return file_write_status(e);
}

/* --- the header, little-endian by construction --- */

static uint8_t *put_u(uint8_t *p, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) *p++ = (uint8_t)(v >> (8 * i));
    return p;
}

static uint64_t get_u(const uint8_t **p, int bytes)
{
    uint64_t v = 0;
    for (int i = 0; i < bytes; i++) v |= (uint64_t) * (*p)++ << (8 * i);
    return v;
}

static void header_write(uint8_t to[HEADER_BYTES], const struct spool_entry *e)
{
    memcpy(to, magic, sizeof magic);
    uint8_t *p = put_u(to + sizeof magic, e->token.epoch, 4);
    p = put_u(p, e->token.seq, 8);
    memcpy(p, e->task.bytes, WIRE_ID_BYTES);
    p += WIRE_ID_BYTES;
    memcpy(p, e->input.bytes, WIRE_HASH_BYTES);
    p += WIRE_HASH_BYTES;
    memcpy(p, e->sha256.bytes, WIRE_HASH_BYTES);
    p = put_u(p + WIRE_HASH_BYTES, e->length, 8);
    put_u(p, e->measured_ms, 8);
}

static bool header_read(struct spool_entry *e, const uint8_t from[HEADER_BYTES])
{
    if (memcmp(from, magic, sizeof magic)) return false;
    const uint8_t *p = from + sizeof magic;
    e->token.epoch = (uint32_t)get_u(&p, 4);
    e->token.seq = get_u(&p, 8);
    memcpy(e->task.bytes, p, WIRE_ID_BYTES);
    memcpy(e->input.bytes, p + WIRE_ID_BYTES, WIRE_HASH_BYTES);
    memcpy(e->sha256.bytes, p + WIRE_ID_BYTES + WIRE_HASH_BYTES, WIRE_HASH_BYTES);
    p += WIRE_ID_BYTES + 2 * WIRE_HASH_BYTES;
    e->length = get_u(&p, 8);
    e->measured_ms = get_u(&p, 8);
    return true;
}

/* --- files --- */

static void name_of(char name[NAME_BYTES], wire_token t)
{
    snprintf(name, NAME_BYTES, "%" PRIu32 "-%" PRIu64 ".result", t.epoch, t.seq);
}

/* Reads the whole file: header into e, result malloc'ed. The header's length is trusted only if the file has that
 * size. */
static pv_status file_read(const struct spool *s, const char *name, struct spool_entry *e, uint8_t **result_p,
                           char *why)
{
    uint8_t header[HEADER_BYTES], *result = NULL;
    wire_hash digest;
    struct stat st;
    int fd = openat(s->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return io_failed(why, s->folder, name, "open");
    pv_status status = PV_HASH_MISMATCH;
    snprintf(why, SPOOL_WHY_BYTES, "%s/%s: damaged: header, length or digest is wrong", s->folder, name);
    if (fstat(fd, &st) || file_read_all(fd, header, sizeof header) || !header_read(e, header)) goto out;
    if ((uint64_t)st.st_size != HEADER_BYTES + e->length) goto out;
    result = malloc(e->length ? e->length : 1);
    if (!result) {
        status = PV_NO_MEMORY;
        goto out;
    }
    if (file_read_all(fd, result, e->length)) goto out;
    if (sha256_of(&digest, result, e->length) != PV_OK || !wire_hash_equal(digest, e->sha256)) goto out;
    *result_p = result;
    result = NULL;
    why[0] = 0;
    status = PV_OK;
out:
    free(result);
    close(fd);
    return status;
}

static pv_status file_write(const struct spool *s, const char *name, const struct spool_entry *e, const uint8_t *result,
                            char *why)
{
    uint8_t header[HEADER_BYTES];
    char temporary[NAME_BYTES + 8];
    header_write(header, e);
    snprintf(temporary, sizeof temporary, "%s.tmp", name);
    int fd = openat(s->fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return io_failed(why, s->folder, temporary, "create");
    int error = file_write_all(fd, header, sizeof header);
    if (!error) error = file_write_all(fd, result, e->length);
    if (error) {
        close(fd);
        unlinkat(s->fd, temporary, 0);
    } else {
        error = file_publish(s->fd, fd, temporary, name);
    }
    if (!error) return PV_OK;
    errno = error;
    return io_failed(why, s->folder, name, "write");
}

/* --- the table --- */

static int token_order(wire_token a, wire_token b)
{
    if (a.epoch != b.epoch) return a.epoch < b.epoch ? -1 : 1;
    return a.seq < b.seq ? -1 : a.seq > b.seq;
}

/* The first entry not before token. */
static size_t place_of(const struct spool *s, wire_token token)
{
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (token_order(s->entries[mid].token, token) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool has(const struct spool *s, size_t at, wire_token token)
{
    return at < s->count && wire_token_equal(s->entries[at].token, token);
}

static pv_status table_reserve(struct spool *s)
{
    if (s->count < s->room) return PV_OK;
    size_t room = s->room ? 2 * s->room : 16;
    struct spool_entry *entries = realloc(s->entries, room * sizeof *entries);
    if (!entries) return PV_NO_MEMORY;
    s->entries = entries;
    s->room = room;
    return PV_OK;
}

static void table_put(struct spool *s, const struct spool_entry *e)
{
    size_t at = place_of(s, e->token);
    if (!has(s, at, e->token)) {
        memmove(s->entries + at + 1, s->entries + at, (s->count - at) * sizeof *s->entries);
        s->count++;
    }
    s->entries[at] = *e;
}

/* --- opening and closing --- */

static bool ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), k = strlen(tail);
    return n > k && !strcmp(s + n - k, tail);
}

static pv_status adopt(struct spool *s, const char *name, size_t *damaged, char *why)
{
    struct spool_entry e;
    uint8_t *result = NULL;
    char right[NAME_BYTES], aside[512];
    TRY(table_reserve(s));
    pv_status status = file_read(s, name, &e, &result, why);
    free(result);
    if (status == PV_OK) {
        name_of(right, e.token);
        if (!strcmp(right, name)) {
            table_put(s, &e);
            return PV_OK;
        }
    } else if (status != PV_HASH_MISMATCH) {
        return status;
    }
    snprintf(aside, sizeof aside, "%s.damaged", name);
    if (renameat(s->fd, name, s->fd, aside)) return io_failed(why, s->folder, name, "set aside");
    ++*damaged;
    why[0] = 0;
    return PV_OK;
}

static pv_status scan(struct spool *s, size_t *damaged, char *why)
{
    int fd = dup(s->fd);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        pv_status status = io_failed(why, s->folder, ".", "read");
        if (fd >= 0) close(fd);
        return status;
    }
    pv_status status = PV_OK;
    for (struct dirent *f; status == PV_OK && (errno = 0, f = readdir(d));) {
        if (ends_with(f->d_name, ".result.tmp"))
            unlinkat(s->fd, f->d_name, 0);
        else if (ends_with(f->d_name, ".result"))
            status = adopt(s, f->d_name, damaged, why);
    }
    if (status == PV_OK && errno) status = io_failed(why, s->folder, ".", "read"); /* not the folder's end */
    closedir(d);
    return status;
}

pv_status spool_open(struct spool **spool_p, const char *folder, size_t *damaged, char why[SPOOL_WHY_BYTES])
{
    why[0] = 0;
    *damaged = 0;
    errno = file_folder_make(folder);
    if (errno) return io_failed(why, folder, "", "create the folder");
    struct spool *s = calloc(1, sizeof *s);
    if (!s || !(s->folder = strdup(folder))) {
        free(s);
        return PV_NO_MEMORY;
    }
    s->fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    pv_status status = s->fd < 0 ? io_failed(why, folder, "", "open the folder") : scan(s, damaged, why);
    if (status != PV_OK) {
        spool_close(&s);
        return status;
    }
    *spool_p = s;
    return PV_OK;
}

void spool_close(struct spool **spool_p)
{
    struct spool *s = *spool_p;
    if (!s) return;
    if (s->fd >= 0) close(s->fd);
    free(s->entries);
    free(s->folder);
    free(s);
    *spool_p = NULL;
}

pv_status spool_put(struct spool *s, const struct spool_entry *e, const uint8_t *result, char why[SPOOL_WHY_BYTES])
{
    char name[NAME_BYTES];
    why[0] = 0;
    name_of(name, e->token);
    TRY(table_reserve(s));
    TRY(file_write(s, name, e, result, why));
    table_put(s, e);
    return PV_OK;
}

pv_status spool_read(const struct spool *s, wire_token token, uint8_t **result_p, char why[SPOOL_WHY_BYTES])
{
    char name[NAME_BYTES];
    struct spool_entry e;
    why[0] = 0;
    if (!has(s, place_of(s, token), token)) return PV_NOT_FOUND;
    name_of(name, token);
    return file_read(s, name, &e, result_p, why);
}

void spool_drop(struct spool *s, wire_token token)
{
    char name[NAME_BYTES];
    size_t at = place_of(s, token);
    if (!has(s, at, token)) return;
    name_of(name, token);
    /* Not synced: if a crash brings the file back, it is announced again and the broker answers that it knows it. */
    unlinkat(s->fd, name, 0);
    memmove(s->entries + at, s->entries + at + 1, (s->count - at - 1) * sizeof *s->entries);
    s->count--;
}

const struct spool_entry *spool_entries(const struct spool *s, size_t *count)
{
    *count = s->count;
    return s->entries;
}
