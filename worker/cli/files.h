/** The files of the command line: inputs read whole, outputs looked at before the work and written both or neither. What
 *  is wrong is on stderr when a call returns. */
#ifndef PV_CLI_FILES_H
#define PV_CLI_FILES_H

#include "options.h"
#include "outputs.h"

struct bytes {
    uint8_t *data; /* owned; wiped by bytes_clear, as it may be a witness */
    size_t n;
};

/** Reads a whole file or pipe; "-" is stdin (whole_file.h). bytes_clear frees b. */
pv_status file_read(struct bytes *b, const char *path, size_t most);
void bytes_clear(struct bytes *b);

/** outputs_open for n paths. Inputs are `input` (may be NULL) and the files that the options name: --vkey, --public,
 *  --key, --server-key. */
pv_status files_open(struct outputs *o, const struct cli *cli, const char *const *paths, size_t n, const char *input);

/** outputs_write. ^C ends a wait for the reader of a pipe. */
pv_status files_write(struct outputs *o, const struct output_bytes *bytes);

/** What a command submits: a witness or whatever its queue's handler takes, or with --input an input.json. */
struct task_input {
    const char *path;
    bool json;
    struct bytes bytes;
    int args; /* how many of the command's arguments it took: 0 or 1 */
};

/** Which file it is: --input, or the first argument. */
void task_input_choose(struct task_input *in, const struct cli *cli);

/** Reads it. A file that is no JSON object is not sent as one, nor, with witness, one that is no witness. */
pv_status task_input_read(struct task_input *in, bool witness);

void task_input_clear(struct task_input *in);

#endif
