/** What somebody asks of the broker over HTTP and only its loop can answer.
 */
#ifndef PV_HTTP_QUESTION_H
#define PV_HTTP_QUESTION_H

#include "ids.h"
#include "task_state.h"

#include <stdbool.h>
#include <stdint.h>

enum { HTTP_LIMIT_MOST = 200, HTTP_FROM_BYTES = 48 };

/* Q(name, "word"): reads first, then writes, in which the word is the verb. */
#define HTTP_QUESTION_LIST(Q)                                                                                          \
    Q(TASKS, "tasks")                                                                                                  \
    Q(TASK, "task")                                                                                                    \
    Q(PROVERS, "provers")                                                                                              \
    Q(EVENTS, "events")                                                                                                \
    Q(HANDLERS, "handlers")                                                                                            \
    Q(CANCEL, "cancel")                                                                                                \
    Q(KICK, "kick")                                                                                                    \
    Q(PAUSE, "pause")                                                                                                  \
    Q(RESUME, "resume")                                                                                                \
    Q(PURGE, "purge")                                                                                                  \
    Q(DRAIN, "drain")                                                                                                  \
    Q(UNDRAIN, "resume")

enum http_what {
#define Q(name, word) HTTP_##name,
    HTTP_QUESTION_LIST(Q)
#undef Q
        HTTP_WHATS
};

struct http_question {
    uint32_t id; /* of the question, for its answer; never 0 */
    enum http_what what;
    wire_id task;
    char queue[WIRE_NAME_MAX + 1], prover[WIRE_NAME_MAX + 1], principal[WIRE_NAME_MAX + 1]; /* "" not said */
    bool has_state, has_after, dry, newest;
    enum task_state state;
    uint32_t states; /* bits, of a purge; 0: any */
    uint64_t after, limit, age_ms;
    char from[HTTP_FROM_BYTES]; /* the address that asks, for the log */
};

static inline bool http_is_write(enum http_what what)
{
    return what >= HTTP_CANCEL;
}

const char *http_what_word(enum http_what what);

#endif
