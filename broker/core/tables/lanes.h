/** The lines tasks stand in: who comes first (R10), and how many may (R13).
 *
 *  Tasks that every prover would judge alike (same queue, principal, circuit, needs, exclusions) wait in one lane; a lane
 *  has a heap for each priority. A choice between tasks is then a choice between the heads of lanes:
 *
 *      1. priority, raised by one for each age_ms that nobody of the same line (queue, principal, priority) was taken.
 *         Ageing belongs to the line, not to the task: a long backlog must not outrank another principal's fresh task
 *         only because it is long.
 *      2. the principal whose turn it is: least virtual time. Virtual time is measured GPU time / weight, charged with an
 *         estimate at the offer and put right when the attempt ends. Who comes back from idleness starts at the virtual
 *         time of the fleet, where whoever was served last stood before: rest is not saved up, nor is it punished.
 *      3. within a principal the group whose turn it is: start-time fair queueing. A task is stamped when it first
 *         queues, and keeps its stamp when it is requeued: no bump, no tail.
 *      4. order of submit.
 */
#ifndef PV_LINES_H
#define PV_LINES_H

#include "heap.h"
#include "idmap.h"
#include "names.h"
#include "sched.h"

enum { SCHED_PRIORITIES = 10 };

struct task;

struct principal {
    struct name *name;
    uint32_t index, weight;
    struct sched_limits limits;
    uint64_t waiting, leased; /* tasks; 0 and 0: idle */
    uint64_t turn;            /* virtual time */
    uint64_t stamp;           /* start tag of its last offered task: virtual time among its groups */
};

/** A group of a principal with live tasks. */
struct group {
    struct principal *principal;
    struct name *name;
    uint64_t refs, finish; /* finish tag of its last task */
};

struct queue {
    struct name *name;
    uint32_t index;
    bool paused;
    enum sched_late late;
    bool sync_always;
    uint64_t run_timeout_ms, stall_timeout_ms; /* in force: as set, else as configured */
    struct {
        uint64_t run_timeout_ms, stall_timeout_ms;
    } configured;
    struct {
        bool there;
        uint64_t value;
    } set[SETTINGS]; /* by an administrator */
    uint64_t count[TASK_STATES];
    uint64_t queued_bytes;
    uint64_t waiting[SCHED_PRIORITIES]; /* QUEUED, by priority */
    uint64_t departed;                  /* that ever left the line, for positions */
    uint64_t average_ms;                /* measured, exponentially weighted; 0 unknown */
    struct account **accounts;          /* by principal index; NULL: none yet */
    uint32_t accounts_n;
    struct work *works; /* with tasks waiting */
    size_t works_n;
};

/** One principal in one queue. */
struct account {
    struct principal *principal;
    struct queue *queue;
    uint64_t queued_tasks, queued_bytes; /* receiving, queued, delayed */
    uint64_t leased;
    uint64_t tokens, tokens_ms; /* of the submit rate, in thousandths; and when they were counted */
    struct line {
        uint64_t waiting, since_ms;
    } line[SCHED_PRIORITIES];
    uint32_t lanes; /* distinct lanes now */
};

/** What waits in one queue for one circuit. */
struct work {
    struct queue *queue;
    struct name *circuit;
    struct lane *lanes;        /* not empty */
    size_t refs;               /* lanes, empty ones too */
    struct work *next, **link; /* in queue->works while lanes is not NULL */
};

struct lane {
    wire_id key;
    struct account *account;
    struct work *work;
    uint64_t need_vram, need_ram;
    bool suspect;
    uint64_t excluded[TASK_EXCLUDED_MAX];
    uint64_t waiting;
    uint64_t passed_ms; /* passed over since; UINT64_MAX: not */
    struct heap at[SCHED_PRIORITIES];
    struct lane *next, **link; /* in work->lanes while waiting */
};

struct queue *queue_find(const struct sched *s, const char *name);
/** NULL: out of memory. */
struct queue *queue_declare(struct sched *s, const char *name);
struct principal *principal_of(struct sched *s, const char *name);
struct account *account_of(struct sched *s, struct queue *q, struct principal *p);
struct work *work_find(const struct sched *s, const struct queue *q, const struct name *circuit);

/** What stands in the way of one task more of so many bytes: NULL nothing, else the word for BUSY and when to retry. */
const char *account_busy(struct sched *s, struct account *a, uint64_t bytes, uint64_t *retry_ms);
/** One submit of the rate is used. */
void account_spend(struct account *a);

/** Stamps a task that queues for the first time of its generation. */
void line_stamp(struct sched *s, struct task *t);
/** Puts a QUEUED task in its place, and takes it out. */
void line_enter(struct sched *s, struct task *t);
void line_leave(struct sched *s, struct task *t);

/** The best task of a lane with its effective priority. */
struct task *lane_best(const struct sched *s, const struct lane *l, unsigned *effective);
/** True when a (with its effective priority) comes before b. */
bool line_before(const struct task *a, unsigned a_effective, const struct task *b, unsigned b_effective);

/** Charges or refunds virtual time. */
void principal_charge(struct principal *p, uint64_t ms);
void principal_refund(struct principal *p, uint64_t ms);
/** p is about to be charged for an offer. */
void principal_served(struct sched *s, const struct principal *p);
/** A task of p begins to wait or to be leased: if p was idle its turn is brought up. */
void principal_wake(struct sched *s, struct principal *p);

/** Estimated length of a proof in q, for the charge at the offer. */
uint64_t queue_estimate(const struct queue *q);

void group_drop(struct sched *s, struct group *g);
/** NULL: out of memory. */
struct group *group_hold(struct sched *s, struct principal *p, const char *name);

void lines_clear(struct sched *s);

#endif
