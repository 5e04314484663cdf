/** Whether a program can be what its file says: the executable, who may write to it, the user, the version.
 */
#ifndef PV_PROGRAM_CHECK_H
#define PV_PROGRAM_CHECK_H

#include "program.h"

/** Resolves the commands and the user into *p. Refused, with file and line: an executable that is not there, is no file, cannot
 *  be executed; one, or an argument that is the whole path of a file, that somebody other than root and the node's user
 *  may write to or replace; a user that is not there, that is root, or that this node cannot become. PV_BAD_CONFIG. */
pv_status program_check(struct program *p, char why[PROGRAM_WHY_BYTES]);

/** Whether nobody but root and this process's user may write to the file or folder, or replace it or a folder above it. A
 *  folder with the sticky bit, such as /tmp, may be writable: what lies in it belongs to its owner. "": yes; else the
 *  sentence's end. */
void program_trusted(const char *path, char fault[PROGRAM_WHY_BYTES]);

/** Takes the user named by p->run_as into p: uid, gid, groups. Empty: this process's own, which must not be root's then. PV_BAD_CONFIG with
 *  a sentence: it is missing, there is no such user, it is root, this process cannot become it. */
pv_status program_user(struct program *p, char why[PROGRAM_WHY_BYTES]);

#endif
