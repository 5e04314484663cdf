#include "metrics.h"

#include "handler_metrics.h"
#include "metrics_parts.h"

#include "prom_text.h"

#include <stdio.h>
#include <stdlib.h>

static void core_metrics(FILE *to, const struct sched_stats *s)
{
    const struct prom_metric all[] = {
        { "provost_tasks_submitted_total", "counter", "Tasks accepted.", s->submitted },
        { "provost_prover_lost_total", "counter", "Provers lost.", s->provers_lost },
        { "provost_sessions", "gauge", "Client sessions known.", s->sessions },
        { "provost_provers_known", "gauge", "Provers that are remembered: live ones, and those that are gone.",
          s->provers_known },
        { "provost_refused_total", "counter", "Requests refused.", s->refused },
        { "provost_offers_total", "counter", "Offers made to provers.", s->offers },
        { "provost_started_total", "counter", "Attempts started.", s->started },
        { "provost_releases_total", "counter", "Attempts handed back.", s->releases },
        { "provost_recalls_total", "counter", "Prefetched attempts asked back.", s->recalls },
        { "provost_revokes_total", "counter", "Attempts revoked.", s->revokes },
        { "provost_stale_reports_total", "counter", "Reports of attempts that are no longer valid.", s->stale_reports },
        { "provost_quarantines_total", "counter", "Provers put into quarantine.", s->quarantines },
        { "provost_second_opinions_total", "counter", "Permanent failures that another prover was asked about.",
          s->opinions },
        { "provost_contradicted_total", "counter", "Permanent failures that another prover showed to be wrong.",
          s->contradicted },
        { "provost_prover_names_refused_total", "counter",
          "HELLOs of provers whose name and key another process was using.", s->names_refused },
    };
    prom_metrics(to, all, sizeof all / sizeof *all);
}

static void daemon_metrics(FILE *to, const struct facts *f)
{
    const struct prom_metric all[] = {
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
        { "provost_sends_total", "counter", "Messages sent.", f->counters.sends },
        { "provost_sends_unreachable_total", "counter", "Messages whose peer was gone or did not read.",
          f->counters.unreachable },
        { "provost_unread_cut_total", "counter", "Connections cut because they asked for much and read nothing.",
          f->counters.unread_cut },
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
    prom_metrics(to, all, sizeof all / sizeof *all);
}

static void http_metrics(FILE *to, const struct facts *f)
{
    const struct prom_metric all[] = {
        { "provost_http_requests_total", "counter", "HTTP requests.", f->http.requests },
        { "provost_http_refused_total", "counter", "Those that were refused: wrong, or without the token.",
          f->http.refused },
        { "provost_http_questions", "gauge", "Those that wait for the loop.", f->http.questions },
        { "provost_http_streams", "gauge", "Streams of events that are read.", f->http.streams },
        { "provost_http_streams_cut_total", "counter", "Those cut because nobody read them.", f->http.streams_cut },
    };
    prom_metrics(to, all, sizeof all / sizeof *all);
}

/* ---- by reason ---- */

struct reason {
    const char *word;
    uint64_t n;
};

static void by_reason(FILE *to, const char *name, const char *help, const char *label, const struct reason *all,
                      size_t n)
{
    prom_family(to, name, "counter", help);
    for (size_t i = 0; i < n; i++) {
        const struct prom_labels labels = { { { label, all[i].word } } };
        prom_sample(to, name, &labels, all[i].n);
    }
}

#define BY_REASON(to, name, help, label, all) by_reason(to, name, help, label, all, sizeof(all) / sizeof *(all))

static void outcome_metrics(FILE *to, const struct sched_stats *s)
{
    const struct reason finished[] = {
        { "succeeded", s->succeeded }, { "dead", s->dead }, { "cancelled", s->cancelled }, { "expired", s->expired }
    };
    const struct reason late[] = { { "accepted", s->late_accepted },
                                   { "superseded", s->superseded },
                                   { "refused", s->late_refused } };
    const struct reason affinity[] = { { "true", s->warm_offers }, { "false", s->cold_offers } };
    BY_REASON(to, "provost_tasks_finished_total", "Tasks that came to an end.", "outcome", finished);
    BY_REASON(to, "provost_late_results_total",
              "Results of attempts that were no longer their task's, and what became of them.", "verdict", late);
    BY_REASON(to, "provost_affinity_total", "Offers; hit: to a prover that had the key of the circuit resident.", "hit",
              affinity);
}

static void attempt_metrics(FILE *to, const struct measures *m)
{
    struct reason all[MEASURES_OUTCOMES];
    for (size_t i = 0; i < MEASURES_OUTCOMES; i++)
        all[i] = (struct reason){ measures_outcome_word((enum measures_outcome)i), m->attempts[i] };
    BY_REASON(to, "provost_attempts_total", "Attempts that had started and came to an end.", "outcome", all);
}

static void refusal_metrics(FILE *to, const struct facts_counters *c)
{
#define F(name, word) { word, c->denied[FACTS_DENIED_##name] },
    const struct reason denied[] = { FACTS_DENIED_LIST(F) };
#undef F
#define F(name, word) { word, c->protocol[FACTS_PROTOCOL_##name] },
    const struct reason protocol[] = { FACTS_PROTOCOL_LIST(F) };
#undef F
#define F(name, word) { word, c->rejected[FACTS_REJECTED_##name] },
    const struct reason rejected[] = { FACTS_REJECTED_LIST(F) };
#undef F
    BY_REASON(to, "provost_auth_denied_total", "What was refused for want of a key, a role, a queue or a token.", "why",
              denied);
    BY_REASON(to, "provost_protocol_errors_total", "Messages that do not follow the protocol.", "kind", protocol);
    BY_REASON(to, "provost_submit_rejected_total", "SUBMITs refused: by the limit that they hit, or the reason.",
              "reason", rejected);
}

/* ---- in seconds ---- */

static void durations(FILE *to, const struct facts *f)
{
    static const struct prom_labels version = { { { "version", PV_VERSION } } };
    prom_family(to, "provost_build_info", "gauge", "1; what runs here stands in the label.");
    prom_sample(to, "provost_build_info", &version, 1);
    prom_family(to, "provost_loop_lag_seconds_total", "counter", "Time the loop was late.");
    prom_seconds_ms(to, "provost_loop_lag_seconds_total", NULL, f->counters.lag_ms_total);
    prom_family(to, "provost_loop_lag_seconds_max", "gauge", "Latest it ever was.");
    prom_seconds_ms(to, "provost_loop_lag_seconds_max", NULL, f->counters.lag_ms_most);
    prom_family(to, "provost_loop_seconds", "histogram", "Work of one turn of the loop.");
    prom_histogram(to, "provost_loop_seconds", NULL, &f->counters.loop, &histogram_of_turns);
    prom_family(to, "provost_store_commit_seconds", "histogram",
                "From a commit of the store to its being on the disk.");
    prom_histogram(to, "provost_store_commit_seconds", NULL, &f->counters.commit, &histogram_of_turns);
}

/* Of a state folder it would say nothing. */
static void standby_metric(FILE *to, enum store_keeps keeps)
{
    if (keeps == STORE_KEEPS_DISK) return;
    prom_family(to, "provost_store_synchronous_standby", "gauge",
                "1: a durable commit is on a synchronous standby of PostgreSQL too. 0: a failover may lose it.");
    prom_sample(to, "provost_store_synchronous_standby", NULL, keeps == STORE_KEEPS_STANDBY);
}

pv_status metrics_text(char **text, size_t *bytes, const struct facts *f, const struct sched *s)
{
    char *made = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&made, &n);
    if (!to) return PV_NO_MEMORY;
    durations(to, f);
    core_metrics(to, &f->core);
    outcome_metrics(to, &f->core);
    attempt_metrics(to, sched_measures(s));
    refusal_metrics(to, &f->counters);
    daemon_metrics(to, f);
    prom_family(to, "provost_store_role", "gauge", "1 for what this broker is to its store: active or standby.");
    prom_sample(to, "provost_store_role", &(struct prom_labels){ { { "role", "active" } } }, 1);
    standby_metric(to, f->store.keeps);
    http_metrics(to, f);
    handler_metrics(to, f->handlers);
    metrics_queues(to, s, f->now_ms);
    metrics_provers(to, s, f->now_ms);
    metrics_former(to, f, s);
    if (fclose(to)) {
        free(made);
        return PV_NO_MEMORY;
    }
    *text = made;
    *bytes = n;
    return PV_OK;
}
