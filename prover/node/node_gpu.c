#include "node_gpu.h"

#include "gpu_host.h"
#include "gpu_need.h"
#include "log.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>

static bool is_built_for_gpus(void)
{
#ifdef PV_HAVE_CUDA
    return true;
#else
    return false;
#endif
}

/* A warning where somebody may have paid for a GPU. */
static void fallen_back(struct node_gpu *g, const char *why)
{
    if (!is_built_for_gpus() && !gpu_host_has_card(GPU_HOST_ROOT)) {
        LOG_INFO("prover.backend", "name=cpu note=%s", why);
        return;
    }
    wire_text_clip(g->unused, sizeof g->unused, why);
    LOG_WARN("prover.backend", "name=cpu note=%s text=%s", g->unused,
             "a GPU would prove many times faster: make it usable, or set backend to cpu if none is wanted");
}

static void use_cpu(struct node_gpu *g, const char *why)
{
    g->proving->backend = &backend_cpu;
    g->proving->trust = (struct gpu_trust){ .state = GPU_TRUSTED };
    fallen_back(g, why);
}

static pv_status choose(struct node_gpu *g, enum backend_choice choice, struct prove_error *err)
{
    struct handler_groth16_context *x = g->proving;
    struct prove_error failed = { 0 };
    char note[PROVE_ERROR_TEXT_BYTES] = "";
    TRY(backend_pick(&x->backend, choice, &x->options, note, sizeof note, err));
    if (*note) {
        use_cpu(g, note);
        return PV_OK;
    }
    pv_status s = handler_groth16_test(x, NULL, &failed);
    if (s != PV_OK && choice != BACKEND_AUTO) *err = failed;
    if (s == PV_OK || choice != BACKEND_AUTO) return s;
    use_cpu(g, failed.text);
    return PV_OK;
}

/* Proofs beyond the node's own slots never run. */
static unsigned places_of(const struct node_config *c, uint64_t vram)
{
    unsigned most = gpu_need_places(vram);
    if (c->gpu_slots) return (unsigned)c->gpu_slots;
    return c->slots < most ? (unsigned)c->slots : most;
}

pv_status node_gpu_open(struct node_gpu *g, const struct node_config *c, const char *state, uint64_t *vram,
                        struct prove_error *err)
{
    enum backend_choice choice;
    struct handler_groth16_context *x = g->proving;
    if (!backend_choice_parse(&choice, c->backend))
        return prove_error_set(err, PV_BAD_CONFIG, "backend: not auto, cpu or cuda: \"%.64s\"", c->backend);
    x->options.device = (int)c->device;
    x->options.keys = c->allow_development_key ? GROTH16_KEYS_DEVELOPMENT : GROTH16_KEYS_SOUND;
    x->cpu.threads = x->options.threads = (unsigned)c->threads;
    if (choice != BACKEND_CPU) gpu_host_environment(state);
    TRY(choose(g, choice, err));
    g->told = atomic_load(&x->trust.verdicts);
    if (x->backend->device_bytes) *vram = x->backend->device_bytes(&x->options);
    if (x->backend == &backend_cpu) return PV_OK;
    x->options.places = places_of(c, *vram);
    LOG_INFO("prover.backend", "name=%s vram=%" PRIu64 " gpu_slots=%u", x->backend->name, *vram, x->options.places);
    return PV_OK;
}

void node_gpu_now(void *gpu, struct agent_gpu *now)
{
    static const enum agent_gpu_state states[] = {
        [GPU_TRUSTED] = AGENT_GPU_FIT, [GPU_SUSPECT] = AGENT_GPU_SUSPECT, [GPU_BROKEN] = AGENT_GPU_BROKEN
    };
    const struct node_gpu *g = gpu;
    const struct gpu_trust *t = &g->proving->trust;
    enum gpu_trust_state state = gpu_trust_now(t);
    *now = (struct agent_gpu){ .state = g->beside ? AGENT_GPU_FIT : states[state],
                               .wrong_proofs = atomic_load(&t->wrong_proofs) };
    if (state == GPU_BROKEN)
        snprintf(now->unused, sizeof now->unused, "the GPU failed its self-test: %.220s", t->why);
    else
        snprintf(now->unused, sizeof now->unused, "%s", g->unused);
}

/* A test may begin and end between two looks. */
bool node_gpu_changed(struct node_gpu *g)
{
    unsigned long now = atomic_load(&g->proving->trust.verdicts), was = g->told;
    g->told = now;
    return now != was;
}
