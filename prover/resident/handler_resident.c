#include "handler_resident.h"

#include "clock.h"
#include "resident_task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct attempt {
    struct handler_resident *h;
    const struct handler_input *in;
    const struct handler_watch *watch;
    struct handler_output *out;
};

static pv_status fail(const struct attempt *a, enum handler_verdict v, pv_status s, const char *text)
{
    a->out->verdict = v;
    snprintf(a->out->text, sizeof a->out->text, "%.64s: %.440s", a->h->x->program.name, text);
    return s;
}

/* Whether the instance has the task's circuit, and may use what that needs. */
static pv_status circuit_check(const struct attempt *a, const struct resident *r)
{
    char text[128];
    size_t i = 0;
    uint64_t memory = a->h->x->program.memory;
    if (!r->circuits_n) return PV_OK;
    while (i < r->circuits_n && strcmp(r->circuits[i], a->in->circuit)) i++;
    if (i == r->circuits_n) return fail(a, HANDLER_RESOURCE, PV_UNKNOWN_CIRCUIT, "it does not have the task's circuit");
    if (!memory || r->needs[i] <= memory) return PV_OK;
    snprintf(text, sizeof text, "the circuit needs %llu bytes, and memory allows %llu", (unsigned long long)r->needs[i],
             (unsigned long long)memory);
    return fail(a, HANDLER_RESOURCE, PV_RESOURCES, text);
}

static void result_forget(struct handler_output *out)
{
    free(out->bytes);
    out->bytes = NULL;
    out->size = 0;
}

/* A death that a task of its time limit's length was cut short by is the program's; one by a cancel is nobody's. */
static bool is_late(const struct attempt *a, uint64_t from)
{
    uint64_t limit = a->h->x->program.time_limit;
    return limit && pv_clock_ms() - from >= limit;
}

/* Gives the task to an instance, and the instance back. */
static pv_status instance_run(const struct attempt *a, struct resident *r)
{
    char broken[RESIDENT_WHY_BYTES], how[RESIDENT_WHY_BYTES];
    uint64_t from = pv_clock_ms();
    pv_status s;
    switch (resident_task(r, a->in, a->watch, a->out, &s, broken)) {
    case RESIDENT_KILL:
        resident_pool_lose(a->h->pool, r, "it did not stop a task within the grace", !is_late(a, from), how);
        return PV_CANCELLED;
    case RESIDENT_BROKEN:
        resident_pool_lose(a->h->pool, r, *broken ? broken : NULL, false, how);
        return fail(a, HANDLER_LOST, PV_RETRY_LOST, how);
    default: resident_pool_give(a->h->pool, r); return s;
    }
}

static pv_status verified(const struct attempt *a)
{
    pv_status s = program_result_verify(a->h->x, a->in, a->watch, a->out);
    if (s == PV_OK) resident_pool_good(a->h->pool);
    return s;
}

static pv_status resident_run(void *self, const struct handler_input *in, const struct handler_watch *watch,
                              struct handler_output *out)
{
    const struct attempt a = { .h = self, .in = in, .watch = watch, .out = out };
    char why[PROGRAM_WHY_BYTES];
    struct resident *r;
    if (!a.h->pool) return fail(&a, HANDLER_UNSTARTED, PV_BUSY, "it was not started");
    pv_status s = resident_pool_take(&r, a.h->pool, watch->stop, why);
    if (s == PV_BUSY) return fail(&a, HANDLER_UNSTARTED, s, why);
    TRY(s);
    s = circuit_check(&a, r);
    if (s == PV_OK)
        s = instance_run(&a, r);
    else
        resident_pool_give(a.h->pool, r);
    if (s == PV_OK) s = verified(&a);
    if (s != PV_OK) result_forget(out);
    return s;
}

struct handler handler_resident(struct handler_resident *r)
{
    return (struct handler){
        .name = r->x->program.name, .run = resident_run, .self = r, .time_limit_ms = r->x->program.time_limit
    };
}

bool resident_is(const struct program_entry *e)
{
    return !*e->why && e->serves.program.mode != PROGRAM_TASK;
}
