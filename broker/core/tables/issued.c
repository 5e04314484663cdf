#include "issued.h"

#include "accounts.h"
#include "provers.h"
#include "tasks.h"

#include <stdlib.h>
#include <string.h>

/* ---- one of them ---- */

static struct task_issued of(wire_token token, const char *principal, const char *name)
{
    bool claimer = !strncmp(name, "claim:", 6);
    return (struct task_issued){ .epoch = token.epoch,
                                 .seq = token.seq,
                                 .prover = prover_digest(principal, name),
                                 .key = claimer ? 0 : prover_digest(principal, "") };
}

static struct task_issued of_session(wire_token token, const struct session *e)
{
    char name[WIRE_NAME_MAX + 1] = "claim:", id[WIRE_ID_TEXT];
    strcat(name, wire_id_text(id, e->id));
    return of(token, e->client->principal->name->text, name);
}

/* By the names of the record: the prover itself may be forgotten. */
static struct task_issued last_of(const struct task_past *p)
{
    return of(p->token, p->prover_principal ? p->prover_principal->text : "", p->prover ? p->prover->text : "");
}

static bool same_token(const struct task_issued *a, const struct task_issued *b)
{
    return a->seq == b->seq && a->epoch == b->epoch;
}

static bool matches(const struct task_issued *a, const struct task_issued *by)
{
    return same_token(a, by) && (a->prover == by->prover || (a->key && a->key == by->key));
}

/* ---- all of them ---- */

static size_t of_key(const struct task_issued *at, size_t n, uint64_t key)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++) found += at[i].key == key;
    return found;
}

static void take_out(struct task_issued *at, size_t *n, size_t i)
{
    memmove(&at[i], &at[i + 1], (*n - i - 1) * sizeof *at);
    at[--*n] = (struct task_issued){ .seq = 0 };
}

/* The oldest of the key that has most of them, the newcomer counted. */
static void forget_one(struct task_issued *at, size_t *n)
{
    size_t worst = 0;
    for (size_t i = 1; i < *n; i++)
        if (of_key(at, *n, at[i].key) > of_key(at, *n, at[worst].key)) worst = i;
    take_out(at, n, worst);
}

static bool room(struct sched *s, struct task_past *p)
{
    if (!p->earlier) p->earlier = calloc(TASK_EARLIER_MAX, sizeof *p->earlier);
    if (!p->earlier) sched_broken(s);
    return p->earlier != NULL;
}

static void keep(struct sched *s, struct task_past *p, struct task_issued one)
{
    struct task_issued at[TASK_EARLIER_MAX + 1] = { { 0 } };
    size_t n = 0;
    if (!room(s, p)) return;
    memcpy(at, p->earlier, TASK_EARLIER_MAX * sizeof *at);
    while (at[n].seq) n++;
    at[n++] = one;
    if (n > TASK_EARLIER_MAX) forget_one(at, &n);
    memcpy(p->earlier, at, TASK_EARLIER_MAX * sizeof *at);
}

/* An attempt that is taken up again is the last one once more. */
static void drop(struct task_past *p, wire_token token)
{
    size_t n = 0;
    while (p->earlier && n < TASK_EARLIER_MAX && p->earlier[n].seq) n++;
    for (size_t i = 0; i < n; i++)
        if (p->earlier[i].seq == token.seq && p->earlier[i].epoch == token.epoch) take_out(p->earlier, &n, i);
}

void task_last_is(struct sched *s, struct task *t, wire_token token, const struct prover *by)
{
    struct task_past *p = task_past_of(s, t);
    if (!p) return;
    if (p->token.seq && !p->given_back && !wire_token_equal(p->token, token)) keep(s, p, last_of(p));
    drop(p, token);
    p->token = token;
    p->given_back = false;
    names_drop(&s->names, p->prover);
    names_drop(&s->names, p->prover_principal);
    p->prover = names_share(by->name);
    p->prover_principal = names_share(by->principal);
}

void task_issued_to(struct sched *s, struct task *t, const struct attempt *a)
{
    task_last_is(s, t, a->token, a->prover);
}

void task_given_back(struct task *t)
{
    if (t->past) t->past->given_back = true;
}

void task_issued_restore(struct sched *s, struct task *t, const struct task_issued earlier[TASK_EARLIER_MAX])
{
    if (earlier[0].seq && room(s, t->past)) memcpy(t->past->earlier, earlier, TASK_EARLIER_MAX * sizeof *earlier);
}

/* ---- is it one of them? ---- */

static bool remembers(const struct task *t, const struct task_issued *by)
{
    const struct task_past *p = t->past;
    if (!p || !by->seq) return false;
    for (size_t i = 0; p->earlier && i < TASK_EARLIER_MAX; i++)
        if (matches(&p->earlier[i], by)) return true;
    struct task_issued last = last_of(p);
    return matches(&last, by);
}

bool task_believes(const struct sched *s, const struct task *t, wire_token token, const struct prover *p,
                   const struct session *e)
{
    const struct attempt *a = attempt_find(s, token);
    if (a && a->prover != p && a->prover->peer) return false; /* it is here, and speaks for itself */
    struct task_issued by = e ? of_session(token, e) : of(token, p->principal->text, p->name->text);
    return remembers(t, &by);
}

struct attempt *attempt_late(struct sched *s, struct prover *p, const struct task *t, wire_token token)
{
    struct attempt *a = attempt_new(s, p, token, ATTEMPT_LATE);
    if (!a) return NULL;
    a->task_id = t->id;
    a->owner = t->account->principal;
    return a;
}

/* ---- which task ---- */

/* How sure it is that the token is one of t's; 0: nothing speaks for it. */
static int how_sure(const struct task *t, const struct task_issued *by, wire_hash input)
{
    if (remembers(t, by)) return 3;
    return wire_hash_equal(t->input, input) ? 1 + task_state_live(t->state) : 0;
}

static struct task *of_token(const struct sched *s, const struct prover *p, wire_token token, wire_id id,
                             wire_hash input)
{
    struct task *best = NULL;
    struct task_issued by = of(token, p->principal->text, p->name->text);
    int sure = 0, sure_of_another = 0;
    for (uint32_t i = 0; i < s->principals_n; i++) {
        struct task *t = task_find(s->principals[i], id);
        if (!t || !prover_serves(p, t->account->queue)) continue;
        int n = how_sure(t, &by, input);
        sure_of_another = n > sure ? sure : n > sure_of_another ? n : sure_of_another;
        if (n <= sure) continue;
        sure = n;
        best = t;
    }
    return sure > sure_of_another ? best : NULL;
}

struct task *prover_named(const struct sched *s, const struct prover *p, wire_token token, wire_id id, wire_hash input)
{
    const struct attempt *a = attempt_find(s, token);
    if (!a || !a->owner || !wire_id_equal(a->task_id, id)) return of_token(s, p, token, id, input);
    struct task *t = task_find(a->owner, id);
    return t && prover_serves(p, t->account->queue) ? t : NULL;
}
