/** How much memory the resident keys and the proofs under way hold, and which keys go to make room. All under the cache's lock. */
#ifndef PV_KEYCACHE_MEMORY_H
#define PV_KEYCACHE_MEMORY_H

#include "keycache_state.h"

/** Closes idle keys, least recently used first, until b and one more proof with it fit. False: keys in use leave no room. */
bool keycache_room_make(struct keycache *c, const struct keycache_body *b);

/** Closes an open key that nobody uses. What was announced of its plan is not so any more. */
void keycache_close(struct keycache *c, struct keycache_body *b);

/** Closes the idle key that was used least recently, but not that one (may be NULL). False: there is none. */
bool keycache_evict_idle(struct keycache *c, const struct keycache_body *but);

#endif
