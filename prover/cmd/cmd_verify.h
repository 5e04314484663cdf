/** `provost-prover verify`: checks a proof against a verification key and public signals. */
#ifndef PV_CMD_VERIFY_H
#define PV_CMD_VERIFY_H

/** Runs the command (cmd.h). */
int cmd_verify(int argc, char **argv);

#endif
