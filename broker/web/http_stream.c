#include "http_stream.h"

#include "clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BLOCK_BYTES = 16384, LOST_BYTES = 96 };

struct http_stream {
    struct http_streams *of;
    struct http_stream *next, **link;
    struct MHD_Connection *connection;
    int fd;
    uint64_t at;   /* serial of the message that it reads */
    size_t offset; /* of that message, taken already */
    bool resting, ended;
    uint64_t took_ms; /* when it took something last, or had nothing to take */
};

void http_streams_init(struct http_streams *s)
{
    *s = (struct http_streams){ .next = 1, .overview = 1 };
    pthread_mutex_init(&s->lock, NULL);
}

void http_streams_clear(struct http_streams *s)
{
    for (size_t i = 0; i < HTTP_STREAM_KEPT; i++) free(s->ring[i].text);
    pthread_mutex_destroy(&s->lock);
}

static uint64_t oldest(const struct http_streams *s)
{
    return s->next > HTTP_STREAM_KEPT ? s->next - HTTP_STREAM_KEPT : 1;
}

/* What the stream missed, in words; it goes on with the oldest that is kept. */
static ssize_t lost(struct http_stream *x, char *to, size_t most)
{
    char text[LOST_BYTES];
    int n = snprintf(text, sizeof text, "event: lost\ndata: {\"messages\":%" PRIu64 "}\n\n", oldest(x->of) - x->at);
    if (x->offset || (size_t)n > most) {
        x->ended = true; /* or it was cut a second time while the server has not let it go */
        x->of->cut++;
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    memcpy(to, text, (size_t)n);
    x->at = oldest(x->of);
    return n;
}

static ssize_t message(struct http_stream *x, char *to, size_t most)
{
    const struct http_streams *s = x->of;
    size_t i = x->at % HTTP_STREAM_KEPT, n = s->ring[i].bytes - x->offset;
    if (n > most) n = most;
    if (n) memcpy(to, s->ring[i].text + x->offset, n);
    x->offset += n;
    if (x->offset == s->ring[i].bytes) {
        x->at++;
        x->offset = 0;
    }
    return (ssize_t)n;
}

/* Called by the server's thread when the connection takes more. */
static ssize_t take(void *context, uint64_t position, char *to, size_t most)
{
    struct http_stream *x = context;
    struct http_streams *s = x->of;
    ssize_t n = 0;
    pthread_mutex_lock(&s->lock);
    x->took_ms = pv_clock_ms();
    if (x->ended) {
        n = MHD_CONTENT_READER_END_OF_STREAM;
    } else if (x->at < oldest(s)) {
        n = lost(x, to, most);
    } else {
        while (n == 0 && x->at < s->next) n = message(x, to, most); /* one without memory is empty */
        if (n == 0) {
            x->resting = true;
            MHD_suspend_connection(x->connection); /* before anybody can wake it */
        }
    }
    pthread_mutex_unlock(&s->lock);
    return n;
}

static void gone(void *context)
{
    struct http_stream *x = context;
    pthread_mutex_lock(&x->of->lock);
    *x->link = x->next;
    if (x->next) x->next->link = x->link;
    x->of->n--;
    pthread_mutex_unlock(&x->of->lock);
    free(x);
}

/* Where a reader goes on that has seen the event `after`: behind it, or with the last overview. */
static uint64_t begins(const struct http_streams *s, uint64_t after)
{
    uint64_t i = s->next;
    if (!after) return s->overview;
    while (i > oldest(s) &&
           !(s->ring[(i - 1) % HTTP_STREAM_KEPT].number && s->ring[(i - 1) % HTTP_STREAM_KEPT].number <= after))
        i--;
    return i;
}

static bool joined(struct http_streams *s, struct http_stream *x, uint64_t after)
{
    pthread_mutex_lock(&s->lock);
    bool room = s->n < HTTP_STREAMS_MOST && !s->over;
    if (room) {
        x->at = begins(s, after);
        x->next = s->first;
        x->link = &s->first;
        if (x->next) x->next->link = &x->next;
        s->first = x;
        s->n++;
    }
    pthread_mutex_unlock(&s->lock);
    return room;
}

struct MHD_Response *http_stream_open(struct http_streams *s, struct MHD_Connection *c, int fd, uint64_t after,
                                      uint64_t now_ms)
{
    struct http_stream *x = calloc(1, sizeof *x);
    if (!x) return NULL;
    *x = (struct http_stream){ .of = s, .connection = c, .fd = fd, .took_ms = now_ms };
    if (!joined(s, x, after)) {
        free(x);
        return NULL;
    }
    struct MHD_Response *r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, take, x, gone);
    if (!r) gone(x);
    return r;
}

size_t http_streams_n(struct http_streams *s)
{
    pthread_mutex_lock(&s->lock);
    size_t n = s->n;
    pthread_mutex_unlock(&s->lock);
    return n;
}

static void wake(struct http_stream *x)
{
    if (!x->resting) return;
    x->resting = false;
    x->took_ms = pv_clock_ms();
    MHD_resume_connection(x->connection);
}

static void put(struct http_streams *s, char *text, uint64_t number)
{
    size_t i = s->next % HTTP_STREAM_KEPT;
    free(s->ring[i].text);
    s->ring[i].text = text;
    s->ring[i].bytes = text ? strlen(text) : 0;
    s->ring[i].number = number;
    s->next++;
}

void http_streams_tell(struct http_streams *s, const char *event, uint64_t number, const char *json)
{
    char *text = NULL, id[32] = "";
    if (number) snprintf(id, sizeof id, "id: %" PRIu64 "\n", number);
    if (asprintf(&text, "%sevent: %s\ndata: %s\n\n", id, event, json) < 0) text = NULL;
    pthread_mutex_lock(&s->lock);
    if (!strcmp(event, "overview")) s->overview = s->next;
    put(s, text, number);
    for (struct http_stream *x = s->first; x; x = x->next) wake(x);
    pthread_mutex_unlock(&s->lock);
}

void http_streams_expire(struct http_streams *s, uint64_t now_ms)
{
    pthread_mutex_lock(&s->lock);
    for (struct http_stream *x = s->first; x; x = x->next) {
        if (x->resting || x->ended || x->at == s->next || now_ms < x->took_ms + HTTP_STREAM_MS) continue;
        x->ended = true;
        s->cut++;
        shutdown(x->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&s->lock);
}

void http_streams_end(struct http_streams *s, bool over)
{
    pthread_mutex_lock(&s->lock);
    s->over |= over;
    for (struct http_stream *x = s->first; x; x = x->next) {
        x->ended = true;
        wake(x);
    }
    pthread_mutex_unlock(&s->lock);
}
