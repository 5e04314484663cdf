#include "node_figures.h"

#include <stdio.h>
#include <string.h>

void node_figures_init(struct node_figures *f)
{
    *f = (struct node_figures){ .phases_n = 0 };
    pthread_mutex_init(&f->lock, NULL);
}

void node_figures_clear(struct node_figures *f)
{
    pthread_mutex_destroy(&f->lock);
}

void node_figures_now(struct node_figures *f, const struct node_now *now)
{
    if (!f) return;
    pthread_mutex_lock(&f->lock);
    f->now = *now;
    pthread_mutex_unlock(&f->lock);
}

static uint64_t *phase_of(struct node_figures *f, const char *phase)
{
    for (size_t i = 0; i < f->phases_n; i++)
        if (!strcmp(f->phases[i].name, phase)) return &f->phases[i].ms;
    if (f->phases_n == NODE_PHASES) return &f->phases_other_ms;
    snprintf(f->phases[f->phases_n].name, sizeof f->phases[0].name, "%s", phase);
    return &f->phases[f->phases_n++].ms;
}

void node_figures_phase(struct node_figures *f, const char *phase, uint64_t ms)
{
    if (!f || !*phase) return;
    pthread_mutex_lock(&f->lock);
    *phase_of(f, phase) += ms;
    pthread_mutex_unlock(&f->lock);
}

void node_figures_proved(struct node_figures *f, uint64_t ms)
{
    if (!f) return;
    pthread_mutex_lock(&f->lock);
    histogram_add_ms(&f->proofs, &histogram_of_tasks, ms);
    pthread_mutex_unlock(&f->lock);
}

void node_figures_rejected(struct node_figures *f)
{
    if (!f) return;
    pthread_mutex_lock(&f->lock);
    f->rejected++;
    pthread_mutex_unlock(&f->lock);
}

void node_figures_read(struct node_figures *f, struct node_figures *to)
{
    pthread_mutex_lock(&f->lock);
    *to = *f;
    pthread_mutex_unlock(&f->lock);
}
