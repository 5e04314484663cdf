/* What the loop makes of each question over HTTP, of what the core answers to writes, and what it publishes: every question with what it may
 * say, at every bound, beside tests/vectors/broker/web*.txt (`web_answers_test write` makes them anew). The server is the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker.h"
#include "broker_open.h"
#include "golden.h"
#include "heap_watch.h"
#include "log.h"
#include "say.h"
#include "sha256.h"
#include "step.h"
#include "temp_dir.h"
#include "web.h"
#include "web_admin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ASKED_MOST = 200, TASKS = 3 };

static char dir[64], folder[80], why[BROKER_WHY_BYTES];
static struct config config;
static struct config_args args;
static struct broker *b;
static uint64_t server[512]; /* its address is the server; what is read of it beside the stage is zero */

/* ---- the server ---- */

static struct http_question asked[ASKED_MOST];
static size_t asked_n, asked_at, listeners;
static bool quiet, shut, broken;
static uint64_t durable;
static pv_status server_status;

pv_status __wrap_http_start(struct http **out, const struct http_options *o, char text[HTTP_WHY_BYTES]);
pv_status __wrap_http_start(struct http **out, const struct http_options *o, char text[HTTP_WHY_BYTES])
{
    golden_tell("start %s hosts=%s read=%s admin=%s wake=%d\n", o->address, o->hosts, o->read_token, o->admin_token,
                o->wake >= 0);
    if (server_status != PV_OK) snprintf(text, HTTP_WHY_BYTES, "%s", "the server's sentence");
    if (server_status == PV_OK) *out = (struct http *)(void *)server;
    return server_status;
}

pv_status __wrap_http_check(const struct http_options *o, char text[HTTP_WHY_BYTES]);
pv_status __wrap_http_check(const struct http_options *o, char text[HTTP_WHY_BYTES])
{
    golden_tell("check %s hosts=%s read=%s admin=%s wake=%d\n", o->address, o->hosts, o->read_token, o->admin_token,
                o->wake >= 0);
    snprintf(text, HTTP_WHY_BYTES, "%s", "the server's sentence");
    return server_status;
}

pv_status __wrap_http_reload(struct http *h, const struct http_options *o, char text[HTTP_WHY_BYTES]);
pv_status __wrap_http_reload(struct http *h, const struct http_options *o, char text[HTTP_WHY_BYTES])
{
    golden_tell("reload %s\n", o->address);
    snprintf(text, HTTP_WHY_BYTES, "%s", "the server's sentence");
    return server_status;
}

void __wrap_http_stop(struct http **h);
void __wrap_http_stop(struct http **h)
{
    golden_tell("stop %d\n", *h != NULL);
    *h = NULL;
}

bool __wrap_http_is_shut(struct http *h);
bool __wrap_http_is_shut(struct http *h)
{
    return shut;
}

bool __wrap_http_next(struct http *h, struct http_question *q);
bool __wrap_http_next(struct http *h, struct http_question *q)
{
    if (asked_at == asked_n) return false;
    *q = asked[asked_at++];
    return true;
}

void __wrap_http_answer(struct http *h, uint32_t id, unsigned code, char *json);
void __wrap_http_answer(struct http *h, uint32_t id, unsigned code, char *json)
{
    golden_tell("  answer %u %u %s\n", id, code, quiet ? "" : json ? json : "(none)");
    free(json);
}

struct http_counts __wrap_http_counts(struct http *h);
struct http_counts __wrap_http_counts(struct http *h)
{
    return (struct http_counts){ 0 };
}

size_t __wrap_http_listeners(struct http *h);
size_t __wrap_http_listeners(struct http *h)
{
    return listeners;
}

void __wrap_http_tell(struct http *h, const char *event, uint64_t number, const char *json);
void __wrap_http_tell(struct http *h, const char *event, uint64_t number, const char *json)
{
    golden_tell("  tell %s %" PRIu64 " %.*s\n", event, number, strcmp(event, "overview") ? 400 : 12, json);
}

static void text_tell(const char *name, const char *text, int most)
{
    golden_tell("  %s: %.*s\n", name, text ? most : 6, text ? text : "(none)");
}

void __wrap_http_publish(struct http *h, struct http_news *news);
void __wrap_http_publish(struct http *h, struct http_news *news)
{
    char *all[] = { news->metrics, news->status, news->overview, news->queues, news->history };
    text_tell("metrics", news->metrics, 7);
    text_tell("status", news->status, 28);
    text_tell("overview", news->overview, 8);
    text_tell("queues", quiet ? "of many" : news->queues, 4000);
    text_tell("history", news->history, 2);
    text_tell("not ready", news->not_ready, 100);
    text_tell("warnings", news->warnings, 400);
    for (size_t i = 0; i < news->scales_n && i < 3; i++) text_tell(news->scales[i].queue, news->scales[i].json, 400);
    golden_tell("  %zu scales\n", news->scales_n);
    for (size_t i = 0; i < 5; i++) free(all[i]);
    for (size_t i = 0; i < news->scales_n; i++) free(news->scales[i].json);
    free(news->scales);
}

uint64_t __wrap_store_durable(struct store *s);
uint64_t __wrap_store_durable(struct store *s)
{
    return durable;
}

/* An attempt for each slot that is asked of, so that a page of provers has some. */
size_t __wrap_sched_prover_running(const struct sched *s, const char *principal, const char *prover, uint64_t now_ms,
                                   struct sched_running *to, size_t most);
size_t __wrap_sched_prover_running(const struct sched *s, const char *principal, const char *prover, uint64_t now_ms,
                                   struct sched_running *to, size_t most)
{
    golden_tell("  running of %s %s, at most %zu\n", principal, prover, most);
    for (size_t i = 0; i < 2; i++)
        to[i] = (struct sched_running){ .task = { { (uint8_t)(i + 1) } },
                                        .principal = "acme",
                                        .queue = "outer",
                                        .circuit = "c1",
                                        .phase = i ? "" : "msm",
                                        .started = !i,
                                        .percent = 7,
                                        .since_ms = 99 };
    return 2;
}

static const char *const events[] = { [SCHED_CLIENT_HELLO] = "client-hello",
                                      [SCHED_CANCEL] = "cancel",
                                      [SCHED_PURGE] = "purge",
                                      [SCHED_KICK] = "kick",
                                      [SCHED_QUEUE_VERB] = "queue-verb",
                                      [SCHED_PROVER_VERB] = "prover-verb" };

void __real_broker_step(struct broker *broker, struct sched_event *ev, struct broker_payload *payload);
void __wrap_broker_step(struct broker *broker, struct sched_event *ev, struct broker_payload *payload);
void __wrap_broker_step(struct broker *broker, struct sched_event *ev, struct broker_payload *payload)
{
    char id[WIRE_ID_TEXT];
    if (ev->peer == WEB_PEER) {
        golden_tell("  event %s req=%u task=%.8s owner=%s", events[ev->type], ev->req, wire_id_text(id, ev->task),
                    ev->owner ? ev->owner : "-");
        if (ev->type == SCHED_CLIENT_HELLO)
            golden_tell(" %s %s admin=%d", ev->client.principal, ev->client.name, ev->client.admin);
        if (ev->type == SCHED_PURGE)
            golden_tell(" scope=%d queue=%s states=%x age=%" PRIu64 " dry=%d forget=%d", (int)ev->purge.scope,
                        ev->purge.queue, ev->purge.states, ev->purge.age_ms, ev->purge.dry, ev->purge.forget);
        if (ev->type == SCHED_QUEUE_VERB || ev->type == SCHED_PROVER_VERB)
            golden_tell(" verb=%d name=%s of=%s", (int)ev->verb.verb, ev->verb.name,
                        ev->verb.principal ? ev->verb.principal : "-");
        golden_tell("\n");
    }
    if (!broken) __real_broker_step(broker, ev, payload);
}

void __wrap_log_event(enum log_level level, const char *event, const char *format, ...);
void __wrap_log_event(enum log_level level, const char *event, const char *format, ...)
{
    char text[400];
    va_list ap;
    if (strncmp(event, "http.", 5)) return;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    golden_tell("  [%d %s %s]\n", (int)level, event, text);
}

/* ---- a broker with tasks and provers ---- */

static void step(struct sched_event ev, struct broker_payload *payload)
{
    broker_step(b, &ev, payload);
    sched_actions_clear(&b->batch.out);
}

static void submitted(uint8_t n, const char *queue)
{
    struct broker_payload p = { .complete = true, .stored = { .length = 3, .bytes = (const uint8_t *)"abc" } };
    struct sched_event ev = { .type = SCHED_SUBMIT, .peer = 1001, .req = n, .task = { { n } } };
    assert_int_equal(sha256_of(&p.stored.sha256, "abc", 3), PV_OK);
    ev.submit.queue = queue;
    ev.submit.circuit = "c1";
    ev.submit.payload = SCHED_COMPLETE;
    ev.submit.length = 3;
    ev.submit.sha256 = p.stored.sha256;
    ev.submit.on_restart = WIRE_ON_RESTART_KEEP;
    step(ev, &p);
    assert_true(p.saved);
}

static void prover(uint64_t peer, const char *principal, const char *name)
{
    static const char *const queues[] = { "outer" };
    struct sched_event ev = { .type = SCHED_PROVER_HELLO, .peer = peer };
    ev.prover.principal = principal;
    ev.prover.name = name;
    ev.prover.incarnation = (wire_id){ { (uint8_t)peer } };
    ev.prover.queues = queues;
    ev.prover.queues_n = 1;
    ev.prover.slots = 1;
    step(ev, NULL);
}

static int open_broker(void **state)
{
    static const char *const queues[] = { "outer", "inner,run_timeout_ms=5000" };
    temp_dir_make(dir);
    snprintf(folder, sizeof folder, "%s/state", dir);
    args = (struct config_args){ .values[CONFIG_insecure] = "yes",
                                 .values[CONFIG_bind] = "tcp://127.0.0.1:*",
                                 .values[CONFIG_state] = folder,
                                 .values[CONFIG_disk_reserve] = "0",
                                 .values[CONFIG_http] = "127.0.0.1:9",
                                 .values[CONFIG_http_hosts] = "a.example",
                                 .queues = { queues[0], queues[1] },
                                 .queues_n = 2 };
    server_status = PV_OK;
    shut = quiet = broken = false;
    asked_n = asked_at = listeners = 0;
    durable = 0;
    *golden_told() = 0;
    if (config_read(&config, &args, why) != PV_OK || broker_open(&b, &config, &args, why) != PV_OK) {
        print_error("%s\n", why);
        return 1;
    }
    b->now_ms = 5000000;
    b->wall_ms = 1700000000000;
    ((struct journal_entry *)(uintptr_t)journal_after(b->journal, 0))->wall_ms = b->wall_ms; /* that of the start */
    struct sched_event ev = { .type = SCHED_CLIENT_HELLO, .peer = 1001 };
    ev.client.principal = "acme";
    ev.client.name = "worker";
    ev.client.session = (wire_id){ { 9 } };
    step(ev, NULL);
    for (uint8_t n = 1; n <= TASKS; n++) submitted(n, n == 3 ? "inner" : "outer");
    prover(2001, "acme", "p1");
    prover(2002, "rival", "p1");
    prover(2003, "rival", "p2");
    return 0;
}

static int close_broker(void **state)
{
    broker_close(&b);
    config_clear(&config);
    temp_dir_remove(dir);
    return 0;
}

static void ask(struct http_question q)
{
    assert_true(asked_n < ASKED_MOST);
    q.id = (uint32_t)asked_n + 1;
    if (!q.limit) q.limit = HTTP_LIMIT_MOST;
    snprintf(q.from, sizeof q.from, "10.0.0.%u", q.id % 200);
    asked[asked_n++] = q;
}

/* Turns until nothing is left, and what the core said is said. */
static void turns(bool behind)
{
    int n = 0;
    do {
        golden_tell("turn %d\n", n++);
        web_turn(b);
        say_batch(b, behind);
        sched_actions_clear(&b->batch.out);
        assert_true(n < 60);
    } while (web_left(b) || asked_at < asked_n);
}

/* ---- reads ---- */

static void each_read_has_its_rows(void **state)
{
    static const struct http_question all[] = {
        { .what = HTTP_TASKS, .newest = true },
        { .what = HTTP_TASKS, .limit = 1 },
        { .what = HTTP_TASKS, .limit = 1, .newest = true },
        { .what = HTTP_TASKS, .queue = "inner" },
        { .what = HTTP_TASKS, .has_state = true, .state = TASK_DEAD },
        { .what = HTTP_TASKS, .has_after = true, .after = 2 },
        { .what = HTTP_TASK, .task = { { 1 } } },
        { .what = HTTP_TASK, .task = { { 2 } }, .principal = "acme" },
        { .what = HTTP_TASK, .task = { { 2 } }, .principal = "rival" },
        { .what = HTTP_TASK, .task = { { 77 } } },
        { .what = HTTP_PROVERS },
        { .what = HTTP_PROVERS, .limit = 1 },
        { .what = HTTP_PROVERS, .has_after = true, .after = 1 },
        { .what = HTTP_HANDLERS, .prover = "p1", .principal = "acme" },
        { .what = HTTP_EVENTS },
        { .what = HTTP_EVENTS, .limit = 2 },
        { .what = HTTP_EVENTS, .queue = "inner" },
        { .what = HTTP_EVENTS, .has_state = true, .state = TASK_QUEUED, .limit = 1 },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        ask(all[i]);
        turns(false);
    }
    golden_tell("looked at %" PRIu64 "\n", b->counters.list_rows);
    golden_is("vectors/broker/web_reads.txt");
}

/* So many rows a turn, and writes among them. */
static void a_turn_does_so_much(void **state)
{
    quiet = true;
    for (int i = 0; i < 80; i++) ask((struct http_question){ .what = i % 3 ? HTTP_PROVERS : HTTP_TASKS });
    for (int i = 0; i < 40; i++) ask((struct http_question){ .what = HTTP_PAUSE, .queue = "outer" });
    turns(false);
    b->web.open = true; /* of a core that is made anew */
    web_forget(b);
    assert_false(b->web.open);
    golden_is("vectors/broker/web_turns.txt");
}

/* ---- writes ---- */

static const struct http_question writes[] = {
    { .what = HTTP_CANCEL, .task = { { 1 } } },
    { .what = HTTP_CANCEL, .task = { { 2 } }, .principal = "rival" },
    { .what = HTTP_CANCEL, .task = { { 2 } }, .principal = "acme" },
    { .what = HTTP_KICK, .task = { { 1 } } },
    { .what = HTTP_KICK, .task = { { 3 } } },
    { .what = HTTP_PAUSE, .queue = "outer" },
    { .what = HTTP_RESUME, .queue = "outer" },
    { .what = HTTP_PAUSE, .queue = "nowhere" },
    { .what = HTTP_PURGE, .queue = "inner", .states = 1u << TASK_QUEUED, .age_ms = 7, .dry = true },
    { .what = HTTP_PURGE, .queue = "inner" },
    { .what = HTTP_DRAIN, .prover = "p1" },
    { .what = HTTP_UNDRAIN, .prover = "p1" },
    { .what = HTTP_DRAIN, .prover = "p1", .principal = "acme" },
    { .what = HTTP_UNDRAIN, .prover = "p1", .principal = "acme" },
    { .what = HTTP_DRAIN, .prover = "p2" },
    { .what = HTTP_UNDRAIN, .prover = "p2" },
    { .what = HTTP_DRAIN, .prover = "p3" },
};

enum { WRITES = sizeof writes / sizeof *writes };

static void journal_tell(uint64_t *read)
{
    for (const struct journal_entry *e; (e = journal_after(b->journal, *read)); *read = e->number)
        golden_tell("  journal %s %s %s %s\n", e->what, e->queue ? e->queue : "-", e->name, e->text);
}

static void each_write_is_an_event_and_its_answer(void **state)
{
    uint64_t read = journal_last(b->journal, 0);
    for (size_t i = 0; i < WRITES; i++) {
        golden_tell("%s\n", http_what_word(writes[i].what));
        ask(writes[i]);
        turns(false);
        journal_tell(&read);
    }
    golden_is("vectors/broker/web_writes.txt");
}

static void what_is_not_durable_waits(void **state)
{
    b->promised = 7;
    for (size_t i = 0; i < WRITES; i++) ask(writes[i]);
    turns(true);
    golden_tell("commit 6\n");
    durable = 6;
    turns(true);
    golden_tell("commit 7\n");
    durable = 7;
    turns(true);
    golden_tell("once\n");
    turns(true);
    durable = 0;
    asked_n = asked_at = 0;
    for (size_t i = 5; i < 7; i++) ask(writes[i]);
    turns(true);
    golden_tell("the store fails\n");
    b->store_failed = true;
    turns(true);
    b->store_failed = false;
    ask(writes[5]);
    turns(true);
    golden_tell("the core is made anew\n");
    web_forget(b);
    turns(true);
    ask(writes[6]);
    turns(false);
    golden_is("vectors/broker/web_durable.txt");
}

static void so_many_writes_wait(void **state)
{
    for (int i = 0; i <= BROKER_WEB_WRITES; i++) ask((struct http_question){ .what = HTTP_PAUSE, .queue = "outer" });
    b->promised = 7;
    turns(true);
    golden_tell("room again\n");
    durable = 7;
    ask((struct http_question){ .what = HTTP_RESUME, .queue = "outer" });
    turns(true);
    golden_is("vectors/broker/web_many.txt");
}

/* What the core could say: each kind of answer, each status of a refusal, to a question that waits and to none. */
static void each_answer_of_the_core_has_its_code(void **state)
{
    static const pv_status statuses[] = { PV_OK,       PV_USAGE,     PV_NOT_FOUND, PV_GONE,  PV_UNKNOWN_QUEUE,
                                          PV_CONFLICT, PV_BAD_STATE, PV_BUSY,      PV_STORE, PV_INTERNAL };
    static const struct wire_counts counts = { { 1, 2, 3, 4, 5 } };
    static struct sched_view view;
    view.record.state = TASK_RUNNING;
    broken = true; /* the core says nothing itself */
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        ask(writes[0]);
        web_turn(b);
        struct sched_action a = { .type = SCHED_REFUSE, .req = (uint32_t)asked_n, .status = statuses[i] };
        web_admin_said(b, &a, false);
        web_admin_said(b, &a, false); /* it has its answer */
    }
    const struct sched_action all[] = { { .type = SCHED_CANCELLED, .state = TASK_CANCELLED },
                                        { .type = SCHED_TASK, .view = &view },
                                        { .type = SCHED_TASK },
                                        { .type = SCHED_COUNTS, .counts = &counts },
                                        { .type = SCHED_DONE },
                                        { .type = SCHED_NOTHING } };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (size_t k = 0; k < WRITES; k += 4) {
            struct sched_action a = all[i];
            golden_tell("action %zu of %s\n", i, http_what_word(writes[k].what));
            ask(writes[k]);
            web_turn(b);
            a.req = (uint32_t)asked_n;
            web_admin_said(b, &a, false);
            a.req = 0;
            web_admin_said(b, &a, false);
        }
    web_refuse(b, 999, PV_BUSY, NULL);
    web_refuse(b, 999, PV_BUSY, "a text");
    broken = false;
    golden_is("vectors/broker/web_said.txt");
}

/* ---- what is published, beginning and end ---- */

static void news_are_published_and_told_once(void **state)
{
    uint64_t last;
    golden_tell("nobody listens\n");
    web_publish(b);
    listeners = 1;
    golden_tell("nothing new\n");
    web_publish(b);
    submitted(20, "outer");
    submitted(21, "inner");
    golden_tell("two tasks\n");
    web_publish(b);
    golden_tell("more than fit\n");
    for (int i = 0; i < WIRE_ROWS_MAX + 3; i++) journal_broker(b->journal, b->wall_ms, "noted", i ? "again" : "first");
    last = journal_last(b->journal, 0);
    web_publish(b);
    assert_true(b->web.told == last);
    listeners = 0;
    submitted(22, "inner");
    golden_tell("nobody listens again\n");
    web_publish(b);
    b->now_ms += 3600000;
    b->store_failed = true;
    golden_tell("an hour later, with a store that failed\n");
    web_publish(b);
    b->store_failed = false;
    golden_is("vectors/broker/web_news.txt");
}

static void a_broker_without_http_has_nothing_of_it(void **state)
{
    struct http *h = b->http;
    b->http = NULL;
    ask((struct http_question){ .what = HTTP_TASKS });
    web_turn(b);
    web_publish(b);
    web_reload(b);
    web_forget(b);
    assert_false(web_left(b));
    assert_int_equal(asked_at, 0);
    b->http = h;
    golden_is("vectors/broker/web_none.txt");
}

static void opened(const char *title, const char *address)
{
    struct config changed = config;
    char text[200] = "untouched";
    void *phases = b->web.phases, *ring = b->web.ring;
    struct http *h = b->http;
    changed.http = address;
    b->config = &changed;
    b->http = NULL;
    b->web.phases = NULL;
    b->web.ring = NULL;
    golden_tell("%s\n", title);
    pv_status st = web_open(b, text, sizeof text);
    golden_tell("  %s: %s, %d %d %d\n", pv_status_word(st), text, b->http != NULL, b->web.phases != NULL,
                b->web.ring != NULL);
    snprintf(text, sizeof text, "untouched");
    st = web_check(&changed, text, sizeof text);
    golden_tell("  %s: %s\n", pv_status_word(st), text);
    web_close(b);
    b->web.phases = phases;
    b->web.ring = ring;
    b->http = h;
    b->config = &config;
}

static void it_opens_is_read_again_and_closes(void **state)
{
    opened("none", "");
    opened("one", "127.0.0.1:1");
    shut = true;
    opened("one that is shut", "0.0.0.0:1");
    web_reload(b);
    shut = false;
    web_reload(b);
    server_status = PV_IO;
    web_reload(b);
    opened("one that fails", "127.0.0.1:1");
    server_status = PV_OK;
    for (int i = 0; i < 2; i++) {
        heap_fail_after(i);
        opened("no memory", "127.0.0.1:1");
        heap_fail_after(-1);
    }
    golden_is("vectors/broker/web_opens.txt");
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_broker, close_broker)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(each_read_has_its_rows),
        T(a_turn_does_so_much),
        T(each_write_is_an_event_and_its_answer),
        T(what_is_not_durable_waits),
        T(so_many_writes_wait),
        T(each_answer_of_the_core_has_its_code),
        T(news_are_published_and_told_once),
        T(a_broker_without_http_has_nothing_of_it),
        T(it_opens_is_read_again_and_closes),
    };
    golden_writes(argc > 1 && !strcmp(argv[1], "write"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
