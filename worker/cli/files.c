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

/* --- what is submitted --- */

enum { INPUT_BYTES_MAX = 1 << 30 };

static pv_status refuse(pv_status s, const char *path, const char *text)
{
    cli_fail_text(s, path, text);
    return s;
}

void task_input_choose(struct task_input *in, const struct cli *cli)
{
    *in = (struct task_input){ .path = cli->input, .json = cli->input != NULL, .args = cli->input ? 0 : 1 };
    if (!cli->input) in->path = cli->args[0];
}

static bool is_witness(const struct bytes *b)
{
    return b->n >= 12 && memcmp(b->data, "wtns", 4) == 0;
}

/* Whether it is JSON to its end is for the circuit's program to find out. */
static bool is_object(const struct bytes *b)
{
    size_t i = 0;
    while (i < b->n && strchr(" \t\r\n", b->data[i]) && b->data[i]) i++;
    return i < b->n && b->data[i] == '{';
}

pv_status task_input_read(struct task_input *in, bool witness)
{
    pv_status s = file_read(&in->bytes, in->path, INPUT_BYTES_MAX);
    if (s != PV_OK) return s;
    if (in->json && is_witness(&in->bytes))
        s = refuse(PV_BAD_JSON, in->path, "a witness, and not an input.json: give it without --input");
    else if (in->json && !is_object(&in->bytes))
        s = refuse(PV_BAD_JSON, in->path, "not an input.json: no JSON object");
    else if (!in->json && witness && !is_witness(&in->bytes))
        s = refuse(PV_BAD_WTNS, in->path,
                   is_object(&in->bytes) ? "not a witness file; an input.json is given with --input"
                                         : "not a witness file");
    if (s != PV_OK) bytes_clear(&in->bytes);
    return s;
}

void task_input_clear(struct task_input *in)
{
    bytes_clear(&in->bytes);
}
