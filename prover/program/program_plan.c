#include "program_plan.h"

#include <string.h>

void program_plan(struct launch_plan *plan, const struct program *p, const struct program_place *place,
                  const char *hide[PROGRAM_HIDE_ROOM])
{
    enum { PLACES = sizeof place->hide / sizeof *place->hide };
    _Static_assert(PLACES + 2 <= PROGRAM_HIDE_ROOM, "those, the folder work and the end");
    size_t n = 0;
    while (n < PLACES && place->hide[n]) hide[n] = place->hide[n], n++;
    hide[n] = place->work;
    hide[n + 1] = NULL;
    *plan = (struct launch_plan){ .sandbox = (enum launch_sandbox)p->sandbox,
                                  .network = p->network,
                                  .extra = p->progress == PROGRAM_PROGRESS_DESCRIPTOR,
                                  .uid = p->uid,
                                  .gid = p->gid,
                                  .grace_ms = (uint32_t)p->grace,
                                  .nice = (uint32_t)p->nice,
                                  .groups_n = p->groups_n,
                                  .hide = (char **)hide,
                                  .limits = { [LAUNCH_LIMIT_MEMORY] = p->memory,
                                              [LAUNCH_LIMIT_CPU] = p->cpu_seconds,
                                              [LAUNCH_LIMIT_OPEN_FILES] = p->open_files,
                                              [LAUNCH_LIMIT_FILE_SIZE] = p->file_size,
                                              [LAUNCH_LIMIT_PROCESSES] = p->processes } };
    memcpy(plan->groups, p->groups, sizeof plan->groups);
}
