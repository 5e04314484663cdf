/* The table of one prover's handlers. */
#include "peer_handlers.h"
#include "table_cells.h"

static void handler_row(struct tables *t, const struct wire_handler *h, uint64_t after)
{
    row(t, after);
    text(t, "handler", h->name);
    for (int f = 0; f < WIRE_HANDLER_FIGURES; f++)
        number(t, wire_handler_column((enum wire_handler_figure)f), h->figures[f]);
    number(t, "mean_ms", wire_handler_mean_ms(h));
    text(t, "why", h->why);
}

void tables_handlers(struct tables *t, const struct sched *s, const struct peers *peers, const struct tables_query *q)
{
    const struct peer *peer = tables_peer(s, peers, q);
    uint32_t n = peer ? peer_handlers_n(peer) : 0;
    begin(t);
    t->looked = n;
    for (uint64_t i = q->after; i < n && room(t, q); i++) handler_row(t, &peer->handlers->at[i], i + 1);
}
