#include "http_routes.h"

#include "values.h"

#include <stdio.h>
#include <string.h>

#define SOURCE_EVENTS HTTP_EVENTS_OR_STREAM
#define SOURCE_LIVE HTTP_LIVE
#define SOURCE_READY HTTP_READY
#define SOURCE_METRICS HTTP_METRICS
#define SOURCE_SCALE HTTP_SCALE
#define SOURCE_ACCESS HTTP_ACCESS
#define SOURCE_STATUS HTTP_STATUS
#define SOURCE_OVERVIEW HTTP_OVERVIEW
#define SOURCE_QUEUES HTTP_QUEUES
#define SOURCE_QUESTION HTTP_QUESTION

static const struct http_route routes[] = {
#define R(METHOD, path, CLASS, SOURCE, arguments, question)                                                            \
    { #METHOD, path, HTTP_##CLASS, SOURCE_##SOURCE, arguments, question },
    HTTP_ROUTE_LIST(R)
#undef R
};

enum { ROUTES = sizeof routes / sizeof *routes };

const char *http_what_word(enum http_what what)
{
    static const char *const words[] = {
#define Q(name, word) word,
        HTTP_QUESTION_LIST(Q)
#undef Q
    };
    return words[what];
}

static pv_status name_read(char to[WIRE_NAME_MAX + 1], const char *name, size_t n, const char *of, char *why)
{
    if (!wire_name_valid(name, n)) {
        snprintf(why, HTTP_ROUTE_WHY_BYTES, "the name of a %s is 1 to 64 of A-Z a-z 0-9 . _ -", of);
        return PV_USAGE;
    }
    memcpy(to, name, n);
    to[n] = 0;
    return PV_OK;
}

static pv_status id_read(wire_id *to, const char *text, size_t n, char *why)
{
    char id[WIRE_ID_TEXT];
    snprintf(id, sizeof id, "%.*s", n < sizeof id ? (int)n : 0, text);
    if (wire_id_of_text(to, id)) return PV_OK;
    snprintf(why, HTTP_ROUTE_WHY_BYTES, "the id of a task is 32 hex digits");
    return PV_USAGE;
}

/* One word of the path that stands for {what}. */
static pv_status word_read(struct http_arguments *to, const char *what, const char *word, size_t n, char *why)
{
    struct http_question *q = &to->question;
    if (!strncmp(what, "{task}", 6)) return id_read(&q->task, word, n, why);
    if (!strncmp(what, "{queue}", 7)) return name_read(q->queue, word, n, "queue", why);
    return name_read(q->prover, word, n, "prover", why);
}

/* Whether the path has the form of the route; words: read those that stand for something. */
static bool matches(const char *form, const char *path)
{
    while (*form && *path) {
        size_t a = strcspn(form + 1, "/") + 1, b = strcspn(path + 1, "/") + 1;
        if (*form != '/' || *path != '/') return false;
        if (form[1] != '{' && (a != b || strncmp(form, path, a) != 0)) return false;
        form += a;
        path += b;
    }
    return !*form && !*path;
}

static pv_status words_read(struct http_arguments *to, const char *form, const char *path, char *why)
{
    while (*form) {
        size_t a = strcspn(form + 1, "/") + 1, b = strcspn(path + 1, "/") + 1;
        if (form[1] == '{') TRY(word_read(to, form + 1, path + 1, b - 1, why));
        form += a;
        path += b;
    }
    return PV_OK;
}

const struct http_route *http_route_of(const char *method, const char *path, struct http_arguments *to,
                                       const char **methods, pv_status *st, char why[HTTP_ROUTE_WHY_BYTES])
{
    *to = (struct http_arguments){ .verbose = false };
    *methods = NULL;
    *st = PV_OK;
    if (!strcmp(method, "HEAD")) method = "GET";
    for (size_t i = 0; i < ROUTES; i++) {
        if (!matches(routes[i].path, path)) continue;
        if (strcmp(routes[i].method, method) != 0) {
            *methods = routes[i].method;
            continue;
        }
        *st = words_read(to, routes[i].path, path, why);
        to->question.what = routes[i].what;
        to->question.limit = HTTP_LIMIT_MOST;
        to->question.newest = (routes[i].arguments & HTTP_HAS_ORDER) != 0;
        return &routes[i];
    }
    return NULL;
}

/* ---- the query string ---- */

static bool queue_take(struct http_arguments *to, const char *v)
{
    char unused[HTTP_ROUTE_WHY_BYTES];
    return name_read(to->question.queue, v, strlen(v), "queue", unused) == PV_OK;
}

static bool principal_take(struct http_arguments *to, const char *v)
{
    char unused[HTTP_ROUTE_WHY_BYTES];
    return name_read(to->question.principal, v, strlen(v), "principal", unused) == PV_OK;
}

static bool state_take(struct http_arguments *to, const char *v)
{
    return to->question.has_state = task_state_of_word(&to->question.state, v);
}

static bool after_take(struct http_arguments *to, const char *v)
{
    return to->question.has_after = value_number(&to->question.after, v);
}

static bool limit_take(struct http_arguments *to, const char *v)
{
    uint64_t n;
    if (!value_number(&n, v) || n < 1 || n > HTTP_LIMIT_MOST) return false;
    to->question.limit = n;
    return true;
}

static bool order_take(struct http_arguments *to, const char *v)
{
    to->question.newest = !strcmp(v, "newest");
    return to->question.newest || !strcmp(v, "oldest");
}

/* "queued,dead" */
static bool states_take(struct http_arguments *to, const char *v)
{
    char word[32];
    enum task_state s;
    for (; *v; v += *v == ',') {
        size_t n = strcspn(v, ",");
        snprintf(word, sizeof word, "%.*s", n < sizeof word ? (int)n : 0, v);
        if (!task_state_of_word(&s, word)) return false;
        to->question.states |= 1u << s;
        v += n;
    }
    return to->question.states != 0;
}

static bool age_take(struct http_arguments *to, const char *v)
{
    return value_duration(&to->question.age_ms, v);
}

static bool dry_take(struct http_arguments *to, const char *v)
{
    return value_switch(&to->question.dry, v);
}

static bool verbose_take(struct http_arguments *to, const char *v)
{
    to->verbose = true;
    return !*v || value_switch(&to->verbose, v);
}

static const struct argument {
    const char *key;
    unsigned bit;
    bool (*take)(struct http_arguments *to, const char *value);
    const char *form;
} known[] = {
    { "queue", HTTP_HAS_QUEUE, queue_take, "a queue's name" },
    { "state", HTTP_HAS_STATE, state_take, "a task's state, such as queued or dead" },
    { "after", HTTP_HAS_AFTER, after_take, "a number, the \"next\" of the page before" },
    { "limit", HTTP_HAS_LIMIT, limit_take, "a number from 1 to 200" },
    { "order", HTTP_HAS_ORDER, order_take, "newest or oldest" },
    { "principal", HTTP_HAS_PRINCIPAL, principal_take, "a principal's name" },
    { "states", HTTP_HAS_STATES, states_take, "states of tasks with commas between them" },
    { "age", HTTP_HAS_AGE, age_take, "a duration, such as 90s, 5m or 1h" },
    { "dry", HTTP_HAS_DRY, dry_take, "yes or no" },
    { "verbose", HTTP_HAS_VERBOSE, verbose_take, "nothing, yes or no" },
};

pv_status http_route_argument(const struct http_route *r, struct http_arguments *to, const char *key, const char *value,
                              char why[HTTP_ROUTE_WHY_BYTES])
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const struct argument *a = &known[i];
        if (!(r->arguments & a->bit) || strcmp(a->key, key) != 0) continue;
        bool twice = to->seen & a->bit;
        to->seen |= a->bit;
        if (!twice && a->take(to, value ? value : "")) return PV_OK;
        snprintf(why, HTTP_ROUTE_WHY_BYTES, twice ? "%s is there twice" : "%s has to be %s", a->key, a->form);
        return PV_USAGE;
    }
    snprintf(why, HTTP_ROUTE_WHY_BYTES, "this page has no such argument in its query string");
    return PV_USAGE;
}
