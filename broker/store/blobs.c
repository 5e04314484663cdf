#include "blobs.h"

#include "blobs_far.h"

#include "file_io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* While an upload goes on, written pages are handed to the disk in pieces of this size, so that the sync at the end
 * has little left to do. */
enum { WRITE_BEHIND_BYTES = 4 << 20 };

static int folder(int root, const char *name)
{
    if (mkdirat(root, name, 0700) && errno != EEXIST) return -1;
    return openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

pv_status blobs_open(struct blobs *b, const char *dir, struct faults *faults)
{
    return blobs_open_named(b, dir, "blobs", faults);
}

pv_status blobs_open_named(struct blobs *b, const char *dir, const char *name, struct faults *faults)
{
    *b = (struct blobs){ .root = -1, .files = -1, .incoming = -1, .faults = faults };
    b->root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (b->root >= 0) b->files = folder(b->root, name);
    if (b->files >= 0) b->incoming = folder(b->root, "incoming");
    if (b->incoming >= 0 && !fsync(b->root)) return PV_OK;
    blobs_close(b);
    return PV_IO;
}

void blobs_close(struct blobs *b)
{
    if (b->incoming >= 0) close(b->incoming);
    if (b->files >= 0) close(b->files);
    if (b->root >= 0) close(b->root);
    b->root = b->files = b->incoming = -1;
}

static void serial_name(char name[24], uint64_t serial)
{
    snprintf(name, 24, "%" PRIu64, serial);
}

/* The peer is told that there is no room, or no descriptor at the moment; anything else is a failing disk. */
static pv_status write_status(int error)
{
    if (error == EMFILE || error == ENFILE) return PV_BUSY;
    return error == ENOSPC || error == EDQUOT ? PV_DISK_FULL : PV_IO;
}

pv_status blob_writer_start(struct blob_writer *w, struct blobs *b, uint64_t length, wire_hash expected)
{
    char name[24];
    *w = (struct blob_writer){ .fd = -1, .serial = ++b->serial, .length = length, .expected = expected };
    TRY(sha256_start(&w->hash));
    serial_name(name, w->serial);
    w->fd = blob_spare_take(&b->spares, b->incoming, length, &w->serial);
    w->over = w->fd >= 0;
    if (!w->over) w->fd = openat(b->incoming, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (w->fd < 0) {
        pv_status st = write_status(errno);
        sha256_clear(&w->hash);
        return st;
    }
    w->blobs = b;
    return PV_OK;
}

static pv_status write_piece(struct blob_writer *w, const void *data, size_t bytes)
{
    if (fault_hit(w->blobs->faults, FAULT_WRITE)) return write_status(errno);
    int error = file_write_all_at(w->fd, data, bytes, w->at);
    return error ? write_status(error) : PV_OK;
}

pv_status blob_writer_feed(struct blob_writer *w, const void *data, size_t bytes)
{
    if (bytes > w->length - w->at) return PV_TOO_LARGE;
    TRY(write_piece(w, data, bytes));
    TRY(sha256_feed(&w->hash, data, bytes));
    uint64_t before = w->at / WRITE_BEHIND_BYTES, after = (w->at + bytes) / WRITE_BEHIND_BYTES;
    w->at += bytes;
    if (after != before)
        sync_file_range(w->fd, (off_t)(before * WRITE_BEHIND_BYTES), WRITE_BEHIND_BYTES, SYNC_FILE_RANGE_WRITE);
    return PV_OK;
}

void blob_writer_spare(struct blob_writer *w)
{
    w->publishing_next = w->blobs->publishing;
    w->blobs->publishing = w;
}

pv_status blob_writer_finish(struct blob_writer *w)
{
    wire_hash got;
    if (w->at != w->length) return PV_HASH_MISMATCH;
    TRY(sha256_finish(&w->hash, &got));
    return wire_hash_equal(got, w->expected) ? PV_OK : PV_HASH_MISMATCH;
}

/* Until it has its name nothing depends on the file: want of space ends this upload and says nothing of the disk. */
static pv_status publish_status(int error)
{
    return write_status(error) == PV_DISK_FULL ? PV_DISK_FULL : PV_STORE;
}

/* A file that the cache does not take is no failure: it is where it has to be. */
static pv_status publish_far(struct blob_writer *w, const char *name)
{
    struct blobs *b = w->blobs;
    char hex[WIRE_HASH_TEXT];
    TRY(b->far->calls->put(b->far, w->fd, w->length, w->expected));
    if (!renameat(b->incoming, name, b->files, wire_hash_text(hex, w->expected)))
        b->far->calls->kept(b->far, w->expected, w->length);
    else
        unlinkat(b->incoming, name, 0);
    return PV_OK;
}

pv_status blob_writer_publish(struct blob_writer *w)
{
    struct blobs *b = w->blobs;
    char name[24], hex[WIRE_HASH_TEXT];
    serial_name(name, w->serial);
    if (b->far) return publish_far(w, name);
    /* One that is written over has its blocks and its length: only the time in its inode would be written. */
    if (fault_hit(b->faults, FAULT_SYNC) || (w->over ? fdatasync(w->fd) : fsync(w->fd))) return publish_status(errno);
    if (fault_hit(b->faults, FAULT_RENAME) || renameat(b->incoming, name, b->files, wire_hash_text(hex, w->expected)))
        return publish_status(errno);
    if (fault_hit(b->faults, FAULT_SYNC) || fsync(b->files)) return PV_STORE;
    return PV_OK;
}

void blob_writer_end(struct blob_writer *w, pv_status published)
{
    struct blob_writer **at = &w->blobs->publishing;
    while (*at && *at != w) at = &(*at)->publishing_next;
    if (*at) *at = w->publishing_next;
    if (published != PV_OK) {
        blob_writer_drop(w);
        return;
    }
    close(w->fd);
    sha256_clear(&w->hash);
    w->blobs = NULL;
}

pv_status blob_writer_keep(struct blob_writer *w)
{
    blob_writer_spare(w);
    pv_status st = blob_writer_finish(w);
    if (st == PV_OK) st = blob_writer_publish(w);
    blob_writer_end(w, st);
    return st;
}

void blob_writer_drop(struct blob_writer *w)
{
    char name[24];
    if (!w->blobs) return;
    serial_name(name, w->serial);
    unlinkat(w->blobs->incoming, name, 0);
    close(w->fd);
    sha256_clear(&w->hash);
    w->blobs = NULL;
}

pv_status blobs_read_status(int error)
{
    bool passes = error == EMFILE || error == ENFILE || error == ENOMEM || error == EINTR || error == EAGAIN;
    return passes ? PV_IO : PV_GONE;
}

pv_status blobs_there(const struct blobs *b, wire_hash hash, uint64_t length)
{
    char hex[WIRE_HASH_TEXT];
    struct stat st;
    if (fstatat(b->files, wire_hash_text(hex, hash), &st, 0)) return blobs_read_status(errno);
    return S_ISREG(st.st_mode) && (uint64_t)st.st_size == length ? PV_OK : PV_GONE;
}

int blobs_read(const struct blobs *b, wire_hash hash)
{
    char hex[WIRE_HASH_TEXT];
    int fd =
        openat(b->files, wire_hash_text(hex, hash), O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* it may be a pipe by now */
    if (fd >= 0 && b->far) b->far->calls->used(b->far, hash);
    return fd;
}

void blobs_remove(struct blobs *b, wire_hash hash)
{
    char hex[WIRE_HASH_TEXT];
    for (const struct blob_writer *w = b->publishing; w; w = w->publishing_next)
        if (wire_hash_equal(w->expected, hash)) return;
    wire_hash_text(hex, hash);
    if (!blob_spare_put(&b->spares, b->files, hex, b->incoming, ++b->serial)) unlinkat(b->files, hex, 0);
    if (b->far) b->far->calls->remove(b->far, hash);
}

/* --- at the start --- */

/* Calls each with the name of every file in the folder. */
static void walk(int folder_fd, void (*each)(void *context, const char *name), void *context)
{
    DIR *dir = file_folder_read(folder_fd);
    if (!dir) return;
    for (struct dirent *e; (e = readdir(dir));)
        if (e->d_name[0] != '.') each(context, e->d_name);
    closedir(dir);
}

struct sweep {
    int folder;
    bool (*named)(void *, wire_hash); /* NULL: none is */
    void *context;
    size_t gone;
};

static bool has_name(bool (*named)(void *, wire_hash), void *context, const char *file)
{
    wire_hash hash;
    return wire_hash_of_text(&hash, file) && named(context, hash);
}

static void sweep_one(void *context, const char *name)
{
    struct sweep *s = context;
    if (s->named && has_name(s->named, s->context, name)) return;
    if (!unlinkat(s->folder, name, 0)) s->gone++;
}

size_t blobs_sweep_uploads(struct blobs *b)
{
    struct sweep s = { .folder = b->incoming };
    walk(s.folder, sweep_one, &s);
    return s.gone;
}

size_t blobs_sweep(struct blobs *b, bool (*named)(void *context, wire_hash hash), void *context)
{
    struct sweep s = { .folder = b->files, .named = named, .context = context };
    walk(s.folder, sweep_one, &s);
    return s.gone;
}

struct move {
    int from, to;
    bool (*named)(void *, wire_hash);
    void *context;
    bool which; /* those with a name, or those without */
    uint64_t moved, left;
    bool failed;
};

static void move_one(void *context, const char *name)
{
    struct move *m = context;
    if (has_name(m->named, m->context, name) != m->which)
        m->left++;
    else if (m->to >= 0 && !renameat(m->from, name, m->to, name))
        m->moved++;
    else
        m->failed = true;
}

/* The new name before the old one is gone for good: a power cut leaves one of them. */
static void move_all(struct move *m)
{
    walk(m->from, move_one, m);
    if (m->moved && (fsync(m->to) || fsync(m->from))) m->failed = true;
}

void blobs_set_aside(struct blobs *b, bool (*named)(void *context, wire_hash hash), void *context,
                     struct blobs_moved *moved)
{
    struct move look = { .from = b->files, .to = -1, .named = named, .context = context };
    walk(look.from, move_one, &look);
    if (!look.failed) return; /* there is none to move */
    struct move m = { .from = b->files, .to = folder(b->root, "aside"), .named = named, .context = context };
    if (m.to >= 0) fsync(b->root);
    move_all(&m);
    if (m.to >= 0) close(m.to);
    moved->aside = m.moved;
    moved->failed |= m.failed;
}

void blobs_take_back(struct blobs *b, bool (*named)(void *context, wire_hash hash), void *context,
                     struct blobs_moved *moved)
{
    struct move m = { .to = b->files, .named = named, .context = context, .which = true };
    m.from = openat(b->root, "aside", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (m.from < 0) return;
    move_all(&m);
    close(m.from);
    moved->back = m.moved;
    moved->there = m.left;
    moved->failed |= m.failed;
}

uint64_t blobs_free_bytes(const struct blobs *b)
{
    struct statvfs v;
    if (fstatvfs(b->files, &v)) return UINT64_MAX;
    return (uint64_t)v.f_bavail * v.f_frsize;
}

bool blobs_room(const struct blobs *b, uint64_t bytes)
{
    static const char name[] = "room"; /* uploads have numbers; the sweep takes it after a crash */
    int fd = openat(b->incoming, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return false;
    bool room = !posix_fallocate(fd, 0, (off_t)bytes) && !fsync(fd);
    close(fd);
    unlinkat(b->incoming, name, 0);
    return room;
}
