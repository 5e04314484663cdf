/** Starts a launcher for a program, and keeps the node's ends of its streams.
 */
#ifndef PV_PROGRAM_SPAWN_H
#define PV_PROGRAM_SPAWN_H

#include "launch_plan.h"
#include "prove_error.h"

#include <sys/types.h>

enum program_stream { PROGRAM_CONTROL, PROGRAM_OUT, PROGRAM_ERRORS, PROGRAM_EXTRA, PROGRAM_STREAMS };

struct program_process {
    pid_t launcher;
    int streams[PROGRAM_STREAMS]; /* non-blocking, close-on-exec; -1: none */
};

/** Starts launcher with posix_spawn, which copies no page of this process, and sends it the plan. input becomes stdin; -1: the
 *  program reads nothing. The program's descriptor 3 is a pipe to here if plan->extra. PV_FAILED with a sentence. */
pv_status program_spawn(struct program_process *p, const char *launcher, const struct launch_plan *plan, int input,
                        struct prove_error *err);

/** Closes a stream that is open. */
void program_stream_close(struct program_process *p, enum program_stream s);

#endif
