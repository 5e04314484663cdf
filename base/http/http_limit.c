#include "http_limit.h"

#include <string.h>

void http_bucket_fill(struct http_bucket *b, uint64_t now_ms, uint32_t each_second, uint32_t most)
{
    uint64_t full = (uint64_t)most * 1000, since = now_ms > b->ms ? now_ms - b->ms : 0;
    if (!b->ms || since > full)
        b->thousandths = full;
    else
        b->thousandths += since * each_second;
    if (b->thousandths > full) b->thousandths = full;
    b->ms = now_ms ? now_ms : 1;
}

bool http_bucket_take(struct http_bucket *b)
{
    if (b->thousandths < 1000) return false;
    b->thousandths -= 1000;
    return true;
}

static struct in6_addr host_of(const struct sockaddr *from)
{
    struct in6_addr a = { .s6_addr = { 0 } };
    if (from->sa_family == AF_INET6)
        memcpy(a.s6_addr, ((const struct sockaddr_in6 *)(const void *)from)->sin6_addr.s6_addr, 8);
    else if (from->sa_family == AF_INET)
        memcpy(a.s6_addr + 12, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
    return a;
}

struct http_bucket *http_limit_of(struct http_limit *l, const struct sockaddr *from, uint64_t now_ms,
                                  uint32_t each_second, uint32_t most)
{
    struct in6_addr host = host_of(from);
    size_t at = 0;
    for (size_t i = 0; i < HTTP_LIMIT_ADDRESSES; i++) {
        if (l->of[i].bucket.ms && !memcmp(&l->of[i].address, &host, sizeof host)) {
            http_bucket_fill(&l->of[i].bucket, now_ms, each_second, most);
            return &l->of[i].bucket;
        }
        if (l->of[i].bucket.ms < l->of[at].bucket.ms) at = i;
    }
    l->of[at].address = host;
    l->of[at].bucket = (struct http_bucket){ .ms = 0 };
    http_bucket_fill(&l->of[at].bucket, now_ms, each_second, most);
    return &l->of[at].bucket;
}
