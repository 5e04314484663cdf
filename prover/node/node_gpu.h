/** The GPUs of a node: which ones, a process for each (prover/gpu/gpus.h), their self-tests, and what is told of them. This process
 *  never touches CUDA.
 */
#ifndef PV_NODE_GPU_H
#define PV_NODE_GPU_H

#include "agent.h"
#include "backend_remote.h"
#include "gpu_cards.h"
#include "handler_groth16.h"
#include "node_config.h"
#include "node_scrape.h"

#include <pthread.h>

struct node_gpu {
    struct handler_groth16_context *proving;
    bool beside;        /* the node has other work too: it takes tasks whatever its GPU does */
    char unused[256];   /* why a GPU that was welcome is not used; "": it is, or none was */
    unsigned long told; /* news of its tests, when it was announced last */
    struct nvml *nvml;  /* NULL: not there, or not asked */
    struct gpu_cards cards;
    bool looked;            /* cards are found, or why says why there are none */
    struct prove_error why; /* PV_OK: there are cards */
    struct gpus *gpus;      /* NULL: the CPU proves */
    struct backend backend; /* backend_remote, with as many proofs at once as they serve */
    pthread_t keeper;       /* tests what is suspect, and hears of NVML's events */
    bool kept;
    atomic_int opened, ending;
    pthread_mutex_t facts_lock; /* of what NVML said last, each FACTS_MS; held for a copy */
    struct node_card facts[GPUS_MAX];
    size_t facts_n;
};

/** Looks which GPUs the settings mean, once; starts nothing. With several of them there are as many slots, unless slots is
 *  set. */
void node_gpu_look(struct node_gpu *g, struct node_config *c);

/** Sets the context's backend and what goes with it by the settings. Each GPU makes a proof first (selftest.h), which loads
 *  and warms it. With backend auto, where none is usable or passes, the CPU is left, and it is a warning where the
 *  machine has a card or the program was built for one. *vram: the smallest one's memory, 0 without one. PV_BAD_CONFIG, PV_NO_DEVICE.
 *  PV_CANCELLED at once when a signal that ends the node is pending, whatever a GPU's start hangs in.
 *  state: the node's folder, "" for none (gpu_host.h). */
pv_status node_gpu_open(struct node_gpu *g, struct node_config *c, const char *state, uint64_t *vram,
                        struct prove_error *err);

/** Starts the keeper, once the context's key cache is there. Without it nothing is tested but by a task's thread. */
void node_gpu_keep(struct node_gpu *g);

/** The node was told to end: nobody waits for a GPU any more that is not ready, and its process is killed. */
void node_gpu_leave(struct node_gpu *g);

/** Ends the keeper; the processes live on, for keys that are closed. */
void node_gpu_part(struct node_gpu *g);
/** Ends the processes, after the key cache. */
void node_gpu_clear(struct node_gpu *g);

/** What NVML said of the cards last, at most `most`; returns how many. From any thread; never waits for NVML. */
size_t node_gpu_cards(struct node_gpu *g, struct node_card *to, size_t most);

/** For agent_options.gpu, with the struct as arg. */
void node_gpu_now(void *gpu, struct agent_gpu *now);

/** Whether the node has to announce itself anew because a GPU is trusted again, lost its process, or is broken. One thread's. */
bool node_gpu_changed(struct node_gpu *g);

#endif
