/** What provers do. i: index of the prover. */
#ifndef PV_SIM_PROVER_H
#define PV_SIM_PROVER_H

#include "sim.h"

/** Dials, says hello and READY, and sends its finished results. */
void sim_prover_connect(struct sim *w, int i);
void sim_prover_ready(struct sim *w, int i);
void sim_prover_beats(struct sim *w, int i);
/** Begins a task, or goes on with one: it fails, ends or reports progress. */
void sim_prover_works(struct sim *w, int i);
/** One move of a random prover. */
void sim_prover_moves(struct sim *w);
/** The prover is told something. */
void sim_prover_takes(struct sim *w, int i, const struct sched_action *a);

#endif
