/** The memory of a key and of its proofs on a GPU: a pure function of the key and of the memory that there is, so that it is
 *  known where there is no GPU.
 *
 *  A key's own memory is its tables and matrices. A proof runs in a *place* (cuda_places.h), memory that all keys share: the
 *  witness, the vectors of the quotient, and scratch for each sum.
 */
#ifndef PV_CUDA_LAYOUT_H
#define PV_CUDA_LAYOUT_H

#include "gpu_msm_plan.h"
#include "zkey.h"

#include <stdbool.h>
#include <stddef.h>

/** Base sets over one scalar vector. B has one of its own when many of its points are infinity. */
enum cuda_part { CUDA_H, CUDA_WITNESS, CUDA_B, CUDA_PARTS };

enum { CUDA_PLACES_MOST = 16, CUDA_SETS_MOST = 4 };

/** One base set: the points of the scalars first .. first + count - 1, bases.g1 of them in G1, then bases.g2 in G2. joined: set[1] is
 *  no set of its own but the rest of set[0], C's points and then H's; the scalars are the witness and behind it the quotient. */
struct cuda_set {
    const void *points;
    size_t first, count;
};
struct cuda_sets {
    struct cuda_set set[CUDA_SETS_MOST];
    struct msm_bases bases;
    bool joined;
    size_t scalars, finite; /* finite: those with a finite base in one set at least */
};

/** What a key brings: read once from all of its points. */
struct cuda_sizes {
    struct cuda_sets part[CUDA_PARTS];
    bool b_apart;  /* otherwise part[CUDA_B] is not used */
    bool c_with_h; /* part[CUDA_H] is joined, and C is not in part[CUDA_WITNESS] */
    unsigned parts;
    size_t matrices, work, witness; /* bytes: of the key; of a proof */
    size_t building;                /* bytes, while table rows are made */
};

/** matrices and work: the bytes of gpu_qap_need_for, or 0 to count them here, where they are never too few. A surveyed key's
 *  points are not in memory: all are taken for finite, which is never too little. */
void cuda_sizes_of(struct cuda_sizes *s, const struct zkey *z, size_t matrices, size_t work);

struct cuda_layout {
    struct msm_plan plan[CUDA_PARTS];
    unsigned places;                  /* proofs of the key that may run at a time */
    size_t key_bytes, building_bytes; /* while the key is open; in addition while it is opened */
    size_t place_bytes, pinned_bytes; /* of one proof: on the device, and in RAM that the device reads */
    double cost;                      /* of a proof's sums, to compare layouts of one key (msm_plan_cost) */
};

struct cuda_room {
    size_t bytes; /* for the key and its places together */
    unsigned sm_count, places;
};

/** The best plans that fit. Where they do not fit beside room->places places, fewer places come before slower sums. PV_NO_MEMORY:
 *  not even the slowest fit beside one; PV_INVALID_INPUT: the key is too large for the kernels. */
pv_status cuda_layout_for(struct cuda_layout *l, const struct cuda_sizes *s, const struct cuda_room *room);

/** How many percent more a proof's sums cost than with the best plans, for which any memory would be there; *best_bytes: what those
 *  take for the key and a proof. */
unsigned cuda_layout_slower(size_t *best_bytes, const struct cuda_layout *l, const struct cuda_sizes *s,
                            unsigned sm_count);

/** Whether a is worth having rather than b, of the same key: fewer sums to do, or more places. */
bool cuda_layout_better(const struct cuda_layout *a, const struct cuda_layout *b);

/** How many places a device of that memory has by default: 2 below 24 GiB, 3 below 48, then 4. A proof of 2^20 takes 1.1 GB of it. */
unsigned cuda_places_default(size_t device_bytes);

#endif
