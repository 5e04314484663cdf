/** Questions on their way to the loop and answers on their way back. The server's thread asks and lets the connection rest; the loop
 *  answers when it has time, and the connection goes on. So neither waits for the other.
 *
 *  Bounded: HTTP_ASKED_MOST questions at once. One that the loop has not answered in HTTP_ASK_MS is answered by the server itself.
 */
#ifndef PV_HTTP_ASK_H
#define PV_HTTP_ASK_H

#include "http_question.h"

#include <microhttpd.h>
#include <pthread.h>

enum { HTTP_ASKED_MOST = 64, HTTP_ASK_MS = 8000 };

struct http_asked {
    struct http_asked *next;
    struct http_question question;
    struct MHD_Connection *connection;
    uint64_t since_ms;
    bool taken, answered;
    unsigned code;
    char *text; /* owned; NULL: memory ran out */
};

struct http_asks {
    pthread_mutex_t lock;
    struct http_asked *first, **end;
    size_t n;
    uint32_t last_id;
    int wake; /* eventfd of the loop; -1: none */
    bool over;
};

void http_asks_init(struct http_asks *a, int wake);
void http_asks_clear(struct http_asks *a);

/** Asks, and suspends the connection until the answer is there. NULL: too many wait, or the server ends. */
struct http_asked *http_ask(struct http_asks *a, const struct http_question *q, struct MHD_Connection *c,
                            uint64_t now_ms);
/** The request is over: the question goes, answered or not. NULL there is no error. */
void http_ask_drop(struct http_asks *a, struct http_asked *asked);
/** Answers for the loop those that wait for too long; all of them, from now on too, when over. */
void http_asks_expire(struct http_asks *a, uint64_t now_ms, bool over);

/** For the loop: the next question that was not taken. False: there is none. */
bool http_asks_next(struct http_asks *a, struct http_question *q);
/** For the loop: the answer, JSON that is taken. An answer to a question that has gone is dropped. */
void http_asks_answer(struct http_asks *a, uint32_t id, unsigned code, char *json);

#endif
