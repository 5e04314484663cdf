/** Who looks at the tables and the journal, and what they may see.
 */
#ifndef PV_VIEWER_H
#define PV_VIEWER_H

#include "fields.h"

#include <stdbool.h>
#include <stdint.h>

struct viewer {
    enum wire_role role;
    const char *principal; /* borrowed */
    uint64_t peer;         /* the connection as the core knows it: of tasks they see what that may see */
    bool keys;             /* keys are in force; without them everybody is the same principal */
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

#endif
