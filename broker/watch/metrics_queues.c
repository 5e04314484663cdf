/* Metrics by queue. */
#include "metrics_parts.h"

#include "prom_text.h"

static uint64_t demand(const struct sched_queue_view *q)
{
    return q->demand;
}

static uint64_t demand_paused(const struct sched_queue_view *q)
{
    return q->demand_paused;
}

static uint64_t demand_unservable(const struct sched_queue_view *q)
{
    return q->demand_unservable;
}

static uint64_t provers(const struct sched_queue_view *q)
{
    return q->provers;
}

static uint64_t serving(const struct sched_queue_view *q)
{
    return q->serving;
}

static uint64_t damaged(const struct sched_queue_view *q)
{
    return q->damaged;
}

static uint64_t unservable(const struct sched_queue_view *q)
{
    return q->unservable;
}

static uint64_t slots(const struct sched_queue_view *q)
{
    return q->slots;
}

static uint64_t paused(const struct sched_queue_view *q)
{
    return q->paused;
}

static uint64_t live_bytes(const struct sched_queue_view *q)
{
    return q->live_bytes;
}

static const struct gauge {
    const char *name, *help;
    uint64_t (*value)(const struct sched_queue_view *);
} gauges[] = {
    { "provost_demand_slots", "Tasks that want a prover now or soon: scale by this.", demand },
    { "provost_queue_demand_paused", "Of the demand: tasks that wait in a paused queue.", demand_paused },
    { "provost_queue_demand_unservable", "Of the demand: tasks that wait and that no live prover can serve.",
      demand_unservable },
    { "provost_tasks_unservable", "Queued tasks no live prover can serve.", unservable },
    { "provost_live_bytes", "Bytes of the inputs and results that are kept.", live_bytes },
    { "provost_queue_provers", "Live provers that serve it.", provers },
    { "provost_queue_provers_serving", "Those of them that take tasks: no drain, no quarantine.", serving },
    { "provost_queue_damaged", "Dead tasks whose input or result the store has lost.", damaged },
    { "provost_queue_slots", "Slots of the live provers that serve it.", slots },
    { "provost_queue_paused", "1 while it is paused.", paused },
};

static void gauge_put(FILE *to, const struct sched *s, uint64_t now_ms, const struct gauge *g)
{
    struct sched_queue_view q;
    prom_family(to, g->name, "gauge", g->help);
    for (size_t i = 0; sched_queue_at(s, i, now_ms, &q); i++) {
        const struct prom_labels labels = { { { "queue", q.name } } };
        prom_sample(to, g->name, &labels, g->value(&q));
    }
}

void metrics_queue_states(FILE *to, const struct sched *s, uint64_t now_ms, const char *name, const char *help)
{
    struct sched_queue_view q;
    prom_family(to, name, "gauge", help);
    for (size_t i = 0; sched_queue_at(s, i, now_ms, &q); i++)
        for (int state = 0; state < TASK_STATES; state++) {
            const struct prom_labels labels = { { { "queue", q.name },
                                                  { "state", task_state_word((enum task_state)state) } } };
            prom_sample(to, name, &labels, q.tasks[state]);
        }
}

static void oldest(FILE *to, const struct sched *s, uint64_t now_ms)
{
    static const char name[] = "provost_oldest_queued_seconds";
    struct sched_queue_view q;
    prom_family(to, name, "gauge", "How long the oldest queued task waits.");
    for (size_t i = 0; sched_queue_at(s, i, now_ms, &q); i++) {
        const struct prom_labels labels = { { { "queue", q.name } } };
        prom_seconds_ms(to, name, &labels, q.oldest_queued_ms);
    }
}

static const struct histogram *wait_of(const struct measures_queue *m)
{
    return &m->wait;
}

static const struct histogram *task_of(const struct measures_queue *m)
{
    return &m->task;
}

static void of_queues(FILE *to, const struct sched *s, const char *name, const char *help,
                      const struct histogram *(*of)(const struct measures_queue *))
{
    struct sched_queue_view q;
    prom_family(to, name, "histogram", help);
    for (size_t i = 0; sched_queue_at(s, i, 0, &q); i++) {
        const struct prom_labels labels = { { { "queue", q.name } } };
        prom_histogram(to, name, &labels, of(q.measures), &histogram_of_tasks);
    }
}

/* By queue and circuit; "other": all that found no place. */
static void runs(FILE *to, const struct sched *s)
{
    static const char name[] = "provost_run_seconds";
    const struct measures *m = sched_measures(s);
    struct sched_queue_view q;
    prom_family(to, name, "histogram", "Attempts, from their start to their end, whatever that was.");
    for (size_t i = 0; i < m->runs_n; i++) {
        const struct prom_labels labels = { { { "queue", m->runs[i].queue }, { "circuit", m->runs[i].circuit } } };
        prom_histogram(to, name, &labels, &m->runs[i].run, &histogram_of_tasks);
    }
    for (size_t i = 0; sched_queue_at(s, i, 0, &q); i++) {
        /* A circuit may be called so: its series is one of those above. */
        const struct prom_labels labels = { { { "queue", q.name }, { "circuit", "(other)" } } };
        if (histogram_count(&q.measures->run_other, &histogram_of_tasks))
            prom_histogram(to, name, &labels, &q.measures->run_other, &histogram_of_tasks);
    }
}

void metrics_queues(FILE *to, const struct sched *s, uint64_t now_ms)
{
    const struct measures *m = sched_measures(s);
    metrics_queue_states(to, s, now_ms, "provost_tasks", "Tasks kept, by queue and state.");
    oldest(to, s, now_ms);
    for (size_t i = 0; i < sizeof gauges / sizeof *gauges; i++) gauge_put(to, s, now_ms, &gauges[i]);
    of_queues(to, s, "provost_wait_seconds", "Tasks, from their submit to their first start.", wait_of);
    of_queues(to, s, "provost_task_seconds", "Tasks, from their submit to their success.", task_of);
    runs(to, s);
    prom_family(to, "provost_key_load_seconds", "histogram",
                "What loading the key takes, as its prover said, at each offer to a prover that had to load it.");
    prom_histogram(to, "provost_key_load_seconds", NULL, &m->key_load, &histogram_of_tasks);
    prom_family(to, "provost_proofs_rejected_total", "counter", "Attempts that ended because a proof did not verify.");
    prom_sample(to, "provost_proofs_rejected_total", NULL, m->proofs_rejected);
}
