/** provost-prover fullprove: from input.json to two files of snarkjs, the witness computed in between. */
#ifndef PV_CMD_FULLPROVE_H
#define PV_CMD_FULLPROVE_H

int cmd_fullprove(int argc, char **argv);

#endif
