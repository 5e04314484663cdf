#include "agent_hello.h"

#include "agent_circuits.h"
#include "agent_link.h"

size_t agent_hello_held(const struct agent *a, struct wire_held held[AGENT_HELD_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < a->attempts_n && n < AGENT_HELD_MAX; i++, n++) {
        const struct agent_attempt *at = &a->attempts[i];
        held[n] = (struct wire_held){ 0 };
        WIRE_SET(&held[n], token, at->token);
        WIRE_SET(&held[n], percent, at->percent);
        if (*at->phase) WIRE_SET(&held[n], phase, at->phase);
        WIRE_SET(&held[n], task, at->task);
        WIRE_SET(&held[n], input, at->sha256);
        WIRE_SET(&held[n], started, at->state == AGENT_ATTEMPT_RUNNING);
    }
    for (size_t i = 0; i < a->results_n && n < AGENT_HELD_MAX; i++, n++) {
        const struct spool_entry *e = &a->results[i].entry;
        held[n] = (struct wire_held){ 0 };
        WIRE_SET(&held[n], token, e->token);
        WIRE_SET(&held[n], percent, 100);
        WIRE_SET(&held[n], task, e->task);
        WIRE_SET(&held[n], input, e->input);
        WIRE_SET(&held[n], spooled, true);
        WIRE_SET(&held[n], sha256, e->sha256);
        WIRE_SET(&held[n], length, e->length);
    }
    return n;
}

struct agent_gpu agent_hello_gpu(const struct agent *a)
{
    struct agent_gpu gpu = { .state = AGENT_GPU_FIT };
    if (a->o.gpu) a->o.gpu(a->o.gpu_arg, &gpu);
    return gpu;
}

static bool asked_for(const struct agent *a, const struct agent_queue *q)
{
    return handlers_state(a->o.handlers, q->handler) != REST_RESTS && (!a->o.offers || a->o.offers(a->o.offers_arg, q));
}

bool agent_hello_asks(const struct agent *a)
{
    for (size_t i = 0; i < a->o.queues_n; i++)
        if (asked_for(a, &a->o.queues[i])) return true;
    return false;
}

/* The queues that are served just now. When none is, all of them are named, and no credit is given: a list without an entry would
 * say something else. */
static size_t queues_list(const struct agent *a, const char *queues[AGENT_QUEUES_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < a->o.queues_n; i++)
        if (asked_for(a, &a->o.queues[i])) queues[n++] = a->o.queues[i].name;
    if (n) return n;
    for (; n < a->o.queues_n; n++) queues[n] = a->o.queues[n].name;
    return n;
}

void agent_hello_say(struct agent *a)
{
    const struct agent_gpu gpu = agent_hello_gpu(a);
    struct wire_held *held = a->said.held;
    const char *queues[AGENT_QUEUES_MAX];
    struct wire_msg m = { .type = WIRE_HELLO };
    if (a->link.state == LINK_DOWN) return;
    WIRE_SET_LIST(&m, queues, queues, queues_list(a, queues));
    a->said.hello_n = agent_circuits_hello(a);
    if (a->o.circuits) WIRE_SET_LIST(&m, circuits, a->said.circuits, a->said.hello_n);
    WIRE_SET(&m, slots, a->o.slots);
    WIRE_SET(&m, prefetch, a->o.prefetch);
    WIRE_SET(&m, vram, a->o.vram);
    WIRE_SET(&m, ram, a->o.ram);
    if (*gpu.unused) WIRE_SET(&m, gpu_unused, gpu.unused);
    if (gpu.wrong_proofs) WIRE_SET(&m, gpu_wrong_proofs, gpu.wrong_proofs);
    if (gpu.ended) WIRE_SET(&m, gpu_ended, gpu.ended);
    WIRE_SET_LIST(&m, held, held, agent_hello_held(a, held));
    a->welcome_due = agent_link_hello(a, &m);
    a->hello_ms = a->now_ms;
}
