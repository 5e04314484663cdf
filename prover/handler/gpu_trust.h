/** Whether a node's GPU is believed. After a wrong proof or a failure of the device it passes its self-test before it
 *  takes work again; one that does not is never used again by this process.
 *
 *      TRUSTED --doubt--> SUSPECT --self-test--> TRUSTED
 *                            ^          |
 *                            +--doubt---+----> BROKEN
 *
 *  The zero value is TRUSTED. Thread-safe: proving threads doubt and test, the node's loops ask.
 */
#ifndef PV_GPU_TRUST_H
#define PV_GPU_TRUST_H

#include "prove_error.h"

#include <stdatomic.h>
#include <stdbool.h>

enum gpu_trust_state { GPU_TRUSTED, GPU_SUSPECT, GPU_TESTING, GPU_BROKEN };

struct gpu_trust {
    atomic_int state;
    atomic_int busy; /* a thread tests: one at a time */
    atomic_ulong wrong_proofs;
    atomic_ulong verdicts; /* tests that said something: whoever was told that it is suspect is to be told again */
    char why[PROVE_ERROR_TEXT_BYTES]; /* written before the state becomes BROKEN */
};

/** How it is tested. */
struct gpu_trust_test {
    /** PV_OK; PV_CANCELLED; PV_NO_MEMORY or PV_RESOURCES: it could not be tested now; all else: it is broken. */
    pv_status (*run)(void *arg, const atomic_int *stop, struct prove_error *err);
    /** Makes some room for the test. False: there is nothing left to make it of. */
    bool (*make_room)(void *arg);
    void *arg;
    /** The device lies in a process that ends with its errors, and another follows: PV_DEVICE, PV_NO_DEVICE and PV_BAD_STATE
     *  of run leave it suspect, and are what is returned. */
    bool restarts;
};

void gpu_trust_doubt(struct gpu_trust *t);

/** TESTING is told as SUSPECT. */
enum gpu_trust_state gpu_trust_now(const struct gpu_trust *t);

/** Returns PV_OK once the GPU is trusted, and tests it first if it is suspect; waits for another thread's test, and for
 *  room if stop is given: nobody could end a wait without it. PV_NO_DEVICE with a sentence: it is broken. PV_CANCELLED:
 *  stop. PV_NO_MEMORY or PV_RESOURCES with a sentence: no room and no stop. */
pv_status gpu_trust_pass(struct gpu_trust *t, const struct gpu_trust_test *test, const atomic_int *stop,
                         struct prove_error *err);

/** Tests a suspect GPU if there is room for it and nobody does so yet; else leaves it suspect. What the test came to: PV_BUSY,
 *  another thread tests. */
pv_status gpu_trust_try(struct gpu_trust *t, const struct gpu_trust_test *test, const atomic_int *stop,
                        struct prove_error *found);

#endif
