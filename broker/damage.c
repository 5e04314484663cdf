#include "damage.h"

#include "step.h"

#include "log.h"
#include "words.h"

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

/* The core does nothing when the task was over, or forgotten, before its message went out, or when another receiver of the
 * same batch found the damage first. */
void damage_tell(struct broker *b)
{
    for (size_t i = 0; i < b->damaged.n; i++) {
        struct sched_event ev = event_of(&b->damaged.at[i]);
        size_t before = b->batch.out.n;
        broker_step(b, &ev, NULL);
        if (b->batch.out.n > before) say(b, &b->damaged.at[i]);
    }
    b->damaged.n = 0;
}
