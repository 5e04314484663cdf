#include "handlers.h"

#include "text.h"

#include <stdio.h>
#include <string.h>

void handlers_init(struct handlers *h)
{
    *h = (struct handlers){ 0 };
    pthread_mutex_init(&h->lock, NULL);
}

static struct handlers_one *find(const struct handlers *h, const struct handler *of)
{
    for (size_t i = 0; h && i < h->n; i++)
        if (h->at[i].handler == of) return (struct handlers_one *)&h->at[i];
    return NULL;
}

void handlers_add(struct handlers *h, struct handler *one)
{
    if (find(h, one) || h->n == WIRE_HANDLERS_MAX) return;
    h->at[h->n++] = (struct handlers_one){ .handler = one, .tell = true };
}

/* --- rests --- */

static bool others_serve(const struct handlers *h, const struct handlers_one *but)
{
    for (size_t i = 0; i < h->n; i++)
        if (&h->at[i] != but && h->at[i].rest.state == REST_SERVES) return true;
    return false;
}

enum rest_answer handlers_failed(struct handlers *h, const struct handler *of, wire_id task, const char *text,
                                 uint64_t now_ms, bool *begins)
{
    struct handlers_one *one = find(h, of);
    *begins = false;
    if (!one) return REST_SAY;
    pthread_mutex_lock(&h->lock);
    bool rested = one->rest.state == REST_RESTS;
    enum rest_answer answer = handler_rest_failed(&one->rest, &h->row, task, others_serve(h, one), now_ms);
    *begins = answer == REST_RELEASE && !rested;
    if (*begins) {
        one->rests++;
        wire_text_clip(one->why, sizeof one->why, text);
    }
    pthread_mutex_unlock(&h->lock);
    return answer;
}

bool handlers_succeeded(struct handlers *h, const struct handler *of)
{
    struct handlers_one *one = find(h, of);
    if (!one) return false;
    bool back = one->rest.state != REST_SERVES;
    if (one->rest.state == REST_RESTS) return false; /* it was at work when the rest began */
    pthread_mutex_lock(&h->lock);
    handler_rest_succeeded(&one->rest);
    *one->why = 0;
    pthread_mutex_unlock(&h->lock);
    return back;
}

void handlers_accepted(struct handlers *h)
{
    if (h) h->row.n = 0;
}

const struct handler *handlers_trial(struct handlers *h, uint64_t now_ms)
{
    const struct handler *begun = NULL;
    if (handlers_next_ms(h) > now_ms) return NULL;
    pthread_mutex_lock(&h->lock);
    for (size_t i = 0; i < h->n && !begun; i++)
        if (handler_rest_over(&h->at[i].rest, now_ms)) begun = h->at[i].handler;
    pthread_mutex_unlock(&h->lock);
    return begun;
}

uint64_t handlers_next_ms(const struct handlers *h)
{
    uint64_t next = UINT64_MAX;
    for (size_t i = 0; h && i < h->n; i++)
        if (h->at[i].rest.state == REST_RESTS && h->at[i].rest.until_ms < next) next = h->at[i].rest.until_ms;
    return next;
}

enum rest_state handlers_state(const struct handlers *h, const struct handler *of)
{
    const struct handlers_one *one = find(h, of);
    return one ? one->rest.state : REST_SERVES;
}

uint64_t handlers_rest_ms(const struct handlers *h, const struct handler *of)
{
    const struct handlers_one *one = find(h, of);
    return one ? one->rest.rest_ms : 0;
}

/* --- figures --- */

/* What ended is read before what started, so that nothing is in neither. */
static void figures_read(struct wire_handler *to, const struct handlers_one *one)
{
    const struct handler_counters *c = &one->handler->counters;
    uint64_t *f = to->figures;
    *to = (struct wire_handler){ 0 };
    snprintf(to->name, sizeof to->name, "%s", one->handler->name);
    f[WIRE_HANDLER_SUCCEEDED] = atomic_load(&c->succeeded);
    f[WIRE_HANDLER_STOPPED] = atomic_load(&c->stopped);
    uint64_t failed = atomic_load(&c->failed);
    f[WIRE_HANDLER_PERMANENT] = atomic_load(&c->permanent);
    f[WIRE_HANDLER_RESOURCE] = atomic_load(&c->resource);
    f[WIRE_HANDLER_LOST] = atomic_load(&c->lost);
    f[WIRE_HANDLER_UNSTARTED] = atomic_load(&c->unstarted);
    uint64_t others =
        f[WIRE_HANDLER_PERMANENT] + f[WIRE_HANDLER_RESOURCE] + f[WIRE_HANDLER_LOST] + f[WIRE_HANDLER_UNSTARTED];
    f[WIRE_HANDLER_RETRYABLE] = failed > others ? failed - others : 0;
    f[WIRE_HANDLER_BUSY_MS] = atomic_load(&c->busy_ms);
    f[WIRE_HANDLER_BYTES_IN] = atomic_load(&c->bytes_in);
    f[WIRE_HANDLER_BYTES_OUT] = atomic_load(&c->bytes_out);
    f[WIRE_HANDLER_RUNNING] = handler_running(c);
    f[WIRE_HANDLER_CALLS] = atomic_load(&c->started);
    f[WIRE_HANDLER_RESTS] = one->rests;
    f[WIRE_HANDLER_REST_MS] = one->rest.rest_ms;
    for (int i = 0; i < WIRE_HANDLER_FIGURES; i++) /* JSON's readers take no larger ones */
        if (f[i] > WIRE_HANDLER_FIGURE_MOST) f[i] = WIRE_HANDLER_FIGURE_MOST;
    if (one->rest.rest_ms) memcpy(to->why, one->why, sizeof to->why);
}

bool handlers_figures(struct handlers *h, size_t i, struct wire_handler *to)
{
    if (!h || i >= h->n) return false;
    pthread_mutex_lock(&h->lock);
    figures_read(to, &h->at[i]);
    pthread_mutex_unlock(&h->lock);
    return true;
}

void handlers_why(struct handlers *h, const struct handler *of, char why[WIRE_HANDLER_WHY_BYTES])
{
    const struct handlers_one *one = find(h, of);
    *why = 0;
    if (!one) return;
    pthread_mutex_lock(&h->lock);
    if (one->rest.rest_ms) memcpy(why, one->why, sizeof one->why);
    pthread_mutex_unlock(&h->lock);
}

bool handlers_serves(struct handlers *h, const struct handler *of)
{
    const struct handlers_one *one = find(h, of);
    if (!one) return true;
    pthread_mutex_lock(&h->lock);
    bool serves = one->rest.state != REST_RESTS;
    pthread_mutex_unlock(&h->lock);
    return serves;
}

static bool same(const struct wire_handler *a, const struct wire_handler *b)
{
    return !memcmp(a->figures, b->figures, sizeof a->figures) && !strcmp(a->why, b->why);
}

size_t handlers_changed(struct handlers *h, struct wire_handler *rows, size_t most)
{
    size_t n = 0;
    for (size_t i = 0; h && i < h->n && n < most; i++) {
        handlers_figures(h, i, &rows[n]);
        n += h->at[i].tell || !same(&rows[n], &h->at[i].told);
    }
    return n;
}

void handlers_told(struct handlers *h, const struct wire_handler *rows, size_t n)
{
    for (size_t k = 0, i = 0; k < n && i < h->n; i++) {
        if (strcmp(rows[k].name, h->at[i].handler->name) != 0) continue;
        h->at[i].told = rows[k++];
        h->at[i].tell = false;
    }
}

void handlers_tell_all(struct handlers *h)
{
    for (size_t i = 0; h && i < h->n; i++) h->at[i].tell = true;
}
