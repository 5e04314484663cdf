/** libmicrohttpd on a stage: a test is the visitor and the server's thread, and all that the server makes of a request is told to a golden
 *  text (golden.h) in the order of the calls. Time is the test's, no thread runs, and a lock that is not given back fails the step.
 */
#ifndef HTTP_STAGE_H
#define HTTP_STAGE_H

#include "http_address.h"
#include "http_request.h"

#include <netinet/in.h>
#include <sys/types.h>

struct stage_pair {
    const char *key, *value;
};

/** One visitor. The test sets what it says; the rest is the stage's. */
struct MHD_Connection {
    const char *name; /* in the text */
    int fd;
    union http_address from;
    struct stage_pair headers[6], arguments[6]; /* value NULL in arguments: it has none */
    size_t body_bytes;
    void *of_connection, *request;
    union MHD_ConnectionInfo info;
    struct MHD_Response *answer;
    bool suspended, ended;
};

/** What the stage does to the next calls. */
extern struct stage {
    uint64_t now_ms;
    int wake;                      /* eventfd of the loop; -1: none */
    bool no_daemon;                /* MHD_start_daemon fails */
    bool no_response;              /* so does every response that would be made */
    int locks, mutexes, responses; /* that are held, and there */
} stage;

/** The server. NULL: it did not start, and why is told. */
struct http *stage_open(const char *address, const char *read_token, const char *admin_token);
void stage_close(struct http **h);
/** Texts of everything. */
void stage_publishes(struct http *h, bool standby, const char *not_ready, const char *warnings);
/** The loop answers all that waits, and the visitor goes on. */
void stage_loop_answers(struct http *h, struct MHD_Connection *c);
void stage_counts(struct http *h);

/** The visitor connects; it goes. */
void stage_comes(struct MHD_Connection *c);
void stage_goes(struct MHD_Connection *c);
/** Sends the whole request, and what is answered is told. It is then over, unless the connection rests or the answer is a stream. */
void stage_asks(struct MHD_Connection *c, const char *method, const char *path);
/** Goes on with a request that rested, where it is awake again. */
void stage_goes_on(struct MHD_Connection *c);
/** What a stream has for the visitor now, in pieces of so many bytes; told until it has nothing more or ends. */
void stage_reads(struct MHD_Connection *c, size_t most);
/** One piece of it, untold; as libmicrohttpd's callback. */
ssize_t stage_takes(struct MHD_Connection *c, char *piece, size_t most);
/** The request is over, whatever came of it. */
void stage_over(struct MHD_Connection *c);
/** A visitor from 127.0.0.1 with that name. */
struct MHD_Connection stage_visitor(const char *name, int fd);
/** No lock is held, so many are there, and no response is. */
void stage_locks_are(int mutexes);

#endif
