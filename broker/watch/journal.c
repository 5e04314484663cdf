#include "journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct journal {
    uint64_t first; /* number of the first entry of this start */
    uint64_t n;     /* entries there were */
    struct journal_entry at[JOURNAL_KEPT];
};

struct journal *journal_new(uint32_t epoch)
{
    struct journal *j = calloc(1, sizeof *j);
    if (j) j->first = ((uint64_t)epoch << 32) + 1;
    return j;
}

void journal_destroy(struct journal **j)
{
    free(*j);
    *j = NULL;
}

/* --- writing --- */

static struct journal_entry *add(struct journal *j, uint64_t wall_ms, enum journal_kind kind, const char *what)
{
    struct journal_entry *e = &j->at[j->n % JOURNAL_KEPT];
    *e = (struct journal_entry){ .number = j->first + j->n,
                                 .wall_ms = wall_ms,
                                 .kind = kind,
                                 .what = what,
                                 .principal = "",
                                 .queue = "",
                                 .charged = "" };
    j->n++;
    return e;
}

static void name_it(struct journal_entry *e, const char *name)
{
    snprintf(e->name, sizeof e->name, "%s", name ? name : "");
}

static void text_it(struct journal_entry *e, const char *text)
{
    snprintf(e->text, sizeof e->text, "%s", text ? text : "");
}

void journal_moved(struct journal *j, uint64_t wall_ms, const struct sched_action *a)
{
    static const char *const charges[] = { "", "failure", "loss" };
    struct journal_entry *e = add(j, wall_ms, JOURNAL_TASK, "moved");
    e->principal = a->principal;
    e->queue = a->queue;
    e->task = a->task;
    e->token = a->token;
    e->from = a->from;
    e->to = a->state;
    e->status = a->status;
    e->charged = charges[a->charged];
    snprintf(e->traceparent, sizeof e->traceparent, "%s", a->traceparent ? a->traceparent : "");
    name_it(e, a->name);
}

void journal_peer(struct journal *j, uint64_t wall_ms, const struct peer *peer, const char *what)
{
    if (peer->role == WIRE_ROLE_PROVER) journal_prover(j, wall_ms, peer->name, what, peer->software);
}

void journal_prover(struct journal *j, uint64_t wall_ms, const char *name, const char *what, const char *text)
{
    struct journal_entry *e = add(j, wall_ms, JOURNAL_PROVER, what);
    name_it(e, name);
    text_it(e, text);
}

void journal_queue_verb(struct journal *j, uint64_t wall_ms, const char *queue, enum wire_verb verb, const char *by)
{
    static const char *const words[] = { "paused", "resumed", "set", "" };
    struct journal_entry *e = add(j, wall_ms, JOURNAL_QUEUE, words[verb]);
    e->queue = queue;
    snprintf(e->text, sizeof e->text, "by %s", by);
}

void journal_prover_verb(struct journal *j, uint64_t wall_ms, const char *name, enum wire_verb verb, const char *by)
{
    static const char *const words[] = { "", "resumed", "", "drained" };
    struct journal_entry *e = add(j, wall_ms, JOURNAL_PROVER, words[verb]);
    name_it(e, name);
    snprintf(e->text, sizeof e->text, "by %s", by);
}

void journal_broker(struct journal *j, uint64_t wall_ms, const char *what, const char *text)
{
    text_it(add(j, wall_ms, JOURNAL_BROKER, what), text);
}

/* --- reading --- */

static uint64_t oldest(const struct journal *j)
{
    return j->first + (j->n > JOURNAL_KEPT ? j->n - JOURNAL_KEPT : 0);
}

const struct journal_entry *journal_after(const struct journal *j, uint64_t after)
{
    uint64_t end = j->first + j->n, next = after < oldest(j) ? oldest(j) : after + 1;
    return after < end && next < end ? &j->at[(next - j->first) % JOURNAL_KEPT] : NULL;
}

uint64_t journal_last(const struct journal *j, uint64_t n)
{
    uint64_t there = j->n < JOURNAL_KEPT ? j->n : JOURNAL_KEPT;
    return n >= there ? 0 : j->first + j->n - 1 - n;
}

bool journal_lost(const struct journal *j, uint64_t after)
{
    return after && after < oldest(j) - 1;
}

bool journal_visible(const struct viewer *v, const struct journal_entry *e)
{
    if (viewer_sees_all(v)) return true;
    switch (e->kind) {
    case JOURNAL_QUEUE: return viewer_sees_queue(v, e->queue);
    case JOURNAL_BROKER: return true;
    case JOURNAL_PROVER: return viewer_sees_others(v);
    default: return !strcmp(e->principal, v->principal);
    }
}

const char *journal_kind_word(enum journal_kind kind)
{
    static const char *const words[] = {
#define K(kind, word) word,
        JOURNAL_KIND_LIST(K)
#undef K
    };
    return words[kind];
}
