/** The turn: one thread reads messages, steps the core, commits, replies and sleeps.
 */
#ifndef PV_LOOP_H
#define PV_LOOP_H

#include "status.h"

struct broker;

/** Turns until SIGTERM or SIGINT, and ends after the batch at hand. SIGHUP reads settings and keys again. PV_OK: a clean end;
 *  PV_STORE: the store has failed. */
pv_status broker_run(struct broker *b);

#endif
