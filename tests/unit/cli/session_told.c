#include "session_told.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct session_told session_told;

static char *room(size_t bytes)
{
    if (session_told.used + bytes > sizeof session_told.texts) fail_msg("more text than there is room for");
    session_told.used += bytes;
    return session_told.texts + session_told.used - bytes;
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
    for (size_t i = 0; i < SESSION_LISTS; i++)
        if (!strcmp(wire_word(WIRE_WORDS_what, (int)session_lists[i].what), word)) return i;
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
    size_t i = list_of(w.text), first = session_told.cells_n;
    session_told.table[i].told = true;
    assert_true(session_told.table[i].n < TOLD_ROWS);
    row = &session_told.table[i].rows[session_told.table[i].n++];
    while (session_word_next(&w, line)) {
        assert_true(session_told.cells_n < TOLD_CELLS);
        session_told.cells[session_told.cells_n++] = cell_of(&w);
    }
    *row = (struct wire_row){ session_told.cells + first, session_told.cells_n - first };
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
        r.what = strcmp(w.text, "HELLO") ? (int)session_lists[list_of(what + 1)].what : role_of(what + 1);
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
    session_told.refusal[type] = r;
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
    session_told.has_counts = true;
    while (session_word_next(&w, line)) session_told.counts.of[state_of(w.key)] = strtoull(w.text, NULL, 10);
}

static void tell_deliver(const char **line)
{
    session_told.has_deliver = true;
    session_told.never = !**line;
    tell_fields(&session_told.deliver, line);
}

static void tell_result(const char **line)
{
    struct session_word w;
    session_told.has_result = true;
    if (!session_word_next(&w, line)) return;
    session_told.result = w.text;
    session_told.result_bytes = w.bytes;
}

static void tell_news(enum wire_type type, const char **line)
{
    assert_true(session_told.news_n < TOLD_NEWS);
    struct wire_msg *m = &session_told.news[session_told.news_n++];
    m->type = type;
    tell_fields(m, line);
}

static void tell_table(const char **line, bool next)
{
    struct session_word w;
    session_word_next(&w, line);
    size_t i = list_of(w.text);
    session_told.table[i].told |= !next;
    if (next && session_word_next(&w, line)) session_told.table[i].next = w.text;
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
    if (!strcmp(is, "ONCE")) return session_told.once = true;
    if (!strcmp(is, "WELCOME")) return session_told.new_broker = true;
    if (!strcmp(is, "TASK")) return tell_fields(&session_told.task, &line), session_told.has_task = true;
    if (!strcmp(is, "SUBMITTED")) return tell_fields(&session_told.submitted, &line), session_told.has_submitted = true;
    if (!strcmp(is, "NEWS")) return tell_news(WIRE_PROGRESS, &line), true;
    if (!strcmp(is, "STATE")) return tell_news(WIRE_TASK, &line), true;
    if (!strcmp(is, "DELIVER")) return tell_deliver(&line), true;
    if (!strcmp(is, "RESULT")) return tell_result(&line), true;
    if (!strcmp(is, "COUNTS")) return tell_counts(&line), true;
    if (!strcmp(is, "CANCELLED")) return tell_fields(&session_told.cancelled, &line), session_told.has_cancelled = true;
    return false;
}
