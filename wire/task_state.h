/** The states of a task: one list for the broker's table of moves, its store and the words on the wire.
 *
 *  X(NAME, code, "word", live)
 *    code  is in the store: never renumber, only append.   word  is on the wire, in logs and metrics.
 *    live  1 while the task may still run, 0 when it is terminal.
 */
#ifndef PV_TASK_STATE_H
#define PV_TASK_STATE_H

#include <stdbool.h>

#define TASK_STATE_LIST(X)                                                                                             \
    X(RECEIVING, 0, "receiving", 1)                                                                                    \
    X(QUEUED, 1, "queued", 1)                                                                                          \
    X(OFFERED, 2, "offered", 1)                                                                                        \
    X(RUNNING, 3, "running", 1)                                                                                        \
    X(DELAYED, 4, "delayed", 1)                                                                                        \
    X(RECOVERING, 5, "recovering", 1)                                                                                  \
    X(SUCCEEDED, 6, "succeeded", 0)                                                                                    \
    X(DEAD, 7, "dead", 0)                                                                                              \
    X(CANCELLED, 8, "cancelled", 0)                                                                                    \
    X(EXPIRED, 9, "expired", 0)

enum task_state {
#define X(name, code, word, live) TASK_##name = code,
    TASK_STATE_LIST(X)
#undef X
};

enum { TASK_STATES = 10 };

/** The word of s, or "?" for a number that is no state. Never NULL. */
const char *task_state_word(enum task_state s);

/** The state with this word. False, and *s untouched, when there is none. */
bool task_state_of_word(enum task_state *s, const char *word);

/** True while the task may still run: not succeeded, dead, cancelled or expired. */
bool task_state_live(enum task_state s);

#endif
