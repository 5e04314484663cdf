#include "commands.h"
#include "connect.h"
#include "follow_task.h"

static pv_status submit(struct followed *f, const struct cli *cli, const struct task_input *in)
{
    struct pv_submit_options mine = followed_options(f), what;
    pv_status s = submit_options_of(&what, cli, &f->id);
    if (s != PV_OK) return s;
    what.nowait = mine.nowait;
    what.manual_ack = mine.manual_ack;
    what.vkey = mine.vkey;
    what.progress = mine.progress;
    what.done = mine.done;
    what.user = mine.user;
    return task_input_submit(in, f->client, NULL, &what, cli->traceparent, 0);
}

/* Checks options and files before it connects. */
static pv_status prepare(struct followed *f, struct task_input *in)
{
    struct pv_submit_options unused;
    pv_status s = submit_options_of(&unused, f->cli, &f->id);
    if (s == PV_OK) s = followed_keys(f);
    if (s == PV_OK) s = task_input_read(in, true);
    return s;
}

int run_prove(struct cli *cli)
{
    struct followed f = { .cli = cli, .signals = -1 };
    struct task_input in;
    progress_begin(&f.view, cli->progress);
    task_input_choose(&in, cli);
    pv_status s = followed_places(&f, in.args, in.path);
    if (s == PV_OK) s = prepare(&f, &in);
    if (s == PV_OK) s = cli_connect(&f.client, cli, PV_ROLE_CLIENT);
    f.signals = cli_signal_fd(); /* from here on there may be a task that goes on without us */
    if (s == PV_OK) s = submit(&f, cli, &in);
    task_input_clear(&in);
    if (s == PV_OK) s = followed_run(&f);
    int status = s == PV_OK ? followed_finish(&f, true) : pv_status_exit(s);
    followed_clear(&f);
    return status;
}
