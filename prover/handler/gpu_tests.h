/** The GPUs of a node, and which of them may prove: each is trusted by itself (gpu_trust.h).
 *
 *  Of a GPU in a process of its own (prover/gpu/gpus.h) the process is meant: each new one is suspect until it has passed the
 *  self-test. One that ends with an error is not broken, another follows; a proof that does not verify is.
 */
#ifndef PV_GPU_TESTS_H
#define PV_GPU_TESTS_H

#include "gpu_trust.h"
#include "gpus.h"

/** Zero: one GPU, in this process, trusted. */
struct gpu_tests {
    struct gpus *gpus; /* NULL: one, in this process */
    struct gpu_trust trust[GPUS_MAX];
    atomic_int leaving; /* gpu_tests_leave */
};

/** How one is tested. */
struct gpu_tests_how {
    /** As gpu_trust_test.run, of that GPU. */
    pv_status (*run)(void *arg, unsigned gpu, const atomic_int *stop, struct prove_error *err);
    bool (*make_room)(void *arg);
    void *arg;
};

unsigned gpu_tests_count(const struct gpu_tests *t);

/** It was wrong, or failed: it proves nothing until it has passed its test. */
void gpu_tests_doubt(struct gpu_tests *t, unsigned gpu);

/** Returns PV_OK once a GPU is trusted, and tests those that are suspect first. With a sentence: PV_NO_DEVICE, all of them are broken;
 *  PV_BUSY, those that are not are in quarantine, or the node ends. PV_CANCELLED. */
pv_status gpu_tests_pass(struct gpu_tests *t, const struct gpu_tests_how *how, const atomic_int *stop,
                         struct prove_error *err);

/** The node ends: nobody waits for a GPU any more that has not passed its test, and the process of such a one is killed, whatever
 *  its start or its test hangs in. Those that have passed finish what they work on. */
void gpu_tests_leave(struct gpu_tests *t);

/** Tests each that is suspect and can be tested without waiting. */
void gpu_tests_try(struct gpu_tests *t, const struct gpu_tests_how *how, const atomic_int *stop);

/** All of them together, for whoever offers work: TRUSTED if one is, else SUSPECT if one is about to be tested, else BROKEN, which one in
 *  quarantine is until that ends: tasks that wait for this node go to others. why gets a sentence about one
 *  that does not prove, or "". */
enum gpu_trust_state gpu_tests_now(const struct gpu_tests *t, char *why, size_t room);

unsigned long gpu_tests_wrong_proofs(const struct gpu_tests *t);
/** Processes of the GPUs that ended. */
uint64_t gpu_tests_ended(const struct gpu_tests *t);
/** Changes whenever there is news for whoever offers work. */
unsigned long gpu_tests_verdicts(const struct gpu_tests *t);

#endif
