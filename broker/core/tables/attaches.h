/** The sessions that want to hear of a task. That of the session which submitted it is a part of the task (task.own), as nearly every task has just that
 *  one; the others are guests. sessions.h puts them into a session's lists.
 */
#ifndef PV_ATTACHES_H
#define PV_ATTACHES_H

#include "model.h"

/** Whose it is, and of what. */
struct task *attach_task(const struct attach *a);
struct session *attach_session(const struct attach *a);
/** Those attached to t, one after the other; NULL: no more. Guests first, the newest first of them. */
struct attach *attach_first(const struct task *t);
struct attach *attach_next(const struct attach *a);

/** NULL: it is not attached. O(sessions attached to t). */
struct attach *attach_of(const struct session *e, const struct task *t);
/** One in no list yet; the session is not attached. NULL: out of memory. */
struct attach *attach_new(struct session *e, struct task *t);
/** One that has been taken out of its list. */
void attach_free(struct attach *a);

/** A SUBMIT of the session is to be answered when the payload is complete; instead of one that was. False: out of memory. */
bool attach_pend(struct sched *s, const struct attach *a, uint64_t peer, uint32_t req);
/** It is taken out; peer 0: there was none. */
struct pending attach_pended(struct sched *s, const struct attach *a);

#endif
