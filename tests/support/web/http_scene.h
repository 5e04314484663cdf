/** HTTP in a test's own process: started on a free port, told what to serve, asked over real sockets. */
#ifndef PV_HTTP_SCENE_H
#define PV_HTTP_SCENE_H

#include "http.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static inline pv_status http_scene_start(struct http **h, const char *address, char why[HTTP_WHY_BYTES])
{
    const struct http_options o = { .address = address, .wake = -1 };
    return http_start(h, &o, why);
}

static inline void http_scene_publish(struct http *h, const char *metrics, const char *not_ready)
{
    struct http_news news = { .not_ready = not_ready };
    news.metrics = strdup(metrics);
    news.overview = strdup("{}");
    news.queues = strdup("{\"rows\":[]}");
    news.scales = calloc(1, sizeof *news.scales);
    if (news.scales) {
        snprintf(news.scales[0].queue, sizeof news.scales[0].queue, "echo");
        news.scales[0].json = strdup("{\"demand_slots\":3}");
        news.scales_n = 1;
    }
    http_publish(h, &news);
}

/* -1: nobody takes it. */
static inline int http_scene_dial(const struct http *h)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons(http_port(h)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Sends all of a request, and reads the answer until the server closes. NUL-terminated. */
static inline void http_scene_send(const struct http *h, const char *request, char *answer, size_t room)
{
    size_t got = 0;
    int fd = http_scene_dial(h);
    if (fd >= 0) (void)!send(fd, request, strlen(request), MSG_NOSIGNAL);
    for (ssize_t k; fd >= 0 && (k = read(fd, answer + got, room - 1 - got)) > 0;) got += (size_t)k;
    answer[got] = 0;
    if (fd >= 0) close(fd);
}

#endif
