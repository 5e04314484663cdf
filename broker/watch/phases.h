/** In which phase an attempt was since when, as its prover told: for the picture of a task. In memory only, like the journal.
 *
 *  The last PHASES_KEPT changes of all attempts, and of one attempt at most PHASES_OF_ONE, so that a prover that changes its mind
 *  with every word takes no others' place.
 */
#ifndef PV_PHASES_H
#define PV_PHASES_H

#include "ids.h"
#include "status.h"

enum { PHASES_KEPT = 8192, PHASES_OF_ONE = 32 };

struct phase_note {
    wire_token token;
    uint64_t wall_ms;
    char phase[WIRE_NAME_MAX + 1];
};

struct phases;

/** NULL: no memory. */
struct phases *phases_new(void);
void phases_destroy(struct phases **p);
void phases_note(struct phases *p, wire_token token, const char *phase, uint64_t wall_ms);
/** Calls each with every note of the token, the oldest first. Returns how many. Looks at those of one attempt alone. */
size_t phases_each(const struct phases *p, wire_token token, void (*each)(void *context, const struct phase_note *note),
                   void *context);

#endif
