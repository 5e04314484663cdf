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

#endif
