/** A GPU's proof that does not verify is made once more on the CPU, which tells whose fault it was: the GPU's, if the
 *  CPU's proof verifies, and else the witness's or the key's. Without it three tasks with bad witnesses would look like a
 *  broken GPU, node after node.
 */
#ifndef PV_CPU_CHECK_H
#define PV_CPU_CHECK_H

#include "handler.h"
#include "keycache.h"
#include "prove.h"

/** What a node's checks share. Zero: none runs. */
struct cpu_check {
    atomic_int busy; /* one at a time: each takes the memory and the threads of a proof */
};

/** A proof that did not verify. All of it is borrowed. */
struct cpu_check_of {
    struct keycache *cache;
    struct keycache_key *key; /* taken; others may prove with it on the GPU while the check runs */
    const struct wtns *witness;
    struct bn254_run cpu; /* path, threads, stop flag */
    const struct handler_watch *watch;
};

/** Reports the phase "cpu-check"; waits while another check runs.
 *    PV_OK           *proof is the CPU's and verifies: the GPU was wrong
 *    PV_BAD_WITNESS  the CPU's does not verify either
 *    PV_BAD_PROOF    undecided, because the CPU could not make it here: too little memory. Nothing follows for the task
 *    PV_CANCELLED */
pv_status cpu_check(struct groth16_proof *proof, struct cpu_check *c, const struct cpu_check_of *of,
                    struct prove_error *err);

#endif
