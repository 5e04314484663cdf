#include "core_digest.h"

#include "attaches.h"
#include "looks.h"
#include "model.h"
#include "provers.h"
#include "sessions.h"
#include "tasks.h"

#include <inttypes.h>
#include <string.h>

/* ---- numbers and texts ---- */

static void mix(struct core_digest *d, uint64_t v)
{
    d->sum = (d->sum ^ v) * 0x9E3779B97F4A7C15u;
    d->sum ^= d->sum >> 29;
}

static void num(struct core_digest *d, const char *what, uint64_t v)
{
    mix(d, v);
    if (!d->out || !v) return; /* people miss no zeros */
    if (v == NEVER)
        fprintf(d->out, " %s=never", what);
    else
        fprintf(d->out, " %s=%" PRIu64, what, v);
}

static void text(struct core_digest *d, const char *what, const char *v)
{
    if (!v) v = "(none)";
    for (const char *c = v; *c; c++) mix(d, (unsigned char)*c);
    mix(d, 256);
    if (d->out && *v) fprintf(d->out, " %s=%s", what, v);
}

static void bytes(struct core_digest *d, const char *what, const void *v, size_t n)
{
    uint64_t low = 0, high = 0;
    for (size_t i = 0; i < n; i++) {
        low = low << 8 ^ ((const unsigned char *)v)[i] ^ low >> 56;
        high += ((const unsigned char *)v)[i] * (i + 1);
    }
    num(d, what, low);
    mix(d, high);
}

static void token(struct core_digest *d, const char *what, wire_token t)
{
    mix(d, t.epoch);
    mix(d, t.seq);
    if (d->out && t.seq) fprintf(d->out, " %s=%u.%" PRIu64, what, (unsigned)t.epoch, t.seq);
}

static void line(struct core_digest *d, const char *what)
{
    mix(d, 257);
    if (d->out) fprintf(d->out, "\n%s", what);
}

static void name(struct core_digest *d, const char *what, const struct name *n)
{
    text(d, what, n ? n->text : NULL);
    if (n) mix(d, n->refs);
}

/* ---- what comes in, and goes out ---- */

void core_digest_event(struct core_digest *d, const struct sched_event *ev)
{
    line(d, "EVENT");
    num(d, "type", ev->type);
    num(d, "now_ms", ev->now_ms);
    num(d, "peer", ev->peer);
    bytes(d, "task", &ev->task, sizeof ev->task);
    text(d, "owner", ev->owner);
    token(d, "token", ev->token);
    num(d, "status", ev->status);
    if (ev->type == SCHED_SUBMIT) text(d, "circuit", ev->submit.circuit);
    if (ev->type == SCHED_FAIL) num(d, "failure", ev->fail.failure);
}

static void record(struct core_digest *d, const struct task_record *r)
{
#define INT(member) num(d, #member, (uint64_t)r->member);
#define TEXT(member) text(d, #member, r->member);
#define BYTES(member) bytes(d, #member, &r->member, sizeof r->member);
#define TRIMMED(member) bytes(d, #member, &r->member, sizeof r->member);
#define C(member, column, KIND) KIND(member)
    TASK_RECORD_LIST(C)
#undef C
#undef INT
#undef TEXT
#undef BYTES
#undef TRIMMED
}

static void view(struct core_digest *d, const struct sched_view *v)
{
    record(d, &v->record);
    num(d, "position", v->position);
    num(d, "eta_ms", v->has_eta ? v->eta_ms : NEVER - 1);
    num(d, "unservable", v->unservable);
    num(d, "percent", v->percent);
    text(d, "phase", v->phase);
    text(d, "note", v->note);
    num(d, "progress_eta_ms", v->has_progress_eta ? v->progress_eta_ms : NEVER - 1);
}

static void counts(struct core_digest *d, const struct wire_counts *c)
{
    for (int i = 0; i < TASK_STATES; i++) num(d, task_state_word((enum task_state)i), c->of[i]);
}

static void action(struct core_digest *d, const struct sched_action *a)
{
    line(d, "action");
    num(d, "type", a->type);
    num(d, "peer", a->peer);
    num(d, "req", a->req);
    num(d, "status", a->status);
    bytes(d, "task", &a->task, sizeof a->task);
    token(d, "token", a->token);
    num(d, "row", a->row);
    num(d, "bytes", a->bytes);
    num(d, "from", a->from);
    num(d, "state", a->state);
    num(d, "charged", a->charged);
    num(d, "flags", a->lazy | a->sync_always << 1 | a->has_digest << 2 | a->live << 3);
    num(d, "retry_ms", a->retry_ms);
    num(d, "run_timeout_ms", a->run_timeout_ms);
    text(d, "which", a->which);
    text(d, "name", a->name);
    text(d, "principal", a->principal);
    text(d, "queue", a->queue);
    bytes(d, "hash", &a->hash, sizeof a->hash);
    if (a->has_digest) bytes(d, "digest", &a->digest, sizeof a->digest);
    if (a->view) view(d, a->view);
    if (a->record) record(d, a->record);
    if (a->counts) counts(d, a->counts);
    for (size_t i = 0; i < a->tokens_n; i++) token(d, "revoked", a->tokens[i]);
    if (!a->setting) return;
    num(d, "key", a->setting->key);
    text(d, "of", a->setting->principal);
    text(d, "set", a->setting->name);
    num(d, "value", a->setting->cleared ? NEVER : a->setting->value);
}

void core_digest_actions(struct core_digest *d, const struct sched_actions *actions)
{
    for (size_t i = 0; i < actions->n; i++) action(d, &actions->at[i]);
    num(d, "failed", actions->failed);
}

/* ---- what metrics tell ---- */

static void histogram(struct core_digest *d, const char *what, const struct histogram *h)
{
    num(d, what, h->sum_us);
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS_MAX; i++) num(d, "in", h->at[i]);
}

static void measures(struct core_digest *d, const struct measures *m)
{
    line(d, "measures");
    for (size_t i = 0; i < m->runs_n; i++) {
        text(d, "queue", m->runs[i].queue);
        text(d, "circuit", m->runs[i].circuit);
        histogram(d, "run", &m->runs[i].run);
    }
    histogram(d, "key_load", &m->key_load);
    for (int i = 0; i < MEASURES_OUTCOMES; i++) num(d, "attempts", m->attempts[i]);
    num(d, "proofs_rejected", m->proofs_rejected);
}

/* ---- the tables ---- */

static void heap(struct core_digest *d, const char *what, const struct heap *h)
{
    num(d, what, h->n);
    for (uint32_t i = 0; i < h->n; i++) {
        mix(d, h->at[i].key);
        mix(d, h->at[i].id);
    }
    if (h->n && d->out) fprintf(d->out, "(%" PRIu64 ")", h->at[0].key);
}

static void ranks(struct core_digest *d, const char *what, const struct ranks *r)
{
    const uint64_t *first = NULL;
    num(d, what, r->n);
    for (uint32_t i = 0; i < r->n; i++) {
        const uint64_t *key = (const uint64_t *)(const void *)((const char *)r->at[i] + r->key);
        if (!i) first = key;
        mix(d, *key);
        mix(d, *(const uint64_t *)(const void *)((const char *)r->at[i] + r->id));
    }
    if (first && d->out) fprintf(d->out, "(%" PRIu64 ")", *first);
}

static void principal(struct core_digest *d, const struct principal *p)
{
    line(d, "principal");
    name(d, "name", p->name);
    num(d, "weight", p->weight);
    num(d, "limits.queued_tasks", p->limits.queued_tasks);
    num(d, "limits.queued_bytes", p->limits.queued_bytes);
    num(d, "limits.leased", p->limits.leased);
    num(d, "limits.rate_per_s", p->limits.rate_per_s);
    num(d, "limits.burst", p->limits.burst);
    num(d, "rows", p->rows.n);
    num(d, "rows.dead", p->rows.dead);
    for (int i = 0; i < TASK_STATES; i++) num(d, task_state_word((enum task_state)i), p->count[i]);
    for (const struct purge *g = p->purges; g; g = g->next) {
        num(d, "purge.peer", g->peer);
        num(d, "purge.after", g->after);
        num(d, "purge.last", g->last);
        counts(d, &g->counts);
    }
    num(d, "purges_n", p->purges_n);
    text(d, "next_turn", p->next_turn ? p->next_turn->name->text : NULL);
    num(d, "waiting", p->waiting);
    num(d, "leased", p->leased);
    num(d, "turn", p->turn);
    num(d, "stamp", p->stamp);
    num(d, "tasks", p->tasks.n);
    num(d, "provers", p->provers);
    num(d, "circuits", p->circuits);
    num(d, "guests", p->guests);
    num(d, "tasks.mask", p->tasks.mask);
    num(d, "index", p->index);
}

static void lane(struct core_digest *d, const struct lane *l)
{
    line(d, "  lane");
    text(d, "of", l->account->principal->name->text);
    num(d, "kind", l->kind);
    num(d, "need_vram", l->need_vram);
    num(d, "need_ram", l->need_ram);
    num(d, "suspect", l->suspect);
    for (int i = 0; i < TASK_EXCLUDED_MAX; i++) num(d, "excluded", l->excluded[i]);
    num(d, "waiting", l->waiting);
    num(d, "fleet", l->fleet);
    num(d, "servable", l->servable);
    num(d, "passed_ms", l->passed_ms);
    num(d, "fresh", l->fresh_link != NULL);
    for (int i = 0; i < SCHED_PRIORITIES; i++) ranks(d, "at", &l->at[i]);
}

static void account(struct core_digest *d, const struct account *a)
{
    line(d, " account");
    text(d, "of", a->principal->name->text);
    for (int i = 0; i < TASK_STATES; i++) num(d, task_state_word((enum task_state)i), a->count[i]);
    num(d, "queued_tasks", a->queued_tasks);
    num(d, "queued_bytes", a->queued_bytes);
    num(d, "leased", a->leased);
    num(d, "near", a->near);
    num(d, "tokens", a->tokens);
    num(d, "tokens_ms", a->tokens_ms);
    for (int i = 0; i < SCHED_PRIORITIES; i++) {
        num(d, "line", a->line[i].waiting);
        num(d, "since_ms", a->line[i].since_ms);
    }
    num(d, "lanes", a->lanes);
    num(d, "capped", a->capped);
    num(d, "fresh", a->fresh);
    for (const struct lane *l = a->waiting; l; l = l->next_of_account) text(d, "lane", l->work->circuit->text);
}

static void queue(struct core_digest *d, const struct queue *q)
{
    line(d, "queue");
    name(d, "name", q->name);
    num(d, "flags", q->paused | q->late << 1 | q->sync_always << 2);
    num(d, "run_timeout_ms", q->run_timeout_ms);
    num(d, "stall_timeout_ms", q->stall_timeout_ms);
    num(d, "idle_timeout_ms", q->idle_timeout_ms);
    num(d, "configured.run", q->configured.run_timeout_ms);
    num(d, "configured.stall", q->configured.stall_timeout_ms);
    for (int i = 0; i < SETTINGS; i++) num(d, "set", q->set[i].there ? q->set[i].value + 1 : 0);
    for (int i = 0; i < TASK_STATES; i++) num(d, task_state_word((enum task_state)i), q->count[i]);
    num(d, "queued_bytes", q->queued_bytes);
    for (int i = 0; i < SCHED_PRIORITIES; i++) num(d, "waiting", q->waiting[i]);
    num(d, "departed", q->departed);
    num(d, "average_ms", q->average_ms);
    ranks(d, "oldest", &q->oldest);
    num(d, "slots", q->slots);
    num(d, "provers", q->provers);
    num(d, "serving", q->serving);
    num(d, "fleet", q->fleet);
    num(d, "unservable", q->unservable);
    num(d, "damaged", q->damaged);
    num(d, "live_bytes", q->live_bytes);
    histogram(d, "wait", &q->measures.wait);
    histogram(d, "took", &q->measures.task);
    histogram(d, "run_other", &q->measures.run_other);
    num(d, "sweep.of", q->sweep.of);
    num(d, "sweep.done", q->sweep.done);
    num(d, "sweep.left", q->sweep.left);
    num(d, "works_n", q->works_n);
    for (uint32_t i = 0; i < q->accounts_n; i++)
        if (q->accounts[i]) account(d, q->accounts[i]);
    for (const struct work *w = q->works; w; w = w->next) {
        line(d, " work");
        name(d, "circuit", w->circuit);
        num(d, "refs", w->refs);
        for (const struct lane *l = w->lanes; l; l = l->next) lane(d, l);
    }
}

static void past(struct core_digest *d, const struct task_past *p)
{
    num(d, "status", p->status);
    text(d, "text", p->text);
    bytes(d, "result", &p->result, sizeof p->result);
    num(d, "result_bytes", p->result_bytes);
    num(d, "measured_ms", p->measured_ms);
    token(d, "token", p->token);
    text(d, "prover", p->prover ? p->prover->text : NULL);
    text(d, "prover_principal", p->prover_principal ? p->prover_principal->text : NULL);
    num(d, "given_back", p->given_back);
    if (p->earlier) bytes(d, "earlier", p->earlier, TASK_EARLIER_MAX * sizeof *p->earlier);
    text(d, "phase", p->phase ? p->phase->text : NULL);
    text(d, "note", p->note);
    num(d, "percent", p->percent);
    num(d, "progress_eta_ms", p->progress_eta_ms);
    num(d, "push_after_ms", p->push_after_ms);
    num(d, "push_due", p->push_due);
    num(d, "verdict.status", p->verdict.status);
    text(d, "verdict.prover", p->verdict.prover ? p->verdict.prover->text : NULL);
    text(d, "verdict.text", p->verdict.text);
    num(d, "verdict.due_ms", p->verdict.due_ms);
}

static void task(struct core_digest *d, const struct sched *s, const struct task *t)
{
    line(d, "task");
    bytes(d, "id", &t->id, sizeof t->id);
    num(d, "order", t->order);
    num(d, "timer_at", t->timer_at);
    num(d, "line_at", t->acked ? 0 : t->line_at);
    num(d, "acked_at", t->acked ? t->acked_at : 0);
    num(d, "oldest_at", t->oldest_at);
    num(d, "group_at", t->group_at);
    text(d, "state", task_state_word((enum task_state)t->state));
    num(d, "priority", t->priority);
    num(d, "on_restart", t->on_restart);
    num(d, "flags", t->has_input | t->acked << 1 | t->damaged << 2);
    text(d, "of", t->account->principal->name->text);
    text(d, "queue", t->account->queue->name->text);
    num(d, "lane", t->lane != NULL);
    name(d, "circuit", t->circuit);
    name(d, "group", t->group->name);
    num(d, "group.refs", t->group->refs);
    num(d, "group.finish", t->group->finish);
    num(d, "group.served", t->group->served);
    ranks(d, "group.waiting", &t->group->waiting);
    num(d, "session", t->session ? t->session->number : 0);
    num(d, "stamp", t->stamp);
    num(d, "finish", task_finish_tag(t));
    num(d, "turn", t->turn);
    num(d, "asked_vram", task_extra(t)->asked_vram);
    num(d, "asked_ram", task_extra(t)->asked_ram);
    num(d, "raises", task_extra(t)->raises);
    num(d, "deadline_ms", task_extra(t)->deadline_ms);
    num(d, "orphan_ms", task_extra(t)->orphan_ms);
    num(d, "until_ms", t->until_ms);
    num(d, "created_ms", t->created_ms);
    num(d, "changed_ms", t->changed_ms);
    num(d, "acked_ms", t->acked ? task_past(t)->acked_ms : 0);
    for (int i = 0; task_extra(t)->excluded && i < TASK_EXCLUDED_MAX; i++)
        num(d, "excluded", task_extra(t)->excluded[i]);
    if (t->past) past(d, t->past);
    num(d, "attempt", t->attempt ? t->attempt->token.seq : 0);
    num(d, "next_ms", task_next_ms(s, t));
    for (const struct attach *a = attach_first(t); a; a = attach_next(a)) {
        const struct pending *p = idmap_find(&s->pending, idmap_key((uintptr_t)t, (uintptr_t)attach_session(a)));
        num(d, "attached", attach_session(a)->number);
        num(d, "list", a->list);
        num(d, "owner", a->owner);
        num(d, "pending_req", p ? p->req : 0);
        num(d, "pending_peer", p ? p->peer : 0);
    }
    struct sched_view v;
    memset(&v, 0, sizeof v);
    num(d, "shown", sched_show(s, 0, t->account->principal->name->text, t->id, &v));
    view(d, &v);
}

static void attempt(struct core_digest *d, const struct attempt *a)
{
    line(d, "  attempt");
    token(d, "token", a->token);
    bytes(d, "task", &a->task_id, sizeof a->task_id);
    text(d, "of", a->owner ? a->owner->name->text : NULL);
    num(d, "has_task", a->task != NULL);
    num(d, "state", a->state);
    num(d, "flags",
        a->suspect | a->counted << 1 | a->reports << 2 | a->arriving << 3 | a->fetching << 4 | a->fetched << 5 |
            a->idle << 6);
    num(d, "wanted_by", a->wanted_by ? a->wanted_by->index + 1 : 0);
    num(d, "revoked", a->revoked);
    num(d, "lease_ms", a->lease_ms);
    num(d, "offered_ms", a->offered_ms);
    num(d, "started_ms", a->started_ms);
    num(d, "changed_ms", a->changed_ms);
    num(d, "charged_ms", a->charged_ms);
}

/* They are kept in the order of addresses: here in the order of their names. */
static void circuits(struct core_digest *d, const struct prover *p)
{
    const struct prover_circuit *last = NULL;
    for (size_t k = 0; k < p->circuits_n; k++) {
        const struct prover_circuit *next = NULL;
        for (size_t i = 0; i < p->circuits_n; i++) {
            const struct prover_circuit *c = &p->circuits[i];
            if (last && strcmp(c->name->text, last->name->text) <= 0) continue;
            if (!next || strcmp(c->name->text, next->name->text) < 0) next = c;
        }
        if (!(last = next)) return;
        line(d, "  circuit");
        name(d, "name", next->name);
        bytes(d, "digest", &next->digest, sizeof next->digest);
        num(d, "flags", next->by_digest | next->has_digest << 1 | next->warm << 2);
        num(d, "load_ms", next->load_ms);
        num(d, "need_vram", next->need_vram);
        num(d, "need_ram", next->need_ram);
        num(d, "slower", next->slower);
        num(d, "kinds", next->kinds);
        for (const struct prover_circuit *c = next->of ? next->of->first : NULL; c; c = c->next)
            num(d, "who", c->prover->index + 1);
    }
}

static void prover(struct core_digest *d, const struct sched *s, const struct prover *p)
{
    line(d, "prover");
    name(d, "name", p->name);
    name(d, "principal", p->principal);
    num(d, "index", p->index);
    num(d, "timer_at", p->timer_at);
    text(d, "owner", p->owner ? p->owner->name->text : NULL);
    bytes(d, "incarnation", &p->incarnation, sizeof p->incarnation);
    num(d, "quarrel_ms", p->quarrel_ms);
    num(d, "flags",
        p->known | p->counted << 1 | p->local << 2 | p->live << 3 | p->draining << 4 | p->drained << 5 |
            p->any_circuit << 6 | p->starved << 7 | p->sated << 8 | p->doubted << 9);
    num(d, "serving", p->serving);
    num(d, "peer", p->peer);
    num(d, "heard_ms", p->heard_ms);
    num(d, "gone_ms", p->gone_ms);
    for (size_t i = 0; i < p->queues_n; i++) {
        name(d, "queue", p->queue_names[i]);
        num(d, "declared", p->queues[i] != NULL);
    }
    num(d, "announced", p->announced);
    num(d, "in_any", p->any_link != NULL);
    num(d, "sated_ms", p->sated ? p->sated_ms : 0);
    num(d, "slots", p->slots);
    num(d, "prefetch", p->prefetch);
    num(d, "credit", p->credit);
    num(d, "held", p->held);
    num(d, "offered", p->offered);
    num(d, "awaiting", p->awaiting);
    num(d, "arriving", p->arriving);
    num(d, "vram", p->vram);
    num(d, "ram", p->ram);
    num(d, "streak_n", p->streak_n);
    for (uint32_t i = 0; i < p->streak_n && i < 8; i++) {
        bytes(d, "streak", &p->streak[i].task, sizeof p->streak[i].task);
        num(d, "generation", p->streak[i].generation);
    }
    num(d, "quarantines", p->quarantines);
    num(d, "quarantined_ms", p->quarantined_ms);
    num(d, "done", p->done);
    num(d, "failed", p->failed);
    num(d, "lost", p->lost);
    num(d, "busy_ms", p->busy_ms);
    num(d, "ran_ms", p->ran_ms);
    num(d, "ran_until_ms", p->ran_until_ms);
    num(d, "runs", p->running);
    num(d, "kinds", p->kinds);
    num(d, "digest", p->digest);
    num(d, "key_digest", p->key_digest);
    for (int i = 0; i < PROVER_SETS; i++) num(d, "set", prover_in(s, (enum prover_set)i, p));
    for (const struct attempt *a = p->attempts; a; a = a->next) attempt(d, a);
    circuits(d, p);
}

static void session(struct core_digest *d, const struct session *s)
{
    line(d, "session");
    text(d, "principal", s->client->principal->name->text);
    name(d, "client", s->client->name);
    heap(d, "away", &s->client->away);
    heap(d, "spared", &s->client->spared);
    num(d, "replacer", s->client->replacer);
    bytes(d, "id", &s->id, sizeof s->id);
    num(d, "peer", s->peer);
    num(d, "number", s->number);
    num(d, "away_at", s->away_at);
    num(d, "flags", s->admin | s->replaced << 1 | s->spared << 2 | s->stalled << 3);
    num(d, "tasks", s->tasks);
    num(d, "attached_n", s->attached_n);
    for (int i = 0; i < ATTACH_LISTS; i++)
        for (const struct attach *a = s->lists[i]; a; a = a->next) num(d, "attach", attach_task(a)->order);
    for (const struct notice *n = s->notices; n; n = n->next) {
        bytes(d, "notice", &n->task, sizeof n->task);
        num(d, "generation", n->generation);
        num(d, "state", n->state);
        num(d, "status", n->status);
        text(d, "text", n->text);
    }
    num(d, "pushes", s->pushes);
    for (const struct session *o = s->client->sessions; o; o = o->next) num(d, "sessions", o->number);
    num(d, "next_stalled", s->next_stalled ? s->next_stalled->number : 0);
    num(d, "next_ending", s->next_ending ? s->next_ending->number : 0);
    num(d, "ending_left", s->ending_left);
    num(d, "index", s->index);
}

/* ---- what readers get ---- */

static void queues_read(struct core_digest *d, const struct sched *s)
{
    struct sched_queue_view v;
    memset(&v, 0, sizeof v);
    for (size_t i = 0; sched_queue_at(s, i, s->now_ms, &v); i++) {
        line(d, "read queue");
        text(d, "name", v.name);
        num(d, "demand", v.demand);
        num(d, "demand_paused", v.demand_paused);
        num(d, "demand_unservable", v.demand_unservable);
        num(d, "queued_bytes", v.queued_bytes);
        num(d, "oldest_queued_ms", v.oldest_queued_ms);
        num(d, "average_ms", v.average_ms);
        num(d, "unservable", v.unservable);
        num(d, "damaged", v.damaged);
        num(d, "provers", v.provers);
        num(d, "slots", v.slots);
        num(d, "serving", v.serving);
        num(d, "run_timeout_ms", v.run_timeout_ms);
        num(d, "stall_timeout_ms", v.stall_timeout_ms);
        num(d, "live_bytes", v.live_bytes);
        text(d, "own", sched_queue_name(s, v.name));
        num(d, "flags", v.paused | v.run_timeout_set << 1 | v.stall_timeout_set << 2 | v.late << 3);
        for (int k = 0; k < TASK_STATES; k++) num(d, "tasks", v.tasks[k]);
    }
    text(d, "of nothing", sched_queue_name(s, "nothing"));
}

static void provers_read(struct core_digest *d, const struct sched *s)
{
    struct sched_prover_view v;
    for (size_t place = 0; sched_prover_next(s, &place, s->now_ms, &v);) {
        line(d, "read prover");
        text(d, "name", v.name);
        num(d, "flags", v.live | v.draining << 1);
        num(d, "quarantined_ms", v.quarantined_ms);
        num(d, "running", v.running);
        num(d, "held", v.held);
        num(d, "heard_ms", v.heard_ms);
        num(d, "busy_ms", v.busy_ms);
        num(d, "circuits", v.circuits);
        text(d, "principal", v.principal);
        num(d, "peer", v.peer);
        num(d, "slots", v.slots);
        num(d, "prefetch", v.prefetch);
        num(d, "credit", v.credit);
        num(d, "vram", v.vram);
        num(d, "ram", v.ram);
        num(d, "done", v.done);
        num(d, "failed", v.failed);
        num(d, "lost", v.lost);
        num(d, "ran_ms", v.ran_ms);
        struct sched_running running[4];
        size_t n = sched_prover_running(s, v.principal, v.name, s->now_ms, running, 4);
        num(d, "attempts", n);
        for (size_t i = 0; i < n && i < 4; i++) {
            bytes(d, "task", &running[i].task, sizeof running[i].task);
            text(d, "principal", running[i].principal);
            text(d, "queue", running[i].queue);
            text(d, "circuit", running[i].circuit);
            text(d, "phase", running[i].phase);
            num(d, "started", running[i].started);
            num(d, "percent", running[i].percent);
            num(d, "since_ms", running[i].since_ms);
        }
        struct sched_circuit list[8];
        n = sched_prover_circuits(s, v.principal, v.name, list, 8);
        num(d, "announced", n);
        for (size_t i = 0; i < n && n <= 8; i++) { /* of more, any eight */
            text(d, "circuit", list[i].name);
            bytes(d, "digest", &list[i].digest, sizeof list[i].digest);
            num(d, "flags", list[i].has_digest | list[i].warm << 1);
            num(d, "load_ms", list[i].load_ms);
            num(d, "need_vram", list[i].need_vram);
            num(d, "need_ram", list[i].need_ram);
            num(d, "slower", list[i].slower);
            num(d, "kinds", list[i].kinds);
        }
        num(d, "of one", sched_prover_circuits(s, v.principal, v.name, list, 1));
        num(d, "one", sched_prover_running(s, v.principal, v.name, s->now_ms, running, 1));
        const char *unserved[2];
        n = sched_prover_unserved(s, v.peer, unserved, 2);
        for (size_t i = 0; i < n; i++) text(d, "unserved", unserved[i]);
    }
}

static void walk_read(struct core_digest *d, const struct sched *s, const struct sched_filter *f)
{
    struct sched_cursor c = { f->newest ? UINT64_MAX : 0, 12 };
    struct sched_view v;
    memset(&v, 0, sizeof v);
    line(d, "read tasks");
    while (sched_task_next(s, f, &c, &v)) num(d, "row", v.record.order);
    num(d, "after", c.after);
    num(d, "left", c.left);
}

static void sessions_read(struct core_digest *d, const struct sched *s)
{
    struct sched_session_view v;
    for (size_t i = 0; sched_session_at(s, i, &v); i++) {
        line(d, "read session");
        text(d, "client", v.client);
        text(d, "principal", v.principal);
        bytes(d, "session", &v.session, sizeof v.session);
        num(d, "peer", v.peer);
        num(d, "tasks", v.tasks);
        if (!v.peer) continue;
        walk_read(d, s, &(struct sched_filter){ .peer = v.peer });
        walk_read(d, s, &(struct sched_filter){ .peer = v.peer, .newest = true, .queue = "outer" });
        uint64_t after = 0, left = 3;
        const struct task *t = rows_walk(&s->rows, &after, &left);
        struct sched_view shown;
        if (!t) continue;
        num(d, "knows", sched_knows(s, v.peer, t->id));
        num(d, "shown", sched_show(s, v.peer, NULL, t->id, &shown));
    }
    walk_read(d, s, &(struct sched_filter){ .states = 1u << TASK_QUEUED | 1u << TASK_DEAD });
    walk_read(d, s, &(struct sched_filter){ .newest = true });
    walk_read(d, s, &(struct sched_filter){ .queue = "keccak", .states = 1u << TASK_SUCCEEDED });
    walk_read(d, s, &(struct sched_filter){ .queue = "nothing" });
    walk_read(d, s, &(struct sched_filter){ .peer = UINT64_MAX });
}

/* ---- the whole ---- */

static void stats(struct core_digest *d, const struct sched *s)
{
    struct sched_stats c;
    line(d, "stats");
    memset(&c, 0, sizeof c);
    sched_read_stats(s, &c);
    c.rows =
        0; /* how many lanes matching looks at depends on the order of a prover's circuits, which is one of addresses */
    uint64_t each[offsetof(struct sched_stats, store_failed) / sizeof(uint64_t)];
    memcpy(each, &c, sizeof each);
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) num(d, "c", each[i]);
    num(d, "store_failed", c.store_failed);
    num(d, "disk_low", c.disk_low);
}

static void whole(struct core_digest *d, const struct sched *s)
{
    line(d, "core");
    num(d, "flags",
        s->booted | s->disk_low << 1 | s->failed << 2 | s->dirty << 3 | s->pump_soon << 4 | s->sweeping << 5);
    num(d, "random", s->random);
    num(d, "next_order", s->next_order);
    num(d, "next_seq", s->next_seq);
    num(d, "names", s->names.n);
    num(d, "accounts_groups", s->accounts_groups.n);
    num(d, "works", s->works.n);
    num(d, "lanes", s->lanes.n);
    num(d, "circuits", s->circuits.n);
    num(d, "peers", s->peers.n);
    num(d, "attempts", s->attempts.n);
    num(d, "provers_by_name", s->provers_by_name.n);
    num(d, "clients", s->clients.n);
    num(d, "sessions_by_id", s->sessions_by_id.n);
    num(d, "rows", s->rows.n);
    num(d, "rows.dead", s->rows.dead);
    heap(d, "timers", &s->timers);
    heap(d, "idle", &s->idle);
    heap(d, "prover_timers", &s->prover_timers);
    heap(d, "acked", &s->acked);
    num(d, "connected", s->connected);
    num(d, "former_n", s->former_n);
    for (int i = 0; i < 8; i++) num(d, "former", s->former[i].number);
    num(d, "session_number", s->session_number);
    num(d, "stalled", s->stalled ? s->stalled->number : 0);
    num(d, "pump_ms", s->pump_ms);
    for (int i = 0; i < SLICES; i++) num(d, "slice", s->slices[i].ms == s->now_ms ? s->slices[i].left + 1 : 0);
    text(d, "turns", s->turns ? s->turns->name->text : NULL);
    num(d, "ending", s->ending ? s->ending->number : 0);
    num(d, "spare_ms", s->spare_ms);
    for (const struct client *c = s->late; c; c = c->next_late) text(d, "late", c->name->text);
    num(d, "waiting", s->waiting);
    num(d, "batches", s->batches);
    num(d, "virtual_ms", s->virtual_ms);
    num(d, "next_ms", sched_next_ms(s));
    const struct idmap *maps[] = { &s->accounts_groups, &s->works,           &s->lanes,   &s->circuits,      &s->peers,
                                   &s->attempts,        &s->provers_by_name, &s->clients, &s->sessions_by_id };
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) num(d, "mask", maps[i]->mask);
    num(d, "names.mask", s->names.mask);
    num(d, "ids_seed", s->ids_seed);
    num(d, "provers_cap", s->provers_cap);
    num(d, "sessions_cap", s->sessions_cap);
    for (const struct account *a = s->fresh_accounts; a; a = a->next_fresh) text(d, "fresh of", a->queue->name->text);
    for (const struct lane *l = s->fresh; l; l = l->next_fresh) text(d, "fresh", l->work->circuit->text);
    for (const struct prover *p = s->any; p; p = p->next_any) text(d, "any", p->name->text);
}

void core_digest_state(struct core_digest *d, const struct sched *s)
{
    whole(d, s);
    stats(d, s);
    measures(d, sched_measures(s));
    for (uint32_t i = 0; i < s->principals_n; i++) principal(d, s->principals[i]);
    for (uint32_t i = 0; i < s->queues_n; i++) queue(d, s->queues[i]);
    uint64_t after = 0, all = NEVER;
    for (const struct task *t; (t = rows_walk(&s->rows, &after, &all));) task(d, s, t);
    for (uint32_t i = 0; i < s->provers_n; i++)
        if (s->provers[i]) prover(d, s, s->provers[i]);
    for (uint32_t i = 0; i < s->sessions_n; i++) session(d, s->sessions[i]);
    queues_read(d, s);
    provers_read(d, s);
    sessions_read(d, s);
    if (d->out) fputc('\n', d->out);
}
