/** HTTP on a separate address: /metrics (Prometheus text), /livez and /healthz (the loop turns) and /readyz (tasks
 *  are accepted: the store works, and the broker is not ending).
 *
 *  The loop publishes a finished text about once a second, and the server's thread hands out the last one: a scrape never
 *  waits for the loop, nor the loop for a scrape. A loop that has published nothing for HTTP_STALE_MS is not healthy.
 *  Each connection gets one answer and a bounded time (http_visitors.h).
 */
#ifndef PV_HTTP_H
#define PV_HTTP_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_STALE_MS = 10000, HTTP_WHY_BYTES = 256 };

struct http;

/** Starts serving on HOST:PORT or [IPV6]:PORT (port 0: any free one, see http_port). PV_BAD_CONFIG: not an address; PV_IO: cannot listen; both
 *  with a sentence. PV_NO_MEMORY. */
pv_status http_start(struct http **out, const char *address, char why[HTTP_WHY_BYTES]);
/** Whether http_start would find the address usable; its port may be taken by the broker that runs. PV_BAD_CONFIG with a sentence. */
pv_status http_check(const char *address, char why[HTTP_WHY_BYTES]);
void http_stop(struct http **h);
uint16_t http_port(const struct http *h);

/** The text to serve from now on (copied), and why the broker is not ready (NULL: it is). Also ends connections that
 *  take too long. Callable from any thread. */
void http_publish(struct http *h, const char *text, size_t bytes, const char *not_ready);

#endif
