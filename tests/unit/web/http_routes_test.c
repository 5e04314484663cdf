/* What each path and each argument of the query string is read as, and what is said of those that cannot be, beside
 * tests/vectors/web/routes.txt (`http_routes_test write` makes it anew). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "golden.h"
#include "http_routes.h"

#include <inttypes.h>
#include <string.h>

#define NAME_64 "abcdefghijklmnopqrstuvwxyz0123456789.._-ABCDEFGHIJKLMNOPQRSTUVWX"
#define ID "0123456789abcdef0123456789ABCDEF"

static void question_tell(const struct http_arguments *a)
{
    const struct http_question *q = &a->question;
    char id[WIRE_ID_TEXT];
    golden_tell("  task=%s queue=%s prover=%s principal=%s after=%d,%" PRIu64 " limit=%" PRIu64 " newest=%d",
                wire_id_text(id, q->task), q->queue, q->prover, q->principal, q->has_after, q->after, q->limit,
                q->newest);
    golden_tell(" state=%d,%d states=%x age=%" PRIu64 " dry=%d verbose=%d seen=%x\n", q->has_state,
                q->has_state ? (int)q->state : 0, q->states, q->age_ms, q->dry, a->verbose, a->seen);
}

static const struct http_route *route(const char *method, const char *path, struct http_arguments *to)
{
    const char *methods = "untouched";
    char why[HTTP_ROUTE_WHY_BYTES] = "";
    pv_status st = PV_FAILED;
    const struct http_route *r = http_route_of(method, path, to, &methods, &st, why);
    golden_tell("%s %s: ", method, path);
    if (!r) {
        golden_tell("none, %s, %s\n", methods ? methods : "of no method", pv_status_word(st));
        return NULL;
    }
    golden_tell("%s %s class=%d source=%d arguments=%x %s, %s%s%s\n", r->method, r->path, (int)r->class, (int)r->source,
                r->arguments, http_what_word(to->question.what), pv_status_word(st), st != PV_OK ? ": " : "", why);
    question_tell(to);
    return r;
}

/* The form with its words in place. */
static void filled(char *to, const char *form)
{
    static const struct {
        const char *word, *with;
    } all[] = { { "{task}", ID }, { "{queue}", "outer" }, { "{prover}", "p1" } };
    while (*form) {
        size_t n = strcspn(form, "{");
        memcpy(to, form, n);
        to += n, form += n;
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            if (strncmp(form, all[i].word, strlen(all[i].word))) continue;
            to = stpcpy(to, all[i].with);
            form += strlen(all[i].word);
        }
    }
    *to = 0;
}

static void each_path_has_its_methods_and_no_others(void **state)
{
    static const char *const forms[] = {
#define R(METHOD, path, CLASS, SOURCE, arguments, question) path,
        HTTP_ROUTE_LIST(R)
#undef R
    };
    static const char *const methods[] = { "GET", "HEAD", "POST", "PUT" };
    struct http_arguments to;
    char path[200];
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        filled(path, forms[i]);
        for (size_t m = 0; m < 4; m++) route(methods[m], path, &to);
    }
    golden_is("vectors/web/routes.txt");
}

static void what_is_nearly_a_path_is_none(void **state)
{
    static const char *const paths[] = {
        "",
        "/",
        "livez",
        "//livez",
        "/livez/",
        "/live",
        "/livezz",
        "/v1/scale",
        "/v1/scale/",
        "/v1/scale/a/b",
        "/v1/scale/" NAME_64,
        "/v1/scale/" NAME_64 "x",
        "/v1/scale/a%20b",
        "/v1/scale//a",
        "/v1/tasks/",
        "/v1/tasks/" ID,
        "/v1/tasks/" ID "0",
        "/v1/tasks/0123456789abcdef0123456789ABCDE",
        "/v1/tasks/0123456789abcdef0123456789ABCDEG",
        "/v1/tasks/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "/v1/tasks/" ID "/cancel",
        "/v1/tasks/" ID "/cance",
        "/v1/tasks/" ID "/cancels",
        "/v1/tasks/nothing/cancel",
        "/v1/provers/p 1/handlers",
        "/v1/provers/" NAME_64 "/handlers",
        "/v1/provers/" NAME_64 "x/drain",
        "/v1/queues/a b/pause",
        "/v2/tasks"
    };
    struct http_arguments to;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        route("GET", paths[i], &to);
        route("POST", paths[i], &to);
    }
    golden_is("vectors/web/paths.txt");
}

static void said(const struct http_route *r, struct http_arguments *to, const char *key, const char *value)
{
    char why[HTTP_ROUTE_WHY_BYTES] = "";
    pv_status st = http_route_argument(r, to, key, value, why);
    golden_tell("%s=%s: %s %s\n", key, value ? value : "(none)", pv_status_word(st), why);
    if (st == PV_OK) question_tell(to);
}

static void each_argument_is_read_once_and_has_its_form(void **state)
{
    static const char *const keys[] = { "queue",     "state",  "after", "limit", "order",
                                        "principal", "states", "age",   "dry",   "verbose" };
    static const char *const values[] = { NULL,
                                          "",
                                          "0",
                                          "1",
                                          "200",
                                          "201",
                                          "18446744073709551615",
                                          "18446744073709551616",
                                          "-1",
                                          "1x",
                                          "queued",
                                          "dead",
                                          "dead,",
                                          "queued,dead",
                                          "queued,,dead",
                                          "queued,dea",
                                          ",queued",
                                          "queuedqueuedqueuedqueuedqueuedqu",
                                          "queuedqueuedqueuedqueuedqueuedque",
                                          "newest",
                                          "oldest",
                                          "old",
                                          "90s",
                                          "5m",
                                          "yes",
                                          "no",
                                          "maybe",
                                          "a b",
                                          NAME_64,
                                          NAME_64 "x" };
    const struct http_route every = { "GET", "/", HTTP_READ, HTTP_QUESTION, (1u << 10) - 1, HTTP_TASKS };
    const struct http_route none = { "GET", "/", HTTP_READ, HTTP_QUESTION, 0, HTTP_TASKS };
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
            struct http_arguments to = { .question.limit = HTTP_LIMIT_MOST };
            said(&every, &to, keys[k], values[i]);
        }
        struct http_arguments to = { .seen = 0 };
        said(&none, &to, keys[k], "1");
        struct http_route lone = none;
        lone.arguments = 1u << k;
        for (size_t other = 0; other < sizeof keys / sizeof *keys; other++) said(&lone, &to, keys[other], "1");
        golden_tell("again ");
        said(&lone, &to, keys[k], "1");
    }
    golden_is("vectors/web/arguments.txt");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_path_has_its_methods_and_no_others),
                                        cmocka_unit_test(what_is_nearly_a_path_is_none),
                                        cmocka_unit_test(each_argument_is_read_once_and_has_its_form) };
    golden_writes(argc > 1 && !strcmp(argv[1], "write"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
