/* Names of before, for one release: who reads them has until then to change. Each has its new name in HELP, and promtool finds
 * fault with two of them (milliseconds). */
#include "metrics_parts.h"

#include "prom_text.h"

static void plain(FILE *to, const struct facts *f)
{
    const struct prom_metric all[] = {
        { "provost_submitted_total", "counter", "Deprecated: provost_tasks_submitted_total", f->core.submitted },
        { "provost_succeeded_total", "counter", "Deprecated: provost_tasks_finished_total{outcome=\"succeeded\"}",
          f->core.succeeded },
        { "provost_dead_total", "counter", "Deprecated: provost_tasks_finished_total{outcome=\"dead\"}", f->core.dead },
        { "provost_cancelled_total", "counter", "Deprecated: provost_tasks_finished_total{outcome=\"cancelled\"}",
          f->core.cancelled },
        { "provost_expired_total", "counter", "Deprecated: provost_tasks_finished_total{outcome=\"expired\"}",
          f->core.expired },
        { "provost_offers_warm_total", "counter", "Deprecated: provost_affinity_total{hit=\"true\"}",
          f->core.warm_offers },
        { "provost_offers_cold_total", "counter", "Deprecated: provost_affinity_total{hit=\"false\"}",
          f->core.cold_offers },
        { "provost_failures_total", "counter", "Deprecated: provost_attempts_total{outcome=\"failed\"}",
          f->core.failures },
        { "provost_losses_total", "counter", "Deprecated: provost_attempts_total{outcome=\"lost\"}", f->core.losses },
        { "provost_late_accepted_total", "counter", "Deprecated: provost_late_results_total{verdict=\"accepted\"}",
          f->core.late_accepted },
        { "provost_provers_lost_total", "counter", "Deprecated: provost_prover_lost_total", f->core.provers_lost },
        { "provost_keys_refused_total", "counter", "Deprecated: provost_auth_denied_total{why=\"revoked\"}",
          f->counters.refused_keys },
        { "provost_messages_malformed_total", "counter",
          "Deprecated: provost_protocol_errors_total{kind=\"malformed\"}", f->counters.malformed },
        { "provost_loop_lag_milliseconds_total", "counter", "Deprecated: provost_loop_lag_seconds_total",
          f->counters.lag_ms_total },
        { "provost_loop_lag_milliseconds_max", "gauge", "Deprecated: provost_loop_lag_seconds_max",
          f->counters.lag_ms_most },
    };
    prom_metrics(to, all, sizeof all / sizeof *all);
}

static void of_queue(FILE *to, const struct sched *s, uint64_t now_ms, const char *name, const char *help,
                     uint64_t (*value)(const struct sched_queue_view *))
{
    struct sched_queue_view q;
    prom_family(to, name, "gauge", help);
    for (size_t i = 0; sched_queue_at(s, i, now_ms, &q); i++) {
        const struct prom_labels labels = { { { "queue", q.name } } };
        prom_sample(to, name, &labels, value(&q));
    }
}

static uint64_t demand(const struct sched_queue_view *q)
{
    return q->demand;
}

static uint64_t oldest(const struct sched_queue_view *q)
{
    return q->oldest_queued_ms;
}

static uint64_t unservable(const struct sched_queue_view *q)
{
    return q->unservable;
}

void metrics_former(FILE *to, const struct facts *f, const struct sched *s)
{
    plain(to, f);
    metrics_queue_states(to, s, f->now_ms, "provost_queue_tasks", "Deprecated: provost_tasks");
    of_queue(to, s, f->now_ms, "provost_queue_demand", "Deprecated: provost_demand_slots", demand);
    of_queue(to, s, f->now_ms, "provost_queue_oldest_milliseconds", "Deprecated: provost_oldest_queued_seconds",
             oldest);
    of_queue(to, s, f->now_ms, "provost_queue_unservable", "Deprecated: provost_tasks_unservable", unservable);
}
