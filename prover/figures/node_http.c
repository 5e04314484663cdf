#include "node_http.h"

#include "clock.h"
#include "http_ground.h"
#include "http_reply.h"
#include "http_visitors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REQUEST_BYTES = 8192, CONNECTIONS_MAX = 2 * VISITORS_MOST };

struct node_http {
    struct MHD_Daemon *daemon;
    struct http_visitors visitors;
    struct http_access access;
    const struct node_sources *sources;
    struct keycache_figures keys; /* the server's thread's alone */
};

/* ---- the three answers ---- */

static struct MHD_Response *health(struct node_http *h, bool ready, unsigned *code)
{
    struct node_figures f;
    const char *why;
    char text[128];
    node_figures_read(h->sources->figures, &f);
    bool well = (ready ? node_ready : node_alive)(&f.now, pv_clock_ms(), &why);
    if (!well) *code = MHD_HTTP_SERVICE_UNAVAILABLE;
    int n = snprintf(text, sizeof text, "%s\n", well ? "ok" : why);
    return http_reply_text(text, (size_t)n, "text/plain; charset=utf-8");
}

static struct MHD_Response *metrics(struct node_http *h)
{
    char *text = NULL;
    size_t n;
    if (node_scrape(&text, &n, h->sources, &h->keys) != PV_OK) return NULL;
    struct MHD_Response *r = http_reply_text(text, n, "text/plain; version=0.0.4; charset=utf-8");
    free(text);
    return r;
}

static enum MHD_Result metrics_answer(struct node_http *h, struct MHD_Connection *c)
{
    struct http_asker who = http_ground_asker(c);
    struct http_verdict v = http_access_judge(&h->access, HTTP_READ, &who, pv_clock_ms());
    if (v.code) return http_reply_send(c, v.code, http_reply_error(v.status, v.text), NULL);
    return http_reply_send(c, MHD_HTTP_OK, metrics(h), NULL);
}

static enum MHD_Result answer(struct node_http *h, struct MHD_Connection *c, const char *path, const char *method)
{
    unsigned code = MHD_HTTP_OK;
    bool live = !strcmp(path, "/livez"), ready = !strcmp(path, "/readyz"), figures = !strcmp(path, "/metrics");
    if (!live && !ready && !figures)
        return http_reply_send(c, MHD_HTTP_NOT_FOUND, http_reply_error("not-found", "there is no such page"), NULL);
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return http_reply_send(c, MHD_HTTP_METHOD_NOT_ALLOWED, http_reply_error("usage", "only GET"), "GET");
    if (figures) return metrics_answer(h, c);
    struct MHD_Response *r = health(h, ready, &code);
    return http_reply_send(c, code, r, NULL);
}

/* ---- the course of a request ---- */

/* Called with the head, then with a body in pieces, then to answer. What is wrong is told at once; a body is thrown away. */
static enum MHD_Result request(void *context, struct MHD_Connection *c, const char *path, const char *method,
                               const char *version, const char *data, size_t *bytes, void **seen)
{
    static int begun;
    if (!*seen) {
        *seen = &begun;
        return MHD_YES;
    }
    if (*bytes) {
        *bytes = 0;
        return MHD_YES;
    }
    return answer(context, c, path, method);
}

static void connection_noted(void *context, struct MHD_Connection *c, void **of_connection,
                             enum MHD_ConnectionNotificationCode what)
{
    struct node_http *h = context;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        visitor_gone(&h->visitors, *of_connection);
        *of_connection = NULL;
        return;
    }
    int fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    const struct sockaddr *from = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
    uint64_t now_ms = pv_clock_ms();
    http_visitors_expire(&h->visitors, now_ms);
    *of_connection = visitor_came(&h->visitors, fd, from, now_ms);
    if (!*of_connection) shutdown(fd, SHUT_RDWR);
}

/* ---- start and end ---- */

static struct http_access_files files_of(const struct node_http_options *o)
{
    return (struct http_access_files){ .hosts = o->hosts, .read_token = o->read_token, .admin_token = "" };
}

static pv_status address_read(union http_address *at, const char *address, char *why)
{
    if (http_address_of(at, address)) return PV_OK;
    snprintf(why, NODE_HTTP_WHY_BYTES, "http: \"%.100s\" is not ADDRESS:PORT, such as 127.0.0.1:9090 or [::1]:9090",
             address);
    return PV_BAD_CONFIG;
}

pv_status node_http_check(const struct node_http_options *o, char why[NODE_HTTP_WHY_BYTES])
{
    union http_address at;
    struct http_access_files files = files_of(o);
    TRY(address_read(&at, o->address, why));
    TRY(http_access_check(&files, why, NODE_HTTP_WHY_BYTES));
    if (http_ground_usable(&at)) return PV_OK;
    snprintf(why, NODE_HTTP_WHY_BYTES, "http: %.100s: %s", o->address, strerror(errno));
    return PV_BAD_CONFIG;
}

pv_status node_http_reload(struct node_http *h, const struct node_http_options *o, char why[NODE_HTTP_WHY_BYTES])
{
    struct http_access_files files = files_of(o);
    return http_access_set(&h->access, &files, why, NODE_HTTP_WHY_BYTES);
}

static pv_status listen_on(struct node_http *h, const union http_address *at, const char *address, char *why)
{
    int fd = http_ground_listen(at);
    if (fd < 0) {
        snprintf(why, NODE_HTTP_WHY_BYTES, "http: cannot listen on %.100s: %s", address, strerror(errno));
        return PV_IO;
    }
    unsigned how = MHD_USE_EPOLL_INTERNAL_THREAD;
    if (at->any.sa_family == AF_INET6) how |= MHD_USE_IPv6;
    h->daemon = MHD_start_daemon(how, 0, NULL, NULL, request, h, MHD_OPTION_LISTEN_SOCKET, fd,
                                 MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_NOTIFY_CONNECTION,
                                 connection_noted, h, MHD_OPTION_CONNECTION_TIMEOUT, VISITORS_PATIENCE_MS / 1000u,
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_BYTES, MHD_OPTION_END);
    if (h->daemon) return PV_OK; /* which closes fd at its end */
    close(fd);
    snprintf(why, NODE_HTTP_WHY_BYTES, "http: the thread that serves %.100s did not start", address);
    return PV_IO;
}

pv_status node_http_start(struct node_http **out, const struct node_http_options *o, const struct node_sources *sources,
                          char why[NODE_HTTP_WHY_BYTES])
{
    union http_address at;
    TRY(address_read(&at, o->address, why));
    struct node_http *h = calloc(1, sizeof *h);
    if (!h) return PV_NO_MEMORY;
    h->sources = sources;
    http_visitors_init(&h->visitors);
    http_access_init(&h->access, http_address_is_local(&at));
    pv_status s = node_http_reload(h, o, why);
    if (s == PV_OK) s = listen_on(h, &at, o->address, why);
    if (s == PV_OK)
        *out = h;
    else
        node_http_stop(&h);
    return s;
}

void node_http_stop(struct node_http **h_p)
{
    struct node_http *h = *h_p;
    if (!h) return;
    if (h->daemon) MHD_stop_daemon(h->daemon);
    http_visitors_clear(&h->visitors);
    http_access_clear(&h->access);
    free(h);
    *h_p = NULL;
}

uint16_t node_http_port(const struct node_http *h)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info ? info->port : 0;
}

bool node_http_is_shut(struct node_http *h)
{
    pthread_mutex_lock(&h->access.lock);
    bool shut = !h->access.local && !h->access.read.there;
    pthread_mutex_unlock(&h->access.lock);
    return shut;
}
