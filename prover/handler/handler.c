#include "handler.h"

#include <string.h>

#include "clock.h"

pv_status handler_run(struct handler *h, const struct handler_input *in, const struct handler_watch *watch,
                      struct handler_output *out)
{
    uint64_t from = pv_clock_ms();
    memset(out, 0, sizeof *out);
    atomic_fetch_add(&h->counters.started, 1);
    pv_status s = h->run(h->self, in, watch, out);
    atomic_fetch_add(&h->counters.busy_ms, (unsigned long)(pv_clock_ms() - from));
    atomic_ulong *outcome = s == PV_OK          ? &h->counters.succeeded
                            : s == PV_CANCELLED ? &h->counters.stopped
                                                : &h->counters.failed;
    atomic_fetch_add(outcome, 1);
    return s;
}
