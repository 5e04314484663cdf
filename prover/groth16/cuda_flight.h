/** A key on a GPU and a proof of it under way, as backend_cuda.c and cuda_check.c share them: how a place's memory is laid out for a key,
 *  and which stream has what. Each scalar vector has a stream of its own.
 */
#ifndef PV_CUDA_FLIGHT_H
#define PV_CUDA_FLIGHT_H

#include "backend.h"
#include "cuda_layout.h"
#include "cuda_places.h"
#include "gpu_msm.h"
#include "gpu_ntt.h"

enum { CUDA_RECORDINGS = CUDA_PARTS + 1, CUDA_OF_QUOTIENT = CUDA_PARTS };

struct backend_key {
    const struct zkey *zkey;
    struct gpu *gpu; /* for what is made when it is opened */
    struct gpu_qap *qap;
    struct gpu_msm *msm[CUDA_PARTS]; /* msm[CUDA_B] NULL when the witness's four sums go together */
    struct backend_options options;
    struct cuda_sizes sizes;
    struct cuda_layout layout;
    struct cuda_places *places;
    struct cuda_user user;
    /* of each place that a proof has run in; its taker's */
    struct gpu_recording *recording[CUDA_PLACES_MOST][CUDA_RECORDINGS];
};

/* A proof under way: how the place's memory is laid out for this key. */
struct flight {
    struct backend_key *key;
    struct cuda_place *place;
    gpu_buf witness, work, secret; /* secret: all of them */
    struct gpu_msm_run run[CUDA_PARTS];
    uint8_t *staging; /* pinned: the witness on its way */
};

/** Of the place that was taken for it: as cuda_layout.c counts it. Makes the place's recordings for the key where it has none yet. */
pv_status cuda_flight_begin(struct flight *f, struct backend_key *k, struct cuda_place *place);

struct gpu_stream *cuda_flight_stream(const struct flight *f, enum cuda_part part);

/** Queues the part's sums on its stream; nothing where the key has no such part. */
pv_status cuda_flight_queue(struct flight *f, enum cuda_part part, gpu_buf scalars);

/** Whether the proof was told to stop. */
bool cuda_flight_stopped(const struct prove_run *run);

#endif
