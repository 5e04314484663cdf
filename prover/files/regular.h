/** Regular files as they are opened here: what they are, which state of them was opened, and their bytes, read and not
 *  mapped.
 */
#ifndef PV_REGULAR_H
#define PV_REGULAR_H

#include "prove_error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/** Tells one state of a file from another without reading it. changed is ctime, which nobody can set: `cp -p`, `rsync
 *  -t` and tar give the new content the old mtime. */
struct file_stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
};

bool file_stamp_same(const struct file_stamp *a, const struct file_stamp *b);

/** The stamp of the regular file at path now. False: there is none. */
bool file_stamp_of(struct file_stamp *stamp, const char *path);

/** Opens the file for reading. A missing file (PV_NOT_FOUND), a folder, a special file, an empty file (PV_INVALID_INPUT)
 *  and one that may not be read (PV_IO) each have their own sentence. The caller closes *fd. */
pv_status regular_open(int *fd, struct file_stamp *stamp, const char *path, struct prove_error *err);

/** Reads n bytes from offset at. PV_IO when the file ends before: somebody cut it short. */
pv_status regular_read(int fd, void *to, size_t n, uint64_t at, const char *path, struct prove_error *err);

/** How a long reading is ended early: asked now and then, by the thread that reads. Zero: it is not. */
struct regular_interrupt {
    bool (*asked)(void *ctx);
    void *ctx;
};

static inline bool regular_interrupted(const struct regular_interrupt *i)
{
    return i && i->asked && i->asked(i->ctx);
}

/** Whether fd's file is still in the state of *stamp. PV_IO with a sentence when it was written to meanwhile. */
pv_status regular_unchanged(int fd, const struct file_stamp *stamp, const char *path, struct prove_error *err);

#endif
