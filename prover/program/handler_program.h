/** The handler that runs a program for each task: from the input to a result that may be taken.
 */
#ifndef PV_HANDLER_PROGRAM_H
#define PV_HANDLER_PROGRAM_H

#include "program.h"

/** A program and where it runs. It must outlive the handler. */
struct handler_program {
    struct program program;
    const struct program_place *place;
};

/** A failure is told with the program's exit status and the end of what it wrote on stderr. Nothing of an attempt is left when run
 *  returns: no process, no file, no descriptor. */
struct handler handler_program(struct handler_program *x);

/** Runs the verify command, if there is one, on a result that came by other ways, in a folder of its own. out has the result, and keeps
 *  it; a failure is told there too. */
pv_status program_result_verify(const struct handler_program *x, const struct handler_input *in,
                                const struct handler_watch *watch, struct handler_output *out);

#endif
