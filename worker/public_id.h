/** Converts the wire's ids and numbers to the public ones and back. Both ids are the same 16 bytes. */
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

/** A number of the wire as the header has it: -1 stands for "not known", so what is larger than any is cut. */
static inline int64_t public_number(uint64_t n)
{
    return n < INT64_MAX ? (int64_t)n : INT64_MAX;
}

static inline pv_task_id public_of(wire_id w)
{
    pv_task_id id;
    __builtin_memcpy(id.bytes, w.bytes, sizeof id.bytes);
    return id;
}

#endif
