/** The key and the witness of a command that proves, opened and closed in one place. */
#ifndef PV_CMD_OPEN_H
#define PV_CMD_OPEN_H

#include "cmd.h"
#include "prove.h"
#include "wtns.h"

#include <time.h>

/** What cmd_open opened; zero is closed. */
struct cmd_inputs {
    const struct backend *backend;
    struct prove_key *key;
    struct wtns witness;
    double key_ms;                     /* how long the key took to open */
    char note[PROVE_ERROR_TEXT_BYTES]; /* why the CPU proves although a GPU was welcome; "" otherwise */
};

/** Picks the backend, then opens the key at zkey and the witness at wtns. run is the key's. PV_USAGE when the backend
 *  makes fewer than slots proofs at a time with one key; PV_RESOURCES when they need more memory than this process may
 *  use; else the statuses of backend_pick, prove_key_new and wtns_open. On failure nothing stays open; note may be set. */
pv_status cmd_open(struct cmd_inputs *in, const struct cmd_machine *machine, const char *zkey, const char *wtns,
                   unsigned slots, const struct prove_run *run, struct prove_error *err);

/** Closes both; harmless on a zeroed in. */
void cmd_close(struct cmd_inputs *in);

/** A clock's time in milliseconds. */
double cmd_clock_ms(clockid_t clock);

#endif
