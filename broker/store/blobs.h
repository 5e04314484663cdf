/** Payload files: payloads too large for a row, named by their SHA-256.
 *
 *  A state folder holds  blobs/<64 hex>   whole and synced; some committed row names it
 *                        aside/<64 hex>   not removed although no row names it, since one that is lost may have
 *                        incoming/<name>  uploads under way, and spare files (blob_spares.h); worth nothing after a crash
 *
 *  The order is: write, sync the file, rename it, sync the folder. Only then may a row that names it commit. A crash
 *  in between leaves a file that no row names, and the sweep at the next start removes it. Rows with the same content
 *  share one file; the store counts them and calls blobs_remove after the commit that dropped the last one.
 *
 *  Files have mode 0600, folders 0700: inputs are witnesses.
 */
#ifndef PV_BLOBS_H
#define PV_BLOBS_H

#include "blob_spares.h"
#include "faults.h"
#include "ids.h"
#include "sha256.h"
#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blob_writer;
struct blobs_far;

struct blobs {
    int root, files, incoming; /* folder descriptors */
    struct faults *faults;
    uint64_t serial; /* of the last upload; its name */
    struct blob_writer *publishing;
    struct blob_spares spares; /* none, unless who opened it says how many bytes */
    struct blobs_far *far;     /* where they really lie, and files is a cache (blobs_far.h); NULL: they lie in files */
};

/** Opens the two folders under dir (which exists), or makes them. PV_IO. */
pv_status blobs_open(struct blobs *b, const char *dir, struct faults *faults);
/** The same with another name in place of "blobs". */
pv_status blobs_open_named(struct blobs *b, const char *dir, const char *name, struct faults *faults);
void blobs_close(struct blobs *b);

/** An upload under way. Zero-initialised: cleared. */
struct blob_writer {
    struct blobs *blobs; /* borrowed until the writer is cleared; NULL when it is */
    int fd;
    bool over; /* a spare file is written over */
    uint64_t serial;
    uint64_t length, at; /* bytes announced, bytes written */
    wire_hash expected;
    struct sha256 hash;
    struct blob_writer *publishing_next;
};

/** Starts a file of length bytes whose SHA-256 has to be expected. PV_IO, PV_DISK_FULL, PV_NO_MEMORY. */
pv_status blob_writer_start(struct blob_writer *w, struct blobs *b, uint64_t length, wire_hash expected);

/** Appends. PV_TOO_LARGE: it would exceed the length announced, and nothing was written. PV_IO, PV_DISK_FULL. */
pv_status blob_writer_feed(struct blob_writer *w, const void *data, size_t bytes);

/** Checks length and hash, syncs, and gives the file its name. Clears the writer in any case. PV_HASH_MISMATCH: too
 *  short, or other content. PV_DISK_FULL. PV_STORE: a sync or rename failed, and the disk must not be trusted. */
pv_status blob_writer_keep(struct blob_writer *w);

/* blob_writer_keep in steps. Those between the first and the last wait for the disk and may run on another thread. The writer
 * must stay at its address from the first to the last; in that time blobs_remove spares a file with this content. */
void blob_writer_spare(struct blob_writer *w);
/** Checks length and hash. PV_HASH_MISMATCH. */
pv_status blob_writer_finish(struct blob_writer *w);
/** Syncs the file, names it, syncs the folder. PV_DISK_FULL: there was no room for it, and it has no name. PV_STORE. Of a cache: puts it far
 *  away, names it; statuses of put in blobs_far.h. */
pv_status blob_writer_publish(struct blob_writer *w);
/** Clears the writer. published: what these answered. */
void blob_writer_end(struct blob_writer *w, pv_status published);

/** Removes the upload and clears the writer. A cleared writer is no error. */
void blob_writer_drop(struct blob_writer *w);

/** What the errno of a failed open or read of a payload file means. PV_IO: no descriptor or no memory is left, and it may
 *  do better later. PV_GONE: the file cannot be had (it is not there, not ours to read, on a bad part of the disk). */
pv_status blobs_read_status(int error);
/** Whether a file of this hash and length is there; its bytes are not looked at. PV_GONE: it is not, or it is no file, or
 *  of another length. PV_IO: as above. */
pv_status blobs_there(const struct blobs *b, wire_hash hash, uint64_t length);
/** A descriptor to read the file from, the caller's to close, or -1. It stays readable when the file is removed. */
int blobs_read(const struct blobs *b, wire_hash hash);

/** Removes a file, or makes a spare one of it, unless an upload with the same content is being published. A file that is not there is
 *  no error. */
void blobs_remove(struct blobs *b, wire_hash hash);

/* At the start. named() tells whether a row names a file. */

/** Removes every upload. Returns how many. */
size_t blobs_sweep_uploads(struct blobs *b);
/** Removes every file that has no name. Returns how many. */
size_t blobs_sweep(struct blobs *b, bool (*named)(void *context, wire_hash hash), void *context);

struct blobs_moved {
    uint64_t aside, back; /* how many were moved */
    uint64_t there;       /* how many lie aside now */
    bool failed;          /* some could not be moved, and stay where they are */
};
/** Puts every file that has no name into the folder "aside", which is made when it is needed. */
void blobs_set_aside(struct blobs *b, bool (*named)(void *context, wire_hash hash), void *context,
                     struct blobs_moved *moved);
/** Takes back every file there that has a name, and counts what is left. The moves of both are durable afterwards. */
void blobs_take_back(struct blobs *b, bool (*named)(void *context, wire_hash hash), void *context,
                     struct blobs_moved *moved);

/** Bytes that an unprivileged writer may still use on this file system; UINT64_MAX: unknown. */
uint64_t blobs_free_bytes(const struct blobs *b);
/** Whether so many bytes can really be had: takes them, syncs, and gives them back. Knows of quotas too. Waits. */
bool blobs_room(const struct blobs *b, uint64_t bytes);

#endif
