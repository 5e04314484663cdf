#include "downloads.h"

static bool leased(enum task_state s)
{
    return s == TASK_OFFERED || s == TASK_RUNNING || s == TASK_RECOVERING;
}

/* A move out of the leased states is the end of the task's attempt, whatever ended it: result, failure, release, revocation, a
 * lease that is over. */
static void moved(struct broker *b, const struct sched_action *a)
{
    struct transfer_key key = { .kind = WIRE_KIND_INPUT, .task = a->task, .token = a->token };
    if (leased(a->from) && !leased(a->state))
        download_end(b->downloads, &key, NULL);
    else if (a->from == TASK_SUCCEEDED)
        download_end(b->downloads, &(struct transfer_key){ WIRE_KIND_RESULT, a->principal, a->task, { 0, 0 } }, NULL);
    else if (a->from != TASK_RUNNING && a->state == TASK_RUNNING)
        download_started(b->downloads, &key);
}

void downloads_follow(struct broker *b, const struct sched_action *a)
{
    struct transfer_key result = { .kind = WIRE_KIND_RESULT, .owner = a->principal, .task = a->task };
    if (a->type == SCHED_MOVED) moved(b, a);
    if (a->type == SCHED_DELETE_TASK) download_end(b->downloads, &result, NULL);
}

void downloads_acknowledged(struct broker *b, const struct peer *peer, wire_id task)
{
    struct transfer_key result = { .kind = WIRE_KIND_RESULT, .task = task };
    if (peer->share) download_end(b->downloads, &result, peer->share);
}
