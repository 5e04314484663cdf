/** Queues, principals, and how many tasks each principal may have in each queue (R13). Also whose turn it is (R10):
 *
 *  Virtual time is measured proving time / weight. A principal is charged an estimate when one of its tasks is offered,
 *  and the difference when the attempt ends; the one with the least is served next. A principal that comes back from
 *  idleness starts at the virtual time of the fleet, which is where the principal served last stood before that charge:
 *  idling is neither saved up nor punished.
 */
#ifndef PV_ACCOUNTS_H
#define PV_ACCOUNTS_H

#include "model.h"

/** NULL: not declared. */
struct queue *queue_find(const struct sched *s, const char *name);
/** Found or made. NULL: out of memory. */
struct queue *queue_declare(struct sched *s, const char *name);
/** Estimated length of a proof in q, for the charge at the offer. */
uint64_t queue_estimate(const struct queue *q);

/** NULL: there is none. */
struct principal *principal_find(const struct sched *s, const char *name);
/** Found or made, of weight 1 and without limits. NULL: out of memory. */
struct principal *principal_of(struct sched *s, const char *name);
/** Found or made. NULL: out of memory. */
struct account *account_of(struct sched *s, struct queue *q, struct principal *p);

/** R13: what forbids one more task with an input of this size. NULL: nothing; else the word for BUSY, and when to
 *  retry. */
const char *account_busy(struct sched *s, struct account *a, uint64_t bytes, uint64_t *retry_ms);
/** Whether the account has come near a limit just now: the limit's word, and the limit. Said once, until it has been far
 *  from all of them again. NULL: not. */
const char *account_near(struct account *a, uint64_t *limit);
/** Takes one submit from the rate. */
void account_spend(struct account *a);

/** Adds to, and takes from, the virtual time of p. */
void principal_charge(struct principal *p, uint64_t ms);
void principal_refund(struct principal *p, uint64_t ms);
/** To be called just before p is charged for an offer: sets the virtual time of the fleet. */
void principal_served(struct sched *s, const struct principal *p);
/** To be called just before a task of p begins to wait or to be leased: if p was idle, brings its turn up. */
void principal_wake(struct sched *s, struct principal *p);

/** Found or made, one reference more. NULL: out of memory. */
struct group *group_hold(struct sched *s, struct principal *p, const char *name);
/** One reference less; the last one frees it. NULL is allowed. */
void group_drop(struct sched *s, struct group *g);

/** Frees all queues, principals and accounts. For sched_destroy. */
void accounts_clear(struct sched *s);

#endif
