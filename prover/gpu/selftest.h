/** A whole proof of a circuit that is built into the program: whether a backend works, and what warms it up. */
#ifndef PV_SELFTEST_H
#define PV_SELFTEST_H

#include "prove.h"

/** Opens the built-in key with backend, proves once and verifies the proof. It takes milliseconds and, on a GPU, little
 *  memory beside what the keys hold.
 *  options: the device, and a remote backend's GPUs.
 *    PV_OK          the proof verifies: the kernels are loaded, and right as far as one proof can tell
 *    PV_CANCELLED   run's stop flag
 *    PV_NO_MEMORY, PV_RESOURCES   there was no room for it: nothing is said of the backend
 *    all else       the backend does not work; a wrong proof is PV_BAD_PROOF (PV_BAD_WITNESS of the CPU). */
pv_status selftest_proof(const struct backend *backend, const struct backend_options *options,
                         const struct prove_run *run, struct prove_error *err);

#endif
