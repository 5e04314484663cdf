/** Who gets a place in the table of provers: a principal has a share of it, so that nobody keeps the others out (R13). */
#ifndef PV_SCHED_PLACES_H
#define PV_SCHED_PLACES_H

#include "model.h"

/** Found, or made if there is a place for it: its principal's share and the table's. Where there is none, a record that
 *  holds nothing makes room: that of a prover that is gone, or of a claimer; first those with nothing to remember, and
 *  the one that is longest gone. NULL: none makes room ("provers" in *which), or out of memory ("memory"). */
struct prover *prover_admit(struct sched *s, const char *principal, const char *name, const char **which);
/** Whether the principal's provers may announce n circuits more, p (NULL: a new one) none any longer. */
bool circuits_admit(struct sched *s, const char *principal, const struct prover *p, size_t n);

#endif
