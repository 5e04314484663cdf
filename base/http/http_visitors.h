/** The connections to the HTTP page, and which of them is ended when there are too many or one takes too long.
 *
 *  Anybody who reaches the address may connect. A connection that asks slowly, never finishes its request or never
 *  reads the answer has http_visitors.patience_ms from its beginning on. One address has VISITORS_PER_ADDRESS
 *  connections, all together have VISITORS_MOST: one more costs the oldest of the address that has most. So a scraper
 *  gets its answer beside an attacker, even when both come from one address.
 *
 *  A connection is ended by shutdown(2) on its descriptor. Its owner, the server's thread, then closes it and calls
 *  visitor_gone before the descriptor can be used again. Callable from any thread.
 */
#ifndef PV_HTTP_VISITORS_H
#define PV_HTTP_VISITORS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { VISITORS_PER_ADDRESS = 32, VISITORS_MOST = 256, VISITORS_PATIENCE_MS = 10000 };

struct visitor;

struct http_visitors {
    pthread_mutex_t lock;
    struct visitor *oldest, **newest_end; /* those that may stay, in the order of arrival */
    size_t n;
};

void http_visitors_init(struct http_visitors *v);
/** Only after visitor_gone was called for each. */
void http_visitors_clear(struct http_visitors *v);

/** A connection came from this address. Ends another one when that is too many. NULL: no memory, do not serve it. */
struct visitor *visitor_came(struct http_visitors *v, int fd, const struct sockaddr *from, uint64_t now_ms);
/** The connection is about to be closed. NULL there is no error. */
void visitor_gone(struct http_visitors *v, struct visitor *visitor);
/** The connection has a reason to stay: its time is not counted any more, nor is it among those of its address. */
void visitor_stays(struct http_visitors *v, struct visitor *visitor);
/** Ends those that came VISITORS_PATIENCE_MS ago or earlier. */
void http_visitors_expire(struct http_visitors *v, uint64_t now_ms);

#endif
