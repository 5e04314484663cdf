#include "damage.h"

#include "step.h"

#include "log.h"
#include "words.h"

#include <inttypes.h>
#include <stdlib.h>

bool damage_is(pv_status why)
{
    return why == PV_GONE || why == PV_NOT_FOUND || why == PV_HASH_MISMATCH;
}

void damage_note(struct broker *b, struct broker_damage damage)
{
    struct broker_damaged *d = &b->damaged;
    if (d->n == d->cap) {
        size_t cap = d->cap ? 2 * d->cap : 16;
        struct broker_damage *more = realloc(d->at, cap * sizeof *more);
        if (!more) return;
        d->at = more;
        d->cap = cap;
    }
    d->at[d->n++] = damage;
}

static struct sched_event event_of(const struct broker_damage *d)
{
    struct sched_event ev = { .type = SCHED_DAMAGED };
    ev.task = d->key.task;
    ev.owner = d->key.owner;
    ev.token = d->key.token;
    ev.damaged.kind = d->key.kind;
    ev.damaged.sha256 = d->sha256;
    ev.damaged.unsent = d->unsent;
    return ev;
}

static void say(struct broker *b, const struct broker_damage *d)
{
    char id[WIRE_ID_TEXT], hex[WIRE_HASH_TEXT];
    b->counters.damaged++;
    LOG_ERROR("payload.damaged", "task=%s principal=%s kind=%s sha256=%s why=%s", wire_id_text(id, d->key.task),
              d->key.owner, wire_word(WIRE_WORDS_kind, (int)d->key.kind), wire_hash_text(hex, d->sha256),
              d->why == PV_HASH_MISMATCH ? "changed" : "missing-cut-or-unreadable");
}

static void tell(struct broker *b, const struct broker_damage *d)
{
    struct sched_event ev = event_of(d);
    size_t before = b->batch.out.n;
    broker_step(b, &ev, NULL);
    if (b->batch.out.n > before) say(b, d);
}

/* The core does nothing when the task was over, or forgotten, before its message went out, or when another receiver of the
 * same batch found the damage first. */
void damage_tell(struct broker *b)
{
    for (size_t i = 0; i < b->damaged.n; i++) tell(b, &b->damaged.at[i]);
    b->damaged.n = 0;
}

/* ---- the look at all of them after a start ---- */

void damage_look(struct broker *b)
{
    pv_status st = survey_start(&b->survey, b->store, b->wake);
    if (st != PV_OK) LOG_WARN("payloads.not_looked_at", "why=%s", pv_status_word(st));
}

static void found(void *context, const struct store_named *n)
{
    bool input = n->kind == STORE_INPUT;
    struct broker_damage d = { .sha256 = n->sha256, .why = n->found };
    d.key.kind = input ? WIRE_KIND_INPUT : WIRE_KIND_RESULT;
    d.key.owner = n->principal;
    d.key.task = n->task;
    tell(context, &d);
}

void damage_looked(struct broker *b)
{
    if (!b->survey || survey_turn(b->survey, found, b)) return;
    struct survey_stats st = survey_read_stats(b->survey);
    LOG_INFO("payloads.looked_at", "payloads=%" PRIu64 " damaged=%" PRIu64, st.payloads, st.damaged);
    survey_end(&b->survey);
}
