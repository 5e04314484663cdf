#include "http_visitors.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct visitor {
    int fd;
    bool ended; /* shut down already, or it stays: in no list */
    uint64_t came_ms;
    struct in6_addr address; /* IPv4: its last four bytes, the others 0 */
    struct visitor *next, **link;
};

void http_visitors_init(struct http_visitors *v)
{
    *v = (struct http_visitors){ .oldest = NULL, .newest_end = &v->oldest };
    pthread_mutex_init(&v->lock, NULL);
}

void http_visitors_clear(struct http_visitors *v)
{
    pthread_mutex_destroy(&v->lock);
}

static struct in6_addr address_of(const struct sockaddr *from)
{
    struct in6_addr a = { .s6_addr = { 0 } };
    if (from->sa_family == AF_INET6)
        a = ((const struct sockaddr_in6 *)(const void *)from)->sin6_addr;
    else if (from->sa_family == AF_INET)
        memcpy(a.s6_addr + 12, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
    return a;
}

static void list_remove(struct http_visitors *v, struct visitor *x)
{
    *x->link = x->next;
    *(x->next ? &x->next->link : &v->newest_end) = x->link;
    v->n--;
}

static void visitor_end(struct http_visitors *v, struct visitor *x)
{
    list_remove(v, x);
    x->ended = true;
    shutdown(x->fd, SHUT_RDWR);
}

static size_t count_of(const struct http_visitors *v, const struct in6_addr *address)
{
    size_t n = 0;
    for (const struct visitor *x = v->oldest; x; x = x->next) n += !memcmp(&x->address, address, sizeof *address);
    return n;
}

static struct visitor *oldest_of(const struct http_visitors *v, const struct in6_addr *address)
{
    struct visitor *x = v->oldest;
    while (x && memcmp(&x->address, address, sizeof *address)) x = x->next;
    return x;
}

/* The oldest of the address that has most. VISITORS_MOST bounds the work. */
static struct visitor *oldest_of_most(const struct http_visitors *v)
{
    struct visitor *found = NULL;
    size_t most = 0;
    for (struct visitor *x = v->oldest; x; x = x->next) {
        size_t n = count_of(v, &x->address);
        if (n > most) found = x, most = n;
    }
    return found;
}

struct visitor *visitor_came(struct http_visitors *v, int fd, const struct sockaddr *from, uint64_t now_ms)
{
    struct visitor *x = calloc(1, sizeof *x);
    if (!x) return NULL;
    *x = (struct visitor){ .fd = fd, .came_ms = now_ms, .address = address_of(from) };
    pthread_mutex_lock(&v->lock);
    if (count_of(v, &x->address) >= VISITORS_PER_ADDRESS)
        visitor_end(v, oldest_of(v, &x->address));
    else if (v->n >= VISITORS_MOST)
        visitor_end(v, oldest_of_most(v));
    x->link = v->newest_end;
    *v->newest_end = x;
    v->newest_end = &x->next;
    v->n++;
    pthread_mutex_unlock(&v->lock);
    return x;
}

void visitor_gone(struct http_visitors *v, struct visitor *visitor)
{
    if (!visitor) return;
    pthread_mutex_lock(&v->lock);
    if (!visitor->ended) list_remove(v, visitor);
    pthread_mutex_unlock(&v->lock);
    free(visitor);
}

void visitor_stays(struct http_visitors *v, struct visitor *visitor)
{
    if (!visitor) return;
    pthread_mutex_lock(&v->lock);
    if (!visitor->ended) list_remove(v, visitor);
    visitor->ended = true;
    pthread_mutex_unlock(&v->lock);
}

void http_visitors_expire(struct http_visitors *v, uint64_t now_ms)
{
    pthread_mutex_lock(&v->lock);
    while (v->oldest && now_ms >= v->oldest->came_ms + VISITORS_PATIENCE_MS) visitor_end(v, v->oldest);
    pthread_mutex_unlock(&v->lock);
}
