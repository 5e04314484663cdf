#include "http_request.h"

#include "http_ground.h"

#include "clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    /* Twice what may stay: those that were ended still count until the server's thread has closed them. And the streams. */
    CONNECTIONS_MAX = 2 * VISITORS_MOST + HTTP_STREAMS_MOST,
    REQUEST_BYTES = 8192, /* a request line with its headers, and what the server needs beside it */
};

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
    http_asks_expire(&h->asks, now_ms, false); /* also while the loop stands */
    *of_connection = visitor_came(&h->visitors, fd, from, now_ms);
    if (!*of_connection) shutdown(fd, SHUT_RDWR);
}

static pv_status address_read(union http_address *at, const char *address, char why[HTTP_WHY_BYTES])
{
    if (http_address_of(at, address)) return PV_OK;
    snprintf(why, HTTP_WHY_BYTES, "http: \"%.100s\" is not ADDRESS:PORT, such as 127.0.0.1:9090 or [::1]:9090",
             address);
    return PV_BAD_CONFIG;
}

static struct http_access_files files_of(const struct http_options *o)
{
    return (struct http_access_files){ .hosts = o->hosts ? o->hosts : "",
                                       .read_token = o->read_token ? o->read_token : "",
                                       .admin_token = o->admin_token ? o->admin_token : "" };
}

pv_status http_check(const struct http_options *options, char why[HTTP_WHY_BYTES])
{
    union http_address at;
    struct http_access_files files = files_of(options);
    TRY(address_read(&at, options->address, why));
    bool bound = http_ground_usable(&at);
    if (!bound) snprintf(why, HTTP_WHY_BYTES, "http: %.100s: %s", options->address, strerror(errno));
    return bound ? http_access_check(&files, why, HTTP_WHY_BYTES) : PV_BAD_CONFIG;
}

static struct http *http_new(const union http_address *at, const struct http_options *options)
{
    struct http *h = calloc(1, sizeof *h);
    if (!h) return NULL;
    pthread_mutex_init(&h->lock, NULL);
    http_visitors_init(&h->visitors);
    http_access_init(&h->access, http_address_is_local(at));
    http_asks_init(&h->asks, options->wake);
    http_streams_init(&h->streams);
    h->published_ms = pv_clock_ms();
    snprintf(h->not_ready, sizeof h->not_ready, "starting");
    return h;
}

static pv_status listen_on(struct http *h, const union http_address *at, const char *address, char why[HTTP_WHY_BYTES])
{
    int fd = http_ground_listen(at);
    if (fd < 0) {
        snprintf(why, HTTP_WHY_BYTES, "http: cannot listen on %.100s: %s", address, strerror(errno));
        return PV_IO;
    }
    /* epoll: select, the default, refuses every descriptor from 1024 on, and the peers of the broker take those. */
    unsigned how = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    if (at->any.sa_family == AF_INET6) how |= MHD_USE_IPv6;
    h->daemon = MHD_start_daemon(how, 0, NULL, NULL, http_request, h, MHD_OPTION_LISTEN_SOCKET, fd,
                                 MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_NOTIFY_CONNECTION,
                                 connection_noted, h, MHD_OPTION_NOTIFY_COMPLETED, http_request_over, h,
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_BYTES, MHD_OPTION_END);
    if (h->daemon) return PV_OK; /* which closes fd at its end */
    close(fd);
    snprintf(why, HTTP_WHY_BYTES, "http: the thread that serves %.100s did not start", address);
    return PV_IO;
}

pv_status http_start(struct http **out, const struct http_options *options, char why[HTTP_WHY_BYTES])
{
    union http_address at;
    TRY(address_read(&at, options->address, why));
    struct http *h = http_new(&at, options);
    if (!h) return PV_NO_MEMORY;
    pv_status st = http_reload(h, options, why);
    if (st == PV_OK) st = listen_on(h, &at, options->address, why);
    if (st == PV_OK)
        *out = h;
    else
        http_stop(&h);
    return st;
}

pv_status http_reload(struct http *h, const struct http_options *options, char why[HTTP_WHY_BYTES])
{
    struct http_access_files files = files_of(options);
    TRY(http_access_set(&h->access, &files, why, HTTP_WHY_BYTES));
    http_streams_end(&h->streams, false);
    return PV_OK;
}

/* Connections that rest are woken first: libmicrohttpd does not end while one does. */
void http_stop(struct http **http)
{
    struct http *h = *http;
    if (!h) return;
    http_asks_expire(&h->asks, 0, true);
    http_streams_end(&h->streams, true);
    if (h->daemon) MHD_stop_daemon(h->daemon);
    http_visitors_clear(&h->visitors);
    http_access_clear(&h->access);
    http_asks_clear(&h->asks);
    http_streams_clear(&h->streams);
    pthread_mutex_destroy(&h->lock);
    http_news_clear(&h->news);
    free(h);
    *http = NULL;
}

uint16_t http_port(const struct http *h)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info ? info->port : 0;
}

bool http_is_shut(struct http *h)
{
    pthread_mutex_lock(&h->access.lock);
    bool shut = !h->access.local && !h->access.read.there && !h->access.admin.there;
    pthread_mutex_unlock(&h->access.lock);
    return shut;
}

/* ---- what is served ---- */

static void text_swap(char **mine, char **news)
{
    char *old = *mine;
    if (!*news) return;
    *mine = *news;
    *news = old;
}

void http_news_clear(struct http_news *news)
{
    char *texts[] = { news->metrics, news->status, news->overview, news->queues, news->history };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) free(texts[i]);
    for (size_t i = 0; i < news->scales_n; i++) free(news->scales[i].json);
    free(news->scales);
    *news = (struct http_news){ .metrics = NULL };
}

void http_publish(struct http *h, struct http_news *news)
{
    struct http_news old = *news;
    pthread_mutex_lock(&h->lock);
    text_swap(&h->news.metrics, &old.metrics);
    text_swap(&h->news.status, &old.status);
    text_swap(&h->news.overview, &old.overview);
    text_swap(&h->news.queues, &old.queues);
    text_swap(&h->news.history, &old.history);
    old.scales = h->news.scales;
    old.scales_n = h->news.scales_n;
    h->news.scales = news->scales;
    h->news.scales_n = news->scales_n;
    bool ends = news->standby && !h->news.standby;
    h->news.standby = news->standby;
    snprintf(h->not_ready, sizeof h->not_ready, "%s", news->not_ready ? news->not_ready : "");
    snprintf(h->warnings, sizeof h->warnings, "%s", news->warnings ? news->warnings : "");
    uint64_t now_ms = h->published_ms = pv_clock_ms();
    pthread_mutex_unlock(&h->lock);
    if (ends) http_streams_end(&h->streams, false);
    http_news_clear(&old);
    *news = (struct http_news){ .metrics = NULL };
    http_visitors_expire(&h->visitors, now_ms);
    http_asks_expire(&h->asks, now_ms, false);
    http_streams_expire(&h->streams, now_ms);
}

bool http_next(struct http *h, struct http_question *q)
{
    return http_asks_next(&h->asks, q);
}

void http_answer(struct http *h, uint32_t id, unsigned code, char *json)
{
    http_asks_answer(&h->asks, id, code, json);
}

size_t http_listeners(struct http *h)
{
    return http_streams_n(&h->streams);
}

void http_tell(struct http *h, const char *event, uint64_t number, const char *json)
{
    http_streams_tell(&h->streams, event, number, json);
}

struct http_counts http_counts(struct http *h)
{
    struct http_counts n = { .requests = 0 };
    pthread_mutex_lock(&h->streams.lock);
    n.streams = (uint32_t)h->streams.n;
    n.streams_cut = h->streams.cut;
    pthread_mutex_unlock(&h->streams.lock);
    pthread_mutex_lock(&h->lock);
    n.requests = h->requests;
    n.refused = h->refused;
    n.denied = h->denied;
    pthread_mutex_unlock(&h->lock);
    pthread_mutex_lock(&h->asks.lock);
    n.questions = (uint32_t)h->asks.n;
    pthread_mutex_unlock(&h->asks.lock);
    return n;
}
