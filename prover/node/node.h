/** provost-prover run: a node that takes tasks from a broker until it is told to stop. */
#ifndef PV_CMD_RUN_H
#define PV_CMD_RUN_H

/** argv[0] is "provost-prover run". Returns the process's exit status (status.h). */
int cmd_run(int argc, char **argv);

#endif
