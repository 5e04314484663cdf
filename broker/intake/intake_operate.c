/* QUEUE and PROVER: what administrators do. Each is written down before it is done. */
#include "intake_operate.h"

#include "intake_event.h"
#include "reply.h"
#include "say.h"
#include "step.h"

#include "log.h"
#include "words.h"

#include <stdio.h>
#include <string.h>

static bool admin(struct broker *b, const struct peer *peer, const struct wire_msg *m)
{
    if (peer->role == WIRE_ROLE_ADMIN || !b->keys) return true;
    reply_error(b, peer->handle, m->req, PV_UNAUTHORIZED, "this needs the admin role");
    return false;
}

static bool operation(struct broker *b, const struct peer *peer, const struct wire_msg *m, const char *principal,
                      const char *name)
{
    if (say_operation_later(b, peer, m, principal, name)) return true;
    intake_busy(b, peer, m->req, "operations");
    return false;
}

/* One option as a setting; nil clears it. False: there is no such option, or it cannot have this value. */
static bool setting_of(struct setting_record *r, const struct wire_cell *c)
{
    static const struct {
        const char *word;
        enum setting_key key;
    } known[] = { { "run_timeout_ms", SETTING_RUN_TIMEOUT }, { "stall_timeout_ms", SETTING_STALL_TIMEOUT } };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(c->key, known[i].word)) continue;
        bool number = c->type == WIRE_CELL_INT && c->number >= 0 && (uint64_t)c->number <= SETTING_TIMEOUT_MAX;
        *r = (struct setting_record){ .key = known[i].key, .cleared = c->type == WIRE_CELL_NIL };
        if (number) r->value = (uint64_t)c->number;
        return number || r->cleared;
    }
    return false;
}

static size_t settings_of(struct setting_record *to, const struct wire_row *options)
{
    size_t n = 0;
    while (n < options->cells_n && setting_of(&to[n], &options->cells[n])) n++;
    return n == options->cells_n ? n : 0;
}

void intake_queue(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    struct sched_event ev = intake_event(SCHED_QUEUE_VERB, peer, m);
    struct setting_record sets[WIRE_CELLS_MAX];
    if (!admin(b, peer, m)) return;
    ev.verb.sets = sets;
    ev.verb.sets_n = settings_of(sets, &m->options);
    if (m->verb == WIRE_VERB_SET && !ev.verb.sets_n) {
        reply_error(b, peer->handle, m->req, PV_USAGE,
                    "nothing to set: give run_timeout_ms or stall_timeout_ms, in milliseconds or nil");
        return;
    }
    if (!operation(b, peer, m, NULL, m->queue)) return;
    ev.verb.verb = m->verb;
    ev.verb.name = m->queue;
    LOG_INFO("queue.verb", "queue=%s verb=%s by=%s by_principal=%s", m->queue, wire_word(WIRE_WORDS_verb, (int)m->verb),
             peer->name, broker_principal(b, peer));
    broker_step(b, &ev, NULL);
}

/* The principals that have a prover of this name, into list; returns how many. One of them, the last, is in *one. */
static size_t principals_of(const struct broker *b, const char *name, char list[256], const char **one)
{
    struct sched_prover_view v;
    size_t n = 0, used = 0;
    list[0] = '\0';
    for (size_t place = 0; sched_prover_next(b->sched, &place, b->now_ms, &v);) {
        if (strcmp(v.name, name)) continue;
        *one = v.principal;
        if (used < 256) used += (size_t)snprintf(list + used, 256 - used, "%s%s", n ? ", " : "", v.principal);
        n++;
    }
    return n;
}

/* Two principals may each have a prover of one name: then the operator has to say which is meant. */
static bool prover_meant(struct broker *b, const struct peer *peer, const struct wire_msg *m, const char **principal)
{
    char list[256], text[384];
    *principal = m->has.principal ? m->principal : NULL;
    if (*principal || principals_of(b, m->prover, list, principal) < 2) return true;
    snprintf(text, sizeof text, "several principals have a prover of this name, say which: --principal, one of %s",
             list);
    reply_error(b, peer->handle, m->req, PV_USAGE, text);
    return false;
}

void intake_prover(struct broker *b, struct peer *peer, const struct wire_msg *m)
{
    struct sched_event ev = intake_event(SCHED_PROVER_VERB, peer, m);
    if (!admin(b, peer, m) || !prover_meant(b, peer, m, &ev.verb.principal)) return;
    if (!operation(b, peer, m, ev.verb.principal, m->prover)) return;
    ev.verb.verb = m->verb;
    ev.verb.name = m->prover;
    LOG_INFO("prover.verb", "prover=%s principal=%s verb=%s by=%s by_principal=%s", m->prover,
             ev.verb.principal ? ev.verb.principal : "", wire_word(WIRE_WORDS_verb, (int)m->verb), peer->name,
             broker_principal(b, peer));
    broker_step(b, &ev, NULL);
}
