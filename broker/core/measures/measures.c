#include "measures.h"

#include <stdio.h>
#include <string.h>

const char *measures_outcome_word(enum measures_outcome o)
{
    static const char *const words[] = {
#define A(name, word) word,
        MEASURES_OUTCOME_LIST(A)
#undef A
    };
    return words[o];
}

static struct histogram *run_of(struct measures *m, struct measures_queue *q, const char *queue, const char *circuit)
{
    for (size_t i = 0; i < m->runs_n; i++)
        if (m->runs[i].queue == queue && !strcmp(m->runs[i].circuit, circuit)) return &m->runs[i].run;
    if (m->runs_n == MEASURES_RUNS) return &q->run_other;
    struct measures_run *r = &m->runs[m->runs_n++];
    r->queue = queue;
    snprintf(r->circuit, sizeof r->circuit, "%s", circuit);
    return &r->run;
}

void measures_ran(struct measures *m, struct measures_queue *q, const char *queue, const char *circuit, uint64_t ms)
{
    histogram_add_ms(run_of(m, q, queue, circuit), &histogram_of_tasks, ms);
}
