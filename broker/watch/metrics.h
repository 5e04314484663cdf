/** The Prometheus text: https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4.
 *
 *  Names of metrics are a contract, like columns. Labels are bounded: queues and states, never a task. Names of queues are valid
 *  label values as they are (wire_name_valid lets neither quote nor backslash nor line feed in).
 */
#ifndef PV_METRICS_H
#define PV_METRICS_H

#include "facts.h"

/** All metrics: f's figures, and those of every queue of s. *text is the caller's to free. PV_NO_MEMORY. */
pv_status metrics_text(char **text, size_t *bytes, const struct facts *f, const struct sched *s);

#endif
