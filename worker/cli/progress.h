/** Progress on stderr: a bar for people, JSON lines for programs, or nothing. It never writes to stdout. */
#ifndef PV_CLI_PROGRESS_H
#define PV_CLI_PROGRESS_H

#include "options.h"

struct progress_view {
    enum progress form; /* AUTO is resolved by progress_begin */
    bool drawn;         /* there is a bar on the screen */
};

/** Prepares v. PROGRESS_AUTO becomes a bar if stderr is a terminal, else nothing. */
void progress_begin(struct progress_view *v, enum progress form);
/** Draws the bar again, or prints a line. */
void progress_show(struct progress_view *v, const struct pv_progress *p);
/** Wipes the bar. */
void progress_end(struct progress_view *v);

#endif
