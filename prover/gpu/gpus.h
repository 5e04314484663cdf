/** The GPUs of a node: a process for each (gpu_child.h), kept by a supervisor. This process never touches CUDA.
 *
 *  A process that was started is not believed yet: work goes to one that has passed the self-test (backend_remote.h), and each
 *  new one of a GPU passes it anew.
 */
#ifndef PV_GPUS_H
#define PV_GPUS_H

#include "backend.h"
#include "supervisor.h"

enum { GPUS_MAX = 16, GPUS_CARD_BYTES = 96, GPUS_PATH_BYTES = 4096 };

/** All of it is copied. */
struct gpus_options {
    const char *program;                   /* path of provost-prover, which has the command gpu-child */
    char cards[GPUS_MAX][GPUS_CARD_BYTES]; /* CUDA_VISIBLE_DEVICES of each; "": this process's own */
    unsigned n;
    int device;             /* its number among those that its process sees */
    unsigned jobs, threads; /* at a time on each; of the CPU, for each */
    uint64_t limit_ms;      /* for a proof, or a key and what its size adds; a GPU that takes longer hangs */
};

struct gpus;

/** Starts all of their processes. PV_NO_MEMORY, PV_BUSY. */
pv_status gpus_new(struct gpus **g_p, const struct gpus_options *options, struct prove_error *err);
/** No key is open any more. They end side by side, within two seconds. */
void gpus_destroy(struct gpus **g_p);

unsigned gpus_count(const struct gpus *g);
/** For people: the card as it was named, or "GPU". */
const char *gpus_name(const struct gpus *g, unsigned i);

/** Waits for a process that serves. PV_NO_DEVICE with a sentence: it is in quarantine, or says that it never will. */
pv_status gpus_wait(struct gpus *g, unsigned i, const atomic_int *stop, struct prove_error *err);

/** What is to be known of one, from one look. */
struct gpus_facts {
    bool serves, quarantined;
    bool tested; /* serves, and has passed the test */
    uint64_t deaths, lost;
    char why[CHILD_TEXT_BYTES]; /* how its last process ended */
};
void gpus_now(struct gpus *g, unsigned i, struct gpus_facts *facts);

/** Nothing new is given to its process until it has passed the test anew. */
void gpus_doubt(struct gpus *g, unsigned i);
/** The process that the last self-test ran in has passed it. */
void gpus_passed(struct gpus *g, unsigned i);
/** A proof of its was verified: its deaths are no row any more (supervisor_good). */
void gpus_good(struct gpus *g, unsigned i);
/** Kills its process: somebody else knows that the card is broken. */
void gpus_end(struct gpus *g, unsigned i, const char *why);

/** The smallest card's memory, as far as they have been ready; 0: none has. */
size_t gpus_bytes(const struct gpus *g);
/** The most multiprocessors of a card that has been ready: with more of them a proof takes more memory. 0: not known. */
unsigned gpus_sm_count(const struct gpus *g);
/** Proofs at a time with one key, on all of them that have been ready. */
unsigned gpus_proofs_at_once(const struct gpus *g);
/** On one. */
unsigned gpus_places(const struct gpus *g, unsigned i);

/* --- for backend_remote.c --- */

/** The tested GPU with the least to do, which is to be given back. False: there is none just now. */
bool gpus_take(struct gpus *g, unsigned *i, uint64_t *generation);
/** That one, for a test, in whatever process. */
void gpus_take_one(struct gpus *g, unsigned i);
void gpus_give(struct gpus *g, unsigned i);
/** The process that a test runs in: what gpus_passed is about. */
void gpus_on_trial(struct gpus *g, unsigned i, uint64_t generation);

/** supervisor_call; where the job has no limit, with gpus_options.limit_ms and what these bytes add to it. What ended the process is PV_DEVICE; err has
 *  its sentence. */
pv_status gpus_call(struct gpus *g, unsigned i, struct supervisor_job *job, uint64_t bytes,
                    struct supervisor_answer *answer, struct prove_error *err);

/** A number that no key of this process had before. */
uint64_t gpus_key_number(struct gpus *g);

#endif
