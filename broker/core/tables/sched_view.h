/** How a task stands, and the counters of the core: what both actions and readings show. */
#ifndef PV_SCHED_VIEW_H
#define PV_SCHED_VIEW_H

#include "task_record.h"

struct sched_view {
    struct task_record record;
    uint64_t position; /* tasks before it in its queue, about */
    uint64_t eta_ms;
    bool has_eta, unservable; /* unservable: no live prover can do it */
    uint32_t percent;
    char phase[WIRE_NAME_MAX + 1];
    const char *note; /* "" none */
    uint64_t progress_eta_ms;
    bool has_progress_eta;
};

/** Counted since the start, but for the last three lines. */
struct sched_stats {
    uint64_t submitted, refused, succeeded, dead, cancelled, expired, purged;
    uint64_t offers, started, failures, losses, releases, recalls, revokes;
    uint64_t late_accepted, late_refused, superseded, stale_reports;
    uint64_t warm_offers, cold_offers, quarantines, refunds, adopted;
    uint64_t provers_lost, names_refused, progress;
    uint64_t opinions, contradicted; /* permanent failures that another prover was asked about; and did after all */
    uint64_t rows;            /* tasks, lanes and provers looked at: by matching, and by work that goes in slices */
    uint64_t tasks, sessions; /* now */
    uint64_t provers, provers_known; /* now: live ones; those that are gone and not forgotten too, and claimers */
    bool store_failed, disk_low;     /* now */
};

#endif
