#include "payload_copy.h"

#include "file_io.h"
#include "sha256.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Under this name a copy is not whole yet. */
#define COPY_NEW ".copy.new"

enum { PIECE_BYTES = 1 << 20 };

bool payload_there(int folder, const struct snapshot_file *file)
{
    char name[WIRE_HASH_TEXT];
    struct stat st;
    return !fstatat(folder, wire_hash_text(name, file->hash), &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode) &&
           (uint64_t)st.st_size == file->bytes;
}

int payload_link(int from, int to, const struct snapshot_file *file)
{
    char name[WIRE_HASH_TEXT];
    wire_hash_text(name, file->hash);
    if (!linkat(from, name, to, name, 0)) return 0;
    if (errno != EEXIST) return errno;
    /* Of another length, so not the payload: somebody cut it. */
    return unlinkat(to, name, 0) || linkat(from, name, to, name, 0) ? errno : 0;
}

static pv_status pieces_copy(int from, int to, const struct snapshot_file *file, struct sha256 *hash, void *piece)
{
    for (uint64_t at = 0; at < file->bytes;) {
        size_t n = file->bytes - at < PIECE_BYTES ? (size_t)(file->bytes - at) : PIECE_BYTES;
        int error = file_read_all(from, piece, n);
        if (error) return error == ENODATA ? PV_HASH_MISMATCH : PV_GONE;
        TRY(sha256_feed(hash, piece, n));
        error = file_write_all(to, piece, n);
        if (error) return file_write_status(error);
        at += n;
    }
    return PV_OK;
}

static pv_status bytes_copy(int from, int to, const struct snapshot_file *file)
{
    struct sha256 hash = { NULL };
    wire_hash got;
    void *piece = malloc(PIECE_BYTES);
    pv_status st = piece ? sha256_start(&hash) : PV_NO_MEMORY;
    if (st == PV_OK) st = pieces_copy(from, to, file, &hash, piece);
    if (st == PV_OK) st = sha256_finish(&hash, &got);
    if (st == PV_OK && !wire_hash_equal(got, file->hash)) st = PV_HASH_MISMATCH;
    sha256_clear(&hash);
    free(piece);
    return st;
}

/* Who restores may be root, and the broker somebody else. */
static int owner_give(int folder, int fd)
{
    struct stat st;
    if (fstat(folder, &st)) return errno;
    return st.st_uid != geteuid() && fchown(fd, st.st_uid, st.st_gid) ? errno : 0;
}

static pv_status copy_to(int folder, int from, const struct snapshot_file *file, const char *name)
{
    int to = openat(folder, COPY_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (to < 0) return file_write_status(errno);
    pv_status st = bytes_copy(from, to, file);
    int error = st == PV_OK ? owner_give(folder, to) : 0;
    if (st == PV_OK && !error && fsync(to)) error = errno;
    if (close(to) && !error) error = errno;
    if (st == PV_OK && !error && renameat(folder, COPY_NEW, folder, name)) error = errno;
    if (st == PV_OK && error) st = file_write_status(error);
    if (st != PV_OK) unlinkat(folder, COPY_NEW, 0);
    return st;
}

pv_status payload_copy(int from, int to, const struct snapshot_file *file)
{
    char name[WIRE_HASH_TEXT];
    struct stat st;
    int fd = openat(from, wire_hash_text(name, file->hash), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return errno == EMFILE || errno == ENFILE ? PV_IO : PV_GONE;
    pv_status result = PV_HASH_MISMATCH;
    if (!fstat(fd, &st) && S_ISREG(st.st_mode) && (uint64_t)st.st_size == file->bytes)
        result = copy_to(to, fd, file, name);
    close(fd);
    return result;
}

void payload_sweep(int folder, const struct snapshot *keep)
{
    DIR *d = file_folder_read(folder);
    wire_hash hash;
    for (struct dirent *e; d && (e = readdir(d));) {
        bool payload = wire_hash_of_text(&hash, e->d_name);
        if (payload ? !keep || !snapshot_names(keep, hash) : !strcmp(e->d_name, COPY_NEW))
            unlinkat(folder, e->d_name, 0);
    }
    if (d) closedir(d);
}
