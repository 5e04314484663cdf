/** Waits for a task at the command line (progress, ^C, time limit) and writes its result into files. */
#ifndef PV_CLI_FOLLOW_TASK_H
#define PV_CLI_FOLLOW_TASK_H

#include "files.h"
#include "progress.h"
#include "waiting.h"

struct followed {
    const struct cli *cli;
    pv_client *client;
    pv_task_id id;
    pv_vkey *vkey, *bound; /* bound: the same with the values of --public */
    int signals;           /* -1: they are not looked at */
    struct waiting waiting;
    struct progress_view view;
    struct pv_progress last; /* the latest news; no state but RECEIVING before the first */
    bool done;
    struct pv_result result;
    struct outputs out; /* where the result goes: nowhere, FILE, or PROOF and PUBLIC */
};

/** Options for pv_submit and pv_attach: nowait, manual_ack, the key and the callbacks of f. */
struct pv_submit_options followed_options(struct followed *f);

/** Waits until the task is over, the time is up or a signal came. PV_OK: f->result is filled. Otherwise the reason is
 *  on stderr. */
pv_status followed_run(struct followed *f);

/** Looks at the arguments from the first-th on, which are outputs, before the work. input, which may be NULL, is one
 *  that the command reads. On failure the reason is on stderr. */
pv_status followed_places(struct followed *f, int first, const char *input);

/** Writes the result into f->out, prints how the task ended, and acknowledges the result if asked to. Returns the exit
 *  status. */
int followed_finish(struct followed *f, bool acknowledge);

/** Reads the files of --vkey and --public, if they are given. On failure the reason is on stderr. */
pv_status followed_keys(struct followed *f);

/** Verifies a result that was fetched, with followed_key. */
void followed_check(struct followed *f);

/** The key to verify with; NULL: none. */
const pv_vkey *followed_key(const struct followed *f);

void followed_clear(struct followed *f);

/** Fills o from --queue and the other options for a submit, and id from --id or at random. On failure the reason is on
 *  stderr. */
pv_status submit_options_of(struct pv_submit_options *o, const struct cli *cli, pv_task_id *id);

/** Submits the input. traceparent: NULL: none. A failure is on stderr when it returns. */
pv_status task_input_submit(const struct task_input *in, pv_client *c, pv_task_id *id,
                            const struct pv_submit_options *what, const char *traceparent, int64_t timeout_ms);

#endif
