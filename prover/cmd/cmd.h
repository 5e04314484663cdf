/** What the subcommands of provost-prover share: options, signals, memory, and how a command ends.
 *
 *  Each subcommand has a file and a header of its own: int cmd_NAME(int argc, char **argv), where argv[0] is
 *  "provost-prover NAME"; it returns the exit status of the process (status.h). Data goes to stdout, everything else to
 *  stderr.
 */
#ifndef PV_CMD_H
#define PV_CMD_H

#include "backend.h"
#include "file_why.h"
#include "numa.h"
#include "own_limits.h"
#include "prove_error.h"

#include <argp.h>
#include <stdatomic.h>

/** What --allow-development-key means, in the help of each command. */
#define CMD_DEVELOPMENT_KEY "Accept a key for which anyone can forge proofs, such as one without a contribution"

/** The options of every command that proves: --backend, --device, --threads, --path, --allow-development-key. cmd_machine_argp is a child of the
 *  command's argp; its input is a struct cmd_machine. */
struct cmd_machine {
    enum backend_choice backend;
    struct backend_options options; /* memory_bytes_max stays 0: limits says it for the CPU */
    struct bn254_run cpu;
    struct limits limits; /* of this process, read by cmd_start_proving */
    bool verbose;
};
extern const struct argp cmd_machine_argp;

/** The number in an option's argument, from low to high; for anything else argp's error, which ends the process. */
unsigned cmd_number(const char *text, unsigned low, unsigned high, struct argp_state *state);

/** Non-zero after SIGINT or SIGTERM. */
extern atomic_int cmd_stop;

/** SIGINT and SIGTERM set cmd_stop (a second one ends the process at once), unless the parent switched them off, as nohup
 *  and a shell's background jobs do. SIGBUS, which a mapped file raises when
 *  another process cuts it short, ends the process with a sentence instead of a crash. */
void cmd_catch_signals(void);

/** For a command that proves, once its options are read and before it has threads: no core dump holds its witness, its
 *  memory is spread over the NUMA nodes, OpenMP's threads spin less, signals are caught, and its threads are started
 *  (cmd_start_team). Returns the nodes. */
struct numa cmd_start_proving(struct cmd_machine *machine);

/** Starts the threads of this thread's computations: as many as --threads says, or as this process may use processors. When
 *  fewer can be started, these, and one line on stderr. Fills in machine's limits and both of its counts of threads. */
void cmd_start_team(struct cmd_machine *machine);

/** The same for another thread of the command, which cmd_start_team has had its turn before. Returns how many it has. */
unsigned cmd_start_team_of_slot(const struct cmd_machine *machine);

/** status, with the sentence about a file as its error. */
pv_status cmd_file_failed(struct prove_error *err, pv_status status, const struct file_why *why);

/** Prints "provost-prover: sentence" to stderr; returns the exit status that goes with err. */
int cmd_failed(const struct prove_error *err);

/** The exit status of a command that proves, which ended with status: 0, or cmd_failed's. PV_CANCELLED becomes
 *  "interrupted". */
int cmd_end_proving(pv_status status, struct prove_error *err);

#endif
