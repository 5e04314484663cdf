#include "wait.h"

#include "ack.h"
#include "verdict.h"
#include "client.h"
#include "clock.h"
#include "local.h"
#include "task.h"

#include <stdio.h>

/* Moves the result to the caller, verifying it with the lock released. A good result is acknowledged and its task
 * dropped, or the task waits for pv_ack. */
static void hand_over(pv_client *c, struct pv_result *r, struct task *t)
{
    *r = t->r;
    t->r.bytes = NULL;
    t->stage = STAGE_HANDED;
    tasks_news(c, t);
    const pv_vkey *vkey = t->what.vkey;
    if (vkey && r->status == PV_OK) {
        pthread_mutex_unlock(&c->lock);
        verdict_of(vkey, &t->statement, r);
        pthread_mutex_lock(&c->lock);
    }
    if (t->forgotten) return;
    bool wrong =
        r->state == PV_TASK_SUCCEEDED && r->status != PV_OK; /* the broker keeps it, so that it can be looked at */
    bool keep = t->what.manual_ack && t->accepted && !wrong;
    if (keep) return;
    bool owed = t->accepted && !wrong && ack_add(c, t->id, t->r.generation) == PV_OK;
    if (!owed) ack_remember(c, t->id, t->r.generation, false);
    tasks_drop(c, t);
    if (owed) client_wake(c);
}

static void call_progress(pv_client *c, struct task *t)
{
    struct pv_progress news = t->news;
    t->news_fresh = false;
    tasks_news(c, t);
    pthread_mutex_unlock(&c->lock);
    t->what.progress(t->what.user, &news);
    pthread_mutex_lock(&c->lock);
}

static void call_done(pv_client *c, struct task *t)
{
    struct pv_result r;
    hand_over(c, &r, t);
    pthread_mutex_unlock(&c->lock);
    t->what.done(t->what.user, &r);
    pv_result_clear(&r);
    pthread_mutex_lock(&c->lock);
}

static void undo(pv_client *c, void *task)
{
    struct task *t = task;
    t->waiters--;
    tasks_todo(c, t); /* if it was claimed for this thread, it goes back */
    tasks_release(t);
}

static pv_status wait_held(pv_client *c, struct pv_result *r, struct task *t, uint64_t deadline,
                           char text[PV_TEXT_BYTES])
{
    do {
        if (t->local.stage == LOCAL_READY) local_prove(c, t);
        if (t->stage < STAGE_OVER && t->what.progress && t->news_fresh) call_progress(c, t);
        if (t->forgotten || t->stage == STAGE_HANDED) {
            snprintf(text, PV_TEXT_BYTES, "another thread got the result, or the task was forgotten");
            return PV_BAD_STATE;
        }
        if (t->stage == STAGE_OVER) {
            hand_over(c, r, t);
            return PV_OK;
        }
        if (t->stage == STAGE_REFUSED) {
            pv_status s = t->refused;
            snprintf(text, PV_TEXT_BYTES, "%s", t->refused_text);
            tasks_drop(c, t);
            return s;
        }
        /* More news may be there already; they do not put the end of the wait off. */
    } while ((t->news_fresh && t->what.progress && pv_clock_ms() < deadline) || t->local.stage == LOCAL_READY ||
             client_sleep(c, deadline, undo, t));
    return client_late(c, text);
}

pv_status wait_for(pv_client *c, struct pv_result *r, struct task *t, uint64_t deadline_ms, char text[PV_TEXT_BYTES])
{
    tasks_hold(t);
    t->waiters++;
    if (t->local.claim_ms != UINT64_MAX) tasks_todo(c, t), client_wake(c);
    pv_status s = wait_held(c, r, t, deadline_ms, text);
    t->waiters--;
    tasks_release(t);
    return s;
}

/* Runs one callback of t; false when none was due after all. */
static bool call(pv_client *c, struct task *t)
{
    bool called = true;
    tasks_hold(t);
    if (t->local.stage == LOCAL_READY)
        local_prove(c, t);
    else if (t->what.done && t->stage == STAGE_OVER)
        call_done(c, t);
    else if (t->what.progress && t->news_fresh)
        call_progress(c, t);
    else
        called = false;
    tasks_release(t);
    return called;
}

pv_status pv_client_process(pv_client *c, size_t *calls, int64_t timeout_ms)
{
    TRY(client_enter(c));
    uint64_t deadline = client_deadline(timeout_ms, c->request_timeout_ms);
    while (!c->news && client_sleep(c, deadline, NULL, NULL)) {
    }
    size_t n = 0, most = c->tasks_n; /* a limit: what becomes due meanwhile is for the next call */
    while (c->news && n < most && call(c, c->news)) n++;
    if (c->news) tasks_news_again(c); /* an edge-triggered loop hears of the rest too */
    if (calls) *calls = n;
    char text[PV_TEXT_BYTES] = "no callback was due";
    return client_leave(c, n > 0 ? PV_OK : PV_TIMEOUT, text);
}
