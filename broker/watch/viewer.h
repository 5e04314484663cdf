/** Who looks at the tables and the journal, and what they may see.
 */
#ifndef PV_VIEWER_H
#define PV_VIEWER_H

#include "auth_keys.h"
#include "fields.h"

#include <stdbool.h>
#include <stdint.h>

struct viewer {
    enum wire_role role;
    const char *principal;         /* borrowed */
    uint64_t peer;                 /* the connection as the core knows it: of tasks they see what that may see */
    bool keys;                     /* keys are in force; without them everybody is the same principal */
    const struct auth_key *rights; /* where keys are in force; NULL: none any more. Borrowed */
};

/** Administrators see everything. */
static inline bool viewer_sees_all(const struct viewer *v)
{
    return v->role == WIRE_ROLE_ADMIN;
}

/** Provers and clients of every principal: for administrators, and for everybody where there are no keys. */
static inline bool viewer_sees_others(const struct viewer *v)
{
    return viewer_sees_all(v) || !v->keys;
}

/** A key that may use some queues is not told that there are others. */
static inline bool viewer_sees_queue(const struct viewer *v, const char *queue)
{
    return viewer_sees_others(v) || (v->rights && auth_key_serves(v->rights, queue));
}

#endif
