/** Clients, their sessions, and what each is owed (R3, R4).
 *
 *  A session is one process of a client. It hears of the tasks it submitted or attached to, until it acknowledges them.
 *  What is over is pushed in order, so many ahead of the acknowledgements and more after a moment: a client that comes
 *  back to a hundred thousand results must not be drowned, and one that acknowledges late must not starve.
 */
#ifndef PV_SESSIONS_H
#define PV_SESSIONS_H

#include "tasks.h"

enum { SESSION_PUSHES = 256, SESSION_PUSH_MS = 200, SESSIONS_FORMER = 512 };

struct client {
    struct principal *principal;
    struct name *name;
    struct session *sessions; /* newest first */
};

struct session {
    struct client *client;
    wire_id id;
    uint64_t peer;
    bool admin, replaced; /* replaced: a newer one of the name has appeared */
    uint64_t tasks;       /* that it submitted and that are still here */
    uint64_t attached_n;
    struct attach *lists[ATTACH_LISTS], **ends[ATTACH_LISTS];
    uint32_t pushes;             /* left before it has to wait */
    struct session *next, *prev; /* of the client */
    struct session *next_stalled;
    bool stalled;
    uint32_t index; /* in s->sessions */
};

/** Found or made. NULL: out of memory, or too many. */
struct session *session_of(struct sched *s, struct principal *p, const char *client, wire_id id);
/** True when no session has had this id lately: its hello is a restart of the client (R4). An old process that was idle
 *  and reconnects is not. */
bool session_is_new(const struct sched *s, const struct session *e);
/** Freed if nobody is connected and nothing refers to it. */
void session_drop_if_idle(struct sched *s, struct session *e);

/** Attaches; there already: that one. NULL: out of memory. */
struct attach *session_attach(struct sched *s, struct session *e, struct task *t);
struct attach *session_attached(const struct session *e, const struct task *t);
void session_detach(struct sched *s, struct attach *a);
/** The task is over: every session attached hears of it, but not the one that knows. */
void sessions_tell(struct sched *s, struct task *t, const struct session *knows);
/** Tells the session of a task that is over, at once, whatever else it is owed. */
void session_owe(struct sched *s, struct attach *a);
/** The task is live again: nobody is owed anything. */
void sessions_wait_again(struct sched *s, struct task *t);
/** Pushes what is due as far as it may. */
void session_pump(struct sched *s, struct session *e);
/** Sessions that had to wait may go on. */
void sessions_resume(struct sched *s);
void session_connect(struct sched *s, struct session *e, uint64_t peer);
void session_disconnect(struct sched *s, struct session *e);
/** R4: e is a new session of its client's name: the others' tasks follow their on_restart. */
void sessions_replace_others(struct sched *s, struct session *e);

#endif
