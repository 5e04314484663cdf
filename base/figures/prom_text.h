/** The Prometheus text: https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4.
 *
 *      prom_family(to, "provost_slots", "gauge", "Slots of live provers.");
 *      prom_sample(to, "provost_slots", NULL, 12);
 *
 *  A family is introduced once, before its samples. Base units: seconds and bytes. Errors are those of the stream.
 */
#ifndef PV_PROM_TEXT_H
#define PV_PROM_TEXT_H

#include "histogram.h"

#include <stdio.h>

struct prom_label {
    const char *key, *value; /* the value may be any text: it is escaped */
};
enum { PROM_LABELS_MAX = 4 };
/** The labels of a sample, to the first without a key. */
struct prom_labels {
    struct prom_label at[PROM_LABELS_MAX];
};

void prom_family(FILE *to, const char *name, const char *type, const char *help);
/** labels NULL: none. */
void prom_sample(FILE *to, const char *name, const struct prom_labels *labels, uint64_t value);
/** A share, of 1. */
void prom_percent(FILE *to, const char *name, const struct prom_labels *labels, unsigned percent);
/** A duration, in seconds. */
void prom_seconds_ms(FILE *to, const char *name, const struct prom_labels *labels, uint64_t ms);
void prom_seconds_us(FILE *to, const char *name, const struct prom_labels *labels, uint64_t us);
/** The buckets, sum and count of one series of a histogram's family. */
void prom_histogram(FILE *to, const char *name, const struct prom_labels *labels, const struct histogram *h,
                    const struct histogram_bounds *bounds);

/** A family of one sample without labels. */
struct prom_metric {
    const char *name, *type, *help;
    uint64_t value;
};
void prom_metrics(FILE *to, const struct prom_metric *all, size_t n);

#endif
