/** The handler that proves: from a witness file to a verified Groth16 proof. */
#ifndef PV_HANDLER_GROTH16_H
#define PV_HANDLER_GROTH16_H

#include "cpu_check.h"
#include "gpu_tests.h"
#include "handler.h"
#include "keycache.h"
#include "prove.h"
#include "witness_source.h"

/** What all proofs of a node share. It must outlive the handler and the key cache. */
struct handler_groth16_context {
    const struct backend *backend;
    struct backend_options options;
    struct bn254_run cpu; /* path and threads; the stop flag is not used */
    bool
        gpu_check; /* a new key's points are looked at by a GPU, and by the CPU where that does not find all of them good */
    struct keycache *cache;
    struct witness_source witnesses; /* what computes the witness of an input.json; zero: nothing does */
    struct cpu_check check;          /* zero at first, like tests */
    struct gpu_tests tests;          /* of the backend's GPUs; of the CPU nothing is doubted */
};

/** Input: the bytes of a .wtns file, or, with the context's witnesses, of an input.json. Result: {"proof": ..., "public": ...}, the objects of snarkjs. A proof that a GPU
 *  made and that does not verify is made again on the CPU (cpu_check.h), and a GPU that was wrong or failed passes its
 *  self-test before it proves again (gpu_trust.h). */
struct handler handler_groth16(struct handler_groth16_context *context);

/** For keycache_options.ops, with the context as arg: opens keys for proving with the context's backend. */
extern const struct keycache_ops handler_groth16_keys;

/** The self-test of the context's GPUs: for a start, before they are trusted. PV_OK: one of them passed; else what gpu_tests_pass
 *  says. */
pv_status handler_groth16_test(struct handler_groth16_context *x, const atomic_int *stop, struct prove_error *err);

/** Tests what is suspect and can be tested now, on one thread of the CPU. For a thread of the node's, now and then. */
void handler_groth16_look(struct handler_groth16_context *x, const atomic_int *stop);

#endif
