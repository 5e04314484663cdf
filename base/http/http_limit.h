/** How often one address may be wrong: a bucket each, of a bounded table. The address that was heard of longest ago makes room.
 */
#ifndef PV_HTTP_LIMIT_H
#define PV_HTTP_LIMIT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

enum { HTTP_LIMIT_ADDRESSES = 64 };

struct http_bucket {
    uint64_t ms;          /* when it was filled last; 0: never used */
    uint64_t thousandths; /* left, in thousandths of one */
};

/** Fills it for the time since: a second brings each_second, at most most are kept. A new one is full. */
void http_bucket_fill(struct http_bucket *b, uint64_t now_ms, uint32_t each_second, uint32_t most);
/** Takes one. False: none is left. */
bool http_bucket_take(struct http_bucket *b);

struct http_limit {
    struct {
        struct in6_addr address; /* IPv6: the first 64 bits, which one host has all of */
        struct http_bucket bucket;
    } of[HTTP_LIMIT_ADDRESSES];
};

/** The bucket of an address, filled. Lent until the next call. */
struct http_bucket *http_limit_of(struct http_limit *l, const struct sockaddr *from, uint64_t now_ms,
                                  uint32_t each_second, uint32_t most);

#endif
