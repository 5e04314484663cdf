/* What goes into the feed of events, and who sees what of it. Recorded after the commit,
 * which may not be on the disk yet: a feed of what happens promises nothing. */
#include "broker.h"

#include <stdio.h>
#include <string.h>

static struct event *add(struct broker *b, enum event_kind kind, const char *what)
{
    struct event *e = events_add(b->events);
    e->wall_ms = b->wall_ms;
    e->kind = kind;
    e->what = what;
    return e;
}

static void name_it(struct event *e, const char *name)
{
    snprintf(e->name, sizeof e->name, "%s", name ? name : "");
}

void feed_moved(struct broker *b, const struct sched_action *a)
{
    static const char *const charges[] = { "", "failure", "loss" };
    struct event *e = add(b, EVENT_TASK, "moved");
    e->principal = a->principal;
    e->queue = a->queue;
    e->task = a->task;
    e->token = a->token;
    e->from = a->from;
    e->to = a->state;
    e->status = a->status;
    e->charged = charges[a->charged];
    name_it(e, a->name);
}

/* Of clients only their tasks are told: they come and go with every look that somebody takes. */
void feed_peer(struct broker *b, const struct peer *peer, const char *what)
{
    char text[EVENT_TEXT_BYTES];
    if (peer->role != WIRE_ROLE_PROVER) return;
    snprintf(text, sizeof text, "%s", peer->software);
    feed_prover(b, peer->name, what, text);
}

void feed_prover(struct broker *b, const char *name, const char *what, const char *text)
{
    struct event *e = add(b, EVENT_PROVER, what);
    name_it(e, name);
    snprintf(e->text, sizeof e->text, "%s", text ? text : "");
}

void feed_operation(struct broker *b, const struct broker_operation *o)
{
    static const char *const queue_words[] = { "paused", "resumed", "set", "" };
    static const char *const prover_words[] = { "", "resumed", "", "drained" };
    struct event *e = add(b, o->prover ? EVENT_PROVER : EVENT_QUEUE, (o->prover ? prover_words : queue_words)[o->verb]);
    if (o->prover)
        name_it(e, o->name);
    else
        e->queue = sched_queue_name(b->sched, o->name);
    snprintf(e->text, sizeof e->text, "by %s", o->by);
}

void feed_broker(struct broker *b, const char *what, const char *text)
{
    struct event *e = add(b, EVENT_BROKER, what);
    snprintf(e->text, sizeof e->text, "%s", text ? text : "");
}

bool feed_visible(const struct broker *b, const struct peer *peer, const struct event *e)
{
    if (peer->role == WIRE_ROLE_ADMIN) return true;
    switch (e->kind) {
    case EVENT_QUEUE:
    case EVENT_BROKER: return true;
    case EVENT_PROVER: return !b->keys;
    default: return !strcmp(e->principal, broker_principal(b, peer));
    }
}
