/** Places for proofs on a GPU: streams, device memory and pinned memory of one proof under way. They belong to the device and not to
 *  a key: any key's proof runs in any of them, and several run at a time. A device's places are made when its first key comes and
 *  go with its last.
 *
 *  A place is made when all others are taken, and is as large as the key that comes needs it; so a process that proves one after another
 *  has one. When keys go, idle places shrink to what the others need.
 */
#ifndef PV_CUDA_PLACES_H
#define PV_CUDA_PLACES_H

#include "cuda_layout.h"
#include "gpu.h"
#include "prove_error.h"

#include <stdatomic.h>

/** The sum with G2 is urgent: it is the longest chain of a small circuit. */
enum cuda_stream { CUDA_STREAM_H, CUDA_STREAM_G1, CUDA_STREAM_G2, CUDA_STREAMS };

/** Where one proof runs: its taker's until it is given back. */
struct cuda_place {
    struct gpu *gpu; /* its own, so that gpu_why is about this proof */
    struct gpu_stream *stream[CUDA_STREAMS];
    gpu_buf memory;
    void *pinned;
    unsigned number; /* below CUDA_PLACES_MOST: a key keeps its recordings by it */
    /* The places' own, under their lock. */
    size_t bytes, pinned_bytes;
    bool taken;
};

/** The device's places. */
struct cuda_places;

/** What a key needs of a place, and how many of its proofs may run at a time. The places' own between join and leave. */
struct cuda_user {
    size_t bytes, pinned_bytes;
    unsigned places;
    struct cuda_user *next;
};

/** Joins the device's places with *user filled in, and sees to it that one of them is as large. most: how many there are to be; the
 *  largest number that a key named counts. PV_NO_MEMORY: the device or RAM is short; PV_DEVICE, PV_NO_DEVICE; why in err. stop ends the
 *  wait for a place: PV_CANCELLED. */
pv_status cuda_places_join(struct cuda_places **places, int device, unsigned most, struct cuda_user *user,
                           const atomic_int *stop, struct prove_error *err);
/** Harmless on NULL; sets *places to NULL. */
void cuda_places_leave(struct cuda_places **places, struct cuda_user *user);

/** Takes a place that is large enough; waits for one until *stop. The statuses of cuda_places_join. */
pv_status cuda_place_take(struct cuda_place **place, struct cuda_places *places, const struct cuda_user *user,
                          const atomic_int *stop, struct prove_error *err);
void cuda_place_give(struct cuda_places *places, struct cuda_place **place);

/** Device memory that the places of device hold. */
size_t cuda_places_bytes(int device);

#endif
