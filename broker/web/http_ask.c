#include "http_ask.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void http_asks_init(struct http_asks *a, int wake)
{
    *a = (struct http_asks){ .wake = wake };
    a->end = &a->first;
    pthread_mutex_init(&a->lock, NULL);
}

void http_asks_clear(struct http_asks *a)
{
    pthread_mutex_destroy(&a->lock);
}

static void wake_loop(const struct http_asks *a)
{
    uint64_t one = 1;
    if (a->wake >= 0) (void)!write(a->wake, &one, sizeof one);
}

struct http_asked *http_ask(struct http_asks *a, const struct http_question *q, struct MHD_Connection *c,
                            uint64_t now_ms)
{
    struct http_asked *x = calloc(1, sizeof *x);
    if (!x) return NULL;
    *x = (struct http_asked){ .question = *q, .connection = c, .since_ms = now_ms };
    pthread_mutex_lock(&a->lock);
    bool room = a->n < HTTP_ASKED_MOST && !a->over;
    if (room) {
        x->question.id = ++a->last_id ? a->last_id : ++a->last_id;
        *a->end = x;
        a->end = &x->next;
        a->n++;
        MHD_suspend_connection(c); /* before anybody can answer */
    }
    pthread_mutex_unlock(&a->lock);
    if (room) wake_loop(a);
    if (room) return x;
    free(x);
    return NULL;
}

void http_ask_drop(struct http_asks *a, struct http_asked *asked)
{
    if (!asked) return;
    pthread_mutex_lock(&a->lock);
    struct http_asked **link = &a->first;
    while (*link != asked) link = &(*link)->next;
    *link = asked->next;
    if (!asked->next) a->end = link;
    a->n--;
    pthread_mutex_unlock(&a->lock);
    free(asked->text);
    free(asked);
}

static void answer(struct http_asked *x, unsigned code, char *json)
{
    x->answered = true;
    x->code = code;
    x->text = json;
    MHD_resume_connection(x->connection);
}

void http_asks_expire(struct http_asks *a, uint64_t now_ms, bool over)
{
    static const char late[] =
        "{\"schema\":\"provost.error/1\",\"status\":\"busy\",\"text\":\"the broker's loop has no "
        "time to answer\"}";
    pthread_mutex_lock(&a->lock);
    a->over |= over;
    for (struct http_asked *x = a->first; x; x = x->next)
        if (!x->answered && (over || now_ms >= x->since_ms + HTTP_ASK_MS))
            answer(x, MHD_HTTP_SERVICE_UNAVAILABLE, strdup(late));
    pthread_mutex_unlock(&a->lock);
}

bool http_asks_next(struct http_asks *a, struct http_question *q)
{
    pthread_mutex_lock(&a->lock);
    struct http_asked *x = a->first;
    while (x && (x->taken || x->answered)) x = x->next;
    if (x) {
        x->taken = true;
        *q = x->question;
    }
    pthread_mutex_unlock(&a->lock);
    return x;
}

void http_asks_answer(struct http_asks *a, uint32_t id, unsigned code, char *json)
{
    pthread_mutex_lock(&a->lock);
    struct http_asked *x = a->first;
    while (x && x->question.id != id) x = x->next;
    if (x && !x->answered) {
        answer(x, json ? code : MHD_HTTP_INTERNAL_SERVER_ERROR, json);
        json = NULL;
    }
    pthread_mutex_unlock(&a->lock);
    free(json);
}
