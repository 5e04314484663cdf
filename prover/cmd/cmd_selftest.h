/** `provost-prover selftest`: checks the arithmetic of this machine. */
#ifndef PV_CMD_SELFTEST_H
#define PV_CMD_SELFTEST_H

/** Runs the command (cmd.h). */
int cmd_selftest(int argc, char **argv);

#endif
