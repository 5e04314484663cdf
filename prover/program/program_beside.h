/** Where the programs lie that this one was installed with.
 */
#ifndef PV_PROGRAM_BESIDE_H
#define PV_PROGRAM_BESIDE_H

#include <limits.h>
#include <stdbool.h>

/** Finds a program beside this one, or in ../libexec/provost of an installation. False: there is none that can be executed. */
bool program_beside(char there[PATH_MAX], const char *name);

#endif
