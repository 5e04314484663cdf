#include "node_limits.h"

#include "log.h"
#include "startable.h"
#include "values.h"

#include <inttypes.h>
#include <string.h>

enum {
    SLOTS_MOST = 64, /* as the setting's own bound */
    OWN_THREADS = 5, /* two of libzmq for the inner sockets, two for the broker's, the agent */
    /* Counted in /proc/self/fd of a node that is connected: 26 with one slot, 2 more with each further one. The rest is for
     * the files of a task, of keys and of the spool. */
    OWN_DESCRIPTORS = 40,
    SLOT_DESCRIPTORS = 2,
};

/* A small proof does not fill the cores: several side by side make more proofs a second than one after another. */
static void plan_read(struct node_config *c, const struct limits *l)
{
    uint64_t cores = c->threads ? c->threads : l->cpus;
    c->threads = cores;
    if (strcmp(c->plan, "throughput")) return;
    if (c->origin[NODE_CONFIG_slots] == SETTING_DEFAULT) c->slots = cores < SLOTS_MOST ? cores : SLOTS_MOST;
    c->threads = cores > c->slots ? cores / c->slots : 1;
}

static void memory_read(struct node_config *c, const struct limits *l)
{
    char set[VALUE_TEXT_BYTES], most[VALUE_TEXT_BYTES], text[256];
    if (!c->memory) c->memory = limits_memory_share(l);
    if (c->memory <= l->memory) return;
    snprintf(text, sizeof text, "memory is set to %s, but this process may use %s (%s): that is taken",
             value_size_text(set, c->memory), value_size_text(most, l->memory),
             l->memory_why ? l->memory_why : "the machine has no more");
    LOG_WARN("prover.memory", "text=%s", text);
    c->memory = l->memory;
}

void node_limits_settings(struct node_config *c, const struct limits *l)
{
    plan_read(c, l);
    memory_read(c, l);
}

static uint64_t wanted(const struct node_config *c, bool proves)
{
    return OWN_THREADS + c->slots * (proves ? c->threads : 1);
}

/* Threads first: one proof with fewer is slower, but the node takes as many tasks as it was set to. */
static bool lower(struct node_config *c, uint64_t can, bool proves)
{
    if (can <= OWN_THREADS) return false;
    uint64_t left = can - OWN_THREADS;
    if (proves && c->slots * c->threads > left) c->threads = left / c->slots ? left / c->slots : 1;
    if (c->slots > left) c->slots = left;
    return true;
}

static pv_status threads_check(struct node_config *c, const struct limits *l, bool proves, char *why)
{
    char because[LIMITS_TEXT_BYTES];
    const uint64_t threads = c->threads, slots = c->slots, all = wanted(c, proves);
    unsigned can = startable_threads((unsigned)all, 0);
    if (can >= all) return PV_OK;
    limits_threads_text(because, l);
    if (!lower(c, can, proves)) {
        snprintf(why, NODE_CONFIG_WHY_BYTES, "a node needs %d more threads, and only %u can be started: %s",
                 OWN_THREADS + 1, can, because);
        return PV_BUSY;
    }
    snprintf(why, NODE_CONFIG_WHY_BYTES, "only %u of %" PRIu64 " threads can be started: %s", can, all, because);
    LOG_WARN("prover.threads",
             "slots=%" PRIu64 " threads=%" PRIu64 " slots_wanted=%" PRIu64 " threads_wanted=%" PRIu64 " text=%s",
             c->slots, c->threads, slots, threads, why);
    *why = 0;
    return PV_OK;
}

static pv_status descriptors_check(struct node_config *c, char *why)
{
    const uint64_t slots = c->slots;
    unsigned can = startable_descriptors((unsigned)(OWN_DESCRIPTORS + slots * SLOT_DESCRIPTORS));
    if (can >= OWN_DESCRIPTORS + slots * SLOT_DESCRIPTORS) return PV_OK;
    if (can < OWN_DESCRIPTORS + SLOT_DESCRIPTORS) {
        snprintf(why, NODE_CONFIG_WHY_BYTES,
                 "only %u more files can be opened, and a node needs %d: raise the limit (ulimit -n, LimitNOFILE)", can,
                 OWN_DESCRIPTORS + SLOT_DESCRIPTORS);
        return PV_BUSY;
    }
    c->slots = (can - OWN_DESCRIPTORS) / SLOT_DESCRIPTORS;
    snprintf(why, NODE_CONFIG_WHY_BYTES, "only %u more files can be opened: raise the limit (ulimit -n, LimitNOFILE)",
             can);
    LOG_WARN("prover.descriptors", "slots=%" PRIu64 " slots_wanted=%" PRIu64 " text=%s", c->slots, slots, why);
    *why = 0;
    return PV_OK;
}

pv_status node_limits_start(struct node_config *c, const struct limits *l, bool proves, char why[NODE_CONFIG_WHY_BYTES])
{
    TRY(descriptors_check(c, why));
    return threads_check(c, l, proves, why);
}
