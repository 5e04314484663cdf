#include "agent_circuits.h"

#include "agent_link.h"
#include "log.h"

#include <string.h>

enum {
    BROKER_TAKES = 4096,    /* circuits of one prover, by HELLO and CIRCUITS (PROTOCOL.md) */
    HELLO_WITH_KINDS = 170, /* as many bytes as AGENT_CIRCUITS_MAX without */
};

/* The next circuits after the name, at most `most`, in a->said.store; after becomes the name of the last. Names only go
 * up, so that every walk ends. */
static size_t page(struct agent *a, char after[WIRE_NAME_MAX + 1], size_t most)
{
    struct handler_circuit *store = a->said.store;
    size_t n = a->o.circuits ? a->o.circuits(a->o.circuits_arg, after, store, most) : 0;
    if (!n || strcmp(store[n - 1].name, after) <= 0) return 0;
    memcpy(after, store[n - 1].name, WIRE_NAME_MAX + 1);
    return n;
}

/* Of each circuit that takes them; the lists are the same, so one serves all. */
static const char *const json[] = { "input.json" };

static void describe(struct wire_circuit *to, const struct handler_circuit *c)
{
    *to = (struct wire_circuit){ 0 };
    WIRE_SET(to, circuit, c->name);
    WIRE_SET(to, digest, c->digest);
    WIRE_SET(to, warm, c->warm);
    WIRE_SET(to, load_ms, c->load_ms);
    if (c->need_vram) WIRE_SET(to, need_vram, c->need_vram);
    if (c->need_ram) WIRE_SET(to, need_ram, c->need_ram);
    if (c->slower) WIRE_SET(to, slower, c->slower);
    if (c->kinds >> WIRE_INPUT_KIND_JSON & 1) WIRE_SET_LIST(to, input_kinds, json, 1);
}

/* A HELLO of AGENT_CIRCUITS_MAX circuits with the longest names is as long as one may be; kinds are 24 bytes more of each. */
static void fit_hello(struct agent *a)
{
    struct agent_said *said = &a->said;
    bool kinds = false;
    for (size_t i = 0; i < said->hello_n; i++) kinds = kinds || said->store[i].kinds;
    if (!kinds || said->hello_n <= HELLO_WITH_KINDS) return;
    said->hello_n = HELLO_WITH_KINDS;
    memcpy(said->last, said->store[HELLO_WITH_KINDS - 1].name, sizeof said->last);
}

size_t agent_circuits_hello(struct agent *a)
{
    a->said.last[0] = 0;
    a->said.hello_n = page(a, a->said.last, AGENT_CIRCUITS_MAX);
    fit_hello(a);
    for (size_t i = 0; i < a->said.hello_n; i++) describe(&a->said.circuits[i], &a->said.store[i]);
    return a->said.hello_n;
}

static struct wire_cell text_cell(const char *key, const char *text)
{
    return (struct wire_cell){ .key = key, .type = WIRE_CELL_TEXT, .text = text };
}

static void unserved_say(struct agent *a)
{
    struct agent_said *said = &a->said;
    struct wire_msg m = { .type = WIRE_CIRCUITS };
    size_t all = a->o.unserved ? a->o.unserved(a->o.unserved_arg, said->unserved, AGENT_UNSERVED_MAX) : 0;
    size_t n = all < AGENT_UNSERVED_MAX ? all : AGENT_UNSERVED_MAX;
    for (size_t i = 0; i < n; i++) {
        said->cells[i][0] = text_cell("file", said->unserved[i].file);
        said->cells[i][1] = text_cell("why", said->unserved[i].why);
        said->rows[i] = (struct wire_row){ said->cells[i], 2 };
    }
    WIRE_SET(&m, unserved_files, all < UINT32_MAX ? (uint32_t)all : UINT32_MAX);
    WIRE_SET_LIST(&m, unserved, said->rows, n);
    agent_link_say(a, &m);
}

/* The circuits after the name, as many as the broker takes besides those of HELLO. Returns how many. */
static size_t rest_say(struct agent *a, char after[WIRE_NAME_MAX + 1])
{
    size_t announced = a->said.hello_n;
    while (a->link.more_circuits && announced < BROKER_TAKES) {
        size_t room = BROKER_TAKES - announced,
               n = page(a, after, room < AGENT_CIRCUITS_MAX ? room : AGENT_CIRCUITS_MAX);
        struct wire_msg m = { .type = WIRE_CIRCUITS };
        if (!n) break;
        for (size_t i = 0; i < n; i++) describe(&a->said.circuits[i], &a->said.store[i]);
        WIRE_SET_LIST(&m, circuits, a->said.circuits, n);
        agent_link_say(a, &m);
        announced += n;
    }
    return announced;
}

/* The circuits after the name: the broker has no room for them. Logged when their number changes. */
static void left_out_say(struct agent *a, size_t announced, char after[WIRE_NAME_MAX + 1])
{
    char first[WIRE_NAME_MAX + 1] = "";
    size_t left_out = 0;
    for (size_t n; (n = page(a, after, AGENT_CIRCUITS_MAX)); left_out += n)
        if (!left_out) memcpy(first, a->said.store[0].name, sizeof first);
    if (left_out && left_out != a->left_out)
        LOG_WARN("broker.circuits", "announced=%zu left_out=%zu first=%s text=%s", announced, left_out, first,
                 "the broker takes no more circuits of one prover: these, the last by name, are not served; "
                 "share the keys among several nodes");
    a->left_out = left_out;
}

void agent_circuits_linked(struct agent *a)
{
    char after[WIRE_NAME_MAX + 1];
    memcpy(after, a->said.last, sizeof after);
    size_t announced = a->said.hello_n ? rest_say(a, after) : 0;
    if (announced) left_out_say(a, announced, after);
    if (a->link.more_circuits) unserved_say(a);
}

size_t agent_circuits_warm(struct agent *a, bool *any)
{
    char after[WIRE_NAME_MAX + 1] = "";
    size_t warm = 0;
    *any = false;
    for (size_t n; (n = page(a, after, AGENT_CIRCUITS_MAX));) {
        *any = true;
        for (size_t i = 0; i < n && warm < AGENT_WARM_MAX; i++)
            if (a->said.store[i].warm) a->said.warm[warm++] = a->said.store[i].digest;
    }
    return warm;
}
