/** All that the core holds and says, as numbers put into one digest, or as text for people.
 *
 *      struct core_digest d = { .out = NULL };      out: a stream to write every number to by its name, too
 *      core_digest_actions(&d, s, &actions);  core_digest_state(&d, s);      after each step; then d.sum tells two lives apart
 *
 *  Nothing in it depends on addresses. Each member is named here, so a new one changes no digest until it is put in.
 */
#ifndef PV_CORE_DIGEST_H
#define PV_CORE_DIGEST_H

#include "sched.h"

#include <stdio.h>

struct core_digest {
    uint64_t sum;
    FILE *out; /* NULL: none */
};

/** What the event says. */
void core_digest_event(struct core_digest *d, const struct sched_event *ev);
/** Every action of the batch, with what it points to. */
void core_digest_actions(struct core_digest *d, const struct sched_actions *actions);
/** Every table of the core, and what it gives to readers. */
void core_digest_state(struct core_digest *d, const struct sched *s);

#endif
