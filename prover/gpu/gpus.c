#include "gpus.h"

#include "child_serve.h"
#include "gpu_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LIMIT_MS = 120000,    /* the largest proof known takes half a second on a card, and minutes in the emulator */
    BYTES_MS = 16 * 1024, /* what a slow machine reads and uploads in a millisecond: 16 MB/s */
    NUMBER_BYTES = 16,
};

/* One GPU. What its supervisor borrows lies here. */
struct one {
    struct supervisor *s;
    char card[GPUS_CARD_BYTES], name[GPUS_CARD_BYTES];
    char visible[GPUS_CARD_BYTES + 32], device[NUMBER_BYTES];
    const char *argv[6], *env[2];
    atomic_uint running;
    atomic_ulong tested, trial; /* generations */
    atomic_ulong bytes;         /* of the card, once it has been ready */
    atomic_uint places, sm_count;
};

struct gpus {
    struct one one[GPUS_MAX];
    unsigned n;
    uint64_t limit_ms;
    atomic_ulong keys;
    char program[GPUS_PATH_BYTES], jobs[NUMBER_BYTES], threads[NUMBER_BYTES];
};

static pv_status one_start(struct gpus *g, struct one *o, const struct gpus_options *options, const char *card)
{
    snprintf(o->card, sizeof o->card, "%s", card);
    snprintf(o->name, sizeof o->name, "%s", *card ? card : "GPU");
    snprintf(o->device, sizeof o->device, "%d", *card ? 0 : options->device);
    snprintf(o->visible, sizeof o->visible, "CUDA_VISIBLE_DEVICES=%s", card);
    if (*card) o->env[0] = o->visible;
    const char *argv[] = { g->program, "gpu-child", o->device, g->jobs, g->threads };
    memcpy(o->argv, argv, sizeof argv);
    const struct supervisor_options s = { .name = o->name,
                                          .program = { .argv = o->argv, .env = o->env },
                                          .fatal = PV_DEVICE };
    return supervisor_new(&o->s, &s);
}

/* More than a process has threads for: they wait there. */
static unsigned jobs_of(const struct gpus_options *o)
{
    return o->jobs > CHILD_THREADS_MAX ? CHILD_THREADS_MAX : o->jobs ? o->jobs : 1;
}

pv_status gpus_new(struct gpus **g_p, const struct gpus_options *options, struct prove_error *err)
{
    struct gpus *g = calloc(1, sizeof *g);
    pv_status status = g ? PV_OK : PV_NO_MEMORY;
    if (g) {
        snprintf(g->program, sizeof g->program, "%s", options->program);
        snprintf(g->jobs, sizeof g->jobs, "%u", jobs_of(options));
        snprintf(g->threads, sizeof g->threads, "%u", options->threads ? options->threads : 1);
        g->limit_ms = options->limit_ms ? options->limit_ms : LIMIT_MS;
    }
    for (unsigned i = 0; status == PV_OK && i < options->n && i < GPUS_MAX; i++) {
        status = one_start(g, &g->one[i], options, options->cards[i]);
        g->n += status == PV_OK;
    }
    if (status == PV_OK)
        *g_p = g;
    else
        gpus_destroy(&g);
    return status == PV_OK ? PV_OK : prove_error_set(err, status, "the GPUs' processes: %s", pv_status_text(status));
}

void gpus_destroy(struct gpus **g_p)
{
    struct gpus *g = *g_p;
    if (!g) return;
    for (unsigned i = 0; i < g->n; i++) supervisor_part(g->one[i].s);
    for (unsigned i = 0; i < g->n; i++) supervisor_destroy(&g->one[i].s);
    free(g);
    *g_p = NULL;
}

unsigned gpus_count(const struct gpus *g)
{
    return g->n;
}

const char *gpus_name(const struct gpus *g, unsigned i)
{
    return g->one[i].name;
}

/* What its READY said. */
static pv_status ready_read(struct one *o, const struct supervisor_facts *now, struct prove_error *err)
{
    struct gpu_ready ready;
    if (now->ready_bytes >= sizeof ready.version) memcpy(&ready.version, now->ready, sizeof ready.version);
    if (now->ready_bytes >= sizeof ready.version && ready.version != GPU_WORDS_VERSION)
        return prove_error_set(err, PV_NO_DEVICE,
                               "provost-prover was replaced by another version: start the node again");
    if (now->ready_bytes != sizeof ready) return prove_error_set(err, PV_NO_DEVICE, "the GPU's process is no GPU's");
    memcpy(&ready, now->ready, sizeof ready);
    atomic_store(&o->sm_count, ready.sm_count);
    atomic_store(&o->bytes, ready.bytes);
    atomic_store(&o->places, ready.proofs_at_once > GPU_PLACES_MAX ? GPU_PLACES_MAX
                             : ready.proofs_at_once                ? ready.proofs_at_once
                                                                   : 1);
    return PV_OK;
}

pv_status gpus_wait(struct gpus *g, unsigned i, const atomic_int *stop, struct prove_error *err)
{
    struct one *o = &g->one[i];
    struct supervisor_facts now;
    char why[CHILD_TEXT_BYTES] = "";
    pv_status status = supervisor_wait(o->s, stop, why);
    if (status == PV_CANCELLED) return prove_error_set(err, status, "stopped while the GPU's process was started");
    if (status != PV_OK) return prove_error_set(err, status, "%s", why);
    supervisor_now(o->s, &now);
    return ready_read(o, &now, err);
}

void gpus_now(struct gpus *g, unsigned i, struct gpus_facts *facts)
{
    struct one *o = &g->one[i];
    struct supervisor_facts now;
    supervisor_now(o->s, &now);
    *facts = (struct gpus_facts){ .serves = now.state == SUPERVISOR_SERVING,
                                  .quarantined = now.state == SUPERVISOR_QUARANTINED,
                                  .deaths = now.deaths,
                                  .lost = now.lost };
    facts->tested = facts->serves && atomic_load(&o->tested) == now.generation;
    memcpy(facts->why, now.why, sizeof facts->why);
}

void gpus_on_trial(struct gpus *g, unsigned i, uint64_t generation)
{
    atomic_store(&g->one[i].trial, generation);
}

void gpus_doubt(struct gpus *g, unsigned i)
{
    atomic_store(&g->one[i].tested, 0);
}

void gpus_passed(struct gpus *g, unsigned i)
{
    atomic_store(&g->one[i].tested, atomic_load(&g->one[i].trial));
}

void gpus_good(struct gpus *g, unsigned i)
{
    supervisor_good(g->one[i].s, atomic_load(&g->one[i].tested));
}

void gpus_end(struct gpus *g, unsigned i, const char *why)
{
    struct supervisor_facts now;
    supervisor_now(g->one[i].s, &now);
    supervisor_end(g->one[i].s, now.generation, why);
}

size_t gpus_bytes(const struct gpus *g)
{
    size_t least = 0;
    for (unsigned i = 0; i < g->n; i++) {
        size_t bytes = atomic_load(&g->one[i].bytes);
        if (bytes && (!least || bytes < least)) least = bytes;
    }
    return least;
}

unsigned gpus_sm_count(const struct gpus *g)
{
    unsigned most = 0;
    for (unsigned i = 0; i < g->n; i++) {
        unsigned count = atomic_load(&g->one[i].sm_count);
        if (count > most) most = count;
    }
    return most;
}

unsigned gpus_places(const struct gpus *g, unsigned i)
{
    return atomic_load(&g->one[i].places);
}

unsigned gpus_proofs_at_once(const struct gpus *g)
{
    unsigned all = 0;
    for (unsigned i = 0; i < g->n; i++) all += gpus_places(g, i);
    return all ? all : 1;
}

uint64_t gpus_key_number(struct gpus *g)
{
    return atomic_fetch_add(&g->keys, 1) + 1;
}

/* --- who does it --- */

bool gpus_take(struct gpus *g, unsigned *i, uint64_t *generation)
{
    unsigned least = UINT32_MAX, found = g->n;
    for (unsigned k = 0; k < g->n; k++) {
        struct gpus_facts now;
        unsigned running = atomic_load(&g->one[k].running);
        gpus_now(g, k, &now);
        if (now.tested && running < least) least = running, found = k;
    }
    if (found == g->n) return false;
    gpus_take_one(g, found);
    *i = found;
    *generation = atomic_load(&g->one[found].tested);
    return true;
}

void gpus_take_one(struct gpus *g, unsigned i)
{
    atomic_fetch_add(&g->one[i].running, 1);
}

void gpus_give(struct gpus *g, unsigned i)
{
    atomic_fetch_sub(&g->one[i].running, 1);
}

static pv_status sentence(struct prove_error *err, pv_status status, const struct supervisor_answer *answer)
{
    switch (status) {
    case PV_OK: return PV_OK;
    case PV_RETRY_LOST: return prove_error_set(err, PV_DEVICE, "the GPU's process ended: %.220s", answer->why);
    case PV_BAD_STATE: return prove_error_set(err, status, "the GPU's process has ended");
    case PV_CANCELLED: return prove_error_set(err, status, "stopped");
    default: return prove_error_set(err, status, "%s", *answer->why ? answer->why : pv_status_text(status));
    }
}

pv_status gpus_call(struct gpus *g, unsigned i, struct supervisor_job *job, uint64_t bytes,
                    struct supervisor_answer *answer, struct prove_error *err)
{
    if (!job->limit_ms) job->limit_ms = g->limit_ms + bytes / BYTES_MS;
    return sentence(err, supervisor_call(g->one[i].s, job, answer), answer);
}
