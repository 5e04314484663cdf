#include "store_gate.h"

#include "store_driver.h"

#include <stdio.h>

pv_status store_get_gate(struct store *s, struct store_gate *gate)
{
    return s->driver->get_gate(s, gate);
}

pv_status store_put_gate(struct store *s, const struct store_gate *gate)
{
    return s->driver->put_gate(s, gate);
}

pv_status store_gate_judge(const struct store_gate *gate, enum store_purpose purpose, const char *undo, char *why)
{
    if (gate->state == STORE_GATE_FILLING && purpose != STORE_FILL) {
        snprintf(why, STORE_WHY_BYTES, "a migration from %.200s has not ended: run it again", gate->text);
        return PV_STORE;
    }
    if (gate->state == STORE_GATE_MOVED && purpose == STORE_SERVE) {
        snprintf(why, STORE_WHY_BYTES, "this store was moved to %.200s: start brokers there (%.60s to use it again)",
                 gate->text, undo);
        return PV_STORE;
    }
    return PV_OK;
}
