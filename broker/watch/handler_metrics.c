#include "handler_metrics.h"

#include <inttypes.h>

static void outcomes(FILE *to, const struct fleet_handler *h)
{
    for (int i = WIRE_HANDLER_SUCCEEDED; i <= WIRE_HANDLER_STOPPED; i++)
        fprintf(to, "provost_handler_calls_total{handler=\"%s\",outcome=\"%s\"} %" PRIu64 "\n", h->name,
                wire_handler_column((enum wire_handler_figure)i), h->figures[i]);
}

static void seconds(FILE *to, const struct fleet_handler *h)
{
    uint64_t ms = h->figures[WIRE_HANDLER_BUSY_MS];
    fprintf(to, "provost_handler_seconds_total{handler=\"%s\"} %" PRIu64 ".%03" PRIu64 "\n", h->name, ms / 1000,
            ms % 1000);
}

static void each(FILE *to, const struct fleet_handlers *f, void (*print)(FILE *to, const struct fleet_handler *h))
{
    for (uint32_t i = 0; f && i < f->n; i++) print(to, &f->sums[i]);
    if (f && *f->sums[FLEET_NAMES].name) print(to, &f->sums[FLEET_NAMES]);
}

void handler_metrics(FILE *to, const struct fleet_handlers *f)
{
    fputs("# HELP provost_handler_calls_total Tasks that handlers of provers ended, as they say.\n"
          "# TYPE provost_handler_calls_total counter\n",
          to);
    each(to, f, outcomes);
    fputs("# HELP provost_handler_seconds_total How long handlers of provers worked on them, as they say.\n"
          "# TYPE provost_handler_seconds_total counter\n",
          to);
    each(to, f, seconds);
}
