/* The agent that is on the stage: its options by the words of the step that begins its life, the circuits it has, what is known of its GPU. */
#include "agent_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct handler prove = { .name = "prove" }, limited = { .name = "limited", .time_limit_ms = 700 };
static const struct agent_queue queues[] = { { "outer", &prove }, { "keccak", &limited } };

static const struct agent_queue *many_queues(void)
{
    static struct agent_queue many[AGENT_QUEUES_MAX + 1];
    for (size_t i = 0; i <= AGENT_QUEUES_MAX; i++) many[i] = queues[0];
    return many;
}

static size_t circuits(void *arg, const char *after, struct handler_circuit *to, size_t most)
{
    size_t n = 0;
    for (size_t i = 0; i < stage.circuits_n && n < most && n < 2; i++) { /* two a page */
        const char *name = stage.circuits[i];
        if (strcmp(name, after) <= 0) continue;
        struct handler_circuit *c = &to[n++];
        *c = (struct handler_circuit){ .warm = name[1] == 'w', .load_ms = 9, .slower = name[1] == 's' ? 30 : 0 };
        if (name[1] == 'm') c->need_ram = 70, c->need_vram = 80;
        c->digest.bytes[0] = (uint8_t)name[0];
        snprintf(c->name, sizeof c->name, "%s", name);
    }
    return n;
}

static size_t unserved(void *arg, struct handler_unserved *to, size_t most)
{
    for (size_t i = 0; i < stage.unserved_n && i < most; i++) {
        snprintf(to[i].file, sizeof to[i].file, "%s", stage.unserved[i]);
        snprintf(to[i].why, sizeof to[i].why, "no key");
    }
    return stage.unserved_n;
}

static void gpu_now(void *arg, struct agent_gpu *now)
{
    *now = stage.gpu;
}

static bool another_name(void *arg, const char **name)
{
    if (stage.names_at == stage.names_n) return false;
    *name = stage.names[stage.names_at++];
    return true;
}

/* What no agent is made of, and what a machine may refuse it. */
static struct agent_options options_spoilt(struct agent_options o)
{
    static const struct agent_queue odd[] = { { "outer", &prove }, { "no queue", &prove } };
    if (stage_option("no-broker")) o.link.endpoints = 0;
    if (stage_option("no-name")) o.name = NULL;
    if (stage_option("odd-name")) o.name = "two words";
    if (stage_option("odd-queue")) o.queues = odd;
    if (stage_option("queues")) o.queues_n = stage_number("queues", 0), o.queues = many_queues();
    if (stage_option("folder")) o.state = stage_option("folder");
    if (stage_option("key")) o.key_file = o.server_keys = stage_option("key");
    stage.no_random = stage_option("no-random") != NULL;
    stage.no_context = stage_option("no-context") != NULL;
    return o;
}

/* Of the script's first step. */
struct agent_options stage_options(void)
{
    struct agent_options o = { .link = { .reconnect_ms = 100, .reconnect_max_ms = 400, .connect_ms = 2000 },
                               .name = "node-1",
                               .queues = queues,
                               .queues_n = 2,
                               .slots = (unsigned)stage_number("slots", 1),
                               .prefetch = (unsigned)stage_number("prefetch", 1),
                               .threads = 3,
                               .ram = 1000,
                               .vram = 2000,
                               .input_most = 40,
                               .grace_ms = stage_number("grace", 0),
                               .state = stage_option("memory") ? NULL : stage.folder,
                               .circuits = stage_option("any") ? NULL : circuits,
                               .unserved = stage_option("any") ? NULL : unserved,
                               .another_name = stage_option("renames") ? another_name : NULL,
                               .circuits_needed = stage_option("needed") != NULL,
                               .gpu = stage_option("gpu") ? gpu_now : NULL };
    assert_int_equal(link_endpoints(&o.link,
                                    stage_option("two") ? "tcp://127.0.0.1:1,tcp://127.0.0.1:2" : "tcp://127.0.0.1:1",
                                    true),
                     PV_OK);
    return options_spoilt(o);
}
