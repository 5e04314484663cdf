/** Why a task that is waited for does not move. Looked for while it waits, said once, and told by the exit status. */
#ifndef PV_CLI_WAITING_H
#define PV_CLI_WAITING_H

#include "options.h"

struct waiting {
    pv_status reason; /* PV_OK: none is known */
    char text[PV_TEXT_BYTES];
    uint64_t ask_ms; /* when to ask the broker again; 0: not yet asked */
};

/** What is known without asking: the connection is lost, or the broker is at a limit. PV_OK: nothing. */
pv_status waiting_reason(char text[PV_TEXT_BYTES], pv_client *c, const struct pv_progress *news);

/** Looks again; where a task waits in its queue it asks the broker about it, every few seconds, but not in its first second unless
 *  the broker said at once that nobody can do it
 *  (PV_UNSERVABLE: no live prover serves it; PV_UNKNOWN_CIRCUIT: none of them has the circuit; PV_PAUSED). Returns true when
 *  there is a new reason, which the caller says with waiting_say. */
bool waiting_look(struct waiting *w, pv_client *c, const struct cli *cli, const struct pv_progress *news);

/** Asks the broker once more, before a wait ends without a known reason: one that was shorter than the first second has not
 *  asked yet. True: it has found one. */
bool waiting_look_last(struct waiting *w, pv_client *c, const struct cli *cli, const struct pv_progress *news);

/** Says the reason on stderr: a sentence, or with --progress json a line of JSON. */
void waiting_say(const struct waiting *w, const struct cli *cli);

/** The reason why nothing of this queue and circuit would be proved now; PV_OK: none. For who has no task to look at. */
pv_status waiting_queue(char text[PV_TEXT_BYTES], pv_client *c, const char *queue);

#endif
