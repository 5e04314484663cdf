/** provost-prover prove: from a key and a witness to two files of snarkjs. */
#ifndef PV_CMD_PROVE_H
#define PV_CMD_PROVE_H

#include "cmd_open.h"

struct outputs;

enum { CMD_PROVING_INPUTS = 3 };

/** One proof, from files to files. */
struct cmd_proving {
    struct cmd_machine machine;
    const char *zkey;
    struct cmd_witness witness;
    const char *inputs[CMD_PROVING_INPUTS]; /* every file that is read, which no result may be; NULL: none */
    const char *results[2];                 /* proof.json, public.json */
    struct outputs *out;                    /* cmd_prove_into's own */
};

/** Makes the proof, verifies it and writes both files or neither. A place that cannot be written is told before the proof is made. For
 *  cmd_end_proving. */
pv_status cmd_prove_into(struct cmd_proving *a, struct prove_error *err);

int cmd_prove(int argc, char **argv);

#endif
