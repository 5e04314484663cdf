/** NVIDIA's management library, where it is installed (libnvidia-ml.so.1, part of the driver): which cards there are, and what
 *  befalls them. It is loaded when it is asked for and makes no CUDA context, so it is harmless in a process that never touches
 *  CUDA.
 *
 *  Source: nvml.h of CUDA 13; the functions used are the same since driver 450.
 */
#ifndef PV_NVML_H
#define PV_NVML_H

#include "prove_error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NVML_LIBRARY "libnvidia-ml.so.1"

enum { NVML_UUID_BYTES = 96, NVML_CARDS_MAX = 64 };

/** A card, or a part of one (MIG), in the order of nvidia-smi. */
struct nvml_card {
    char uuid[NVML_UUID_BYTES]; /* GPU-..., MIG-... */
    unsigned board;             /* number of the physical card */
};

/** What a card tells of itself; has_...: whether it does. */
struct nvml_facts {
    bool has_memory, has_use, has_temperature, has_power;
    uint64_t memory_used, memory_total; /* bytes */
    unsigned use_percent, temperature_c, power_mw;
};

struct nvml;

/** PV_NO_DEVICE with a sentence: it is not there, or refuses. library: NVML_LIBRARY, or a test's. */
pv_status nvml_open(struct nvml **n, const char *library, struct prove_error *err);
void nvml_close(struct nvml **n);

/** The cards, at most NVML_CARDS_MAX. A card that is cut into parts is listed as its parts. Borrowed until nvml_close. */
const struct nvml_card *nvml_cards(const struct nvml *n, unsigned *count);

/** Of a physical card. False: there is none of this number, or it tells nothing. */
bool nvml_facts(const struct nvml *n, unsigned board, struct nvml_facts *to);

/** Whether something befell a card that ends every process on it, within wait_ms: an uncorrected ECC error, or an Xid that is the
 *  card's and not a program's. *board: which; why: the words. */
bool nvml_event(struct nvml *n, unsigned wait_ms, unsigned *board, char why[64]);

#endif
