/** `provost-prover prove`: proves, verifies and writes proof.json and public.json. */
#ifndef PV_CMD_PROVE_H
#define PV_CMD_PROVE_H

/** Runs the command (cmd.h). */
int cmd_prove(int argc, char **argv);

#endif
