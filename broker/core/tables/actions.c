#include "actions.h"

struct sched_action *sched_act(struct sched *s, enum sched_action_type type)
{
    static struct sched_action scratch; /* written, never read: the batch has failed */
    struct sched_action *a = sched_actions_add(s->out, type);
    if (a) return a;
    s->failed = true;
    return &scratch;
}

void sched_about(struct sched_action *a, const struct task *t)
{
    a->task = t->id;
    a->row = t->order;
    a->principal = t->account->principal->name->text;
}

struct sched_action *sched_act_of(struct sched *s, enum sched_action_type type, const struct task *t)
{
    struct sched_action *a = sched_act(s, type);
    sched_about(a, t);
    return a;
}

struct sched_action *sched_act_to(struct sched *s, enum sched_action_type type, uint64_t peer)
{
    struct sched_action *a = sched_act(s, type);
    a->peer = peer;
    return a;
}

struct sched_action *sched_answer(struct sched *s, enum sched_action_type type)
{
    struct sched_action *a = sched_act_to(s, type, s->peer);
    a->req = s->req;
    return a;
}

struct sched_action *sched_refuse(struct sched *s, pv_status status)
{
    struct sched_action *a = sched_answer(s, SCHED_REFUSE);
    a->status = status;
    s->stats.refused++;
    return a;
}

void sched_act_revoke(struct sched *s, uint64_t peer, wire_token token, pv_status status)
{
    struct sched_action *a = sched_act_to(s, SCHED_REVOKE, peer);
    a->token = token;
    a->status = status;
}

void sched_act_result_ok(struct sched *s, wire_token token, wire_id task, const struct task *t, pv_status status)
{
    struct sched_action *a = sched_act_to(s, SCHED_RESULT_OK, s->peer);
    a->token = token;
    a->task = task;
    if (t) sched_about(a, t);
    a->status = status;
}
