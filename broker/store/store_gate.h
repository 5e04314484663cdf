/** What stands between a store and a broker that wants to start with it: nothing; that a migration is filling it; or that its
 *  content was moved to another store. Kept in the store, so that every broker that could open it learns of it.
 */
#ifndef PV_STORE_GATE_H
#define PV_STORE_GATE_H

#include "status.h"

#include <stdint.h>

enum { STORE_GATE_TEXT = 300 };

struct store;

enum store_gate_state { STORE_GATE_OPEN, STORE_GATE_FILLING, STORE_GATE_MOVED };

struct store_gate {
    enum store_gate_state state;
    uint64_t row;               /* FILLING: the payloads of all rows up to this one are there */
    char text[STORE_GATE_TEXT]; /* FILLING: from where; MOVED: to where. One line, without a password */
};

/** What a store is opened for. A broker serves; a migration takes one store's content away and fills another with it. */
enum store_purpose {
    STORE_SERVE, /* refused unless the gate is open */
    STORE_LEAVE, /* it has to be there already, and must not be half filled; a moved one is let through */
    STORE_FILL,  /* whatever the gate says */
};

/** The gate as it is. PV_STORE. */
pv_status store_get_gate(struct store *s, struct store_gate *gate);
/** Sets it, durable when this returns. Between transactions. Waits. PV_STORE. */
pv_status store_put_gate(struct store *s, const struct store_gate *gate);

/** For a driver: whether a store with this gate may be opened. undo: how an operator takes a mark of MOVED away. PV_STORE, and why
 *  (512 bytes) gets the sentence. */
pv_status store_gate_judge(const struct store_gate *gate, enum store_purpose purpose, const char *undo, char *why);

#endif
