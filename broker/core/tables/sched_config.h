/** How the core is set: the limits and times of sched_new, and what one principal may do. */
#ifndef PV_SCHED_CONFIG_H
#define PV_SCHED_CONFIG_H

#include <stdint.h>

#define SCHED_NO_GRACE UINT64_MAX

/** A member that is zero takes the default, the value in brackets. */
struct sched_config {
    uint32_t boot_epoch; /* of this start; tokens are (boot_epoch, 1), (boot_epoch, 2), ... */
    uint64_t seed;       /* of the jitter of delays */
    uint64_t
        away_ms; /* how long the broker was down, all times together, as far as that is known: deadlines count it */
    uint64_t heartbeat_ms; /* [3000] the daemon tells it to peers; here only lease_ms is checked against it */
    uint64_t lease_ms;     /* [15000] at least 4 heartbeats: sched_new refuses less */
    uint64_t grace_ms;     /* [1000] how long the tasks of a closed connection wait for it; SCHED_NO_GRACE for 0 */
    uint64_t offer_ms;     /* [10000] an offer that is not answered by then goes back */
    uint64_t receive_ms;   /* [600000] an announced payload has to be complete or abandoned by then */
    uint64_t recover_ms;   /* [2 leases] after a start, how long a prover may claim what it had */
    uint64_t acked_ms;     /* [600000] how long an acknowledged task stays fetchable */
    uint64_t retention_ms; /* [86400000] how long a task that is over and was not acknowledged stays fetchable */
    uint64_t backoff_ms, backoff_max_ms;       /* [1000, 60000] after a failure */
    uint64_t quarantine_ms, quarantine_max_ms; /* [60000, 3600000] */
    uint64_t opinion_ms;               /* [60000] the least that a permanent failure waits for a second opinion */
    uint64_t age_ms;                   /* [60000] a line from which nothing was taken for this long gains one
                                                  priority */
    uint64_t cold_pass_ms;             /* [10000] the longest that a cold candidate is passed over */
    uint32_t failures_max, losses_max; /* [3, 5] */
    uint32_t suspect_losses;           /* [2] */
    uint32_t quarantine_tasks;         /* [3] at most 8 */
    uint64_t tasks_max;                /* [2000000] in memory, in any state; above: BUSY memory */
    uint64_t acked_max;                /* [100000] acknowledged tasks kept; above, the oldest goes early */
    uint64_t slice_rows;               /* [4096] rows looked at in one moment for each kind of long work */
    uint32_t provers_share;            /* [a quarter of provers_max] provers and claimers of one principal */
    uint32_t circuits_share;           /* [100000] circuits that the provers of one principal announce */
    uint32_t guests_share;             /* [200000] attachments of a principal to tasks that its session has not
                                                  submitted */
    uint32_t provers_max;              /* [10000] */
    uint32_t sessions_max;             /* [100000] clients connected at once */
};

/** What one principal may do in one queue. 0: no limit. */
struct sched_limits {
    uint64_t queued_tasks, queued_bytes, leased;
    uint32_t rate_per_s, burst; /* of submits; burst [rate_per_s] */
};

/** Whether a queue takes results of older attempts (R8). */
enum sched_late { SCHED_LATE_ACCEPT, SCHED_LATE_REFUSE };

#endif
