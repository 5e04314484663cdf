/** HTTP on an address of its own: metrics, health, the scaler's figure, JSON of everything, events as they come, the page, and writes
 *  for who has a token (http_routes.h is the list, page/openapi.json describes it).
 *
 *  The loop publishes finished texts about once a second (http_publish), and the server's thread hands out the last ones: a scrape
 *  never waits for the loop, nor the loop for a scrape. What is asked of tasks and provers waits in a bounded line until the loop
 *  has time (http_next, http_answer). A loop that has published nothing for HTTP_STALE_MS is not healthy.
 *  Each connection gets one answer and a bounded time (http_visitors.h), but for streams of events (http_stream.h).
 */
#ifndef PV_HTTP_H
#define PV_HTTP_H

#include "http_question.h"
#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_STALE_MS = 10000, HTTP_WHY_BYTES = 320 };

struct http;

struct http_options {
    const char *address;                  /* HOST:PORT or [IPV6]:PORT; port 0: any free one, see http_port */
    const char *hosts;                    /* names that requests may name, with commas between them */
    const char *read_token, *admin_token; /* files; "" none */
    int wake;                             /* eventfd that is told when a question waits; -1: none */
};

/** Starts serving. PV_BAD_CONFIG: not an address, or a token's file is not usable; PV_IO: cannot listen; all with a
 *  sentence. PV_NO_MEMORY. */
pv_status http_start(struct http **out, const struct http_options *options, char why[HTTP_WHY_BYTES]);
/** Whether http_start would find all of it usable; the port may be taken by the broker that runs. PV_BAD_CONFIG with a
 *  sentence. */
pv_status http_check(const struct http_options *options, char why[HTTP_WHY_BYTES]);
/** Names and tokens again. Streams of events end, so that who lost a token loses them. On failure, with a sentence, nothing changes. */
pv_status http_reload(struct http *h, const struct http_options *options, char why[HTTP_WHY_BYTES]);
void http_stop(struct http **h);
uint16_t http_port(const struct http *h);
/** Whether reads need a token that nobody has: an address beyond loopback, and no token is set. */
bool http_is_shut(struct http *h);

/** For an autoscaler: one queue, as JSON. */
struct http_scale {
    char queue[WIRE_NAME_MAX + 1];
    char *json;
};

/** What is served from now on. Texts are malloc'ed and taken; NULL: memory ran out, the last one stays. */
struct http_news {
    char *metrics, *status, *overview, *queues; /* Prometheus text; JSON */
    char *history;                              /* JSON; NULL: as it was */
    struct http_scale *scales;
    size_t scales_n;
    bool
        standby; /* another broker is active: but for health, metrics and the page all is answered with 503 and not_ready */
    const char *not_ready, *warnings; /* why no tasks are accepted, NULL: they are; what is amiss, NULL: nothing */
};

/** Takes the texts of news. Also ends connections and streams that take too long. Callable from any thread. */
void http_publish(struct http *h, struct http_news *news);
/** Frees what http_publish did not take. */
void http_news_clear(struct http_news *news);

/** The next question for the loop. False: there is none. */
bool http_next(struct http *h, struct http_question *q);
/** Its answer; json is malloc'ed and taken, NULL: memory ran out. */
void http_answer(struct http *h, uint32_t id, unsigned code, char *json);

/** How many listen to events; with none there is no need to tell. */
size_t http_listeners(struct http *h);
/** Tells them all: event is "event" or "overview", number that of the event, or 0. */
void http_tell(struct http *h, const char *event, uint64_t number, const char *json);

/** Counted since the start, for metrics. */
struct http_counts {
    uint64_t requests, refused, streams_cut;
    uint64_t denied; /* of the refused: no token, a wrong one, or too many wrong ones */
    uint32_t streams, questions;
};
struct http_counts http_counts(struct http *h);

#endif
