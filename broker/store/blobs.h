/** Payload files: what is too large for a row, named by its SHA-256.
 *
 *  A state folder holds  blobs/<64 hex>   whole and synced, named by some committed row, and
 *                        incoming/<name>  uploads under way, worth nothing after a crash.
 *  Order: write, sync the file, rename, sync the folder; only then may a row that names it commit. A crash in between
 *  leaves a file no row names; the sweep at the next start removes it. Two rows with the same content share one file;
 *  the store counts the rows and calls blobs_remove after the commit that dropped the last. Files are 0600, folders
 *  0700: inputs are witnesses.
 */
#ifndef PV_BLOBS_H
#define PV_BLOBS_H

#include "faults.h"
#include "sha256.h"
#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blob_writer;

struct blobs {
    int root, files, incoming; /* folder descriptors */
    struct faults *faults;
    uint64_t serial; /* names of uploads */
    struct blob_writer *publishing;
};

/** Opens, or makes, the two folders under dir (which exists). PV_IO. */
pv_status blobs_open(struct blobs *b, const char *dir, struct faults *faults);
void blobs_close(struct blobs *b);

/** An upload under way. Zero-initialised is the cleared state. */
struct blob_writer {
    struct blobs *blobs; /* borrowed until the writer is cleared; NULL when cleared */
    int fd;
    uint64_t serial;
    uint64_t length, at; /* bytes announced, bytes held */
    wire_hash expected;
    struct sha256 hash;
    struct blob_writer *publishing_next;
};

/** Starts a file of length bytes that must hash to expected. PV_IO, PV_DISK_FULL, PV_NO_MEMORY. */
pv_status blob_writer_start(struct blob_writer *w, struct blobs *b, uint64_t length, wire_hash expected);

/** Appends. PV_TOO_LARGE when it would exceed the length announced (nothing is written), PV_IO, PV_DISK_FULL. */
pv_status blob_writer_feed(struct blob_writer *w, const void *data, size_t bytes);

/** Checks length and hash, syncs, and gives the file its name. Clears the writer whatever happens. PV_HASH_MISMATCH:
 *  short, or other content. PV_STORE: a sync or rename failed; the disk is not to be trusted any more. */
pv_status blob_writer_keep(struct blob_writer *w);

/* The same in three steps, the second of which waits for the disk and may be another thread's; w stays where it is
 * meanwhile, and until the third blobs_remove spares a file of this content. */
/** PV_HASH_MISMATCH: nothing follows, and the writer is cleared. */
pv_status blob_writer_check(struct blob_writer *w);
pv_status blob_writer_publish(struct blob_writer *w);
/** Clears the writer; published: what the second step answered. */
void blob_writer_end(struct blob_writer *w, pv_status published);

/** Removes the upload. Any number of times. */
void blob_writer_drop(struct blob_writer *w);

/** A descriptor to read the file from, or -1. It stays readable when the file is removed meanwhile. */
int blobs_read(const struct blobs *b, wire_hash hash);

/** Removes a file; one that is not there, or is being published anew, is no error. */
void blobs_remove(struct blobs *b, wire_hash hash);

/** At start: removes every upload, and every file for which named() is false. Answers how many went. */
size_t blobs_sweep(struct blobs *b, bool (*named)(void *context, wire_hash hash), void *context);

/** Bytes an unprivileged writer may still use on this file system; UINT64_MAX when it cannot be asked. */
uint64_t blobs_free_bytes(const struct blobs *b);

#endif
