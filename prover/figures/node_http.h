/** A node's HTTP: /metrics, /livez, /readyz. A thread of its own; reads nothing that a proof locks (node_scrape.h).
 *
 *  On loopback anybody may ask, unless a token is set. Beyond it /metrics needs that token; the others are open.
 */
#ifndef PV_NODE_HTTP_H
#define PV_NODE_HTTP_H

#include "node_scrape.h"

enum { NODE_HTTP_WHY_BYTES = 320 };

struct node_http_options {
    const char *address;    /* HOST:PORT or [IPV6]:PORT; port 0: any free one */
    const char *hosts;      /* names that requests may name, with commas between them */
    const char *read_token; /* file; "" none */
};

struct node_http;

/** sources is borrowed until node_http_stop. PV_BAD_CONFIG: not an address, or the token's file is not usable; PV_IO: cannot listen; with
 *  a sentence. PV_NO_MEMORY. */
pv_status node_http_start(struct node_http **out, const struct node_http_options *o, const struct node_sources *sources,
                          char why[NODE_HTTP_WHY_BYTES]);
/** Whether node_http_start would find all of it usable; the port may be taken by the node that runs. */
pv_status node_http_check(const struct node_http_options *o, char why[NODE_HTTP_WHY_BYTES]);
/** Names and token again. On failure, with a sentence, nothing changes. */
pv_status node_http_reload(struct node_http *h, const struct node_http_options *o, char why[NODE_HTTP_WHY_BYTES]);
void node_http_stop(struct node_http **h);
uint16_t node_http_port(const struct node_http *h);
/** Whether /metrics needs a token that nobody has. */
bool node_http_is_shut(struct node_http *h);

#endif
