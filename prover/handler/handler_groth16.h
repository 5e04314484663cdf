/** The handler that proves: from a witness file to a verified Groth16 proof. */
#ifndef PV_HANDLER_GROTH16_H
#define PV_HANDLER_GROTH16_H

#include "handler.h"
#include "keycache.h"
#include "prove.h"

/** What all proofs of a node share. It must outlive the handler and the key cache. */
struct handler_groth16_context {
    const struct backend *backend;
    struct backend_options options;
    struct bn254_run cpu; /* path and threads; the stop flag is not used */
    struct keycache *cache;
};

/** Input: the bytes of a .wtns file. Result: {"proof": ..., "public": ...}, the objects of snarkjs. */
struct handler handler_groth16(struct handler_groth16_context *context);

/** For keycache_options.ops, with the context as arg: opens keys for proving with the context's backend. */
extern const struct keycache_ops handler_groth16_keys;

#endif
