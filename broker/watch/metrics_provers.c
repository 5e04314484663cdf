/* Metrics of the fleet. A prover is told by its name, and where provers of several principals have that name, by "principal/name". */
#include "metrics_parts.h"

#include "prom_text.h"

#include <stdlib.h>
#include <string.h>

enum { LABEL_BYTES = 2 * WIRE_NAME_MAX + 2 };

enum state { READY, BUSY, DRAINING, QUARANTINED, STATES };
static const char *const words[STATES] = { "ready", "busy", "draining", "quarantined" };

struct fleet {
    uint64_t states[STATES], slots, busy, unlisted;
    struct sched_prover_view *at; /* the listed ones; NULL: no memory, and none is listed */
    size_t n;
};

static enum state state_of(const struct sched_prover_view *p)
{
    if (p->quarantined_ms) return QUARANTINED;
    if (p->draining) return DRAINING;
    return p->running ? BUSY : READY;
}

static int by_name(const void *a, const void *b)
{
    const struct sched_prover_view *p = a, *q = b;
    int order = strcmp(p->name, q->name);
    return order ? order : strcmp(p->principal, q->principal);
}

static void fleet_look(struct fleet *f, const struct sched *s, uint64_t now_ms)
{
    struct sched_prover_view p;
    *f = (struct fleet){ .at = calloc(METRICS_PROVERS_MOST, sizeof *f->at) };
    for (size_t place = 0; sched_prover_next(s, &place, now_ms, &p);) {
        if (!p.live) continue;
        f->states[state_of(&p)]++;
        f->slots += p.slots;
        f->busy += p.running;
        if (f->at && f->n < METRICS_PROVERS_MOST)
            f->at[f->n++] = p;
        else
            f->unlisted++;
    }
    if (f->n) qsort(f->at, f->n, sizeof *f->at, by_name);
}

static bool has_namesake(const struct fleet *f, size_t i)
{
    const char *name = f->at[i].name;
    return (i && !strcmp(f->at[i - 1].name, name)) || (i + 1 < f->n && !strcmp(f->at[i + 1].name, name));
}

static const char *label_of(char to[LABEL_BYTES], const struct fleet *f, size_t i)
{
    snprintf(to, LABEL_BYTES, "%s%s%s", has_namesake(f, i) ? f->at[i].principal : "", has_namesake(f, i) ? "/" : "",
             f->at[i].name);
    return to;
}

static uint64_t ran(const struct sched_prover_view *p)
{
    return p->ran_ms;
}

static uint64_t heard(const struct sched_prover_view *p)
{
    return p->heard_ms;
}

static void each(FILE *to, const struct fleet *f, const char *name, const char *type, const char *help,
                 uint64_t (*ms)(const struct sched_prover_view *))
{
    char label[LABEL_BYTES];
    prom_family(to, name, type, help);
    for (size_t i = 0; i < f->n; i++) {
        const struct prom_labels labels = { { { "prover", label_of(label, f, i) } } };
        prom_seconds_ms(to, name, &labels, ms(&f->at[i]));
    }
}

void metrics_provers(FILE *to, const struct sched *s, uint64_t now_ms)
{
    struct fleet f;
    fleet_look(&f, s, now_ms);
    const struct prom_metric all[] = {
        { "provost_slots", "gauge", "Slots of live provers.", f.slots },
        { "provost_slots_busy", "gauge", "Those of them that run an attempt.", f.busy },
        { "provost_provers_unlisted", "gauge", "Live provers beyond the first 1000: without series of their own.",
          f.unlisted },
    };
    prom_family(to, "provost_provers", "gauge", "Live provers, by what they are at.");
    for (size_t i = 0; i < STATES; i++) {
        const struct prom_labels labels = { { { "state", words[i] } } };
        prom_sample(to, "provost_provers", &labels, f.states[i]);
    }
    prom_metrics(to, all, sizeof all / sizeof *all);
    each(to, &f, "provost_prover_busy_seconds_total", "counter", "How long attempts ran there, of all slots together.",
         ran);
    each(to, &f, "provost_prover_heartbeat_age_seconds", "gauge", "Since the prover was last heard of.", heard);
    free(f.at);
}
