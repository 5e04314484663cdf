/** A node's Prometheus text. Asks nobody who may be at work for long: of the key cache the last figures that could be had.
 */
#ifndef PV_NODE_SCRAPE_H
#define PV_NODE_SCRAPE_H

#include "handler.h"
#include "keycache.h"
#include "node_figures.h"

#include <stdbool.h>

enum { NODE_SCRAPE_HANDLERS = 64, NODE_SCRAPE_GPUS = 64 };

/** What is told of a card. A figure that the card does not tell is left out. */
struct node_card {
    char name[96]; /* as it is known to its operator: number or UUID */
    bool has_memory, has_use, has_temperature, has_power;
    uint64_t memory_used, memory_total; /* bytes */
    unsigned use_percent, temperature_c, power_mw;
};

/** Everything but figures is borrowed, and stays as it is while the node serves. */
struct node_sources {
    struct node_figures *figures;
    const struct handler *handlers[NODE_SCRAPE_HANDLERS];
    size_t handlers_n;
    struct keycache *cache; /* NULL: no keys */
    uint64_t memory_most;   /* bytes the node may use for keys and proofs */
    /** Fills `to` with at most `most` cards, and returns how many. NULL: none. */
    size_t (*cards)(void *arg, struct node_card *to, size_t most);
    void *cards_arg;
};

/** last: what was known of the key cache; stays where its lock is held. *text is the caller's to free. PV_NO_MEMORY. */
pv_status node_scrape(char **text, size_t *bytes, const struct node_sources *s, struct keycache_figures *last);

/** Whether the loop turns; why NULL or a static sentence that says why not. */
bool node_alive(const struct node_now *now, uint64_t now_ms, const char **why);
/** Whether tasks can come: alive, connected, not draining, with something to prove with. */
bool node_ready(const struct node_now *now, uint64_t now_ms, const char **why);

#endif
