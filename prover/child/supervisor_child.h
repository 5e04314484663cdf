/** The child of a supervisor: its start, its frames, its end. All by the supervisor's thread and with its lock, but
 *  supervisor_child_kill, which callers call, too.
 */
#ifndef PV_SUPERVISOR_CHILD_H
#define PV_SUPERVISOR_CHILD_H

#include "supervisor_state.h"

void supervisor_text(char to[CHILD_TEXT_BYTES], const char *from);

/** Whether there is a child that is not killed yet. */
bool supervisor_is_up(const struct supervisor *s);

void supervisor_child_start(struct supervisor *s);

/** Kills it; it is reaped later: it may take the kernel a while. */
void supervisor_child_kill(struct supervisor *s, const char *because);

/** Reaps it if it has ended, whoever's doing that was, and decides what follows. */
void supervisor_child_reap(struct supervisor *s);

/** What runs in the child is lost with it; returns how many were. One that was stopped has its end. */
unsigned supervisor_calls_lose(struct supervisor *s);

/** Takes the frames that are there, a bounded number. */
void supervisor_frames_read(struct supervisor *s);

/** Keeps the end of what the child writes, for the log. */
void supervisor_said_read(struct supervisor *s);

#endif
