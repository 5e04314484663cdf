/** The sums of a proof in the process of a GPU: a backend whose keys are open there (backend_options.gpus).
 *
 *  A key is sent once to each process that proves with it, and again to the one that comes after its end. Witnesses travel in
 *  memory that this process keeps and wipes whatever becomes of the other. What comes back is checked for its form here; whether
 *  it is right shows the proof.
 *
 *  options->device is GPUS_ANY for a key of a task, which any tested GPU may prove with. A number is for the self-test alone,
 *  which runs in that GPU's process before it is tested.
 *    PV_BAD_STATE  no GPU that has passed its test serves just now: nothing was begun
 *    PV_DEVICE     the process ended while it worked on this: the work may be to blame, or not
 */
#ifndef PV_BACKEND_REMOTE_H
#define PV_BACKEND_REMOTE_H

#include "backend.h"

enum { GPUS_ANY = -1 };

/** proofs_at_once is one GPU's: gpus_proofs_at_once says it once they are ready. */
extern const struct backend backend_remote;

#endif
