/** What a program switches on or off for its whole process. Programs only: a library leaves its host as it is. */
#ifndef PV_PROCESS_H
#define PV_PROCESS_H

#include <stdbool.h>

/** Inputs are witnesses: no core file of this process, and no other process of the same user may read its memory. (Under
 *  the address sanitizer it may: the leak check traces its own process.) */
void process_no_core(void);

/** Threads that are started from here on, by us or by a library, have 2 MiB of stack each, whatever `ulimit -s` says and
 *  whatever the C library takes by default: enough for every frame that there is, and no more than is needed for many
 *  threads under a limit of memory. */
void process_thread_stacks(void);

/** A write to a closed pipe or socket returns EPIPE and does not end the process. */
void process_ignore_pipe(void);

/** Whether the signal was switched off for this process before it began: SIGINT by a shell for its background jobs, SIGHUP
 *  by nohup. What the parent switched off stays off. */
bool process_ignores(int signal);

/** Blocks these signals (a list that ends with 0) in this thread, and so in every thread it starts later, and returns a
 *  descriptor (signalfd, non-blocking, close-on-exec) to read them from. -1 with errno. SIGINT, SIGTERM and SIGQUIT are
 *  left out when they are ignored: blocked, they would be read all the same. */
int process_signals(const int *signals);

#endif
