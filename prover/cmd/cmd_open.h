/** The key and the witness of a command that proves, opened and closed in one place. */
#ifndef PV_CMD_OPEN_H
#define PV_CMD_OPEN_H

#include "cmd.h"
#include "prove.h"
#include "wtns.h"

#include <time.h>

/** Where the witness comes from. */
struct cmd_witness {
    const char *path; /* a .wtns; NULL: make gives one */
    /** Opens the witness for a key whose witnesses have so many values. Its file and bytes are closed with wtns_close alone, so what
     *  else they need is the caller's to keep until cmd_close. */
    pv_status (*make)(struct wtns *w, void *arg, uint32_t values, struct prove_error *err);
    void *arg;
};

/** What cmd_open opened; zero is closed. */
struct cmd_inputs {
    const struct backend *backend;
    struct prove_key *key;
    struct wtns witness;
    double key_ms;                     /* how long the key took to open */
    char note[PROVE_ERROR_TEXT_BYTES]; /* why the CPU proves although a GPU was welcome; "" otherwise */
};

/** Picks the backend, then opens the key at zkey and the witness. run is the key's. PV_USAGE when the backend
 *  makes fewer than slots proofs at a time with one key; PV_RESOURCES when they need more memory than this process may
 *  use; else the statuses of backend_pick, prove_key_new, and wtns_open or witness->make. On failure nothing stays open; note may be set. */
pv_status cmd_open(struct cmd_inputs *in, const struct cmd_machine *machine, const char *zkey,
                   const struct cmd_witness *witness, unsigned slots, const struct prove_run *run,
                   struct prove_error *err);

/** Closes both; harmless on a zeroed in. */
void cmd_close(struct cmd_inputs *in);

/** A clock's time in milliseconds. */
double cmd_clock_ms(clockid_t clock);

#endif
