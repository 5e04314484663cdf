/** `provost-prover bench`: measures how long proofs take on this machine. */
#ifndef PV_CMD_BENCH_H
#define PV_CMD_BENCH_H

/** Runs the command (cmd.h). */
int cmd_bench(int argc, char **argv);

#endif
