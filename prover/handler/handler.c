#include "handler.h"

#include "clock.h"
#include "words.h"

#include <stdio.h>
#include <string.h>

static unsigned long ended(const struct handler_counters *c)
{
    return atomic_load(&c->succeeded) + atomic_load(&c->failed) + atomic_load(&c->stopped);
}

/* Read first: what ended before is not counted as running. */
unsigned long handler_running(const struct handler_counters *c)
{
    unsigned long over = ended(c), started = atomic_load(&c->started);
    return started > over ? started - over : 0;
}

unsigned long handler_mean_ms(const struct handler_counters *c)
{
    unsigned long over = ended(c);
    return over ? atomic_load(&c->busy_ms) / over : 0;
}

static void kind_count(struct handler_counters *c, enum handler_verdict verdict)
{
    if (verdict == HANDLER_PERMANENT) atomic_fetch_add(&c->permanent, 1);
    if (verdict == HANDLER_RESOURCE) atomic_fetch_add(&c->resource, 1);
    if (verdict == HANDLER_LOST) atomic_fetch_add(&c->lost, 1);
    if (verdict == HANDLER_UNSTARTED) atomic_fetch_add(&c->unstarted, 1);
}

static bool takes(const struct handler *h, enum wire_input_kind kind)
{
    return kind == WIRE_INPUT_KIND_WTNS || h->kinds >> kind & 1;
}

/* The broker knows what a circuit takes, and not that this node serves another queue by another handler. */
static pv_status refuse(const struct handler *h, const struct handler_input *in, struct handler_output *out)
{
    out->verdict = HANDLER_RETRYABLE;
    snprintf(out->text, sizeof out->text, "this node's handler %s takes no %s", h->name,
             wire_word(WIRE_WORDS_input_kind, in->kind));
    return PV_INVALID_INPUT;
}

pv_status handler_run(struct handler *h, const struct handler_input *in, const struct handler_watch *watch,
                      struct handler_output *out)
{
    uint64_t from = pv_clock_ms();
    memset(out, 0, sizeof *out);
    atomic_fetch_add(&h->counters.started, 1);
    pv_status s = takes(h, in->kind) ? h->run(h->self, in, watch, out) : refuse(h, in, out);
    atomic_fetch_add(&h->counters.busy_ms, (unsigned long)(pv_clock_ms() - from));
    atomic_fetch_add(&h->counters.bytes_in, in->size);
    if (s == PV_OK) atomic_fetch_add(&h->counters.bytes_out, out->size);
    if (s != PV_OK && s != PV_CANCELLED) kind_count(&h->counters, out->verdict);
    atomic_ulong *outcome = s == PV_OK          ? &h->counters.succeeded
                            : s == PV_CANCELLED ? &h->counters.stopped
                                                : &h->counters.failed;
    atomic_fetch_add(outcome, 1);
    return s;
}
