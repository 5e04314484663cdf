/** What a node and the process of one of its GPUs say to each other, in the frames of prover/child. Both are parts of one
 *  program; version tells when a file was replaced between the starts of the two.
 */
#ifndef PV_GPU_WORDS_H
#define PV_GPU_WORDS_H

#include "backend.h"

#include <stdint.h>

enum { GPU_WORDS_VERSION = 2, GPU_PLACES_MAX = 16 };

/** The body of READY. The version comes first in every version. */
struct gpu_ready {
    uint32_t version;
    uint32_t proofs_at_once; /* with one key */
    uint64_t bytes;          /* of the card */
    uint32_t sm_count;       /* its multiprocessors, by which sums are planned; 0: not known */
    uint32_t zero;
};

enum gpu_job { GPU_KEY_OPEN, GPU_KEY_CLOSE, GPU_SUMS, GPU_KEY_CHECK };

/** With the key's bytes (shared_bytes.h). The answer is a struct gpu_key_plan. */
struct gpu_key_open {
    uint64_t key; /* a number of the node's */
    uint64_t bytes, memory_bytes_max;
    uint32_t places, best_plan_only; /* as in struct backend_options */
};

/** What the open key holds by the plan that it got, as in struct backend_need. */
struct gpu_key_plan {
    uint64_t key_bytes, proof_bytes, place_host_bytes, best_bytes;
    uint32_t places, slower;
    uint32_t known; /* 0: this backend has one plan only */
    uint32_t zero;
};

/** Nothing is proved with it any more. Its answer is empty. */
struct gpu_key_close {
    uint64_t key;
};

/** With the key's bytes again. Its answer is empty, or a failure: PV_BAD_ZKEY. */
struct gpu_key_check {
    uint64_t key, bytes;
};

/** With the place's bytes if the process does not have them yet. The answer is a struct gpu_sums_found. */
struct gpu_sums {
    uint64_t key;
    uint32_t place; /* of the key's: memory for one witness, below GPU_PLACES_MAX */
    uint32_t zero;
};

struct gpu_sums_found {
    struct backend_sums sums;
    uint64_t better_now; /* 1: the key would get a better plan if it were opened now */
};

_Static_assert(sizeof(struct gpu_ready) == 24 && sizeof(struct gpu_key_open) == 32 &&
                   sizeof(struct gpu_key_plan) == 48 && sizeof(struct gpu_sums) == 16,
               "no byte of a body is without a meaning");

#endif
