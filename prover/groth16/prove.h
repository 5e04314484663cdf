/** Groth16: from a zkey and a witness to a verified proof.
 *
 *  The pipeline (snarkjs src/groth16_prove.js, so that snarkjs verifies):
 *    a, b   rows of the coefficient matrices times the witness; c = a * b row by row
 *    h_i    a_i b_i - c_i at the odd points of the domain of twice the size; section 9 contains the division
 *    pi_a = alpha1 + sum A + r delta1          pi_b = beta2 + sum B2 + s delta2
 *    pi_c = sum C + sum H + s pi_a + r (beta1 + sum B1 + s delta1) - r s delta1
 *  r and s are uniform in [0, r). They, and everything derived from the witness, are wiped before the return.
 *  No proof is returned before it passes the pairing check with the key's own verification key (sections 2 and 3).
 */
#ifndef PV_PROVE_H
#define PV_PROVE_H

#include "backend.h"
#include "blinding.h"
#include "proof.h"
#include "vkey.h"
#include "prove_error.h"
#include "wtns.h"
#include "zkey.h"

#include <stddef.h>
#include <stdint.h>

/** A key that is ready to prove: the zkey, its verification key, and the backend's part. */
struct prove_key;

/** Opens the zkey at path for proving with backend: as a copy in memory (run->cpu.stop ends the reading), or mapped when
 *  run says that it passes by and the CPU proves. The header's own points (alpha, beta, gamma, delta, IC) are
 *  checked: reduced, on their curves, not infinity where the scheme forbids it, not such that proofs can be forged
 *  (soundness.h; options->keys lets those in). On failure *key is untouched. */
pv_status prove_key_new(struct prove_key **key, const char *path, const struct backend *backend,
                        const struct backend_options *options, const struct prove_run *run, struct prove_error *err);

/** The same over size bytes of a zkey that stay the caller's and must outlive the key. Errors call them name. */
pv_status prove_key_new_of(struct prove_key **key, const uint8_t *bytes, size_t size, const char *name,
                           const struct backend *backend, const struct backend_options *options,
                           const struct prove_run *run, struct prove_error *err);

/** The same over a zkey that is open, which it takes over, on failure too. */
pv_status prove_key_take(struct prove_key **key, struct zkey *zkey, const char *name, const struct backend *backend,
                         const struct backend_options *options, const struct prove_run *run, struct prove_error *err);

/** Frees, sets *key to NULL; harmless on NULL. */
void prove_key_destroy(struct prove_key **key);

/** What the backend's part of the key holds by the plan that it got, and whether it would get a better one if the key were opened
 *  now. False where there is one plan only: *need and *better_now are untouched. Asks the device; not while the key is closed. */
bool prove_key_need(struct backend_need *need, bool *better_now, const struct prove_key *key);

/** Has the backend's device look at every point, which takes it a fraction of the CPU's time: PV_OK, all are good. Whatever else it
 *  says, keycheck_points tells which point is bad, if one is. PV_NO_DEVICE: the backend has none. */
pv_status prove_key_check(const struct prove_key *key, const struct prove_run *run, struct prove_error *err);

/** Borrowed until prove_key_destroy. */
const struct zkey *prove_key_zkey(const struct prove_key *key);
const struct groth16_vkey *prove_key_vkey(const struct prove_key *key);

struct prove_options {
    prove_random *random; /* NULL: getrandom(2). Tests fix it; r is drawn first, then s (blinding.h) */
    void *random_arg;
};

/** A verified proof for witness. Its public signals are witness->values[1 .. publics].
 *  PV_BAD_WITNESS  wrong number of values, or the finished proof does not verify: the witness breaks a constraint, or
 *                  the key is damaged where only arithmetic shows it (keycheck.h tells which).
 *  PV_CANCELLED, PV_NO_MEMORY, PV_DEVICE.
 *  PV_BAD_PROOF    the proof made by a GPU does not verify: the GPU's fault, the witness's or the key's.
 *                  prove_groth16_on_cpu tells which. */
pv_status prove_groth16(struct groth16_proof *proof, struct prove_key *key, const struct wtns *witness,
                        const struct prove_options *options, const struct prove_run *run, struct prove_error *err);

/** The same on the CPU, whatever backend the key was opened with; the key's part on a device is not touched, and other
 *  threads may prove with it meanwhile. The CPU's part of the key is made for this proof: in all backend_cpu.need's
 *  key_bytes and proof_bytes beside the key's file, at most memory_bytes_max of them (0: no limit; above: PV_RESOURCES).
 *  The CPU's proof does not verify either: PV_BAD_WITNESS. */
pv_status prove_groth16_on_cpu(struct groth16_proof *proof, const struct prove_key *key, const struct wtns *witness,
                               size_t memory_bytes_max, const struct prove_run *run, struct prove_error *err);

#endif
