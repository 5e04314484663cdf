#include "metrics.h"

#include "handler_metrics.h"

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

static void print(FILE *to, const struct metric *m, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        head(to, m[i].name, m[i].type, m[i].help);
        fprintf(to, "%s %" PRIu64 "\n", m[i].name, m[i].value);
    }
}

static void core_metrics(FILE *to, const struct sched_stats *s)
{
    const struct metric all[] = {
        { "provost_tasks", "gauge", "Tasks kept, in any state.", s->tasks },
        { "provost_sessions", "gauge", "Client sessions known.", s->sessions },
        { "provost_provers", "gauge", "Live provers.", s->provers },
        { "provost_provers_known", "gauge", "Provers that are remembered: live ones, and those that are gone.",
          s->provers_known },
        { "provost_submitted_total", "counter", "Tasks accepted.", s->submitted },
        { "provost_refused_total", "counter", "Requests refused.", s->refused },
        { "provost_succeeded_total", "counter", "Tasks that succeeded.", s->succeeded },
        { "provost_dead_total", "counter", "Tasks that used up their attempts or could not be proved.", s->dead },
        { "provost_cancelled_total", "counter", "Tasks cancelled or purged.", s->cancelled },
        { "provost_expired_total", "counter", "Tasks whose deadline passed.", s->expired },
        { "provost_offers_total", "counter", "Offers made to provers.", s->offers },
        { "provost_offers_warm_total", "counter", "Offers to a prover that had the key resident.", s->warm_offers },
        { "provost_offers_cold_total", "counter", "Offers to a prover that had to load the key.", s->cold_offers },
        { "provost_started_total", "counter", "Attempts started.", s->started },
        { "provost_failures_total", "counter", "Attempts that failed.", s->failures },
        { "provost_losses_total", "counter", "Attempts lost with their prover.", s->losses },
        { "provost_releases_total", "counter", "Attempts handed back.", s->releases },
        { "provost_recalls_total", "counter", "Prefetched attempts asked back.", s->recalls },
        { "provost_revokes_total", "counter", "Attempts revoked.", s->revokes },
        { "provost_late_accepted_total", "counter", "Results accepted after their lease was lost.", s->late_accepted },
        { "provost_stale_reports_total", "counter", "Reports of attempts that are no longer valid.", s->stale_reports },
        { "provost_quarantines_total", "counter", "Provers put into quarantine.", s->quarantines },
        { "provost_second_opinions_total", "counter", "Permanent failures that another prover was asked about.",
          s->opinions },
        { "provost_contradicted_total", "counter", "Permanent failures that another prover showed to be wrong.",
          s->contradicted },
        { "provost_provers_lost_total", "counter", "Provers lost.", s->provers_lost },
        { "provost_prover_names_refused_total", "counter",
          "HELLOs of provers whose name and key another process was using.", s->names_refused },
    };
    print(to, all, sizeof all / sizeof *all);
}

static void daemon_metrics(FILE *to, const struct facts *f)
{
    const struct metric all[] = {
        { "provost_up", "gauge", "1 while tasks are accepted.", f->not_ready == NULL },
        { "provost_boot_epoch", "gauge", "Counts the starts of this store.", f->epoch },
        { "provost_uptime_seconds", "gauge", "Since the start.", (f->now_ms - f->started_ms) / 1000 },
        { "provost_connections", "gauge", "Connections of the socket.", f->connections },
        { "provost_connections_most", "gauge", "With these no more are let in but administrators.",
          f->connections_most },
        { "provost_connections_refused_total", "counter", "HELLOs for which there was no place.",
          f->counters.refused_full },
        { "provost_stale_hellos_total", "counter",
          "HELLOs of peers that have seen a later start of this broker, and were refused.", f->stale_hellos },
        { "provost_later_start", "gauge", "The start that such peers named within the last minute, or 0.",
          f->later_start },
        { "provost_descriptors_short", "gauge", "1 while the process has no descriptors left.", f->descriptors_short },
        { "provost_peers", "gauge", "Connections that spoke.", f->peers },
        { "provost_provers_gpu_unused", "gauge", "Provers that say that a GPU of theirs proves nothing.",
          f->gpus_unused },
        { "provost_gpu_wrong_proofs_total", "counter",
          "Proofs that GPUs of provers got wrong, and their CPUs right, as they say.", f->counters.gpu_wrong_proofs },
        { "provost_gpu_ended_total", "counter",
          "Processes of provers' GPUs that ended or had to be ended, as they say.", f->counters.gpu_ended },
        { "provost_strangers", "gauge", "Connections that have not said HELLO.", f->strangers },
        { "provost_strangers_cut_total", "counter", "Those that were too slow, or too many.",
          f->counters.strangers_cut },
        { "provost_messages_total", "counter", "Messages received.", f->counters.messages },
        { "provost_messages_malformed_total", "counter", "Messages refused by the decoder.", f->counters.malformed },
        { "provost_keys_refused_total", "counter", "Messages under a key that is not authorised.",
          f->counters.refused_keys },
        { "provost_sends_total", "counter", "Messages sent.", f->counters.sends },
        { "provost_sends_unreachable_total", "counter", "Messages whose peer was gone or did not read.",
          f->counters.unreachable },
        { "provost_unread_cut_total", "counter", "Connections cut because they asked for much and read nothing.",
          f->counters.unread_cut },
        { "provost_loop_lag_milliseconds_total", "counter", "Time the loop was late.", f->counters.lag_ms_total },
        { "provost_loop_lag_milliseconds_max", "gauge", "Latest it ever was.", f->counters.lag_ms_most },
        { "provost_rows_visited_total", "counter",
          "Tasks, lanes and provers looked at: to match, for LISTs, and by work that goes in slices.",
          f->core.rows + f->counters.list_rows },
        { "provost_rows_visited_max", "gauge", "The most of them in one turn of the loop.", f->counters.rows_most },
        { "provost_turns_total", "counter", "Turns of the loop.", f->counters.turns },
        { "provost_clock_jumps_total", "counter", "How often the wall clock was found set.", f->counters.clock_jumps },
        { "provost_payloads_damaged_total", "counter",
          "Payloads found missing, cut, changed or unreadable in the store.", f->counters.damaged },
        { "provost_commits_total", "counter", "Commits of the store.", f->store.commits },
        { "provost_syncs_total", "counter", "Syncs of its log.", f->store.syncs },
        { "provost_store_commits_lost", "gauge", "Commits that were durable and were not in the store at its start.",
          f->found.commits_lost },
        { "provost_store_replaced", "gauge", "1: at the start the database was not the one of before.",
          f->found.another },
        { "provost_store_log_aside", "gauge", "1: at the start a log was set aside that was not the database's.",
          f->found.log[0] != 0 },
        { "provost_watermark_failed", "gauge", "1 while a loss of commits might go unnoticed.",
          f->found.unmarked || f->found.mark_failed },
        { "provost_payload_files_aside", "gauge", "Payload files that no task names and that are kept in aside/.",
          f->found.payloads_aside },
        { "provost_payload_folders_strange", "gauge", "Payload folders of other databases in the state folder.",
          f->found.strangers_n },
        { "provost_database_bytes", "gauge", "Pages in use.", f->store.database_bytes },
        { "provost_disk_free_bytes", "gauge", "Free space where the store is.", f->disk_free },
        { "provost_uploads", "gauge", "Payloads on their way in.", f->uploads.uploads },
        { "provost_uploads_refused_total", "counter", "Payloads that found no room in uploads_max.",
          f->uploads.refused },
        { "provost_uploads_slow_total", "counter", "Uploads dropped for being slow while others were refused.",
          f->uploads.slow },
        { "provost_downloads", "gauge", "Payloads offered to peers in chunks.", f->downloads.downloads },
        { "provost_bytes_in_total", "counter", "Bytes of chunks received.", f->uploads.bytes_in },
        { "provost_bytes_out_total", "counter", "Bytes of chunks sent.", f->downloads.bytes_out },
    };
    print(to, all, sizeof all / sizeof *all);
}

static void http_metrics(FILE *to, const struct facts *f)
{
    const struct metric all[] = {
        { "provost_http_requests_total", "counter", "HTTP requests.", f->http.requests },
        { "provost_http_refused_total", "counter", "Those that were refused: wrong, or without the token.",
          f->http.refused },
        { "provost_http_questions", "gauge", "Those that wait for the loop.", f->http.questions },
        { "provost_http_streams", "gauge", "Streams of events that are read.", f->http.streams },
        { "provost_http_streams_cut_total", "counter", "Those cut because nobody read them.", f->http.streams_cut },
    };
    print(to, all, sizeof all / sizeof *all);
}

static void queue_gauge(FILE *to, const struct sched *s, uint64_t now_ms, const char *name, const char *help,
                        uint64_t (*value)(const struct sched_queue_view *))
{
    struct sched_queue_view q;
    head(to, name, "gauge", help);
    for (size_t i = 0; sched_queue_at(s, i, now_ms, &q); i++)
        fprintf(to, "%s{queue=\"%s\"} %" PRIu64 "\n", name, q.name, value(&q));
}

static uint64_t queue_demand(const struct sched_queue_view *q)
{
    return q->demand;
}

static uint64_t queue_demand_paused(const struct sched_queue_view *q)
{
    return q->demand_paused;
}

static uint64_t queue_demand_unservable(const struct sched_queue_view *q)
{
    return q->demand_unservable;
}

static uint64_t queue_provers(const struct sched_queue_view *q)
{
    return q->provers;
}

static uint64_t queue_serving(const struct sched_queue_view *q)
{
    return q->serving;
}

static uint64_t queue_oldest(const struct sched_queue_view *q)
{
    return q->oldest_queued_ms;
}

static uint64_t queue_damaged(const struct sched_queue_view *q)
{
    return q->damaged;
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

static void queue_metrics(FILE *to, const struct sched *s, uint64_t now_ms)
{
    struct sched_queue_view q;
    head(to, "provost_queue_tasks", "gauge", "Tasks by queue and state.");
    for (size_t i = 0; sched_queue_at(s, i, now_ms, &q); i++)
        for (int state = 0; state < TASK_STATES; state++)
            fprintf(to, "provost_queue_tasks{queue=\"%s\",state=\"%s\"} %" PRIu64 "\n", q.name,
                    task_state_word((enum task_state)state), q.tasks[state]);
    queue_gauge(to, s, now_ms, "provost_queue_demand", "Tasks that want a prover now or soon: scale by this.",
                queue_demand);
    queue_gauge(to, s, now_ms, "provost_queue_demand_paused", "Of the demand: tasks that wait in a paused queue.",
                queue_demand_paused);
    queue_gauge(to, s, now_ms, "provost_queue_demand_unservable",
                "Of the demand: tasks that wait and that no live prover can serve.", queue_demand_unservable);
    queue_gauge(to, s, now_ms, "provost_queue_provers", "Live provers that serve it.", queue_provers);
    queue_gauge(to, s, now_ms, "provost_queue_provers_serving",
                "Those of them that take tasks: no drain, no quarantine.", queue_serving);
    queue_gauge(to, s, now_ms, "provost_queue_oldest_milliseconds", "How long the oldest queued task waits.",
                queue_oldest);
    queue_gauge(to, s, now_ms, "provost_queue_unservable", "Queued tasks no live prover can serve.", queue_unservable);
    queue_gauge(to, s, now_ms, "provost_queue_damaged", "Dead tasks whose input or result the store has lost.",
                queue_damaged);
    queue_gauge(to, s, now_ms, "provost_queue_slots", "Slots of the live provers that serve it.", queue_slots);
    queue_gauge(to, s, now_ms, "provost_queue_paused", "1 while it is paused.", queue_paused);
}

pv_status metrics_text(char **text, size_t *bytes, const struct facts *f, const struct sched *s)
{
    char *made = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&made, &n);
    if (!to) return PV_NO_MEMORY;
    core_metrics(to, &f->core);
    daemon_metrics(to, f);
    http_metrics(to, f);
    handler_metrics(to, f->handlers);
    queue_metrics(to, s, f->now_ms);
    if (fclose(to)) {
        free(made);
        return PV_NO_MEMORY;
    }
    *text = made;
    *bytes = n;
    return PV_OK;
}
