/** The check of every point of a key on its GPU: backend.key_check. It runs in a place, as a proof does. */
#ifndef PV_CUDA_CHECK_H
#define PV_CUDA_CHECK_H

#include "backend.h"

pv_status cuda_key_check(struct backend_key *key, const struct zkey *zkey, const struct prove_run *run,
                         struct prove_error *err);

#endif
