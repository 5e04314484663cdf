/** Which GPUs a node uses: its setting, CUDA_VISIBLE_DEVICES, and the cards that NVML tells of. */
#ifndef PV_GPU_CARDS_H
#define PV_GPU_CARDS_H

#include "gpus.h"
#include "nvml.h"

/** Cards as their processes are told by CUDA_VISIBLE_DEVICES. */
struct gpu_cards {
    char id[GPUS_MAX][GPUS_CARD_BYTES]; /* "": as this process sees them */
    int board[GPUS_MAX];                /* NVML's number of the physical card; -1: not known */
    unsigned n;
    char note[160]; /* what has to be said of it; "": nothing */
};

/** Reads the setting:
 *    ""           one: number `device` of those that are visible
 *    "all"        each that is visible
 *    "0,2"        these, counted in CUDA_VISIBLE_DEVICES, or, where that is not set, as nvidia-smi does
 *    "GPU-..."    by UUID, or what it begins with; parts of a card are MIG-...
 *  visible: CUDA_VISIBLE_DEVICES, NULL: not set; ends, as for CUDA, at the first entry that is none. nvml may be NULL: then "all" is the
 *  first card, with a note, and numbers are left to CUDA. PV_BAD_CONFIG or PV_NO_DEVICE with a sentence. */
pv_status gpu_cards_find(struct gpu_cards *c, const char *setting, int device, const char *visible,
                         const struct nvml *nvml, struct prove_error *err);

#endif
