/** An action of the core as one line of text. */
#ifndef PV_RIG_LINES_H
#define PV_RIG_LINES_H

#include "sched_rig.h"

/** "" for an action that tests do not look at (MOVED, SILENT, NOTHING). */
void rig_line(const struct rig *r, const struct sched_action *a, char to[RIG_LINE]);

#endif
