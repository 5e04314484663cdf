/** Clients, their sessions, and what each session is owed (R3).
 *
 *  A session hears of the tasks it submitted or attached to, until it acknowledges them. Tasks that are over are pushed
 *  in order, SESSION_PUSHES ahead of the acknowledgements, and as many more every SESSION_PUSH_MS: a client that comes
 *  back to a hundred thousand results must not be drowned, and one that acknowledges late must not starve.
 */
#ifndef PV_SESSIONS_H
#define PV_SESSIONS_H

#include "model.h"

enum { SESSION_PUSHES = 256, SESSION_PUSH_MS = 200 };

/** Found or made. NULL: out of memory. */
struct session *session_of(struct sched *s, struct principal *p, const char *client, wire_id id);
/** It is not connected: a newer session of its client that submits replaces it (R4). False: out of memory. */
bool session_away(struct session *e);
/** The oldest session of e's client that is away, not replaced, not spared and older than e, which is then no longer counted
 *  among them; or NULL. O(log those that are away). */
struct session *session_older_away(struct sched *s, struct session *e);

/** e comes from a record, and its process may not have noticed yet that the broker has started again: it is not replaced before
 *  s->spare_ms. False: out of memory. */
bool session_spare(struct session *e);
/** e submits: those of its client that are spared and older will be replaced when that is over, if they are not back. */
void session_replaces_later(struct sched *s, struct session *e);
/** From s->spare_ms on: the next session to be replaced for that, or NULL. */
struct session *sessions_late_next(struct sched *s);
/** Frees it if it is not connected and nothing refers to it. */
void session_drop_if_idle(struct sched *s, struct session *e);

/** e is connected by peer: pushes what is due. The caller counts it in s->connected. */
void session_connect(struct sched *s, struct session *e, uint64_t peer);
/** Not connected any more, and not counted: what was pushed and not acknowledged is owed again. May free e. */
void session_disconnect(struct sched *s, struct session *e);

/** Whether e is attached to t, submitted it, or its principal has an attachment left to another's task. */
bool session_may_attach(const struct sched *s, const struct session *e, const struct task *t);
/** Attaches; if it is attached already, gives that one. NULL: out of memory. */
struct attach *session_attach(struct sched *s, struct session *e, struct task *t);
/** The task of a is about to be forgotten: if the session is connected and may not have its end yet, it is told one
 *  (R3: every wait ends). A result that goes with the task is said to be gone. */
void session_tell_gone(struct sched *s, const struct attach *a);
/** Frees a; may free its session. */
void session_detach(struct sched *s, struct attach *a);

/** The task is over: every session attached is told, but for the one that knows (it is detached). */
void sessions_tell(struct sched *s, struct task *t, const struct session *knows);
/** Tells the session of a task that is over, at once, whatever else it is owed. */
void session_owe(struct sched *s, struct attach *a);
/** The task is live again: nobody is owed anything for it. */
void sessions_wait_again(struct sched *s, struct task *t);
/** Begins to look at the tasks that e waits for, one after the other; e leaves s->ending when it is through. */
void session_end_begin(struct sched *s, struct session *e);
/** The next of them, or NULL: there is none. The first of s->ending is e. */
struct attach *session_end_next(struct sched *s, struct session *e);
/** Sessions that had to wait may go on (s->pump_ms has come, or s->pump_soon). */
void sessions_resume(struct sched *s);

#endif
