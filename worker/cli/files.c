#include "files.h"
#include "connect.h"
#include "whole_file.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

void bytes_clear(struct bytes *b)
{
    struct whole_file f = { b->data, b->n };
    whole_file_clear(&f);
    *b = (struct bytes){ 0 };
}

static pv_status say(pv_status s, const struct file_why *why)
{
    if (s != PV_OK) cli_fail_text(s, NULL, why->text);
    return s;
}

pv_status file_read(struct bytes *b, const char *path, size_t most)
{
    struct whole_file f;
    struct file_why why;
    pv_status s = whole_file_read(&f, path, most, &why);
    if (s == PV_INVALID_INPUT) s = PV_IO; /* a folder: its exit status here has always been 1 */
    if (s == PV_OK) *b = (struct bytes){ f.bytes, f.n };
    return say(s, &why);
}

pv_status files_open(struct outputs *o, const struct cli *cli, const char *const *paths, size_t n, const char *input)
{
    const char *const inputs[] = { input, cli->vkey, cli->expected, cli->key_file, cli->server_key };
    struct file_why why;
    return say(outputs_open(o, paths, n, inputs, sizeof inputs / sizeof *inputs, &why), &why);
}

pv_status files_write(struct outputs *o, const struct output_bytes *bytes)
{
    struct file_why why;
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_UNBLOCK, &ends, NULL); /* nobody reads them from the descriptor any more */
    return say(outputs_write(o, bytes, &why), &why);
}
