/** A node's GPU: chosen and tested before the node serves, and what is said of it from then on. */
#ifndef PV_NODE_GPU_H
#define PV_NODE_GPU_H

#include "agent.h"
#include "handler_groth16.h"
#include "node_config.h"

struct node_gpu {
    struct handler_groth16_context *proving;
    bool beside;        /* the node has other work too: it takes tasks whatever its GPU does */
    char unused[256];   /* why a GPU that was welcome is not used; "": it is, or none was */
    unsigned long told; /* verdicts of its tests, when it was announced last */
};

/** Sets the context's backend and what goes with it by the settings. A GPU makes a proof first (selftest.h), which loads
 *  and warms it. With backend auto a GPU that is not usable, or fails that, leaves the CPU, and it is a warning where the
 *  machine has a card or the program was built for one. *vram: its memory, 0 without one. PV_BAD_CONFIG, PV_NO_DEVICE.
 *  state: the node's folder, "" for none (gpu_host.h). */
pv_status node_gpu_open(struct node_gpu *g, const struct node_config *c, const char *state, uint64_t *vram,
                        struct prove_error *err);

/** For agent_options.gpu, with the struct as arg. */
void node_gpu_now(void *gpu, struct agent_gpu *now);

/** Whether the node has to announce itself anew because its GPU is trusted again, or is broken. One thread's. */
bool node_gpu_changed(struct node_gpu *g);

#endif
