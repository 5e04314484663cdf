/** Server-sent events: what the loop has to tell, once, and visitors that read it at their own pace.
 *
 *      id: 8589934593          the event's number, to go on from: Last-Event-ID
 *      event: event            or overview (once a second), or lost (some of them: the reader was too slow)
 *      data: {...}
 *
 *  The last HTTP_STREAM_KEPT messages lie in one ring for all. Nobody waits for a visitor: one that has taken nothing for
 *  HTTP_STREAM_MS while there was something to take is cut, and so is one in the middle of a message that left the ring. The loop
 *  tells something every second, so a visitor that has gone is noticed.
 */
#ifndef PV_HTTP_STREAM_H
#define PV_HTTP_STREAM_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { HTTP_STREAM_KEPT = 1024, HTTP_STREAMS_MOST = 64, HTTP_STREAM_MS = 10000 };

struct http_stream;

struct http_streams {
    pthread_mutex_t lock;
    struct {
        char *text;
        size_t bytes;
        uint64_t number; /* of the event; 0: it has none */
    } ring[HTTP_STREAM_KEPT];
    uint64_t next;     /* serial of the next message; those from next - HTTP_STREAM_KEPT on are kept */
    uint64_t overview; /* serial of the last overview */
    struct http_stream *first;
    size_t n;
    uint64_t cut; /* how many were cut because they read nothing */
    bool over;
};

void http_streams_init(struct http_streams *s);
/** Only when no stream is left. */
void http_streams_clear(struct http_streams *s);

/** A response that goes on for ever, from behind the event `after` (0: from now on) of the connection with this descriptor. NULL:
 *  there are too many, or no memory. */
struct MHD_Response *http_stream_open(struct http_streams *s, struct MHD_Connection *c, int fd, uint64_t after,
                                      uint64_t now_ms);

size_t http_streams_n(struct http_streams *s);
/** Tells all. event is one word; json has no line feed; number 0: it is not an event to go on from. */
void http_streams_tell(struct http_streams *s, const char *event, uint64_t number, const char *json);
/** Cuts those that read nothing. */
void http_streams_expire(struct http_streams *s, uint64_t now_ms);
/** Ends all; for good when over. */
void http_streams_end(struct http_streams *s, bool over);

#endif
