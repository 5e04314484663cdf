#include "commands.h"
#include "connect.h"
#include "files.h"
#include "follow_task.h"

#include <stdio.h>
#include <string.h>

enum { WITNESS_BYTES_MAX = 1 << 30 };

/* A file that is no witness is not sent. Whether a witness fits the circuit is for the prover to find out. */
static pv_status read_witness(struct bytes *b, const char *path)
{
    pv_status s = file_read(b, path, WITNESS_BYTES_MAX);
    if (s != PV_OK) return s;
    if (b->n >= 12 && memcmp(b->data, "wtns", 4) == 0) return PV_OK;
    bytes_clear(b);
    cli_fail_text(PV_BAD_WTNS, path, "not a witness file");
    return PV_BAD_WTNS;
}

static pv_status submit(struct followed *f, const struct cli *cli, const struct bytes *witness)
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
    s = pv_submit(f->client, NULL, &what, witness->data, witness->n, 0);
    if (s != PV_OK) cli_fail(f->client, s, NULL);
    return s;
}

/* Checks options and files before it connects. */
static pv_status prepare(struct followed *f, struct bytes *witness)
{
    struct pv_submit_options unused;
    pv_status s = submit_options_of(&unused, f->cli, &f->id);
    if (s == PV_OK) s = followed_keys(f);
    if (s == PV_OK) s = read_witness(witness, f->cli->args[0]);
    return s;
}

int run_prove(struct cli *cli)
{
    struct followed f = { .cli = cli, .signals = -1 };
    struct bytes witness = { 0 };
    progress_begin(&f.view, cli->progress);
    pv_status s = followed_places(&f, 1, cli->args[0]);
    if (s == PV_OK) s = prepare(&f, &witness);
    if (s == PV_OK) s = cli_connect(&f.client, cli, PV_ROLE_CLIENT);
    f.signals = cli_signal_fd(); /* from here on there may be a task that goes on without us */
    if (s == PV_OK) s = submit(&f, cli, &witness);
    bytes_clear(&witness);
    if (s == PV_OK) s = followed_run(&f);
    int status = s == PV_OK ? followed_finish(&f, true) : pv_status_exit(s);
    followed_clear(&f);
    return status;
}
