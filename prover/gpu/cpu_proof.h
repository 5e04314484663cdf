/** A proof that a GPU made and that does not verify, made again on the CPU: which of the two was wrong. */
#ifndef PV_CPU_PROOF_H
#define PV_CPU_PROOF_H

#include "prove.h"

/** What prove_groth16_on_cpu allocates for a proof with the key on run's threads. */
pv_status cpu_proof_need(size_t *bytes, const struct prove_key *key, const struct prove_run *run,
                         struct prove_error *err);

/** After PV_BAD_PROOF of prove_groth16, with its sentence in err. Takes at most memory_bytes_max (0: no limit).
 *    PV_OK           *proof is the CPU's and verifies: the GPU was wrong. err is as it was
 *    PV_BAD_WITNESS  the CPU's does not verify either: the witness's fault, or the key's
 *    PV_BAD_PROOF    undecided, because the CPU could not make it; err says why
 *    PV_CANCELLED */
pv_status cpu_proof(struct groth16_proof *proof, const struct prove_key *key, const struct wtns *witness,
                    size_t memory_bytes_max, const struct prove_run *run, struct prove_error *err);

/** err's sentence about the GPU's proof, and why the CPU cannot tell whose fault it was. Returns PV_BAD_PROOF. */
pv_status cpu_proof_undecided(struct prove_error *err, const char *because);

#endif
