/** Waiting for a task at the command line: progress, ^C, the time limit, and then its result in files. */
#ifndef PV_CLI_FOLLOW_TASK_H
#define PV_CLI_FOLLOW_TASK_H

#include "progress.h"

struct followed {
    const struct cli *cli;
    pv_client *client;
    pv_task_id id;
    pv_vkey *vkey;
    int signals;
    struct progress_view view;
    bool done;
    struct pv_result result;
};

/** Submit options with the callbacks of f: nowait, manual_ack. */
struct pv_submit_options followed_options(struct followed *f);

/** Runs until the task is over, the time is over, or a signal came. Returns PV_OK with f->result filled, or the reason,
 *  which is on stderr. */
pv_status followed_run(struct followed *f);

/** Writes the result where the arguments say (none, FILE, or PROOF and PUBLIC), acknowledges it if the task was followed, and
 *  prints what it was. Returns the exit status. */
int followed_finish(struct followed *f, char **paths, int paths_n, bool acknowledge);

/** Reads --vkey. PV_OK with NULL when it is not given. */
pv_status followed_vkey(pv_vkey **vkey, const char *path);

void followed_clear(struct followed *f);

/** --queue and the rest of the submit options; the reason of PV_USAGE is on stderr. */
pv_status submit_options_of(struct pv_submit_options *o, const struct cli *cli, pv_task_id *id);

#endif
