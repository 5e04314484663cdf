#include "sched_setting.h"

#include "accounts.h"
#include "actions.h"
#include "looks.h"
#include "provers.h"
#include "tasks.h"
#include "who.h"

#include <string.h>

/* ---- the records ---- */

static void save_setting(struct sched *s, enum setting_key key, const char *principal, const char *name,
                         const uint64_t *value)
{
    struct setting_record *r = sched_actions_bytes(s->out, sizeof *r);
    if (!r) return; /* the batch has failed */
    *r = (struct setting_record){ .key = key, .value = value ? *value : 0, .cleared = !value };
    strncpy(r->principal, principal, WIRE_NAME_MAX);
    strncpy(r->name, name, WIRE_NAME_MAX);
    sched_act(s, SCHED_SAVE_SETTING)->setting = r;
}

void prover_setting_forget(struct sched *s, const struct prover *p)
{
    save_setting(s, SETTING_DRAINED, p->principal->text, p->name->text, NULL);
}

/* ---- queues ---- */

/* What was set, else what is configured, comes into force. */
static void queue_settle(struct sched *s, struct queue *q)
{
    q->run_timeout_ms =
        q->set[SETTING_RUN_TIMEOUT].there ? q->set[SETTING_RUN_TIMEOUT].value : q->configured.run_timeout_ms;
    q->stall_timeout_ms =
        q->set[SETTING_STALL_TIMEOUT].there ? q->set[SETTING_STALL_TIMEOUT].value : q->configured.stall_timeout_ms;
    q->paused = q->set[SETTING_PAUSED].there;
    for (uint32_t i = 0; i < s->provers_n; i++)
        for (struct attempt *a = s->provers[i] ? s->provers[i]->attempts : NULL; a; a = a->next)
            if (a->task) task_rearm(s, a->task);
    looks_at_all(s);
}

static void queue_take(struct queue *q, const struct setting_record *r)
{
    q->set[r->key].there = !r->cleared;
    q->set[r->key].value = r->cleared ? 0 : r->value;
}

static void queue_set(struct sched *s, struct queue *q, const struct setting_record *r)
{
    bool same = q->set[r->key].there == !r->cleared && (r->cleared || q->set[r->key].value == r->value);
    if (same) return;
    queue_take(q, r);
    save_setting(s, r->key, "", q->name->text, r->cleared ? NULL : &r->value);
}

void sched_on_queue_verb(struct sched *s, const struct sched_event *ev)
{
    struct session *e = speaker_session(s);
    if (!e) return;
    struct queue *q = queue_find(s, ev->verb.name);
    struct setting_record pause = { .key = SETTING_PAUSED, .value = 1, .cleared = ev->verb.verb == WIRE_VERB_RESUME };
    if (!e->admin || !q) {
        sched_refuse(s, e->admin ? PV_UNKNOWN_QUEUE : PV_UNAUTHORIZED);
        return;
    }
    if (ev->verb.verb == WIRE_VERB_DRAIN) {
        sched_refuse(s, PV_USAGE);
        return;
    }
    if (ev->verb.verb != WIRE_VERB_SET) queue_set(s, q, &pause);
    for (size_t i = 0; ev->verb.verb == WIRE_VERB_SET && i < ev->verb.sets_n; i++) queue_set(s, q, &ev->verb.sets[i]);
    queue_settle(s, q);
    sched_answer(s, SCHED_DONE);
}

/* ---- provers ---- */

static void prover_drain(struct sched *s, struct prover *p, bool drained)
{
    const uint64_t yes = 1;
    if (p->drained != drained)
        save_setting(s, SETTING_DRAINED, p->principal->text, p->name->text, drained ? &yes : NULL);
    p->drained = drained;
    if (drained) prover_recall_all(s, p);
    prover_changed(s, p);
    prover_rearm(s, p);
}

void sched_on_prover_verb(struct sched *s, const struct sched_event *ev)
{
    struct session *e = speaker_session(s);
    if (!e) return;
    bool drain = ev->verb.verb == WIRE_VERB_DRAIN, known = drain || ev->verb.verb == WIRE_VERB_RESUME;
    size_t found = 0;
    for (uint32_t i = 0; e->admin && known && i < s->provers_n; i++) {
        struct prover *p = s->provers[i];
        if (!p || p->local || strcmp(p->name->text, ev->verb.name)) continue;
        if (ev->verb.principal && strcmp(p->principal->text, ev->verb.principal)) continue;
        found++;
        prover_drain(s, p, drain);
    }
    if (!e->admin)
        sched_refuse(s, PV_UNAUTHORIZED);
    else if (!known)
        sched_refuse(s, PV_USAGE);
    else if (!found)
        sched_refuse(s, PV_NOT_FOUND);
    else
        sched_answer(s, SCHED_DONE);
}

/* ---- at start ---- */

/* A setting of a queue that is not configured now stays in the store, in case the queue comes back. */
void sched_on_setting(struct sched *s, const struct sched_event *ev)
{
    const struct setting_record *r = ev->setting;
    if (r->key != SETTING_DRAINED) {
        struct queue *q = queue_find(s, r->name);
        if (!q) return;
        queue_take(q, r);
        queue_settle(s, q);
        return;
    }
    struct prover *p = prover_of(s, r->principal, r->name);
    if (!p) {
        sched_broken(s);
        return;
    }
    p->drained = !r->cleared;
    prover_rearm(s, p);
}

void sched_on_queue(struct sched *s, const struct sched_event *ev)
{
    struct queue *q = queue_declare(s, ev->queue.name);
    if (!q) {
        sched_broken(s);
        return;
    }
    q->configured.run_timeout_ms = ev->queue.run_timeout_ms;
    q->configured.stall_timeout_ms = ev->queue.stall_timeout_ms;
    q->idle_timeout_ms = ev->queue.idle_timeout_ms;
    q->late = ev->queue.late;
    q->sync_always = ev->queue.sync_always;
    for (uint32_t i = 0; i < s->provers_n; i++)
        if (s->provers[i]) prover_resolve_queues(s, s->provers[i]);
    queue_settle(s, q);
}

void sched_on_principal(struct sched *s, const struct sched_event *ev)
{
    struct principal *p = principal_of(s, ev->principal.name);
    if (!p) {
        sched_broken(s);
        return;
    }
    p->weight = ev->principal.weight ? ev->principal.weight : 1;
    p->limits = ev->principal.limits;
    looks_at_all(s);
}
