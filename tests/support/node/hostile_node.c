#include "hostile_node.h"

#include "agent.h"
#include "fuzz_must.h"
#include "hostile_broker.h"
#include "log.h"
#include "temp_dir.h"

#include <string.h>

enum { TURNS_MS = 120 };

static wire_hash right; /* the digest of the one input that the broker has; another never gets to the handler */
static atomic_uint runs;
static struct handler handler;
static const struct agent_queue queues[] = { { "outer", &handler } };

/* Of three inputs one gives a small result, one a result that goes in chunks, and one fails. */
static pv_status run(void *self, const struct handler_input *in, const struct handler_watch *watch,
                     struct handler_output *out)
{
    wire_hash is;
    (void)self;
    MUST(in->bytes && sha256_of(&is, in->bytes, in->size) == PV_OK && wire_hash_equal(is, right));
    for (unsigned i = 0; i < 3 && !atomic_load(watch->stop); i++) {
        watch->progress(watch->ctx, "phase", 30 * i);
        zclock_sleep(1);
    }
    unsigned n = atomic_fetch_add(&runs, 1);
    if (n % 3 == 2) return PV_BAD_WITNESS;
    out->size = n % 3 ? 10 : 130000;
    out->bytes = calloc(1, out->size);
    return out->bytes ? PV_OK : PV_NO_MEMORY;
}

static size_t circuits(void *arg, const char *after, struct handler_circuit *to, size_t most)
{
    (void)arg;
    MUST(most >= 1);
    if (*after) return 0;
    to[0] = (struct handler_circuit){ .name = "other", .digest = { { 1 } }, .warm = true };
    return 1;
}

unsigned hostile_node_play(const uint8_t *script, size_t bytes, unsigned heard[128])
{
    struct hostile_broker b = { .peer_bytes = 0 };
    struct agent *agent = NULL;
    char folder[64], why[AGENT_WHY_BYTES];
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    hostile_broker_start(&b, script, bytes);
    right = b.h.right;
    temp_dir_make(folder);
    handler = (struct handler){ .name = "hostile", .run = run };
    struct agent_options o = { .link = { .reconnect_ms = 2, .reconnect_max_ms = 4, .connect_ms = 200 },
                               .name = "n",
                               .queues = queues,
                               .queues_n = 1,
                               .slots = 2,
                               .prefetch = 1,
                               .input_most = 1 << 20,
                               .state = folder,
                               .circuits = circuits };
    MUST(link_endpoints(&o.link, b.endpoint, true) == PV_OK);
    MUST(agent_new(&agent, &o, why) == PV_OK);
    zactor_t *actor = zactor_new(agent_main, agent);
    MUST(actor);
    zclock_sleep(TURNS_MS);
    zactor_destroy(&actor);
    agent_destroy(&agent);
    hostile_broker_stop(&b);
    temp_dir_remove(folder);
    for (int i = 0; heard && i < 128; i++) heard[i] += b.h.heard[i];
    return b.h.said;
}
