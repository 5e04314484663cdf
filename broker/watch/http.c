#include "http.h"

#include "http_visitors.h"

#include "clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct http {
    struct MHD_Daemon *daemon;
    struct http_visitors visitors;
    pthread_mutex_t lock; /* of what follows */
    char *text;
    size_t bytes;
    char not_ready[256];
    uint64_t published_ms;
};

enum {
    /* Twice what may stay: those that were ended still count until the server's thread has closed them. */
    CONNECTIONS_MAX = 2 * VISITORS_MOST,
    REQUEST_BYTES = 8192, /* a request line with its headers, and what the server needs beside it */
};

/* Copied: the next publish may come while this text is still being sent. */
static struct MHD_Response *response_of(const char *text, size_t bytes, const char *type)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(bytes, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    if (r) MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (r) MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close"); /* its time is counted from its beginning */
    return r;
}

static struct MHD_Response *metrics(struct http *h)
{
    pthread_mutex_lock(&h->lock);
    struct MHD_Response *r = response_of(h->text ? h->text : "", h->bytes, "text/plain; version=0.0.4");
    pthread_mutex_unlock(&h->lock);
    return r;
}

static struct MHD_Response *state(struct http *h, bool ready, unsigned *code)
{
    char line[300];
    pthread_mutex_lock(&h->lock);
    bool stale = pv_clock_ms() - h->published_ms > HTTP_STALE_MS;
    if (stale)
        snprintf(line, sizeof line, "the loop does not turn\n");
    else if (ready && h->not_ready[0])
        snprintf(line, sizeof line, "%s\n", h->not_ready);
    else
        snprintf(line, sizeof line, "ok\n");
    pthread_mutex_unlock(&h->lock);
    *code = strcmp(line, "ok\n") ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK;
    return response_of(line, strlen(line), "text/plain");
}

static enum MHD_Result answer(void *context, struct MHD_Connection *c, const char *url, const char *method,
                              const char *version, const char *data, size_t *bytes, void **state_of)
{
    struct http *h = context;
    unsigned code = MHD_HTTP_OK;
    struct MHD_Response *r;
    if (strcmp(method, "GET") && strcmp(method, "HEAD")) {
        code = MHD_HTTP_METHOD_NOT_ALLOWED;
        r = response_of("GET only\n", 9, "text/plain");
    } else if (!strcmp(url, "/metrics")) {
        r = metrics(h);
    } else if (!strcmp(url, "/livez") || !strcmp(url, "/healthz") || !strcmp(url, "/readyz")) {
        r = state(h, url[1] == 'r', &code);
    } else {
        code = MHD_HTTP_NOT_FOUND;
        r = response_of("/metrics /livez /readyz /healthz\n", 33, "text/plain");
    }
    if (!r) return MHD_NO;
    enum MHD_Result result = MHD_queue_response(c, code, r);
    MHD_destroy_response(r);
    return result;
}

/* The server's thread tells of each connection before it reads from it, and before it closes it. */
static void connection_noted(void *context, struct MHD_Connection *c, void **of_connection,
                             enum MHD_ConnectionNotificationCode what)
{
    struct http *h = context;
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

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* "127.0.0.1:80", "localhost:80", "[::1]:80" */
static bool address_of(union address *to, const char *text)
{
    char host[64], *end;
    const char *colon = strrchr(text, ':');
    bool six = text[0] == '[' && colon && colon > text && colon[-1] == ']';
    size_t n = colon ? (size_t)(colon - text) - 2 * six : sizeof host;
    if (n >= sizeof host) return false;
    memcpy(host, text + six, n);
    host[n] = 0;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (*end || end == colon + 1 || port > 65535) return false;
    if (six) {
        to->v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
        return inet_pton(AF_INET6, host, &to->v6.sin6_addr) == 1;
    }
    to->v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    return inet_pton(AF_INET, strcmp(host, "localhost") ? host : "127.0.0.1", &to->v4.sin_addr) == 1;
}

static pv_status address_read(union address *at, const char *address, char why[HTTP_WHY_BYTES])
{
    if (address_of(at, address)) return PV_OK;
    snprintf(why, HTTP_WHY_BYTES, "http: \"%.100s\" is not ADDRESS:PORT, such as 127.0.0.1:9090 or [::1]:9090",
             address);
    return PV_BAD_CONFIG;
}

pv_status http_check(const char *address, char why[HTTP_WHY_BYTES])
{
    union address at;
    TRY(address_read(&at, address, why));
    bool six = at.any.sa_family == AF_INET6;
    *(six ? &at.v6.sin6_port : &at.v4.sin_port) = 0;
    int fd = socket(at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool bound = fd >= 0 && !bind(fd, &at.any, six ? sizeof at.v6 : sizeof at.v4);
    if (!bound) snprintf(why, HTTP_WHY_BYTES, "http: %.100s: %s", address, strerror(errno));
    if (fd >= 0) close(fd);
    return bound ? PV_OK : PV_BAD_CONFIG;
}

pv_status http_start(struct http **out, const char *address, char why[HTTP_WHY_BYTES])
{
    union address at;
    TRY(address_read(&at, address, why));
    struct http *h = calloc(1, sizeof *h);
    if (!h) return PV_NO_MEMORY;
    pthread_mutex_init(&h->lock, NULL);
    http_visitors_init(&h->visitors);
    h->published_ms = pv_clock_ms();
    snprintf(h->not_ready, sizeof h->not_ready, "starting");
    /* epoll: select, the default, refuses every descriptor from 1024 on, and the peers of the broker take those. */
    unsigned how = MHD_USE_EPOLL_INTERNAL_THREAD | (at.any.sa_family == AF_INET6 ? MHD_USE_DUAL_STACK : 0);
    h->daemon = MHD_start_daemon(how, 0, NULL, NULL, answer, h, MHD_OPTION_SOCK_ADDR, &at, MHD_OPTION_CONNECTION_LIMIT,
                                 CONNECTIONS_MAX, MHD_OPTION_NOTIFY_CONNECTION, connection_noted, h,
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_BYTES, MHD_OPTION_END);
    if (h->daemon) {
        *out = h;
        return PV_OK;
    }
    http_stop(&h);
    snprintf(why, HTTP_WHY_BYTES, "http: cannot listen on %.100s", address);
    return PV_IO;
}

void http_stop(struct http **http)
{
    struct http *h = *http;
    if (!h) return;
    if (h->daemon) MHD_stop_daemon(h->daemon);
    http_visitors_clear(&h->visitors);
    pthread_mutex_destroy(&h->lock);
    free(h->text);
    free(h);
    *http = NULL;
}

uint16_t http_port(const struct http *h)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info ? info->port : 0;
}

void http_publish(struct http *h, const char *text, size_t bytes, const char *not_ready)
{
    char *copy = malloc(bytes + 1);
    if (copy) memcpy(copy, text, bytes);
    pthread_mutex_lock(&h->lock);
    char *old = copy ? h->text : NULL;
    if (copy) {
        h->text = copy;
        h->bytes = bytes;
    }
    snprintf(h->not_ready, sizeof h->not_ready, "%s", not_ready ? not_ready : "");
    h->published_ms = pv_clock_ms();
    uint64_t now_ms = h->published_ms;
    pthread_mutex_unlock(&h->lock);
    free(old);
    http_visitors_expire(&h->visitors, now_ms);
}
