/* The Prometheus text: https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4. Names of queues are
 * valid label values as they are (wire_name_valid lets neither quote nor backslash nor line feed in). */
#include "broker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct metric {
    const char *name, *type, *help;
    uint64_t value;
};

static void head(FILE *to, const char *name, const char *type, const char *help)
{
    fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void metrics_write(FILE *to, const struct metric *m, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        head(to, m[i].name, m[i].type, m[i].help);
        fprintf(to, "%s %" PRIu64 "\n", m[i].name, m[i].value);
    }
}

static void core_metrics(struct broker *b, FILE *to)
{
    struct sched_stats s;
    sched_read_stats(b->sched, &s);
    const struct metric all[] = {
        { "provost_tasks", "gauge", "Tasks kept, in any state.", s.tasks },
        { "provost_sessions", "gauge", "Client sessions known.", s.sessions },
        { "provost_provers", "gauge", "Provers known.", s.provers },
        { "provost_submitted_total", "counter", "Tasks accepted.", s.submitted },
        { "provost_refused_total", "counter", "Requests refused.", s.refused },
        { "provost_succeeded_total", "counter", "Tasks that succeeded.", s.succeeded },
        { "provost_dead_total", "counter", "Tasks that used up their attempts or could not be proved.", s.dead },
        { "provost_cancelled_total", "counter", "Tasks cancelled or purged.", s.cancelled },
        { "provost_expired_total", "counter", "Tasks whose deadline passed.", s.expired },
        { "provost_offers_total", "counter", "Offers made to provers.", s.offers },
        { "provost_offers_warm_total", "counter", "Offers to a prover that had the key resident.", s.warm_offers },
        { "provost_offers_cold_total", "counter", "Offers to a prover that had to load the key.", s.cold_offers },
        { "provost_started_total", "counter", "Attempts started.", s.started },
        { "provost_failures_total", "counter", "Attempts that failed.", s.failures },
        { "provost_losses_total", "counter", "Attempts lost with their prover.", s.losses },
        { "provost_releases_total", "counter", "Attempts handed back.", s.releases },
        { "provost_recalls_total", "counter", "Prefetched attempts asked back.", s.recalls },
        { "provost_revokes_total", "counter", "Attempts revoked.", s.revokes },
        { "provost_late_accepted_total", "counter", "Results accepted after their lease was lost.", s.late_accepted },
        { "provost_stale_reports_total", "counter", "Reports of attempts that are no longer valid.", s.stale_reports },
        { "provost_quarantines_total", "counter", "Provers put into quarantine.", s.quarantines },
        { "provost_provers_lost_total", "counter", "Provers lost.", s.provers_lost },
    };
    metrics_write(to, all, sizeof all / sizeof *all);
}

static void daemon_metrics(struct broker *b, FILE *to)
{
    struct store_stats st;
    struct transfers_stats tr = transfers_read_stats(b->transfers);
    store_read_stats(b->store, &st);
    const struct metric all[] = {
        { "provost_up", "gauge", "1 while tasks are accepted.", broker_not_ready(b) == NULL },
        { "provost_boot_epoch", "gauge", "Counts the starts of this store.", b->epoch },
        { "provost_uptime_seconds", "gauge", "Since the start.", (b->now_ms - b->started_ms) / 1000 },
        { "provost_connections", "gauge", "Connections of the socket.", b->router.connections },
        { "provost_peers", "gauge", "Connections that spoke.", b->peers.used },
        { "provost_strangers", "gauge", "Connections that have not said HELLO.", b->strangers.n },
        { "provost_strangers_cut_total", "counter", "Those that were too slow, or too many.",
          b->counters.strangers_cut },
        { "provost_messages_total", "counter", "Messages received.", b->counters.messages },
        { "provost_messages_malformed_total", "counter", "Messages refused by the decoder.", b->counters.malformed },
        { "provost_keys_refused_total", "counter", "Messages under a key that is not authorised.",
          b->counters.refused_keys },
        { "provost_sends_total", "counter", "Messages sent.", b->counters.sends },
        { "provost_sends_unreachable_total", "counter", "Messages whose peer was gone or did not read.",
          b->counters.unreachable },
        { "provost_loop_lag_milliseconds_total", "counter", "Time the loop was late.", b->counters.lag_ms_total },
        { "provost_loop_lag_milliseconds_max", "gauge", "Latest it ever was.", b->counters.lag_ms_most },
        { "provost_commits_total", "counter", "Commits of the store.", st.commits },
        { "provost_syncs_total", "counter", "Syncs of its log.", st.syncs },
        { "provost_database_bytes", "gauge", "Pages in use.", st.database_bytes },
        { "provost_disk_free_bytes", "gauge", "Free space where the store is.",
          blobs_free_bytes(store_blobs(b->store)) },
        { "provost_uploads", "gauge", "Payloads on their way in.", tr.uploads },
        { "provost_downloads", "gauge", "Payloads offered to peers in chunks.", tr.downloads },
        { "provost_bytes_in_total", "counter", "Bytes of chunks received.", tr.bytes_in },
        { "provost_bytes_out_total", "counter", "Bytes of chunks sent.", tr.bytes_out },
    };
    metrics_write(to, all, sizeof all / sizeof *all);
}

static void queue_gauge(struct broker *b, FILE *to, const char *name, const char *help,
                        uint64_t (*value)(const struct sched_queue_view *))
{
    struct sched_queue_view q;
    head(to, name, "gauge", help);
    for (size_t i = 0; sched_queue_at(b->sched, i, b->now_ms, &q); i++)
        fprintf(to, "%s{queue=\"%s\"} %" PRIu64 "\n", name, q.name, value(&q));
}

static uint64_t queue_demand(const struct sched_queue_view *q)
{
    return q->demand;
}

static uint64_t queue_oldest(const struct sched_queue_view *q)
{
    return q->oldest_queued_ms;
}

static uint64_t queue_unservable(const struct sched_queue_view *q)
{
    return q->unservable;
}

static uint64_t queue_slots(const struct sched_queue_view *q)
{
    return q->slots;
}

static uint64_t queue_paused(const struct sched_queue_view *q)
{
    return q->paused;
}

static void queue_metrics(struct broker *b, FILE *to)
{
    struct sched_queue_view q;
    head(to, "provost_queue_tasks", "gauge", "Tasks by queue and state.");
    for (size_t i = 0; sched_queue_at(b->sched, i, b->now_ms, &q); i++)
        for (int s = 0; s < TASK_STATES; s++)
            fprintf(to, "provost_queue_tasks{queue=\"%s\",state=\"%s\"} %" PRIu64 "\n", q.name,
                    task_state_word((enum task_state)s), q.tasks[s]);
    queue_gauge(b, to, "provost_queue_demand", "Tasks that want a prover now or soon: scale by this.", queue_demand);
    queue_gauge(b, to, "provost_queue_oldest_milliseconds", "How long the oldest queued task waits.", queue_oldest);
    queue_gauge(b, to, "provost_queue_unservable", "Queued tasks no live prover can serve.", queue_unservable);
    queue_gauge(b, to, "provost_queue_slots", "Slots of the live provers that serve it.", queue_slots);
    queue_gauge(b, to, "provost_queue_paused", "1 while it is paused.", queue_paused);
}

void metrics_publish(struct broker *b)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *to = open_memstream(&text, &bytes);
    if (!to) return;
    core_metrics(b, to);
    daemon_metrics(b, to);
    queue_metrics(b, to);
    if (!fclose(to)) http_publish(b->http, text, bytes, broker_not_ready(b));
    free(text);
}
