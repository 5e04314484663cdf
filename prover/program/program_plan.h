/** What a launcher is told of a program: the part of its plan that the handler's file and the node's place say.
 */
#ifndef PV_PROGRAM_PLAN_H
#define PV_PROGRAM_PLAN_H

#include "program.h"

enum { PROGRAM_HIDE_ROOM = 10 };

/** Fills everything but file, folder, argv and envp. hide is the plan's list of what is hidden, and is borrowed by it. */
void program_plan(struct launch_plan *plan, const struct program *p, const struct program_place *place,
                  const char *hide[PROGRAM_HIDE_ROOM]);

#endif
