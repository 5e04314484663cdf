#include "task.h"

#include "ack.h"
#include "public_id.h"
#include "visible.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Mixes the bytes: ids are random or hashes, but a caller may also count in them. */
static size_t bucket_of(const pv_client *c, wire_id id)
{
    uint64_t a, b;
    memcpy(&a, id.bytes, sizeof a);
    memcpy(&b, id.bytes + 8, sizeof b);
    uint64_t h = (a ^ (b << 32 | b >> 32)) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(h >> 32) & (c->buckets_n - 1);
}

struct task *tasks_find(pv_client *c, wire_id id)
{
    if (!c->buckets) return NULL;
    struct task *t = c->buckets[bucket_of(c, id)];
    while (t && !wire_id_equal(t->id, id)) t = t->bucket_next;
    return t;
}

static void insert(pv_client *c, struct task *t)
{
    struct task **b = &c->buckets[bucket_of(c, t->id)];
    t->bucket_next = *b;
    *b = t;
}

static bool grow(pv_client *c)
{
    if (c->buckets && c->tasks_n < c->buckets_n) return true;
    size_t old_n = c->buckets_n;
    struct task **old = c->buckets;
    size_t n = old_n ? 2 * old_n : 64;
    struct task **made = calloc(n, sizeof *made);
    if (!made) return old != NULL; /* the table still works, with longer chains */
    c->buckets = made;
    c->buckets_n = n;
    for (size_t i = 0; i < old_n; i++) {
        for (struct task *t = old[i], *next; t; t = next) {
            next = t->bucket_next;
            insert(c, t);
        }
    }
    free(old);
    return true;
}

struct task *tasks_add(pv_client *c, wire_id id)
{
    struct task *t = grow(c) ? calloc(1, sizeof *t) : NULL;
    if (!t) return NULL;
    t->id = id;
    t->fetch_ms = t->local.claim_ms = UINT64_MAX;
    t->news.id = t->r.id = public_of(id);
    t->news.eta_ms = t->news.position = -1;
    insert(c, t);
    c->tasks_n++;
    return t;
}

static void unlist_news(pv_client *c, struct task *t)
{
    if (!t->in_news) return;
    if (t->news_prev)
        t->news_prev->news_next = t->news_next;
    else
        c->news = t->news_next;
    if (t->news_next) t->news_next->news_prev = t->news_prev;
    t->news_next = t->news_prev = NULL;
    t->in_news = false;
    uint64_t count;
    /* While news is not empty the eventfd's count is 1 or more, so this read does not block. */
    if (!c->news && read(c->event_fd, &count, sizeof count) < 0) count = 0;
}

static void list_news(pv_client *c, struct task *t)
{
    if (t->in_news) return;
    uint64_t one = 1;
    if (!c->news && write(c->event_fd, &one, sizeof one) < 0) one = 0;
    t->news_next = c->news;
    if (c->news) c->news->news_prev = t;
    c->news = t;
    t->in_news = true;
}

void tasks_news_again(pv_client *c)
{
    uint64_t one = 1;
    if (write(c->event_fd, &one, sizeof one) < 0) one = 0;
}

void tasks_news(pv_client *c, struct task *t)
{
    bool due = !t->forgotten && ((t->what.progress && t->news_fresh && t->stage != STAGE_HANDED) ||
                                 (t->what.done && t->stage == STAGE_OVER) || t->local.stage == LOCAL_READY);
    if (due)
        list_news(c, t);
    else
        unlist_news(c, t);
    pthread_cond_broadcast(&c->changed);
}

static void destroy(struct task *t)
{
    task_wipe_input(t);
    incoming_clear(&t->result);
    pv_result_clear(&t->r);
    statement_clear(&t->statement);
    task_local_clear(t);
    free(t);
}

static void take_out(pv_client *c, struct task *t)
{
    struct task **at = &c->buckets[bucket_of(c, t->id)];
    while (*at != t) at = &(*at)->bucket_next;
    *at = t->bucket_next;
    c->tasks_n--;
    if (t->in_todo) {
        struct task *before = NULL;
        for (struct task *x = c->todo; x != t; x = x->todo_next) before = x;
        *(before ? &before->todo_next : &c->todo) = t->todo_next;
        if (c->todo_last == t) c->todo_last = before;
        t->in_todo = false;
    }
}

void tasks_drop(pv_client *c, struct task *t)
{
    if (t->forgotten) return;
    t->forgotten = true;
    take_out(c, t);
    tasks_news(c, t);
    if (t->local.stage != LOCAL_NONE) {
        c->claims--;
        release_task(c, t);
    }
    if (t->users == 0) destroy(t);
}

void tasks_hold(struct task *t)
{
    t->users++;
}

void tasks_release(struct task *t)
{
    if (--t->users == 0 && t->forgotten) destroy(t);
}

void tasks_each(pv_client *c, void step(pv_client *c, struct task *t))
{
    for (size_t i = 0; i < c->buckets_n; i++) {
        for (struct task *t = c->buckets[i], *next; t; t = next) {
            next = t->bucket_next;
            step(c, t);
        }
    }
}

void tasks_clear(pv_client *c)
{
    tasks_each(c, tasks_drop);
    free(c->buckets);
    c->buckets = NULL;
    c->buckets_n = 0;
}

void tasks_todo(pv_client *c, struct task *t)
{
    if (t->in_todo || t->forgotten) return;
    t->in_todo = true;
    t->todo_next = NULL;
    *(c->todo ? &c->todo_last->todo_next : &c->todo) = t; /* at the end: submits keep their order */
    c->todo_last = t;
}

struct task *tasks_next_todo(pv_client *c)
{
    struct task *t = c->todo;
    if (t) {
        c->todo = t->todo_next;
        t->todo_next = NULL;
        t->in_todo = false;
    }
    return t;
}

void task_wipe_input(struct task *t)
{
    if (t->local.stage == LOCAL_PROVING) return; /* local.prove reads it; local_prove wipes it afterwards */
    if (t->owned) explicit_bzero(t->owned, t->input.length);
    free(t->owned);
    t->owned = NULL;
    t->input.bytes = NULL;
}

void task_over(pv_client *c, struct task *t)
{
    t->stage = STAGE_OVER;
    t->req = 0;
    t->due_ms = t->fetch_ms = UINT64_MAX;
    if (t->local.stage > LOCAL_CLAIMING) task_local_revoked(c, t);
    task_wipe_input(t);
    t->news.state = t->r.state;
    tasks_news(c, t);
}

void task_end(pv_client *c, struct task *t, pv_status status, const char *text)
{
    incoming_clear(&t->result);
    t->r.status = status;
    visible_text(t->r.text, sizeof t->r.text, text);
    task_over(c, t);
}

void task_local_stage(pv_client *c, struct task *t, enum local_stage stage)
{
    if (t->forgotten) return;
    c->claims += (stage != LOCAL_NONE) - (t->local.stage != LOCAL_NONE);
    t->local.stage = stage;
    tasks_todo(c, t);
    tasks_news(c, t);
}

void task_local_clear(struct task *t)
{
    free(t->local.result);
    t->local.result = NULL;
}

void task_local_revoked(pv_client *c, struct task *t)
{
    struct local_run *r = &t->local;
    r->revoked = true;
    if (r->stage == LOCAL_READY || r->stage == LOCAL_RESULT) {
        r->ended = PV_REVOKED;
        task_local_stage(c, t, LOCAL_ENDING);
    }
}
