/** The files that a command leaves: one, or two that belong together (a proof and its public values).
 *
 *  Opened before the work, so that a folder that is not there costs no proof; written after it, both or neither. How
 *  each is written is decided by what is there:
 *
 *    nothing, a plain file   written beside it, synced, renamed over it; mode and owner are kept, the folder is synced
 *    a link                  its file, as above; the link stays
 *    a file that has to stay the same one (other names, a mount point, an ACL or attributes, a folder or owner that
 *    forbids a new one)      where it is, with room taken first and the old bytes kept (overwritten.h)
 *    a pipe, a device, "-", /dev/stdout, /dev/fd/N
 *                            straight
 *
 *  When the second of two cannot be put, the first is as before. Between the two the second has no file, so a process
 *  that is killed there leaves no proof beside another proof's values; only a second file that is written where it is
 *  keeps its old bytes until then, or half of them. What went straight into a pipe or a device cannot be called back; so
 *  it goes first of all, when every file is written but none is in place.
 *
 *  Programs only: signals that end the process wait while files are put.
 */
#ifndef PV_OUTPUTS_H
#define PV_OUTPUTS_H

#include "file_why.h"
#include "overwritten.h"
#include "place.h"
#include "replaced.h"

enum { OUTPUTS_MOST = 2 };

enum output_way { OUTPUT_REPLACES, OUTPUT_OVERWRITES, OUTPUT_GOES_STRAIGHT };

struct output_file {
    const char *path; /* as given; borrowed until outputs_close */
    struct place place;
    enum output_way way;
    struct replaced replaced;
    struct overwritten overwritten;
};

struct outputs {
    struct output_file file[OUTPUTS_MOST];
    size_t n;
};

struct output_bytes {
    const void *bytes;
    size_t n;
};

/** Looks at n paths, at most OUTPUTS_MOST, and tries whether each can be written; changes nothing. inputs: the files
 *  that the command reads; a NULL among them is none. PV_USAGE: two are one file (by device and inode, whatever their
 *  names), or one is an input. PV_IO, PV_DISK_FULL, PV_NO_MEMORY. On failure there is nothing to close. */
pv_status outputs_open(struct outputs *o, const char *const *paths, size_t n, const char *const *inputs,
                       size_t inputs_n, struct file_why *why);

/** Whether one of them is what stdout is: then nothing else may be printed there. */
bool outputs_use_stdout(const struct outputs *o);

/** Writes all of them, or none; a file alone whose folder cannot be synced is new, and the status says so. bytes has
 *  o->n entries. PV_DISK_FULL, PV_IO, PV_INTERRUPTED (a signal came while a pipe waited for its reader), PV_NO_MEMORY.
 *  Once. */
pv_status outputs_write(struct outputs *o, const struct output_bytes *bytes, struct file_why *why);

/** Frees; harmless on a zeroed o, and a second time. */
void outputs_close(struct outputs *o);

#endif
