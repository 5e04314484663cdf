/** The handler that proves: a witness file in, a verified Groth16 proof out. */
#ifndef PV_HANDLER_GROTH16_H
#define PV_HANDLER_GROTH16_H

#include "handler.h"
#include "keycache.h"
#include "prove.h"

/** What all proofs of a node share. Borrowed by the handler and the cache's functions while they live. */
struct handler_groth16_context {
    const struct backend *backend;
    struct backend_options options;
    struct bn254_run cpu; /* path and threads; its stop flag is not used */
    struct keycache *cache;
};

/** Input: the bytes of a .wtns file. Result: {"proof": ..., "public": ...}, snarkjs's own objects. */
struct handler handler_groth16(struct handler_groth16_context *context);

/** A keycache_options.ops whose arg is the context: keys opened for proving with its backend. */
extern const struct keycache_ops handler_groth16_keys;

#endif
