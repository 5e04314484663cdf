/** /metrics (Prometheus text), /healthz (the loop turns) and /readyz (it accepts tasks) on an address of their own.
 *
 *  The loop publishes a finished text about once a second and this server's thread hands out the last one: a scrape
 *  never waits for the loop, and the loop never for a scrape. A loop that has published nothing for HTTP_STALE_MS is
 *  not healthy, which is the point of asking.
 */
#ifndef PV_HTTP_H
#define PV_HTTP_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_STALE_MS = 10000, HTTP_WHY_BYTES = 256 };

struct http;

/** Starts serving on HOST:PORT (port 0: any; http_port tells). PV_BAD_CONFIG: not an address; PV_IO: cannot listen. */
pv_status http_start(struct http **h, const char *address, char why[HTTP_WHY_BYTES]);
void http_stop(struct http **h);
uint16_t http_port(const struct http *h);

/** The text to serve from now on (copied) and whether the broker is ready; not_ready is the reason, or NULL. Any thread. */
void http_publish(struct http *h, const char *text, size_t bytes, const char *not_ready);

#endif
