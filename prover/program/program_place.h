/** Where a node's programs run: the launcher, and the folder that holds the attempts' folders.
 */
#ifndef PV_PROGRAM_PLACE_H
#define PV_PROGRAM_PLACE_H

#include "program.h"
#include "prove_error.h"

/** Finds the launcher beside this program, or in ../libexec/provost of an installation, and keeps it open: a newer one would not
 *  understand this process. PV_NOT_FOUND with a sentence. */
pv_status program_place_launcher(struct program_place *p, struct prove_error *err);

/** Opens and locks the folder, made if it is not there; "": a new one below /tmp, for this process alone. Removes what an
 *  earlier node, which was killed, has left in it. PV_BUSY: another node uses it; PV_IO. What is to be hidden is the caller's to set, before
 *  or after. */
pv_status program_place_open(struct program_place *p, const char *work, struct prove_error *err);

/** Closes the folder, removes a temporary one, frees the texts. */
void program_place_close(struct program_place *p);

#endif
