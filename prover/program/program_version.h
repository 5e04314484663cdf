/** Asks a program for its version.
 */
#ifndef PV_PROGRAM_VERSION_H
#define PV_PROGRAM_VERSION_H

#include "program.h"

enum { PROGRAM_VERSION_MS = 10000 };

/** Runs the version command, if there is one: exit status 0 within 10 s, and version_has in what it prints. shown gets the
 *  first line, made safe. PV_BAD_CONFIG with a sentence. */
pv_status program_version(const struct program *p, const struct program_place *place, char shown[128],
                          char why[PROGRAM_WHY_BYTES]);

#endif
