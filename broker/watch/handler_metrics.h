/** What the handlers of the whole fleet did, as their nodes say, in the Prometheus text: the names and labels are a contract (metrics.h).
 */
#ifndef PV_HANDLER_METRICS_H
#define PV_HANDLER_METRICS_H

#include "peer_handlers.h"

#include <stdio.h>

/** provost_handler_calls_total{handler,outcome} and provost_handler_seconds_total{handler}: since the broker's start, at most
 *  FLEET_NAMES handlers and "other", which is there once something was counted for it. */
void handler_metrics(FILE *to, const struct fleet_handlers *f);

#endif
