/** The environment of a program: what its file allows, and a few names that any program expects. */
#ifndef PV_PROGRAM_ENV_H
#define PV_PROGRAM_ENV_H

#include "program.h"

/** PATH=/usr/local/bin:/usr/bin:/bin, LANG=C.UTF-8, HOME and TMPDIR are the folder; then p->environment, which may say these
 *  anew. A NAME that the node does not have is left out. In one block for free. NULL: no memory. */
char **program_env(const struct program *p, const char *folder);

#endif
