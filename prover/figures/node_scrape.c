#include "node_scrape.h"

#include "prom_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

enum { STALE_MS = 10000 };

bool node_alive(const struct node_now *now, uint64_t now_ms, const char **why)
{
    bool alive = now_ms < now->turned_ms + STALE_MS;
    *why = alive ? NULL : "the loop does not turn";
    return alive;
}

bool node_ready(const struct node_now *now, uint64_t now_ms, const char **why)
{
    if (!node_alive(now, now_ms, why)) return false;
    if (!now->connected) *why = "no broker knows this node at the moment";
    if (now->gpu_state == 2) *why = "the GPU is broken or in quarantine";
    if (now->draining) *why = "the node drains";
    return !*why;
}

/* ---- handlers ---- */

static void runs(FILE *to, const struct node_sources *s)
{
    static const char name[] = "provost_node_runs_total";
    prom_family(to, name, "counter", "Runs of handlers that ended.");
    for (size_t i = 0; i < s->handlers_n; i++) {
        const struct handler_counters *c = &s->handlers[i]->counters;
        unsigned long permanent = atomic_load(&c->permanent), resource = atomic_load(&c->resource);
        unsigned long failed = atomic_load(&c->failed);
        const struct {
            const char *outcome;
            unsigned long n;
        } all[] = { { "succeeded", atomic_load(&c->succeeded) },
                    { "failed", failed > permanent + resource ? failed - permanent - resource : 0 },
                    { "permanent", permanent },
                    { "resource", resource },
                    { "stopped", atomic_load(&c->stopped) } };
        for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
            const struct prom_labels l = { { { "handler", s->handlers[i]->name }, { "outcome", all[k].outcome } } };
            prom_sample(to, name, &l, all[k].n);
        }
    }
}

static unsigned long running(const struct handler_counters *c)
{
    return handler_running(c);
}

static unsigned long bytes_in(const struct handler_counters *c)
{
    return atomic_load(&c->bytes_in);
}

static unsigned long bytes_out(const struct handler_counters *c)
{
    return atomic_load(&c->bytes_out);
}

static void of_handlers(FILE *to, const struct node_sources *s, const char *name, const char *type, const char *help,
                        unsigned long (*value)(const struct handler_counters *))
{
    prom_family(to, name, type, help);
    for (size_t i = 0; i < s->handlers_n; i++) {
        const struct prom_labels l = { { { "handler", s->handlers[i]->name } } };
        prom_sample(to, name, &l, value(&s->handlers[i]->counters));
    }
}

static void handlers(FILE *to, const struct node_sources *s)
{
    static const char busy[] = "provost_node_run_seconds_total";
    runs(to, s);
    prom_family(to, busy, "counter", "How long those runs took.");
    for (size_t i = 0; i < s->handlers_n; i++) {
        const struct prom_labels l = { { { "handler", s->handlers[i]->name } } };
        prom_seconds_ms(to, busy, &l, atomic_load(&s->handlers[i]->counters.busy_ms));
    }
    of_handlers(to, s, "provost_node_runs", "gauge", "Runs of handlers that go on.", running);
    of_handlers(to, s, "provost_node_input_bytes_total", "counter", "Inputs of runs that ended.", bytes_in);
    of_handlers(to, s, "provost_node_result_bytes_total", "counter", "Results of runs that succeeded.", bytes_out);
}

/* ---- the work ---- */

static void work(FILE *to, const struct node_figures *f)
{
    const struct node_now *n = &f->now;
    const struct prom_metric all[] = {
        { "provost_node_connected", "gauge", "1 while a broker knows this node.", n->connected },
        { "provost_node_draining", "gauge", "1 while it takes nothing new.", n->draining },
        { "provost_node_slots", "gauge", "Tasks that it computes at once.", n->slots },
        { "provost_node_slots_busy", "gauge", "Those that it computes now.", n->busy },
        { "provost_node_inputs_waiting", "gauge", "Tasks that wait here for a slot, or for their input.", n->waiting },
        { "provost_node_results_unacknowledged", "gauge", "Results that the broker has not acknowledged.",
          n->unacknowledged },
        { "provost_node_proofs_rejected_total", "counter", "Attempts that ended because a proof did not verify.",
          f->rejected },
        { "provost_node_gpu_wrong_proofs_total", "counter", "Proofs that a GPU got wrong and the CPU right.",
          n->gpu_wrong_proofs },
        { "provost_node_gpu_ended_total", "counter", "Processes of GPUs that ended, or had to be ended.",
          n->gpu_ended },
        { "provost_node_gpu_fallback", "gauge", "1 while a GPU proves nothing: the CPU does its work, or nobody.",
          n->gpu_unused },
    };
    prom_metrics(to, all, sizeof all / sizeof *all);
    prom_family(to, "provost_node_proof_seconds", "histogram", "Tasks that succeeded here, from input to result.");
    prom_histogram(to, "provost_node_proof_seconds", NULL, &f->proofs, &histogram_of_tasks);
    prom_family(to, "provost_node_phase_seconds_total", "counter", "How long attempts were in which phase.");
    for (size_t i = 0; i < f->phases_n; i++) {
        const struct prom_labels l = { { { "phase", f->phases[i].name } } };
        prom_seconds_ms(to, "provost_node_phase_seconds_total", &l, f->phases[i].ms);
    }
    const struct prom_labels other = { { { "phase", "(other)" } } };
    prom_seconds_ms(to, "provost_node_phase_seconds_total", &other, f->phases_other_ms);
}

/* ---- keys and memory ---- */

static void keys(FILE *to, const struct keycache_figures *k)
{
    const struct prom_metric all[] = {
        { "provost_node_keys", "gauge", "Keys that the node can prove with.", k->keys },
        { "provost_node_keys_resident", "gauge", "Those of them that are loaded.", k->resident },
        { "provost_node_keys_unserved", "gauge", "Files that look like a key and are not served.", k->unserved },
        { "provost_node_key_bytes", "gauge", "What loaded keys hold, on the device or in RAM.", k->bytes },
        { "provost_node_key_hits_total", "counter", "Proofs that found their key loaded.", k->hits },
        { "provost_node_key_misses_total", "counter", "Proofs that had to wait for their key to be loaded.",
          k->misses },
        { "provost_node_key_evictions_total", "counter", "Keys that were closed.", k->closed },
    };
    prom_metrics(to, all, sizeof all / sizeof *all);
    prom_family(to, "provost_node_key_load_seconds", "histogram", "Loading of keys.");
    prom_histogram(to, "provost_node_key_load_seconds", NULL, &k->loads, &histogram_of_tasks);
}

/* 0: not known. */
static uint64_t resident_bytes(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f) return 0;
    if (fscanf(f, "%*s %lu", &pages) != 1) pages = 0;
    fclose(f);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* ---- cards ---- */

static void card_family(FILE *to, const struct node_card *c, size_t n, const char *name, const char *help, int which)
{
    prom_family(to, name, "gauge", help);
    for (size_t i = 0; i < n; i++) {
        const struct prom_labels l = { { { "gpu", c[i].name } } };
        if (which == 0 && c[i].has_memory) prom_sample(to, name, &l, c[i].memory_used);
        if (which == 1 && c[i].has_memory) prom_sample(to, name, &l, c[i].memory_total);
        if (which == 2 && c[i].has_use) prom_percent(to, name, &l, c[i].use_percent);
        if (which == 3 && c[i].has_temperature) prom_sample(to, name, &l, c[i].temperature_c);
        if (which == 4 && c[i].has_power) prom_seconds_ms(to, name, &l, c[i].power_mw); /* thousandths, as well */
    }
}

static void cards(FILE *to, const struct node_sources *s)
{
    struct node_card c[NODE_SCRAPE_GPUS];
    size_t n = s->cards ? s->cards(s->cards_arg, c, NODE_SCRAPE_GPUS) : 0;
    if (!n) return;
    card_family(to, c, n, "provost_node_gpu_memory_used_bytes", "Memory of the card that is used, by anybody.", 0);
    card_family(to, c, n, "provost_node_gpu_memory_bytes", "Memory of the card.", 1);
    card_family(to, c, n, "provost_node_gpu_use_ratio", "Of the last second, when kernels ran.", 2);
    card_family(to, c, n, "provost_node_gpu_temperature_celsius", "Temperature of the card.", 3);
    card_family(to, c, n, "provost_node_gpu_power_watts", "Power that the card takes.", 4);
}

/* ---- all ---- */

static void all_put(FILE *to, const struct node_sources *s, struct keycache_figures *last)
{
    static const struct prom_labels version = { { { "version", PV_VERSION } } };
    struct node_figures f;
    node_figures_read(s->figures, &f);
    prom_family(to, "provost_build_info", "gauge", "1; what runs here stands in the label.");
    prom_sample(to, "provost_build_info", &version, 1);
    work(to, &f);
    handlers(to, s);
    if (s->cache) (void)keycache_try_figures(s->cache, last);
    if (s->cache) keys(to, last);
    const struct prom_metric memory[] = {
        { "provost_node_memory_bytes", "gauge", "Memory of this process that is resident.", resident_bytes() },
        { "provost_node_memory_most_bytes", "gauge", "What keys and proofs may take.", s->memory_most },
    };
    prom_metrics(to, memory, sizeof memory / sizeof *memory);
    cards(to, s);
}

pv_status node_scrape(char **text, size_t *bytes, const struct node_sources *s, struct keycache_figures *last)
{
    char *made = NULL;
    FILE *to = open_memstream(&made, bytes);
    if (!to) return PV_NO_MEMORY;
    all_put(to, s, last);
    if (fclose(to)) {
        free(made);
        return PV_NO_MEMORY;
    }
    *text = made;
    return PV_OK;
}
