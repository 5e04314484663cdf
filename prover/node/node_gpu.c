#include "node_gpu.h"

#include "gpu_host.h"
#include "gpu_need.h"
#include "log.h"
#include "team.h"
#include "text.h"

#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_MS = 100, SIGNAL_MS = 20, FACTS_LOOKS = 50 /* every 5 s: NVML takes milliseconds a card */ };

static bool is_built_for_gpus(void)
{
#ifdef PV_HAVE_CUDA
    return true;
#else
    return false;
#endif
}

/* --- which ones --- */

static pv_status cards_find(struct node_gpu *g, const struct node_config *c)
{
    struct prove_error without = { 0 };
    if (!is_built_for_gpus()) return prove_error_set(&g->why, PV_NO_DEVICE, "built without CUDA");
    if (nvml_open(&g->nvml, NVML_LIBRARY, &without) != PV_OK) LOG_DEBUG("gpu.nvml", "text=%s", without.text);
    TRY(gpu_cards_find(&g->cards, c->gpus, (int)c->device, getenv("CUDA_VISIBLE_DEVICES"), g->nvml, &g->why));
    if (*g->cards.note) LOG_WARN("gpu.cards", "text=%s", g->cards.note);
    return PV_OK;
}

void node_gpu_look(struct node_gpu *g, struct node_config *c)
{
    if (g->looked || !strcmp(c->backend, "cpu")) return;
    g->looked = true;
    (void)cards_find(g, c);
    if (g->cards.n > c->slots && c->origin[NODE_CONFIG_slots] == SETTING_DEFAULT) c->slots = g->cards.n;
}

/* provost-prover, from the folder of this program, which is provost-prover-node. Its file may have been replaced since. */
static bool program_find(char path[PATH_MAX])
{
    static const char gone[] = " (deleted)", node[] = "-node";
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
    if (n <= 0) return false;
    path[n] = 0;
    char *end = path + n - (sizeof gone - 1);
    if (end > path && !strcmp(end, gone)) *end = 0;
    end = path + strlen(path) - (sizeof node - 1);
    if (end <= path || strcmp(end, node) != 0) return false;
    *end = 0;
    return true;
}

/* --- their start --- */

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
    struct handler_groth16_context *x = g->proving;
    gpus_destroy(&g->gpus);
    x->backend = &backend_cpu;
    x->options.gpus = x->tests.gpus = NULL;
    for (unsigned i = 0; i < GPUS_MAX; i++) x->tests.trust[i] = (struct gpu_trust){ .state = GPU_TRUSTED };
    if (*why) fallen_back(g, why);
}

static pv_status processes_start(struct node_gpu *g, const struct node_config *c, struct prove_error *err)
{
    struct gpus_options o = { .n = g->cards.n,
                              .device = (int)c->device,
                              .jobs = (unsigned)c->slots + 2,
                              .threads = (unsigned)c->threads,
                              .limit_ms = c->gpu_limit_s * 1000 };
    char path[PATH_MAX];
    if (!program_find(path)) return prove_error_set(err, PV_NO_DEVICE, "provost-prover is not beside this program");
    o.program = path;
    memcpy(o.cards, g->cards.id, sizeof o.cards);
    return gpus_new(&g->gpus, &o, err);
}

/* They start side by side. PV_OK: one at least serves; what is wrong with others is said. */
static pv_status processes_wait(struct node_gpu *g, struct prove_error *err)
{
    unsigned ready = 0;
    for (unsigned i = 0; i < g->cards.n; i++) {
        struct prove_error why = { 0 };
        pv_status s = gpus_wait(g->gpus, i, &g->ending, &why);
        if (s == PV_CANCELLED) return *err = why, s;
        if (s == PV_OK) {
            ready++;
            continue;
        }
        if (g->cards.n > 1) LOG_WARN("gpu.unused", "name=%s why=%s", gpus_name(g->gpus, i), why.text);
        *err = why;
    }
    return ready ? PV_OK : err->status;
}

static pv_status processes_try(struct node_gpu *g, struct prove_error *err)
{
    struct handler_groth16_context *x = g->proving;
    TRY(processes_wait(g, err));
    g->backend = backend_remote;
    g->backend.proofs_at_once = gpus_proofs_at_once(g->gpus);
    x->backend = &g->backend;
    x->options.device = GPUS_ANY;
    x->options.gpus = g->gpus;
    pv_status s = handler_groth16_test(x, &g->ending, err);
    if (s == PV_BUSY) err->status = s = PV_NO_DEVICE; /* its process ended three times */
    return s;
}

/* A signal that ends the node, and that its main thread will take from its signalfd once it has time: it is blocked. */
static bool is_told_to_end(void)
{
    static const int ends[] = { SIGTERM, SIGINT, SIGUSR1 };
    sigset_t pending;
    if (sigpending(&pending)) return false;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (sigismember(&pending, ends[i]) == 1) return true;
    return false;
}

/* While the main thread waits for processes and their tests, which may hang for minutes. */
static void *listen_for_the_end(void *gpu)
{
    struct node_gpu *g = gpu;
    const struct timespec nap = { .tv_nsec = SIGNAL_MS * 1000000L };
    while (!atomic_load(&g->opened)) {
        if (is_told_to_end()) {
            atomic_store(&g->ending, 1);
            node_gpu_leave(g);
            break;
        }
        nanosleep(&nap, NULL);
    }
    return NULL;
}

static pv_status use_gpus(struct node_gpu *g, const struct node_config *c, struct prove_error *err)
{
    pthread_t listener;
    if (g->why.status != PV_OK) return *err = g->why, g->why.status;
    TRY(processes_start(g, c, err));
    g->proving->tests.gpus = g->gpus;
    bool listens = pthread_create(&listener, NULL, listen_for_the_end, g) == 0;
    pv_status s = processes_try(g, err);
    atomic_store(&g->opened, 1);
    if (listens) pthread_join(listener, NULL);
    if (!atomic_load(&g->ending)) return s;
    return prove_error_set(err, PV_CANCELLED, "told to end while the GPUs were started");
}

/* Proofs beyond the node's own slots never run. */
static unsigned places_of(const struct node_config *c, uint64_t vram)
{
    unsigned most = gpu_need_places(vram);
    if (c->gpu_slots) return (unsigned)c->gpu_slots;
    return c->slots < most ? (unsigned)c->slots : most;
}

/* What is wrong with a setting is never passed over. */
static pv_status choose(struct node_gpu *g, enum backend_choice choice, const struct node_config *c,
                        struct prove_error *err)
{
    struct prove_error failed = { 0 };
    char note[PROVE_ERROR_TEXT_BYTES + 32];
    if (choice == BACKEND_CPU) return use_cpu(g, ""), PV_OK;
    pv_status s = use_gpus(g, c, &failed);
    if (s == PV_OK) return PV_OK;
    if (s == PV_CANCELLED) return *err = failed, s;
    snprintf(note, sizeof note, "%s: proving on the CPU", failed.text);
    use_cpu(g, note);
    if (choice == BACKEND_AUTO && s != PV_BAD_CONFIG) return PV_OK;
    return *err = failed, s;
}

pv_status node_gpu_open(struct node_gpu *g, struct node_config *c, const char *state, uint64_t *vram,
                        struct prove_error *err)
{
    enum backend_choice choice;
    struct handler_groth16_context *x = g->proving;
    if (!backend_choice_parse(&choice, c->backend))
        return prove_error_set(err, PV_BAD_CONFIG, "backend: not auto, cpu or cuda: \"%.64s\"", c->backend);
    x->options.keys = c->allow_development_key ? GROTH16_KEYS_DEVELOPMENT : GROTH16_KEYS_SOUND;
    x->cpu.threads = x->options.threads = (unsigned)c->threads;
    x->gpu_check = c->gpu_check;
    node_gpu_look(g, c);
    if (choice != BACKEND_CPU) gpu_host_environment(state);
    TRY(choose(g, choice, c, err));
    g->told = gpu_tests_verdicts(&x->tests);
    if (x->backend->device_bytes) *vram = x->backend->device_bytes(&x->options);
    if (x->backend == &backend_cpu) return PV_OK;
    x->options.places = places_of(c, *vram);
    g->backend.proofs_at_once = x->options.places * g->cards.n;
    LOG_INFO("prover.backend", "name=%s vram=%" PRIu64 " gpus=%u gpu_slots=%u", x->backend->name, *vram, g->cards.n,
             x->options.places);
    return PV_OK;
}

/* --- while they serve --- */

static void event_heard(struct node_gpu *g, unsigned board, const char *why)
{
    for (unsigned i = 0; i < g->cards.n; i++)
        if (g->cards.board[i] == (int)board) gpus_end(g->gpus, i, why);
}

/* What a card tells, as the broker of its figures has it. */
static void facts_read(struct node_gpu *g)
{
    struct node_card all[GPUS_MAX] = { { .name = "" } };
    size_t n = 0;
    for (unsigned i = 0; i < g->cards.n; i++) {
        struct nvml_facts f;
        if (g->cards.board[i] < 0 || !nvml_facts(g->nvml, (unsigned)g->cards.board[i], &f)) continue;
        struct node_card *c = &all[n++];
        *c = (struct node_card){ .has_memory = f.has_memory,
                                 .has_use = f.has_use,
                                 .has_temperature = f.has_temperature,
                                 .has_power = f.has_power,
                                 .memory_used = f.memory_used,
                                 .memory_total = f.memory_total,
                                 .use_percent = f.use_percent,
                                 .temperature_c = f.temperature_c,
                                 .power_mw = f.power_mw };
        snprintf(c->name, sizeof c->name, "%s", gpus_name(g->gpus, i));
    }
    pthread_mutex_lock(&g->facts_lock);
    memcpy(g->facts, all, sizeof all);
    g->facts_n = n;
    pthread_mutex_unlock(&g->facts_lock);
}

size_t node_gpu_cards(struct node_gpu *g, struct node_card *to, size_t most)
{
    pthread_mutex_lock(&g->facts_lock);
    size_t n = g->facts_n < most ? g->facts_n : most;
    memcpy(to, g->facts, n * sizeof *to);
    pthread_mutex_unlock(&g->facts_lock);
    return n;
}

/* Tests are made here, and not by the thread that hears signals: one may take as long as a hang does. */
static void *keep(void *gpu)
{
    struct node_gpu *g = gpu;
    const struct timespec nap = { .tv_nsec = LOOK_MS * 1000000L };
    (void)team_start(1, TEAM_SPIN_AS_IT_IS);
    for (unsigned looks = 0; !atomic_load(&g->ending); looks++) {
        unsigned board;
        char why[64];
        handler_groth16_look(g->proving, &g->ending);
        if (g->nvml && nvml_event(g->nvml, 0, &board, why)) event_heard(g, board, why);
        if (g->nvml && looks % FACTS_LOOKS == 0) facts_read(g);
        nanosleep(&nap, NULL);
    }
    return NULL;
}

void node_gpu_keep(struct node_gpu *g)
{
    if (g->gpus) g->kept = pthread_create(&g->keeper, NULL, keep, g) == 0;
    if (g->gpus && !g->kept) LOG_WARN("gpu.keeper", "text=%s", "no thread can be started to look after the GPUs");
}

void node_gpu_leave(struct node_gpu *g)
{
    gpu_tests_leave(&g->proving->tests);
}

void node_gpu_part(struct node_gpu *g)
{
    atomic_store(&g->ending, 1);
    if (g->kept) pthread_join(g->keeper, NULL);
    g->kept = false;
}

void node_gpu_clear(struct node_gpu *g)
{
    node_gpu_part(g);
    gpus_destroy(&g->gpus);
    nvml_close(&g->nvml);
}

void node_gpu_now(void *gpu, struct agent_gpu *now)
{
    static const enum agent_gpu_state states[] = {
        [GPU_TRUSTED] = AGENT_GPU_FIT, [GPU_SUSPECT] = AGENT_GPU_SUSPECT, [GPU_BROKEN] = AGENT_GPU_BROKEN
    };
    const struct node_gpu *g = gpu;
    const struct gpu_tests *t = &g->proving->tests;
    char why[sizeof now->unused];
    enum gpu_trust_state state = gpu_tests_now(t, why, sizeof why);
    *now = (struct agent_gpu){ .state = g->beside ? AGENT_GPU_FIT : states[state],
                               .wrong_proofs = gpu_tests_wrong_proofs(t),
                               .ended = gpu_tests_ended(t) };
    wire_text_clip(now->unused, sizeof now->unused, *why ? why : g->unused);
}

/* A test may begin and end between two looks. */
bool node_gpu_changed(struct node_gpu *g)
{
    unsigned long now = gpu_tests_verdicts(&g->proving->tests), was = g->told;
    g->told = now;
    return now != was;
}
