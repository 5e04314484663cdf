#include "session_broker.h"

#include "words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fake session_fake;

static char heard[16384];
static const char *result;
static unsigned welcomed, lost;

static void hear(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void hear(const char *format, ...)
{
    size_t used = strlen(heard);
    va_list args;
    va_start(args, format);
    vsnprintf(heard + used, sizeof heard - used, format, args);
    va_end(args);
}

/* ---- what it hears ---- */

#define SAY(m, field, format, ...)                                                                                     \
    do                                                                                                                 \
        if ((m)->has.field) hear(" " #field "=" format, __VA_ARGS__);                                                  \
    while (0)

/* A client that is refused may ask once more before it looks: whether it does is of chance. */
static void forget_repeated(void)
{
    static const char before[] = "  HELLO";
    size_t n = strlen(heard), last = n - 1;
    while (last > 0 && heard[last - 1] != '\n') last--;
    if (last >= n - last && !strncmp(heard + last, before, sizeof before - 1) &&
        !memcmp(heard + last - (n - last), heard + last, n - last))
        heard[last] = '\0';
}

static void note(const struct wire_msg *m)
{
    char id[WIRE_ID_TEXT];
    hear("  %s", wire_type_name((int)m->type));
    SAY(m, what, "%s", wire_word(WIRE_WORDS_what, (int)m->what));
    SAY(m, scope, "%s", wire_word(WIRE_WORDS_scope, (int)m->scope));
    SAY(m, verb, "%s", wire_word(WIRE_WORDS_verb, (int)m->verb));
    SAY(m, role, "%s", wire_word(WIRE_WORDS_role, (int)m->role));
    SAY(m, any_role, "%d", m->any_role);
    if (m->has.name && strncmp(m->name, "provost-cli-", 12) != 0) hear(" name=%s", m->name); /* else host and process */
    SAY(m, task, "%s", wire_id_text(id, m->task));
    SAY(m, queue, "%s", m->queue);
    SAY(m, circuit, "%s", m->circuit);
    SAY(m, group, "%s", m->group);
    SAY(m, prover, "%s", m->prover);
    SAY(m, principal, "%s", m->principal);
    SAY(m, client, "%s", m->client);
    SAY(m, state, "%s", task_state_word(m->state));
    SAY(m, states, "%x", (unsigned)m->states);
    SAY(m, age_ms, "%llu", (unsigned long long)m->age_ms);
    SAY(m, dry, "%d", m->dry);
    SAY(m, forget, "%d", m->forget);
    SAY(m, after, "%s", m->after);
    SAY(m, limit, "%u", (unsigned)m->limit);
    SAY(m, length, "%llu", (unsigned long long)m->length);
    SAY(m, priority, "%u", (unsigned)m->priority);
    SAY(m, on_restart, "%s", wire_word(WIRE_WORDS_on_restart, (int)m->on_restart));
    SAY(m, ttl_ms, "%llu", (unsigned long long)m->ttl_ms);
    SAY(m, revive, "%d", m->revive);
    SAY(m, need_vram, "%llu", (unsigned long long)m->need_vram);
    SAY(m, need_ram, "%llu", (unsigned long long)m->need_ram);
    for (size_t i = 0; m->has.options && i < m->options.cells_n; i++)
        hear(" %s=%lld", m->options.cells[i].key,
             m->options.cells[i].type == WIRE_CELL_INT ? (long long)m->options.cells[i].number : -1);
    hear("\n");
    if (m->type == WIRE_HELLO) forget_repeated();
}

/* ---- its usual tables ---- */

#define TEXT(k, t)                                                                                                     \
    {                                                                                                                  \
        .key = k, .type = WIRE_CELL_TEXT, .text = t                                                                    \
    }
#define INT(k, n)                                                                                                      \
    {                                                                                                                  \
        .key = k, .type = WIRE_CELL_INT, .number = n                                                                   \
    }
#define BOOL(k, b)                                                                                                     \
    {                                                                                                                  \
        .key = k, .type = WIRE_CELL_BOOL, .truth = b                                                                   \
    }
#define NIL(k)                                                                                                         \
    {                                                                                                                  \
        .key = k, .type = WIRE_CELL_NIL                                                                                \
    }
#define ROW(cells)                                                                                                     \
    {                                                                                                                  \
        cells, sizeof cells / sizeof *cells                                                                            \
    }

static const struct wire_cell outer[] = { TEXT("queue", "outer"),
                                          BOOL("paused", false),
                                          INT("queued", 120),
                                          INT("offered", 0),
                                          INT("running", 2),
                                          INT("delayed", 1),
                                          INT("recovering", 0),
                                          INT("succeeded", 12345),
                                          INT("dead", 3),
                                          INT("demand", 123),
                                          INT("oldest_queued_ms", 61000),
                                          INT("average_ms", 1500),
                                          INT("provers", 2),
                                          INT("slots", 4),
                                          INT("unservable", 0),
                                          INT("run_timeout_ms", 600000),
                                          INT("stall_timeout_ms", 0),
                                          TEXT("late", "accept") };
static const struct wire_cell idle[] = { TEXT("queue", "a-queue-with-a-long-name"),
                                         BOOL("paused", true),
                                         INT("queued", 7),
                                         INT("running", 0),
                                         INT("demand", 7),
                                         INT("provers", 0),
                                         INT("slots", 0),
                                         INT("unservable", 7) };
static const struct wire_row queues[] = { ROW(outer), ROW(idle) };
static const struct wire_cell prover_one[] = { TEXT("prover", "node-1"), TEXT("principal", "fleet"),
                                               BOOL("live", true),       BOOL("draining", false),
                                               INT("quarantined_ms", 0), INT("slots", 2),
                                               INT("prefetch", 1),       INT("running", 2),
                                               INT("held", 3),           INT("done", 4711),
                                               INT("failed", 2),         INT("lost", 1),
                                               INT("busy_ms", 86400000), INT("vram", 85899345920),
                                               INT("heard_ms", 1200),    TEXT("software", "provost 1") };
static const struct wire_cell prover_two[] = { TEXT("prover", "node-2"),
                                               TEXT("principal", "fleet"),
                                               BOOL("live", false),
                                               BOOL("draining", true),
                                               INT("quarantined_ms", 90000),
                                               INT("slots", 1),
                                               INT("prefetch", 0),
                                               INT("running", 0),
                                               INT("held", 0),
                                               INT("done", 0),
                                               INT("failed", 0),
                                               INT("lost", 0),
                                               INT("busy_ms", 0),
                                               NIL("vram"),
                                               NIL("heard_ms"),
                                               TEXT("software", "\xe2\x80\xae x") };
static const struct wire_row provers[] = { ROW(prover_one), ROW(prover_two) };
static const struct wire_cell figures[] = { TEXT("software", "fake 2"),
                                            BOOL("ready", true),
                                            INT("epoch", 3),
                                            INT("uptime_ms", 3723000),
                                            INT("demand", 130),
                                            INT("queued", 127),
                                            INT("running", 2),
                                            INT("succeeded", 12345),
                                            INT("dead", 3),
                                            INT("provers", 1),
                                            INT("connections", 9),
                                            INT("disk_free", 1099511627776),
                                            INT("payload_max", 536870912) };
static const struct wire_row status_rows[] = { ROW(figures) };
static const struct wire_cell task_one[] = { TEXT("task", "000102030405060708090a0b0c0d0e0f"),
                                             TEXT("state", "running"),
                                             TEXT("queue", "outer"),
                                             TEXT("circuit", "withdraw"),
                                             TEXT("prover", "node-1"),
                                             INT("percent", 40),
                                             INT("failures", 0),
                                             INT("losses", 1),
                                             INT("length", 1536),
                                             INT("changed", 1700000000000) };
static const struct wire_cell task_two[] = { TEXT("task", "ff0102030405060708090a0b0c0d0e0f"),
                                             TEXT("state", "queued"),
                                             TEXT("queue", "outer"),
                                             TEXT("circuit", "a-circuit-with-a-long-name-indeed"),
                                             NIL("prover"),
                                             NIL("percent"),
                                             INT("failures", 2),
                                             INT("losses", 0),
                                             INT("length", 5),
                                             INT("changed", 0) };
static const struct wire_row tasks[] = { ROW(task_one), ROW(task_two) };
static const struct wire_cell event_one[] = { INT("event", 41),
                                              INT("time", 1700000000000),
                                              TEXT("kind", "task"),
                                              TEXT("what", "state"),
                                              TEXT("task", "000102030405060708090a0b0c0d0e0f"),
                                              TEXT("queue", "outer"),
                                              TEXT("from", "queued"),
                                              TEXT("to", "running"),
                                              TEXT("prover", "node-1"),
                                              TEXT("status", ""),
                                              TEXT("text", "two words") };
static const struct wire_row events[] = { ROW(event_one) };

static const struct {
    enum wire_what what;
    const char *schema;
    const struct wire_row *rows;
    size_t n;
} lists[] = {
    { WIRE_WHAT_QUEUES, "provost.queues/1", queues, 2 },   { WIRE_WHAT_PROVERS, "provost.provers/1", provers, 2 },
    { WIRE_WHAT_TASKS, "provost.tasks/1", tasks, 2 },      { WIRE_WHAT_STATUS, "provost.status/1", status_rows, 1 },
    { WIRE_WHAT_EVENTS, "provost.events/1", events, 1 },   { WIRE_WHAT_KEYS, "provost.keys/1", NULL, 0 },
    { WIRE_WHAT_HANDLERS, "provost.handlers/1", NULL, 0 },
};

/* ---- what a line tells ---- */

enum { TOLD_ROWS = 64, TOLD_CELLS = 800, TOLD_NEWS = 8, TYPES = 128 };

struct refusal {
    bool is, mute;
    pv_status status;
    int what; /* of a LIST, or the role of a HELLO; -1: any */
    const char *text;
};

static struct {
    char texts[1 << 16]; /* a word's text is kept here */
    size_t used;
    struct wire_cell cells[TOLD_CELLS];
    size_t cells_n;
    struct {
        bool told;
        struct wire_row rows[TOLD_ROWS];
        size_t n;
        const char *next;
    } table[sizeof lists / sizeof *lists];
    struct refusal refusal[TYPES];
    bool once, new_broker, steps;
    size_t step;
    struct wire_msg asked; /* the SUBMIT or ATTACH of the steps */
    struct wire_msg task, submitted, deliver, cancelled, news[TOLD_NEWS];
    bool has_task, has_submitted, has_deliver, never, has_cancelled, has_counts, has_result;
    size_t news_n;
    struct wire_counts counts;
    const char *result; /* NULL: the input */
    size_t result_bytes;
} told;

static char *room(size_t bytes)
{
    if (told.used + bytes > sizeof told.texts) fail_msg("more text than there is room for");
    told.used += bytes;
    return told.texts + told.used - bytes;
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const char *quoted(struct session_word *w, const char *p)
{
    char *to = room(strlen(p) + 1);
    w->text = to;
    for (p++; *p && *p != '"'; p++) {
        if (*p != '\\') {
            *to++ = *p;
        } else if (p[1] == 'x' && hex(p[2]) >= 0 && hex(p[3]) >= 0) {
            *to++ = (char)(hex(p[2]) * 16 + hex(p[3]));
            p += 3;
        } else {
            *to++ = (char)(*++p == 'n' ? '\n' : *p == 'e' ? 27 : *p);
        }
    }
    if (*p != '"') fail_msg("a text without its end");
    *to = '\0';
    w->bytes = (size_t)(to - w->text);
    w->quoted = true;
    return p + 1;
}

bool session_word_next(struct session_word *w, const char **line)
{
    const char *p = *line + strspn(*line, " ");
    *w = (struct session_word){ .key = "" };
    if (!*p) return false;
    size_t n = strcspn(p, " =\"");
    if (p[n] == '=') {
        if (n >= sizeof w->key) fail_msg("a long key: %s", p);
        memcpy(w->key, p, n);
        p += n + 1;
    }
    if (*p == '"') {
        p = quoted(w, p);
    } else {
        w->bytes = strcspn(p, " ");
        char *to = room(w->bytes + 1);
        memcpy(to, p, w->bytes);
        to[w->bytes] = '\0';
        w->text = to;
        p += w->bytes;
    }
    *line = p;
    return true;
}

static struct wire_cell cell_of(const struct session_word *w)
{
    struct wire_cell c = { .type = WIRE_CELL_TEXT };
    char *key = room(strlen(w->key) + 1);
    c.key = strcpy(key, w->key);
    if (w->quoted) {
        c.text = w->text;
    } else if (!strcmp(w->text, "-")) {
        c.type = WIRE_CELL_NIL;
    } else if (!strcmp(w->text, "yes") || !strcmp(w->text, "no")) {
        c.type = WIRE_CELL_BOOL;
        c.truth = w->text[0] == 'y';
    } else {
        c.type = WIRE_CELL_INT;
        c.number = strtoll(w->text, NULL, 10);
    }
    return c;
}

static size_t list_of(const char *word)
{
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (!strcmp(wire_word(WIRE_WORDS_what, (int)lists[i].what), word)) return i;
    fail_msg("no such table: %s", word);
    return 0;
}

static pv_status status_of(const char *word)
{
    for (int s = 0; s < 256; s++)
        if (!strcmp(pv_status_word((pv_status)s), word)) return (pv_status)s;
    fail_msg("no such status: %s", word);
    return PV_OK;
}

static enum task_state state_of(const char *word)
{
    enum task_state s;
    if (!task_state_of_word(&s, word)) fail_msg("no such state: %s", word);
    return s;
}

static void tell_row(const char **line)
{
    struct session_word w;
    struct wire_row *row;
    session_word_next(&w, line);
    size_t i = list_of(w.text), first = told.cells_n;
    told.table[i].told = true;
    assert_true(told.table[i].n < TOLD_ROWS);
    row = &told.table[i].rows[told.table[i].n++];
    while (session_word_next(&w, line)) {
        assert_true(told.cells_n < TOLD_CELLS);
        told.cells[told.cells_n++] = cell_of(&w);
    }
    *row = (struct wire_row){ told.cells + first, told.cells_n - first };
}

static int role_of(const char *word)
{
    return strcmp(word, "admin") ? WIRE_ROLE_CLIENT : WIRE_ROLE_ADMIN;
}

static void tell_refusal(const char **line, bool mute)
{
    struct session_word w;
    struct refusal r = { .is = true, .mute = mute, .what = -1 };
    session_word_next(&w, line);
    char *what = strchr((char *)w.text, ':');
    if (what) {
        *what = '\0';
        r.what = strcmp(w.text, "HELLO") ? (int)lists[list_of(what + 1)].what : role_of(what + 1);
    }
    int type = 0;
    while (type < TYPES && strcmp(wire_type_name(type) ? wire_type_name(type) : "", w.text)) type++;
    if (type == TYPES) fail_msg("no such message: %s", w.text);
    if (!mute) {
        session_word_next(&w, line);
        r.status = status_of(w.text);
        session_word_next(&w, line);
        r.text = w.text;
    }
    told.refusal[type] = r;
}

#define NUMBER(field)                                                                                                  \
    if (!strcmp(w.key, #field)) WIRE_SET(m, field, (unsigned)strtoull(w.text, NULL, 10));
#define LONG(field)                                                                                                    \
    if (!strcmp(w.key, #field)) WIRE_SET(m, field, strtoull(w.text, NULL, 10));
#define SENTENCE(field)                                                                                                \
    if (!strcmp(w.key, #field)) WIRE_SET(m, field, w.text);

/* The fields of a message of the broker's that the transcript says. */
static void tell_fields(struct wire_msg *m, const char **line)
{
    struct session_word w;
    while (session_word_next(&w, line)) {
        if (!strcmp(w.key, "state")) WIRE_SET(m, state, state_of(w.text));
        if (!strcmp(w.key, "status")) WIRE_SET(m, status, status_of(w.text));
        if (!strcmp(w.key, "unservable")) WIRE_SET(m, unservable, w.text[0] == 'y');
        LONG(position)
        LONG(eta_ms)
        LONG(result_length)
        LONG(measured_ms)
        LONG(deadline)
        LONG(length)
        NUMBER(percent)
        NUMBER(losses)
        NUMBER(attempts)
        NUMBER(priority)
        NUMBER(generation)
        SENTENCE(phase)
        SENTENCE(note)
        SENTENCE(text)
        SENTENCE(prover)
        SENTENCE(client)
        SENTENCE(principal)
        SENTENCE(group)
        SENTENCE(queue)
        SENTENCE(circuit)
    }
}

static void tell_counts(const char **line)
{
    struct session_word w;
    told.has_counts = true;
    while (session_word_next(&w, line)) told.counts.of[state_of(w.key)] = strtoull(w.text, NULL, 10);
}

static void tell_deliver(const char **line)
{
    told.has_deliver = true;
    told.never = !**line;
    tell_fields(&told.deliver, line);
}

static void tell_result(const char **line)
{
    struct session_word w;
    told.has_result = true;
    if (!session_word_next(&w, line)) return;
    told.result = w.text;
    told.result_bytes = w.bytes;
}

static void tell_news(enum wire_type type, const char **line)
{
    assert_true(told.news_n < TOLD_NEWS);
    struct wire_msg *m = &told.news[told.news_n++];
    m->type = type;
    tell_fields(m, line);
}

static void tell_table(const char **line, bool next)
{
    struct session_word w;
    session_word_next(&w, line);
    size_t i = list_of(w.text);
    told.table[i].told |= !next;
    if (next && session_word_next(&w, line)) told.table[i].next = w.text;
}

bool session_broker_told(const char *line)
{
    struct session_word verb;
    line += 2;
    session_word_next(&verb, &line);
    const char *is = verb.text;
    if (!strcmp(is, "ROWS")) return tell_row(&line), true;
    if (!strcmp(is, "EMPTY") || !strcmp(is, "NEXT")) return tell_table(&line, is[0] == 'N'), true;
    if (!strcmp(is, "ERROR") || !strcmp(is, "MUTE")) return tell_refusal(&line, is[0] == 'M'), true;
    if (!strcmp(is, "ONCE")) return told.once = true;
    if (!strcmp(is, "WELCOME")) return told.new_broker = true;
    if (!strcmp(is, "TASK")) return tell_fields(&told.task, &line), told.has_task = true;
    if (!strcmp(is, "SUBMITTED")) return tell_fields(&told.submitted, &line), told.has_submitted = true;
    if (!strcmp(is, "NEWS")) return tell_news(WIRE_PROGRESS, &line), true;
    if (!strcmp(is, "STATE")) return tell_news(WIRE_TASK, &line), true;
    if (!strcmp(is, "DELIVER")) return tell_deliver(&line), true;
    if (!strcmp(is, "RESULT")) return tell_result(&line), true;
    if (!strcmp(is, "COUNTS")) return tell_counts(&line), true;
    if (!strcmp(is, "CANCELLED")) return tell_fields(&told.cancelled, &line), told.has_cancelled = true;
    return false;
}

/* ---- what it answers ---- */

/* Notes a message; true: it is refused, or not answered. */
static bool refused(struct fake *b, const struct wire_msg *m)
{
    struct refusal *r = &told.refusal[m->type];
    note(m);
    int what = m->type == WIRE_HELLO ? (int)m->role : (int)m->what;
    if (!r->is || (r->what >= 0 && r->what != what)) return false;
    if (!r->mute) fake_error(b, m, r->status, r->text);
    if (told.once) r->is = false;
    return true;
}

static void on_hello(struct fake *b, const struct wire_msg *m)
{
    static const char *const kinds[] = { "wtns", "json" };
    struct wire_msg w = { .type = WIRE_WELCOME };
    if (refused(b, m)) return;
    welcomed++;
    WIRE_SET(&w, epoch, b->epoch);
    WIRE_SET(&w, heartbeat_ms, 10000);
    WIRE_SET(&w, lease_ms, 60000);
    WIRE_SET(&w, inline_max, WIRE_INLINE_MAX);
    WIRE_SET(&w, chunk_max, b->chunk_max);
    WIRE_SET(&w, payload_max, b->payload_max);
    WIRE_SET(&w, window, b->window);
    WIRE_SET(&w, principal, "someone");
    WIRE_SET(&w, software, "fake 2");
    WIRE_SET(&w, by_principal, true);
    WIRE_SET(&w, purge_forgets, true);
    if (told.new_broker) {
        WIRE_SET(&w, more_circuits, true);
        WIRE_SET(&w, takes_handlers, true);
        WIRE_SET(&w, deadline_in, true);
        WIRE_SET(&w, traces, true);
        WIRE_SET_LIST(&w, input_kinds, kinds, 2);
    }
    fake_send(b, &w);
}

static void rows_send(struct fake *b, const struct wire_msg *m, size_t list, const struct wire_row *from, size_t n,
                      const char *next)
{
    struct wire_msg a = { .type = WIRE_ROWS };
    WIRE_SET(&a, req, m->req);
    WIRE_SET(&a, schema, lists[list].schema);
    WIRE_SET_LIST(&a, rows, from, n);
    if (next) WIRE_SET(&a, next, next);
    fake_send(b, &a);
}

static void on_list(struct fake *b, const struct wire_msg *m)
{
    if (refused(b, m)) return;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        if (lists[i].what != m->what) continue;
        size_t n = lists[i].n;
        if (m->has.queue && strcmp(m->queue, "outer") == 0 && m->what == WIRE_WHAT_QUEUES) n = 1;
        if (m->has.queue && strcmp(m->queue, "nowhere") == 0) n = 0;
        bool more = m->what == WIRE_WHAT_TASKS && m->limit == 1;
        const char *next = told.table[i].next && !m->has.after ? told.table[i].next : NULL;
        if (told.table[i].told)
            rows_send(b, m, i, told.table[i].rows, told.table[i].n, next);
        else
            rows_send(b, m, i, lists[i].rows, more ? 1 : n, more ? "77" : next);
    }
}

static void on_queue(struct fake *b, const struct wire_msg *m)
{
    if (refused(b, m)) return;
    if (strcmp(m->queue, "nowhere") == 0)
        fake_error(b, m, PV_UNKNOWN_QUEUE, "there is no such queue");
    else
        rows_send(b, m, 0, queues, 1, NULL);
}

static void on_prover(struct fake *b, const struct wire_msg *m)
{
    if (!refused(b, m)) rows_send(b, m, 1, provers, 1, NULL);
}

static void on_purge(struct fake *b, const struct wire_msg *m)
{
    if (refused(b, m)) return;
    if (m->has.queue && strcmp(m->queue, "nowhere") == 0) {
        fake_error(b, m, PV_UNKNOWN_QUEUE, "there is no such queue");
        return;
    }
    struct wire_msg a = { .type = WIRE_COUNTS };
    WIRE_SET(&a, req, m->req);
    a.has.counts = true;
    a.counts.of[TASK_QUEUED] = 3;
    a.counts.of[TASK_RUNNING] = 2;
    if (!m->has.states) a.counts.of[TASK_SUCCEEDED] = 5;
    if (told.has_counts) a.counts = told.counts;
    fake_send(b, &a);
}

static bool known(struct fake *b, const struct wire_msg *m)
{
    if (refused(b, m)) return false;
    if (m->task.bytes[0] == 0) return true;
    fake_error(b, m, PV_NOT_FOUND, "there is no such task");
    return false;
}

#define SAME(field)                                                                                                    \
    if (told_of->has.field) WIRE_SET(&a, field, told_of->field);

/* A TASK; told_of: what the transcript says of it. */
static void task_send(struct fake *b, uint32_t req, wire_id task, enum task_state state, const struct wire_msg *told_of)
{
    static const wire_hash none = { { 0 } };
    struct wire_msg a = { .type = WIRE_TASK };
    if (req) WIRE_SET(&a, req, req);
    WIRE_SET(&a, task, task);
    WIRE_SET(&a, state, state);
    WIRE_SET(&a, generation, 1);
    WIRE_SET(&a, queue, "q");
    WIRE_SET(&a, circuit, "c");
    WIRE_SET(&a, status, PV_OK);
    WIRE_SET(&a, length, 3);
    WIRE_SET(&a, sha256, none);
    WIRE_SET(&a, created, 1000);
    WIRE_SET(&a, changed, 2000);
    WIRE_SET(&a, failures, 2);
    SAME(state)
    SAME(status)
    SAME(unservable)
    SAME(position)
    SAME(eta_ms)
    SAME(result_length)
    SAME(measured_ms)
    SAME(deadline)
    SAME(length)
    SAME(percent)
    SAME(losses)
    SAME(attempts)
    SAME(priority)
    SAME(generation)
    SAME(phase)
    SAME(note)
    SAME(text)
    SAME(prover)
    SAME(client)
    SAME(principal)
    SAME(group)
    SAME(queue)
    SAME(circuit)
    fake_send(b, &a);
}

static void on_show(struct fake *b, const struct wire_msg *m)
{
    if (known(b, m)) task_send(b, m->req, m->task, TASK_DELAYED, &told.task);
}

static void on_cancel(struct fake *b, const struct wire_msg *m)
{
    if (!known(b, m)) return;
    struct wire_msg a = { .type = WIRE_CANCELLED };
    WIRE_SET(&a, req, m->req);
    WIRE_SET(&a, task, m->task);
    WIRE_SET(&a, state, told.has_cancelled ? told.cancelled.state : TASK_CANCELLED);
    fake_send(b, &a);
}

/* The end of a task, as the transcript has it; else this one. */
static void deliver(struct fake *b, uint32_t req, const struct wire_msg *m, enum task_state state, pv_status status)
{
    const struct wire_msg *told_of = &told.deliver;
    const char *bytes = result;
    size_t n = strlen(result);
    if (told.has_deliver && told.never) return;
    if (told.has_deliver) state = told_of->state, status = told_of->has.status ? told_of->status : PV_OK;
    if (told.has_result) {
        bytes = told.result ? told.result : (const char *)m->payload;
        n = told.result ? told.result_bytes : m->payload_bytes;
    }
    bool good = state == TASK_SUCCEEDED;
    if (!told_of->has.text) {
        fake_deliver(b, req, m->task, state, status, good ? bytes : NULL, good ? n : 0);
        return;
    }
    struct wire_msg a = { .type = WIRE_DELIVER };
    if (req) WIRE_SET(&a, req, req);
    WIRE_SET(&a, task, m->task);
    WIRE_SET(&a, generation, 1);
    WIRE_SET(&a, state, state);
    WIRE_SET(&a, status, status);
    SAME(text)
    SAME(prover)
    SAME(measured_ms)
    fake_send(b, &a);
}

static void on_fetch(struct fake *b, const struct wire_msg *m)
{
    if (known(b, m)) deliver(b, m->req, m, TASK_SUCCEEDED, PV_OK);
}

static void news_send(struct fake *b, wire_id task, const struct wire_msg *told_of)
{
    struct wire_msg a = *told_of;
    if (a.type == WIRE_TASK) {
        task_send(b, 0, task, TASK_RUNNING, &a);
        return;
    }
    WIRE_SET(&a, task, task);
    fake_send(b, &a);
}

static void ends(struct fake *b, const struct wire_msg *m)
{
    if (m->has.queue && strcmp(m->queue, "deadly") == 0)
        deliver(b, 0, m, TASK_DEAD, PV_BAD_WITNESS);
    else
        deliver(b, 0, m, TASK_SUCCEEDED, PV_OK);
}

/* News, and then its end: at once, or at each step. */
static void goes_on(struct fake *b, const struct wire_msg *m)
{
    if (told.steps) {
        told.asked = (struct wire_msg){ .task = m->task };
        return;
    }
    for (size_t i = 0; i < told.news_n; i++) news_send(b, m->task, &told.news[i]);
    ends(b, m);
}

static void on_submit(struct fake *b, const struct wire_msg *m)
{
    const struct wire_msg *told_of = &told.submitted;
    if (refused(b, m)) return;
    if (strcmp(m->queue, "closed") == 0) {
        fake_error(b, m, PV_UNAUTHORIZED, "");
        return;
    }
    struct wire_msg a = { .type = WIRE_SUBMIT_OK };
    WIRE_SET(&a, req, m->req);
    WIRE_SET(&a, task, m->task);
    WIRE_SET(&a, state, TASK_QUEUED);
    WIRE_SET(&a, generation, 1);
    SAME(state)
    SAME(position)
    SAME(eta_ms)
    SAME(unservable)
    fake_send(b, &a);
    goes_on(b, m);
}

static void on_attach(struct fake *b, const struct wire_msg *m)
{
    if (!known(b, m)) return;
    task_send(b, m->req, m->task, TASK_SUCCEEDED, &told.task);
    goes_on(b, m);
}

static void on_ack(struct fake *b, const struct wire_msg *m)
{
    note(m);
}

/* ---- its life ---- */

void session_broker_start(const char *of_tasks)
{
    struct fake *f = &session_fake;
    result = of_tasks;
    welcomed = lost = 0;
    fake_init(f);
    f->no_welcome = true;
    f->on[WIRE_HELLO] = on_hello;
    f->on[WIRE_LIST] = on_list;
    f->on[WIRE_QUEUE] = on_queue;
    f->on[WIRE_PROVER] = on_prover;
    f->on[WIRE_PURGE] = on_purge;
    f->on[WIRE_SHOW] = f->on[WIRE_KICK] = on_show;
    f->on[WIRE_CANCEL] = on_cancel;
    f->on[WIRE_FETCH] = on_fetch;
    f->on[WIRE_SUBMIT] = on_submit;
    f->on[WIRE_ATTACH] = on_attach;
    f->on[WIRE_ACK] = on_ack;
    fake_start(f);
}

void session_broker_stop(void)
{
    fake_clear(&session_fake);
}

void session_broker_begin(void)
{
    fake_lock(&session_fake);
    heard[0] = '\0';
    memset(&told, 0, sizeof told);
    fake_unlock(&session_fake);
}

void session_broker_steps(void)
{
    told.steps = true;
}

void session_broker_step(void)
{
    fake_lock(&session_fake);
    if (told.step < told.news_n)
        news_send(&session_fake, told.asked.task, &told.news[told.step++]);
    else
        ends(&session_fake, &told.asked);
    fake_unlock(&session_fake);
}

void session_broker_end(bool rude)
{
    fake_lock(&session_fake);
    unsigned wanted = welcomed - lost, got = session_fake.got[WIRE_DISCONNECT];
    if (rude && wanted > got) lost += wanted - got;
    fake_unlock(&session_fake);
    if (!rude) fake_expect(&session_fake, WIRE_DISCONNECT, wanted);
}

char *session_broker_heard(void)
{
    return heard;
}
