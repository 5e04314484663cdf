/** Starts the program, and stays until neither it nor anything that it started is there any more. */
#ifndef PV_KEEPER_H
#define PV_KEEPER_H

#include "launch_plan.h"

/** What the keeper works with. */
struct keeper {
    const struct launch_plan *plan;
    int control;  /* to the node */
    unsigned got; /* LAUNCH_GOT_...: with LAUNCH_GOT_PROCESSES this process is the first of a namespace */
};

/** Runs the program to its end, kills what it left, and fills *report. False: the node is gone, and nothing is left. */
bool keeper_run(const struct keeper *k, struct launch_report *report);

#endif
