/** What can be asked for: one list, which page/openapi.json describes and http_api.py holds against it.
 */
#ifndef PV_HTTP_ROUTES_H
#define PV_HTTP_ROUTES_H

#include "http_access.h"
#include "http_question.h"

enum { HTTP_ROUTE_WHY_BYTES = 160 };

/* R(METHOD, "path", CLASS, SOURCE, arguments, question)     {task}, {queue}, {prover} stand for one word of the path
 *   SOURCE  FILE       of the page          TEXT  published by the loop, handed out by the server's thread
 *           QUESTION   answered by the loop STREAM  TEXT's and QUESTION's events, as they come
 *   arguments  of the query string, any others are refused */
#define HTTP_ROUTE_LIST(R)                                                                                             \
    R(GET, "/livez", OPEN, LIVE, 0, 0)                                                                                 \
    R(GET, "/healthz", OPEN, LIVE, 0, 0)                                                                               \
    R(GET, "/readyz", OPEN, READY, HTTP_HAS_VERBOSE, 0)                                                                \
    R(GET, "/metrics", READ, METRICS, 0, 0)                                                                            \
    R(GET, "/v1/scale/{queue}", READ, SCALE, 0, 0)                                                                     \
    R(GET, "/v1/access", READ, ACCESS, 0, 0)                                                                           \
    R(GET, "/v1/status", READ, STATUS, 0, 0)                                                                           \
    R(GET, "/v1/overview", READ, OVERVIEW, 0, 0)                                                                       \
    R(GET, "/v1/queues", READ, QUEUES, 0, 0)                                                                           \
    R(GET, "/v1/provers", READ, QUESTION, HTTP_HAS_AFTER | HTTP_HAS_LIMIT, HTTP_PROVERS)                               \
    R(GET, "/v1/provers/{prover}/handlers", READ, QUESTION, HTTP_HAS_PRINCIPAL | HTTP_HAS_AFTER | HTTP_HAS_LIMIT,      \
      HTTP_HANDLERS)                                                                                                   \
    R(GET, "/v1/tasks", READ, QUESTION,                                                                                \
      HTTP_HAS_QUEUE | HTTP_HAS_STATE | HTTP_HAS_AFTER | HTTP_HAS_LIMIT | HTTP_HAS_ORDER, HTTP_TASKS)                  \
    R(GET, "/v1/tasks/{task}", READ, QUESTION, HTTP_HAS_PRINCIPAL, HTTP_TASK)                                          \
    R(GET, "/v1/events", READ, EVENTS, HTTP_HAS_QUEUE | HTTP_HAS_STATE | HTTP_HAS_AFTER | HTTP_HAS_LIMIT, HTTP_EVENTS) \
    R(POST, "/v1/tasks/{task}/cancel", WRITE, QUESTION, HTTP_HAS_PRINCIPAL, HTTP_CANCEL)                               \
    R(POST, "/v1/tasks/{task}/kick", WRITE, QUESTION, HTTP_HAS_PRINCIPAL, HTTP_KICK)                                   \
    R(POST, "/v1/queues/{queue}/pause", WRITE, QUESTION, 0, HTTP_PAUSE)                                                \
    R(POST, "/v1/queues/{queue}/resume", WRITE, QUESTION, 0, HTTP_RESUME)                                              \
    R(POST, "/v1/queues/{queue}/purge", WRITE, QUESTION, HTTP_HAS_STATES | HTTP_HAS_AGE | HTTP_HAS_DRY, HTTP_PURGE)    \
    R(POST, "/v1/provers/{prover}/drain", WRITE, QUESTION, HTTP_HAS_PRINCIPAL, HTTP_DRAIN)                             \
    R(POST, "/v1/provers/{prover}/resume", WRITE, QUESTION, HTTP_HAS_PRINCIPAL, HTTP_UNDRAIN)

/* Bits of http_route.arguments. */
enum {
    HTTP_HAS_QUEUE = 1 << 0,
    HTTP_HAS_STATE = 1 << 1,
    HTTP_HAS_AFTER = 1 << 2,
    HTTP_HAS_LIMIT = 1 << 3,
    HTTP_HAS_ORDER = 1 << 4,
    HTTP_HAS_PRINCIPAL = 1 << 5,
    HTTP_HAS_STATES = 1 << 6,
    HTTP_HAS_AGE = 1 << 7,
    HTTP_HAS_DRY = 1 << 8,
    HTTP_HAS_VERBOSE = 1 << 9,
};

enum http_source {
    HTTP_LIVE,
    HTTP_READY,
    HTTP_METRICS,
    HTTP_SCALE,
    HTTP_ACCESS,
    HTTP_STATUS,
    HTTP_OVERVIEW,
    HTTP_QUEUES,
    HTTP_QUESTION,
    HTTP_EVENTS_OR_STREAM
};

struct http_route {
    const char *method, *path;
    enum http_class class;
    enum http_source source;
    unsigned arguments;
    enum http_what what;
};

/** What the arguments said. */
struct http_arguments {
    struct http_question question;
    bool verbose;
    unsigned seen;
};

/** The route of a path, whose words are read into to. NULL: there is none of this method; *methods: the first method of those
 *  that the path has otherwise, or NULL. PV_USAGE in *st with a sentence: a word of the path is not what it has to be. */
const struct http_route *http_route_of(const char *method, const char *path, struct http_arguments *to,
                                       const char **methods, pv_status *st, char why[HTTP_ROUTE_WHY_BYTES]);

/** Takes one argument of the query string. value NULL: it has none. PV_USAGE with a sentence. */
pv_status http_route_argument(const struct http_route *r, struct http_arguments *to, const char *key, const char *value,
                              char why[HTTP_ROUTE_WHY_BYTES]);

#endif
