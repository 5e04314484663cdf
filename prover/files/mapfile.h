/** A file's bytes: mapped read-only, or in memory of this process alone.
 *
 *  Mapped, nothing is copied: a single proof holds no more of a key than it is reading. But the mapping is the file: when
 *  another process writes to it in place, the bytes change, and when it is cut short, reading past its end raises SIGBUS.
 *  So mappings are for programs that make one proof and end, which say so (cmd.h) and trust no number in them twice
 *  (qap_rows_body.h). What stays (a node's keys), what is secret (witnesses) and what is small is read instead; nobody
 *  can change or cut that.
 *
 *  A missing file, a folder, a file that may not be read, a pipe or device and an empty file each have their own
 *  sentence.
 */
#ifndef PV_MAPFILE_H
#define PV_MAPFILE_H

#include "prove_error.h"
#include "regular.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sha256;

/** Zero: nothing. */
struct mapfile {
    const uint8_t *bytes; /* NULL when there are none */
    size_t size;
    struct file_stamp stamp; /* of the file when it was opened */
    bool owned;              /* memory of this process, not the file */
    int lendable; /* the descriptor of that memory, to be sent to a child (shared_bytes.h); 0: it cannot be lent */
};

/** Maps the regular file at path. PV_NOT_FOUND (missing), PV_INVALID_INPUT (folder, special file, empty),
 *  PV_IO (not readable, mapping refused). On failure *m is untouched. */
pv_status mapfile_open(struct mapfile *m, const char *path, struct prove_error *err);

/** How a file is read. Zero: whatever its size, to the end. */
struct mapfile_limits {
    size_t bytes_most;      /* PV_TOO_LARGE above; 0: no limit */
    struct sha256 *digest;  /* a digest that was started: gets every byte as it is read; may be NULL */
    const atomic_int *stop; /* non-zero: PV_CANCELLED within some milliseconds; may be NULL */
    bool lendable;          /* into memory that can be lent, where the system has some and descriptors are not short */
};

/** Reads the regular file at path into memory of this process, in huge pages where the kernel has them. As mapfile_open;
 *  PV_NO_MEMORY, and PV_IO when the file was written to or cut short meanwhile. limits may be NULL. */
pv_status mapfile_read(struct mapfile *m, const char *path, const struct mapfile_limits *limits,
                       struct prove_error *err);

/** size bytes of zeroes of this process, in *m, for whoever reads parts of a file himself; untouched pages take no
 *  memory. Writable through mapfile_own. PV_NO_MEMORY. */
pv_status mapfile_zeroes(struct mapfile *m, size_t size, struct prove_error *err);

/** The bytes of an owned m, to write to. */
uint8_t *mapfile_own(const struct mapfile *m);

/** Releases the whole pages in [from, from + bytes), a part of m, from this process; they are read again when touched.
 *  Does nothing when m is owned. */
void mapfile_pass_by(const struct mapfile *m, const void *from, size_t bytes);

/** Whether the file at path, from which m was made, is the same as then: false when it was written to, cut, replaced or
 *  removed. */
bool mapfile_is_current(const struct mapfile *m, const char *path);

/** Unmaps; harmless on a zeroed or already closed m. */
void mapfile_close(struct mapfile *m);

#endif
