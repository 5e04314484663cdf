/** Figures of a node's work, left by its agent's loop for whoever reads them (node_scrape.h).
 *
 *  The lock is held for a copy and no longer; no proof holds it. All functions may be called from any thread, and do nothing where f is
 *  NULL.
 */
#ifndef PV_NODE_FIGURES_H
#define PV_NODE_FIGURES_H

#include "fields.h"
#include "histogram.h"

#include <pthread.h>
#include <stdbool.h>

enum { NODE_PHASES = 32 };

/** Of this moment. */
struct node_now {
    uint64_t turned_ms; /* when the loop turned last, on pv_clock_ms */
    unsigned slots, busy, waiting;
    uint64_t unacknowledged; /* results */
    bool connected, draining;
    unsigned gpu_state; /* 0: fit, 1: about to be tested, 2: broken */
    uint64_t gpu_wrong_proofs, gpu_ended;
    bool gpu_unused; /* a GPU proves nothing, and the CPU may do its work */
};

struct node_figures {
    pthread_mutex_t lock;
    struct node_now now;
    struct {
        char name[WIRE_NAME_MAX + 1];
        uint64_t ms;
    } phases[NODE_PHASES]; /* the first ones that there were */
    size_t phases_n;
    uint64_t phases_other_ms;
    struct histogram proofs; /* of tasks: as measured by the runner */
    uint64_t rejected;       /* attempts that ended because a proof did not verify */
};

void node_figures_init(struct node_figures *f);
void node_figures_clear(struct node_figures *f);

void node_figures_now(struct node_figures *f, const struct node_now *now);
/** An attempt was so long in the phase. "" is left out. */
void node_figures_phase(struct node_figures *f, const char *phase, uint64_t ms);
void node_figures_proved(struct node_figures *f, uint64_t ms);
void node_figures_rejected(struct node_figures *f);
/** A copy; its lock is not to be used. */
void node_figures_read(struct node_figures *f, struct node_figures *to);

#endif
