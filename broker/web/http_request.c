#include "http_request.h"

#include "http_ground.h"
#include "http_reply.h"
#include "json_text.h"
#include "page_files.h"
#include "values.h"

#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request {
    const struct http_route *route;
    const struct page_file *file;
    struct http_arguments arguments;
    struct http_asked *asked;
    bool body;    /* it brought one */
    bool refused; /* its answer is on its way */
    pv_status argument;
    char why[HTTP_ROUTE_WHY_BYTES];
};

/* ---- who asks ---- */

static const char *header(struct MHD_Connection *c, const char *name)
{
    return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

/* ---- what the loop published ---- */

static bool stale(const struct http *h)
{
    return pv_clock_ms() - h->published_ms > HTTP_STALE_MS;
}

/* "loop ok", or why not, one a line. */
static size_t health_lines(const struct http *h, char *to, size_t bytes)
{
    const char *why = h->not_ready[0] ? h->not_ready : "ok";
    int n = snprintf(to, bytes, "loop %s\ntasks %s\n%s%s%s", stale(h) ? "does not turn" : "ok", why,
                     h->warnings[0] ? "warning " : "", h->warnings, h->warnings[0] ? "\n" : "");
    return n < 0 ? 0 : (size_t)n < bytes ? (size_t)n : bytes - 1;
}

static struct MHD_Response *health(struct http *h, bool ready, bool verbose, unsigned *code)
{
    char text[1024];
    size_t n;
    pthread_mutex_lock(&h->lock);
    bool late = stale(h);
    const char *why = late ? "the loop does not turn" : ready && h->not_ready[0] ? h->not_ready : "ok";
    if (late || (ready && h->not_ready[0])) *code = MHD_HTTP_SERVICE_UNAVAILABLE;
    if (verbose)
        n = health_lines(h, text, sizeof text);
    else
        n = (size_t)snprintf(text, sizeof text, "%s\n", why);
    pthread_mutex_unlock(&h->lock);
    return http_reply_text(text, n, "text/plain; charset=utf-8");
}

/* A text that the lock protects, copied. */
static struct MHD_Response *published(struct http *h, char *const *text, const char *type)
{
    pthread_mutex_lock(&h->lock);
    const char *at = *text ? *text : "";
    struct MHD_Response *r = http_reply_text(at, strlen(at), type);
    pthread_mutex_unlock(&h->lock);
    return r;
}

static struct MHD_Response *scale(struct http *h, const char *queue, unsigned *code)
{
    struct MHD_Response *r = NULL;
    pthread_mutex_lock(&h->lock);
    for (size_t i = 0; i < h->news.scales_n && !r; i++)
        if (!strcmp(h->news.scales[i].queue, queue)) r = http_reply_json(h->news.scales[i].json);
    pthread_mutex_unlock(&h->lock);
    if (r) return r;
    *code = MHD_HTTP_NOT_FOUND;
    return http_reply_error("unknown-queue", "there is no queue of this name");
}

static struct MHD_Response *overview(struct http *h)
{
    struct json_text j = { .at = NULL };
    json_text_object(&j, NULL);
    json_text_string(&j, "schema", "provost.overview/1");
    pthread_mutex_lock(&h->lock);
    json_text_raw(&j, "now", h->news.overview);
    json_text_raw(&j, "history", h->news.history ? h->news.history : "[]");
    pthread_mutex_unlock(&h->lock);
    json_text_object_end(&j);
    char *json = json_text_take(&j);
    struct MHD_Response *r = json ? http_reply_json(json) : NULL;
    free(json);
    return r;
}

/* What the page may offer to who has this token. */
static struct MHD_Response *access_told(struct http *h, struct MHD_Connection *c)
{
    struct http_asker who = http_ground_asker(c);
    bool writes = http_access_writes(&h->access), may = false;
    if (writes && who.authorization) may = !http_access_judge(&h->access, HTTP_WRITE, &who, pv_clock_ms()).code;
    struct json_text j = { .at = NULL };
    json_text_object(&j, NULL);
    json_text_string(&j, "schema", "provost.access/1");
    json_text_truth(&j, "reads_need_token", http_access_closed(&h->access));
    json_text_truth(&j, "writes", writes);
    json_text_truth(&j, "may_write", may);
    json_text_object_end(&j);
    char *json = json_text_take(&j);
    struct MHD_Response *r = json ? http_reply_json(json) : NULL;
    free(json);
    return r;
}

static struct MHD_Response *of_source(struct http *h, struct MHD_Connection *c, const struct request *q, unsigned *code)
{
    static const char json[] = "application/json";
    switch (q->route->source) {
    case HTTP_LIVE: return health(h, false, false, code);
    case HTTP_READY: return health(h, true, q->arguments.verbose, code);
    case HTTP_METRICS: return published(h, &h->news.metrics, "text/plain; version=0.0.4");
    case HTTP_SCALE: return scale(h, q->arguments.question.queue, code);
    case HTTP_STATUS: return published(h, &h->news.status, json);
    case HTTP_QUEUES: return published(h, &h->news.queues, json);
    case HTTP_OVERVIEW: return overview(h);
    case HTTP_ACCESS: return access_told(h, c);
    default: return NULL;
    }
}

/* ---- what the loop answers ---- */

static enum MHD_Result busy(struct MHD_Connection *c, const char *text)
{
    return http_reply_send(c, MHD_HTTP_SERVICE_UNAVAILABLE, http_reply_error("busy", text), NULL);
}

static enum MHD_Result question(struct http *h, struct MHD_Connection *c, struct request *q)
{
    struct http_question *ask = &q->arguments.question;
    pthread_mutex_lock(&h->lock);
    bool late = stale(h);
    pthread_mutex_unlock(&h->lock);
    if (late) return busy(c, "the broker's loop does not turn");
    http_address_text(ask->from, sizeof ask->from,
                      MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
    q->asked = http_ask(&h->asks, ask, c, pv_clock_ms());
    return q->asked ? MHD_YES : busy(c, "too many questions wait already");
}

/* Out of the line of those whose time is counted: who reads nothing of a stream is cut by the stream. */
static enum MHD_Result stream(struct http *h, struct MHD_Connection *c, const struct http_arguments *a)
{
    const char *last = header(c, "Last-Event-ID");
    int fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    struct visitor *visitor = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    uint64_t after = a->question.has_after ? a->question.after : 0, said;
    if (last && value_number(&said, last)) after = said; /* of a reader that goes on, and newer than the address */
    struct MHD_Response *r = http_stream_open(&h->streams, c, fd, after, pv_clock_ms());
    if (!r) return busy(c, "as many as may listen to events already do");
    visitor_stays(&h->visitors, visitor);
    http_reply_stream(r);
    return http_reply_send(c, MHD_HTTP_OK, r, NULL);
}

static bool wants_stream(struct MHD_Connection *c)
{
    const char *accept = header(c, MHD_HTTP_HEADER_ACCEPT);
    return accept && strstr(accept, "text/event-stream");
}

/* ---- the course of a request ---- */

static enum MHD_Result refuse(struct http *h, struct MHD_Connection *c, struct request *q, unsigned code,
                              const char *status, const char *text, const char *allow)
{
    q->refused = true;
    pthread_mutex_lock(&h->lock);
    h->refused++;
    pthread_mutex_unlock(&h->lock);
    return http_reply_send(c, code, http_reply_error(status, text), allow);
}

static const struct page_file *file_of(const char *path)
{
    for (size_t i = 0; i < page_files_n; i++)
        if (!strcmp(page_files[i].path, path)) return &page_files[i];
    return NULL;
}

static enum MHD_Result argument(void *context, enum MHD_ValueKind kind, const char *key, const char *value)
{
    struct request *q = context;
    q->argument = http_route_argument(q->route, &q->arguments, key, value, q->why);
    return q->argument == PV_OK ? MHD_YES : MHD_NO;
}

/* By the head alone: what is not allowed is refused before its body is read. */
static enum MHD_Result begin(struct http *h, struct MHD_Connection *c, struct request *q, const char *path,
                             const char *method)
{
    const char *other;
    bool get = !strcmp(method, "GET") || !strcmp(method, "HEAD");
    pv_status word = PV_OK;
    q->file = file_of(path);
    if (q->file) return get ? MHD_YES : refuse(h, c, q, 405, "usage", "only GET", "GET");
    q->route = http_route_of(method, path, &q->arguments, &other, &word, q->why);
    bool hidden = other && !strcmp(other, "POST") && !http_access_writes(&h->access);
    if (!q->route && other && !hidden) return refuse(h, c, q, 405, "usage", "this page has another method", other);
    if (!q->route) return refuse(h, c, q, 404, "not-found", "there is no such page", NULL);
    struct http_asker who = http_ground_asker(c);
    struct http_verdict v = http_access_judge(&h->access, q->route->class, &who, pv_clock_ms());
    if (v.code) {
        pthread_mutex_lock(&h->lock);
        h->denied += v.code == MHD_HTTP_UNAUTHORIZED || v.code == MHD_HTTP_FORBIDDEN;
        pthread_mutex_unlock(&h->lock);
        return refuse(h, c, q, v.code, v.status, v.text, NULL);
    }
    if (word == PV_OK) MHD_get_connection_values(c, MHD_GET_ARGUMENT_KIND, argument, q);
    if (word != PV_OK || q->argument != PV_OK) return refuse(h, c, q, 400, "usage", q->why, NULL);
    return MHD_YES;
}

/* Why this is another broker's to answer. */
static bool others(struct http *h, const struct http_route *r, char why[256])
{
    bool own =
        r->source == HTTP_LIVE || r->source == HTTP_READY || r->source == HTTP_METRICS || r->source == HTTP_ACCESS;
    pthread_mutex_lock(&h->lock);
    bool standby = h->news.standby && !own;
    snprintf(why, 256, "%s", h->not_ready);
    pthread_mutex_unlock(&h->lock);
    return standby;
}

static enum MHD_Result serve(struct http *h, struct MHD_Connection *c, struct request *q)
{
    char why[sizeof h->not_ready];
    unsigned code = MHD_HTTP_OK;
    if (q->body) return refuse(h, c, q, 400, "usage", "nothing here takes a body", NULL);
    if (q->file) return http_reply_send(c, code, http_reply_file(q->file->bytes, q->file->n, q->file->type), NULL);
    if (others(h, q->route, why))
        return http_reply_send(c, MHD_HTTP_SERVICE_UNAVAILABLE, http_reply_error("standby", why), NULL);
    if (q->asked) return http_reply_send(c, q->asked->code, http_reply_json(q->asked->text), NULL);
    if (q->route->source == HTTP_EVENTS_OR_STREAM && wants_stream(c)) {
        if (!(q->arguments.seen & ~(unsigned)HTTP_HAS_AFTER)) return stream(h, c, &q->arguments);
        return refuse(h, c, q, 400, "usage", "a stream has the events of all: only after may be said of it", NULL);
    }
    if (q->route->source == HTTP_QUESTION || q->route->source == HTTP_EVENTS_OR_STREAM) return question(h, c, q);
    struct MHD_Response *r = of_source(h, c, q, &code);
    return http_reply_send(c, code, r, NULL);
}

enum MHD_Result http_request(void *context, struct MHD_Connection *c, const char *path, const char *method,
                             const char *version, const char *data, size_t *bytes, void **request)
{
    struct http *h = context;
    struct request *q = *request;
    if (!q) {
        q = *request = calloc(1, sizeof *q);
        if (!q) return MHD_NO;
        pthread_mutex_lock(&h->lock);
        h->requests++;
        pthread_mutex_unlock(&h->lock);
        return begin(h, c, q, path, method);
    }
    if (*bytes) {
        q->body = true;
        *bytes = 0;
        return MHD_YES;
    }
    return q->refused ? MHD_YES : serve(h, c, q);
}

void http_request_over(void *context, struct MHD_Connection *c, void **request, enum MHD_RequestTerminationCode why)
{
    struct http *h = context;
    struct request *q = *request;
    if (!q) return;
    http_ask_drop(&h->asks, q->asked);
    free(q);
    *request = NULL;
}
