/** What stands at a path that is to be written: nothing yet, a file, a device, or a descriptor that is open already.
 *
 *  Links are followed to their end, so that a link stays a link and its file gets the bytes. "-", /dev/stdout,
 *  /dev/fd/N and /proc/self/fd/N are this process's descriptors themselves: opened once more, a file that a shell
 *  opened with >> would be written from its beginning, and renamed over, /dev/stdout would become a file.
 */
#ifndef PV_PLACE_H
#define PV_PLACE_H

#include <stdbool.h>
#include <sys/stat.h>

enum place_kind { PLACE_NEW, PLACE_FILE, PLACE_DEVICE, PLACE_DESCRIPTOR };

struct place {
    enum place_kind kind;
    int fd;         /* of a DESCRIPTOR: borrowed */
    char *name;     /* of the others: the path at the end of all links; owned */
    struct stat st; /* of what is there; of NEW: of the folder */
};

/** Fills *p. 0, or an errno: ENOENT (no such folder), EISDIR, ELOOP, EBADF (a descriptor that is closed or not for
 *  writing), EACCES, ENOMEM ... and *p is zero. A DEVICE is whatever is neither file nor folder. */
int place_find(struct place *p, const char *path);
void place_clear(struct place *p);

/** Whether what is written to one would be lost in, or mixed with, the other: one file, new file, pipe or socket, under
 *  whatever names. The null device keeps nothing, so it never is. */
bool place_same(const struct place *a, const struct place *b);

/** Whether p is the file at path, or the file that stdin is for the path "-". False for devices and pipes, which are
 *  read and written at once, and when there is no such file. */
bool place_is_input(const struct place *p, const char *path);

/** The folder part of a path that has a file's name at its end: "." for none. malloc'ed; NULL: no memory. */
char *place_folder(const char *name);

#endif
