/** Converts between the wire's task id and the public one. Both are the same 16 bytes. */
#ifndef PV_PUBLIC_ID_H
#define PV_PUBLIC_ID_H

#include "ids.h"
#include "provost.h"

static inline wire_id wire_of(const pv_task_id *id)
{
    wire_id w;
    __builtin_memcpy(w.bytes, id->bytes, sizeof w.bytes);
    return w;
}

static inline pv_task_id public_of(wire_id w)
{
    pv_task_id id;
    __builtin_memcpy(id.bytes, w.bytes, sizeof id.bytes);
    return id;
}

#endif
