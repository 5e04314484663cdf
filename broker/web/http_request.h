/** One request from its head to its answer. The server's thread alone has it.
 */
#ifndef PV_HTTP_REQUEST_H
#define PV_HTTP_REQUEST_H

#include "http.h"
#include "http_access.h"
#include "http_ask.h"
#include "http_routes.h"
#include "http_stream.h"
#include "http_visitors.h"

#include <microhttpd.h>
#include <pthread.h>

struct http {
    struct MHD_Daemon *daemon;
    struct http_visitors visitors;
    struct http_access access;
    struct http_asks asks;
    struct http_streams streams;
    pthread_mutex_t lock; /* of what follows */
    struct http_news news;
    char not_ready[256], warnings[512];
    uint64_t published_ms;
    uint64_t requests, refused, denied;
};

/* What libmicrohttpd calls. context: the struct http. */

enum MHD_Result http_request(void *context, struct MHD_Connection *c, const char *path, const char *method,
                             const char *version, const char *data, size_t *bytes, void **request);
void http_request_over(void *context, struct MHD_Connection *c, void **request, enum MHD_RequestTerminationCode why);

#endif
