/** The subcommands of provost-prover, one file each. A command gets argv with argv[0] = "provost-prover NAME" and
 *  returns the process's exit status (status.h). Data goes to stdout, everything else to stderr.
 */
#ifndef PV_CMD_H
#define PV_CMD_H

#include "backend.h"
#include "numa.h"
#include "prove_error.h"

#include <argp.h>
#include <stdatomic.h>

int cmd_prove(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_selftest(int argc, char **argv);
int cmd_bench(int argc, char **argv);

/** Options that every proving command has: --backend, --device, --threads, --path. A child of the command's argp; its
 *  input is a struct cmd_machine. */
struct cmd_machine {
    enum backend_choice backend;
    struct backend_options options;
    struct bn254_run cpu;
};
extern const struct argp cmd_machine_argp;

/** Non-zero once SIGINT or SIGTERM came. */
extern atomic_int cmd_stop;

/** SIGINT and SIGTERM set cmd_stop (a second one ends the process at once); SIGBUS, which a mapped file raises when
 *  somebody cuts it short, ends it with a sentence instead of a crash. */
void cmd_catch_signals(void);

/** Memory of all NUMA nodes for a process whose threads run on several; before there are threads. Returns what there is. */
struct numa cmd_share_memory(void);

/** The option's number within low and high; anything else is wrong usage and ends the process. */
unsigned cmd_number(const char *text, unsigned low, unsigned high, struct argp_state *state);

/** "provost-prover: sentence" to stderr; the exit status that goes with err. */
int cmd_failed(const struct prove_error *err);

#endif
