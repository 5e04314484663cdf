/** What a key needs of a GPU, known where there is none: the sizes of the key and of a card that is assumed. The layout is
 *  that of groth16/cuda_layout.h, which is plain C (emu_prove holds it beside what a device is asked for).
 */
#ifndef PV_GPU_NEED_H
#define PV_GPU_NEED_H

#include "backend.h"

/** A card's size. */
struct gpu_need_card {
    size_t bytes;      /* its memory; a twentieth of it is left alone */
    unsigned sm_count; /* its multiprocessors; 0: an H100's */
    unsigned places;   /* proofs at a time; 0: by its memory */
};

/** The memory of a key and a proof by the best plan that fits the card. A surveyed key's points are not there: all are taken for
 *  finite, which is never too little. PV_RESOURCES with a sentence: it does not fit. PV_INVALID_INPUT: too large for the
 *  kernels. */
pv_status gpu_need(struct backend_need *need, const struct zkey *z, const struct gpu_need_card *card,
                   struct prove_error *err);

/** How many proofs a card of that memory runs at a time by default, whatever their keys. */
unsigned gpu_need_places(size_t card_bytes);

/** The smallest memory of a card, to a hundredth, that the key and a proof fit into, slower than by the best plan. 0: none. */
size_t gpu_need_least(const struct zkey *z, unsigned sm_count);

#endif
