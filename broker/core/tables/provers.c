#include "provers.h"
#include "accounts.h"
#include "actions.h"
#include "circuits.h"
#include "looks.h"

#include <stdlib.h>
#include <string.h>

#define FORGET_MS UINT64_C(3600000)            /* an hour */
#define FORGET_DRAINED_MS UINT64_C(2592000000) /* thirty days: it may be away for a repair */

uint64_t prover_digest(const char *principal, const char *name)
{
    uint64_t h = 0xCBF29CE484222325u; /* FNV-1a: it is saved, so it must be the same in every run */
    for (const char *c = principal; *c; c++) h = (h ^ (uint8_t)*c) * 0x100000001B3u;
    h = (h ^ '/') * 0x100000001B3u;
    for (const char *c = name; *c; c++) h = (h ^ (uint8_t)*c) * 0x100000001B3u;
    return h ? h : 1;
}

struct prover *prover_find(const struct sched *s, const char *principal, const char *name)
{
    const struct name *p = names_find(&s->names, principal), *n = names_find(&s->names, name);
    return p && n ? idmap_find(&s->provers_by_name, idmap_key((uintptr_t)p, (uintptr_t)n)) : NULL;
}

static bool room_for_one(struct sched *s, uint32_t *index)
{
    *index = prover_first_not(s, PROVERS_KNOWN, 0);
    if (*index < s->provers_n) return true;
    if (s->provers_n == s->provers_cap) {
        uint32_t cap = s->provers_cap + 64;
        struct prover **more = realloc(s->provers, cap * sizeof(*more));
        if (!more) return false;
        s->provers = more;
        for (int i = 0; i < PROVER_SETS; i++) {
            uint64_t *set = realloc(s->sets[i], cap / 64 * sizeof *set);
            if (!set) return false;
            s->sets[i] = set;
            set[cap / 64 - 1] = 0;
        }
        s->provers_cap = cap;
    }
    s->provers[s->provers_n++] = NULL;
    return true;
}

struct prover *prover_of(struct sched *s, const char *principal, const char *name)
{
    struct prover *p = prover_find(s, principal, name);
    uint32_t index;
    if (p) return p;
    struct principal *owner = principal_of(s, principal);
    if (!owner || !room_for_one(s, &index) || !heap_reserve(&s->prover_timers)) return NULL;
    p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->owner = owner;
    p->principal = names_hold(&s->names, principal);
    p->name = names_hold(&s->names, name);
    if (!p->principal || !p->name ||
        !idmap_add(&s->provers_by_name, idmap_key((uintptr_t)p->principal, (uintptr_t)p->name), p)) {
        names_drop(&s->names, p->principal);
        names_drop(&s->names, p->name);
        free(p);
        return NULL;
    }
    p->index = index;
    p->local = !strncmp(name, "claim:", 6); /* a name that no prover can have */
    p->digest = prover_digest(principal, name);
    p->key_digest = prover_digest(principal, ""); /* no prover has an empty name */
    p->gone_ms = s->now_ms;
    p->attempts_end = &p->attempts;
    s->provers[index] = p;
    prover_put(s, PROVERS_KNOWN, p, true);
    s->stats.provers_known++;
    owner->provers++;
    return p;
}

/* ---- what queues count of it ---- */

static bool named_before(const struct prover *p, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (p->queues[k] == p->queues[i]) return true;
    return false;
}

static void count_serving(struct sched *s, struct prover *p, bool live, unsigned serving)
{
    if (p->counted == live && p->serving == serving) return;
    for (size_t i = 0; i < p->queues_n; i++) {
        struct queue *q = p->queues[i];
        if (!q || named_before(p, i)) continue;
        q->fleet++;
        if (live && !p->counted) q->slots += p->slots, q->provers++;
        if (!live && p->counted) q->slots -= p->slots, q->provers--;
        if (serving == SERVES && p->serving != SERVES) q->serving++;
        if (serving != SERVES && p->serving == SERVES) q->serving--;
    }
    if (live && !p->counted) s->stats.provers++;
    if (!live && p->counted) s->stats.provers--;
    if (p->serving == SERVES && serving != SERVES) loaded_look_again(s);
    p->counted = live;
    p->serving = serving;
    s->sweeping = true;
}

void prover_clear_circuits(struct sched *s, struct prover *p)
{
    circuits_take_out(s, p);
    for (size_t i = 0; i < p->circuits_n; i++) names_drop(&s->names, p->circuits[i].name);
    free(p->circuits);
    p->circuits = NULL;
    p->circuits_n = 0;
    p->any_circuit = false;
    p->owner->circuits -= p->announced;
    p->announced = 0;
}

void prover_clear_offer(struct sched *s, struct prover *p)
{
    count_serving(s, p, false, SERVES_NO);
    prover_clear_circuits(s, p);
    prover_unsettle(p);
    for (size_t i = 0; i < p->queues_n; i++) names_drop(&s->names, p->queue_names[i]);
    free(p->queue_names);
    free(p->queues);
    p->queue_names = NULL;
    p->queues = NULL;
    p->queues_n = 0;
}

void attempt_want(struct sched *s, struct attempt *a, struct prover *idle)
{
    a->wanted_by = idle;
    a->next_wanted = idle->wants;
    if (a->next_wanted) a->next_wanted->wanted_link = &a->next_wanted;
    a->wanted_link = &idle->wants;
    idle->wants = a;
    idle->awaiting++;
    loaded_place(s, a->prover);
}

static void want_over(struct attempt *a)
{
    *a->wanted_link = a->next_wanted;
    if (a->next_wanted) a->next_wanted->wanted_link = a->wanted_link;
    a->wanted_by->awaiting--;
    a->wanted_by = NULL;
}

void prover_unwant(struct sched *s, struct prover *p)
{
    for (struct attempt *a; (a = p->wants);) {
        want_over(a);
        prover_changed(s, a->prover); /* others that idle may want it */
    }
}

static void set_idle(struct sched *s, struct prover *p, bool idle)
{
    s->idle_n -= prover_in(s, PROVERS_IDLE, p);
    s->idle_n += idle;
    prover_put(s, PROVERS_IDLE, p, idle);
    prover_put(s, PROVERS_EMPTY, p, idle && !p->held);
}

void prover_forget(struct sched *s, struct prover *p)
{
    prover_unwant(s, p);
    while (p->attempts) attempt_end(s, p->attempts);
    prover_clear_offer(s, p);
    heap_remove(&s->prover_timers, p);
    heap_remove(&s->spare, p);
    heap_remove(&p->owner->spare, p);
    idmap_remove(&s->provers_by_name, idmap_key((uintptr_t)p->principal, (uintptr_t)p->name));
    names_drop(&s->names, p->principal);
    names_drop(&s->names, p->name);
    s->provers[p->index] = NULL;
    set_idle(s, p, false);
    for (int i = 0; i < PROVER_SETS; i++) prover_put(s, (enum prover_set)i, p, false);
    s->stats.provers_known--;
    p->owner->provers--;
    free(p);
}

uint64_t prover_forget_ms(const struct prover *p)
{
    if (p->peer || p->attempts) return NEVER;
    if (p->local) return p->gone_ms; /* nothing of it is worth remembering */
    return sched_add(p->gone_ms, p->drained ? FORGET_DRAINED_MS : FORGET_MS);
}

static uint64_t prover_next_ms(const struct sched *s, const struct prover *p)
{
    uint64_t next = NEVER;
    if (p->live) next = p->heard_ms + s->cfg.lease_ms;
    if (p->quarantined_ms && p->quarantined_ms < next) next = p->quarantined_ms;
    if (prover_forget_ms(p) < next) next = prover_forget_ms(p);
    return next;
}

bool prover_spare(const struct prover *p)
{
    return (!p->peer || p->local) && !p->attempts && !p->drained;
}

/* Those against whom something is held go last, who went first goes first. */
static void spare_place(struct sched *s, struct prover *p)
{
    bool blamed = p->streak_n || p->quarantined_ms;
    uint64_t key = p->gone_ms | (uint64_t)blamed << 63;
    if (!prover_spare(p)) {
        heap_remove(&s->spare, p);
        heap_remove(&p->owner->spare, p);
    } else if (!heap_put(&s->spare, p, key, p->index) || !heap_put(&p->owner->spare, p, key, p->index)) {
        sched_broken(s);
    }
}

void prover_rearm(struct sched *s, struct prover *p)
{
    spare_place(s, p);
    uint64_t next = prover_next_ms(s, p);
    if (next == NEVER)
        heap_remove(&s->prover_timers, p);
    else if (!heap_put(&s->prover_timers, p, next, p->index))
        sched_broken(s);
}

/* Quarantine, drain and silence close it; so does a suspect task, which runs alone. */
bool prover_open(const struct sched *s, const struct prover *p)
{
    if (!p->live || p->local || p->draining || p->drained || p->quarantined_ms || !p->credit) return false;
    if (p->held >= p->slots + p->prefetch) return false;
    for (const struct attempt *a = p->attempts; a; a = a->next)
        if (a->suspect && a->state != ATTEMPT_LATE) return false;
    return true;
}

static unsigned serves(const struct prover *p)
{
    if (!p->live || p->local || p->draining || p->drained) return SERVES_NO;
    return p->quarantined_ms ? SERVES_QUARANTINED : SERVES;
}

/* The oldest offer of p that waits for a slot, and that was not recalled yet. p starts those before it first. */
static const struct attempt *oldest_waiting(const struct prover *p)
{
    const struct attempt *oldest = NULL;
    uint32_t busy = p->held - p->offered, next = p->slots > busy ? p->slots - busy : 0;
    for (const struct attempt *a = p->attempts; a; a = a->next) {
        if (a->state != ATTEMPT_OFFERED) continue;
        if (next)
            next--;
        else if (!a->wanted_by && !a->suspect && (!oldest || a->token.seq < oldest->token.seq))
            oldest = a;
    }
    return oldest;
}

void loaded_place(struct sched *s, struct prover *p)
{
    const struct attempt *a = prover_in(s, PROVERS_LOADED, p) ? oldest_waiting(p) : NULL;
    if (!a)
        heap_remove(&s->loaded, p);
    else if (!heap_put(&s->loaded, p, a->token.seq, p->index))
        sched_broken(s);
}

void prover_changed(struct sched *s, struct prover *p)
{
    bool open = prover_open(s, p), live = p->live && !p->local;
    bool loaded = p->offered && p->held > p->slots && p->peer;
    prover_put(s, PROVERS_OPEN, p, open);
    prover_put(s, PROVERS_LOOK, p, open);
    prover_put(s, PROVERS_LOADED, p, loaded);
    prover_put(s, PROVERS_GAINED, p, loaded);
    prover_put(s, PROVERS_HOLDS, p, p->attempts != NULL);
    set_idle(s, p, open && p->held < p->slots);
    loaded_place(s, p);
    if (!open) prover_unsettle(p);
    if (p->starved && p->held >= p->slots) { /* nothing was able, so nothing is preferred either */
        p->starved = false;
        prover_settle(s, p, true);
    }
    count_serving(s, p, live, serves(p));
    s->dirty = true;
}

bool prover_serves(const struct prover *p, const struct queue *q)
{
    for (size_t i = 0; i < p->queues_n; i++)
        if (p->queues[i] == q) return true;
    return false;
}

void prover_resolve_queues(struct sched *s, struct prover *p)
{
    bool counted = p->counted;
    unsigned serving = p->serving;
    count_serving(s, p, false, SERVES_NO);
    for (size_t i = 0; i < p->queues_n; i++) p->queues[i] = queue_find(s, p->queue_names[i]->text);
    count_serving(s, p, counted, serving);
}

struct prover_circuit *prover_circuit(const struct prover *p, const struct name *circuit)
{
    size_t low = 0, high = p->circuits_n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (p->circuits[mid].name == circuit) return &p->circuits[mid];
        if ((uintptr_t)p->circuits[mid].name < (uintptr_t)circuit)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

/* ---- attempts ---- */

uint64_t prover_ran_ms(const struct prover *p, uint64_t now_ms)
{
    return p->ran_ms + (now_ms > p->ran_until_ms ? p->running * (now_ms - p->ran_until_ms) : 0);
}

static wire_id token_key(wire_token t)
{
    return idmap_key(t.epoch, t.seq);
}

struct attempt *attempt_find(const struct sched *s, wire_token token)
{
    return idmap_find(&s->attempts, token_key(token));
}

static void count(const struct sched *s, struct prover *p, enum attempt_state state, int sign)
{
    if (state == ATTEMPT_RUNNING) {
        p->ran_ms = prover_ran_ms(p, s->now_ms);
        p->ran_until_ms = s->now_ms;
        p->running += (uint32_t)sign;
    }
    if (state != ATTEMPT_LATE) p->held += (uint32_t)sign;
    if (state == ATTEMPT_OFFERED) p->offered += (uint32_t)sign;
}

struct attempt *attempt_new(struct sched *s, struct prover *p, wire_token token, enum attempt_state state)
{
    struct attempt *a = calloc(1, sizeof *a);
    if (!a || !idmap_add(&s->attempts, token_key(token), a)) {
        free(a);
        return NULL;
    }
    a->token = token;
    a->prover = p;
    a->state = state;
    a->lease_ms = NEVER;
    a->link = p->attempts_end;
    *p->attempts_end = a;
    p->attempts_end = &a->next;
    count(s, p, state, 1);
    p->sated = false; /* it will have the key of this one */
    prover_changed(s, p);
    prover_rearm(s, p);
    return a;
}

/* Who waited for it may want another. */
static void attempt_unwant(struct sched *s, struct attempt *a)
{
    struct prover *idle = a->wanted_by;
    if (!idle) return;
    want_over(a);
    prover_changed(s, idle);
}

void attempt_set_state(struct sched *s, struct attempt *a, enum attempt_state state)
{
    if (state != ATTEMPT_OFFERED) attempt_unwant(s, a);
    count(s, a->prover, a->state, -1);
    a->state = state;
    count(s, a->prover, a->state, 1);
    prover_changed(s, a->prover);
}

/* Of whoever is connected: who went may come back with the result, and the upload goes on where it was. */
static void drop_arriving(struct sched *s, const struct attempt *a)
{
    if (!a->arriving || !a->prover->peer) return;
    struct sched_action *drop = sched_act(s, SCHED_DROP_UPLOAD);
    drop->task = a->task_id;
    drop->token = a->token;
}

void attempt_end(struct sched *s, struct attempt *a)
{
    struct prover *p = a->prover;
    attempt_unwant(s, a);
    drop_arriving(s, a);
    p->arriving -= a->arriving;
    if (a->task) a->task->attempt = NULL;
    idmap_remove(&s->attempts, token_key(a->token));
    *a->link = a->next;
    if (a->next)
        a->next->link = a->link;
    else
        p->attempts_end = a->link;
    count(s, p, a->state, -1);
    free(a);
    prover_changed(s, p);
    prover_rearm(s, p);
}

void attempt_revoke(struct sched *s, struct attempt *a, pv_status why)
{
    if (a->task) a->task->attempt = NULL;
    a->task = NULL;
    a->revoked = why;
    s->stats.revokes++;
    if (!a->prover->peer) { /* nobody to tell now: if it comes back and lists it, it is told then */
        attempt_end(s, a);
        return;
    }
    attempt_set_state(s, a, ATTEMPT_REVOKING);
    sched_act_revoke(s, a->prover->peer, a->token, why);
}

void attempt_arrives(struct attempt *a)
{
    a->prover->arriving += !a->arriving;
    a->arriving = true;
}

void attempt_settle(struct sched *s, struct attempt *a, uint64_t cost_ms)
{
    if (!a->task) return;
    struct principal *p = a->task->account->principal;
    principal_refund(p, a->charged_ms);
    principal_charge(p, cost_ms);
    a->charged_ms = cost_ms;
    if (p->turn < s->virtual_ms) s->virtual_ms = p->turn; /* the estimates were too high */
}

void prover_heard(struct sched *s, struct prover *p)
{
    p->heard_ms = s->now_ms;
    if (p->live || !p->peer) return;
    p->live = true;
    prover_changed(s, p);
    prover_rearm(s, p);
}

void prover_recall_all(struct sched *s, struct prover *p)
{
    for (struct attempt *a = p->attempts; a; a = a->next)
        if (a->state == ATTEMPT_OFFERED && p->peer) {
            struct sched_action *r = sched_act_to(s, SCHED_RECALL, p->peer);
            r->token = a->token;
            s->stats.recalls++;
        }
}
