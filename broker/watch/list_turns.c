#include "list_turns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void list_turns_init(struct list_turns *l)
{
    *l = (struct list_turns){ .left = LIST_ROWS };
    l->end = &l->first;
}

static void question_drop(struct list_turns *l, struct list_asker *a)
{
    struct list_question *q = a->first;
    a->first = q->next;
    if (!a->first) a->end = &a->first;
    a->n--;
    l->n--;
    free(q);
}

static struct list_asker *asker_take(struct list_turns *l)
{
    struct list_asker *a = l->first;
    l->first = a->next;
    if (!l->first) l->end = &l->first;
    return a;
}

static void asker_put(struct list_turns *l, struct list_asker *a)
{
    a->next = NULL;
    *l->end = a;
    l->end = &a->next;
}

void list_turns_clear(struct list_turns *l)
{
    while (l->first) {
        struct list_asker *a = asker_take(l);
        while (a->first) question_drop(l, a);
        free(a);
    }
}

void list_turns_begin(struct list_turns *l)
{
    l->left = LIST_ROWS;
}

void list_turns_spend(struct list_turns *l, uint64_t looked, uint64_t written)
{
    uint64_t cost = looked + LIST_ROW_WRITTEN * written;
    l->left -= cost < l->left ? cost : l->left;
}

bool list_turns_free(const struct list_turns *l)
{
    return !l->first && l->left;
}

static struct list_asker *asker_of(struct list_turns *l, const char *principal)
{
    struct list_asker *a = l->first;
    while (a && strcmp(a->principal, principal)) a = a->next;
    if (a || !(a = calloc(1, sizeof *a))) return a;
    snprintf(a->principal, sizeof a->principal, "%s", principal);
    a->end = &a->first;
    asker_put(l, a);
    return a;
}

pv_status list_turns_wait(struct list_turns *l, const char *principal, const struct list_question *q)
{
    if (l->n >= LIST_WAITING_ALL) return PV_BUSY;
    struct list_question *mine = malloc(sizeof *mine);
    if (!mine) return PV_NO_MEMORY;
    struct list_asker *a = asker_of(l, principal);
    if (!a || a->n >= LIST_WAITING) {
        free(mine);
        return a ? PV_BUSY : PV_NO_MEMORY;
    }
    *mine = *q;
    mine->next = NULL;
    if (q->query.queue) mine->query.queue = mine->queue;
    *a->end = mine;
    a->end = &mine->next;
    a->n++;
    l->n++;
    return PV_OK;
}

struct list_question *list_turns_next(struct list_turns *l)
{
    return l->first && l->left ? l->first->first : NULL;
}

void list_turns_done(struct list_turns *l, bool answered)
{
    struct list_asker *a = asker_take(l);
    if (answered) question_drop(l, a);
    if (a->first)
        asker_put(l, a);
    else
        free(a);
}
