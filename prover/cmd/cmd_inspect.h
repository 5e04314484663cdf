/** `provost-prover inspect`: says what a proving key is for and what it needs. */
#ifndef PV_CMD_INSPECT_H
#define PV_CMD_INSPECT_H

/** Runs the command (cmd.h). */
int cmd_inspect(int argc, char **argv);

#endif
