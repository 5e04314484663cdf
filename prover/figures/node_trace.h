/** What attempts spent their time on, a line of JSON each, in a file: for tools that draw traces. One thread's.
 *
 *      {"schema":"provost.trace/1","traceparent":"00-…","task":"…","token":"3.7","handler":"groth16","start":1764437053000,"ms":812,
 *       "outcome":"ok","phases":[{"phase":"load","at_ms":0,"ms":300},…]}
 *
 *  start is Unix time and for people; ms and at_ms are of the monotonic clock. The file is appended to and opened anew at HUP, so that it may be
 *  moved away. One that cannot be written is told once, and tried again at the next HUP.
 */
#ifndef PV_NODE_TRACE_H
#define PV_NODE_TRACE_H

#include "fields.h"
#include "status.h"
#include "trace.h"

#include <stddef.h>
#include <stdint.h>

enum { NODE_TRACE_PHASES = 32, NODE_TRACE_WHY_BYTES = 256 };

/** The phases of an attempt, the first NODE_TRACE_PHASES changes. */
struct node_phases {
    struct {
        char name[WIRE_NAME_MAX + 1];
        uint64_t from_ms;
    } at[NODE_TRACE_PHASES];
    size_t n;
};
/** It is in this phase from now on; the same one again changes nothing. */
void node_phases_note(struct node_phases *p, const char *phase, uint64_t now_ms);

struct node_trace;

/** PV_IO with a sentence; PV_NO_MEMORY. path is copied. */
pv_status node_trace_open(struct node_trace **t, const char *path, char why[NODE_TRACE_WHY_BYTES]);
void node_trace_close(struct node_trace **t);
/** Closes the file and opens it again. NULL: nothing. */
void node_trace_reopen(struct node_trace *t);

struct node_traced {
    const char *traceparent, *task, *token, *handler; /* traceparent "": none */
    pv_status outcome;
    uint64_t started_ms, ended_ms;
    const struct node_phases *phases;
};
/** Writes its line. t NULL: nothing. */
void node_trace_say(struct node_trace *t, const struct node_traced *a);

#endif
