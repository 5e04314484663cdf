/** One file whose bytes are replaced where they are, because a new file would not be the same thing: another name of it
 *  (a hard link) would keep the old bytes, a mount point cannot be renamed over, an owner or a list of rights would be
 *  lost.
 *
 *  The old bytes are kept in memory meanwhile (up to OVERWRITTEN_KEPT_MOST), and the room on the disk is taken first,
 *  so that a full disk changes nothing. A process that is killed in between leaves a file that is half written: that is
 *  the price. */
#ifndef PV_OVERWRITTEN_H
#define PV_OVERWRITTEN_H

#include <stdbool.h>
#include <stddef.h>

enum { OVERWRITTEN_KEPT_MOST = 64 << 20 };

struct overwritten {
    int fd;
    void *old; /* owned */
    size_t old_n;
    bool kept, changed;
};

/** Opens the file, keeps what is in it, and takes room for n bytes. 0, or an errno, and the file is as it was. */
int overwritten_begin(struct overwritten *w, const char *name, size_t n);

/** Writes and syncs; the file ends after n bytes. 0, or an errno. */
int overwritten_put(struct overwritten *w, const void *bytes, size_t n);

/** Brings the old bytes back. */
void overwritten_undo(struct overwritten *w);

/** Closes. 0, or an errno. Harmless when it never began (fd -1). */
int overwritten_end(struct overwritten *w);

#endif
