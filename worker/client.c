#include "client.h"

#include "clock.h"
#include "visible.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { WINDOW_MOST = 4 << 20 }; /* of a result, per round trip */

/* A thread that is cancelled must not take the lock along, nor leave a request on its dead stack. So it can be cancelled
 * only where it sleeps, and there what it began is undone. depth: calls inside one another, by callbacks. */
static _Thread_local struct {
    unsigned depth;
    int before; /* the caller's own setting */
} cancel;

static void cancel_off(void)
{
    if (cancel.depth++ == 0) pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel.before);
}

static void cancel_back(void)
{
    if (--cancel.depth == 0) pthread_setcancelstate(cancel.before, NULL);
}

pv_status client_enter(pv_client *c)
{
    if (getpid() != c->pid) return PV_BAD_STATE;
    cancel_off();
    pthread_mutex_lock(&c->lock);
    return PV_OK;
}

pv_status client_leave(pv_client *c, pv_status s, const char *text)
{
    if (s != PV_OK) visible_text(c->error, sizeof c->error, text && text[0] ? text : pv_status_text(s));
    pthread_mutex_unlock(&c->lock);
    cancel_back();
    return s;
}

void client_wake(pv_client *c)
{
    uint64_t one = 1;
    while (write(c->wake_fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

uint64_t client_deadline(int64_t timeout_ms, int64_t default_ms)
{
    uint64_t now = pv_clock_ms();
    uint64_t ms = (uint64_t)(timeout_ms < 0 ? default_ms : timeout_ms);
    return ms < UINT64_MAX / 4 ? now + ms : UINT64_MAX / 4;
}

struct sleeper {
    pv_client *client;
    client_undo *undo;
    void *what;
};

/* The thread is cancelled in its sleep: the lock is held again. */
static void wake_for_good(void *sleeper)
{
    struct sleeper *s = sleeper;
    if (s->undo) s->undo(s->client, s->what);
    pthread_mutex_unlock(&s->client->lock);
}

bool client_sleep(pv_client *c, uint64_t deadline_ms, client_undo *undo, void *what)
{
    if (pv_clock_ms() >= deadline_ms) return false;
    struct timespec at = { .tv_sec = (time_t)(deadline_ms / 1000), .tv_nsec = (long)(deadline_ms % 1000) * 1000000 };
    struct sleeper s = { c, undo, what };
    bool open = cancel.depth == 1 && cancel.before == PTHREAD_CANCEL_ENABLE;
    pthread_cleanup_push(wake_for_good, &s);
    if (open) pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    pthread_cond_timedwait(&c->changed, &c->lock, &at);
    if (open) pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    pthread_cleanup_pop(0);
    return true; /* the caller looks at the state once more before it gives up */
}

pv_status client_late(pv_client *c, char text[PV_TEXT_BYTES])
{
    bool up = c->link.state == LINK_UP;
    snprintf(text, PV_TEXT_BYTES, "%s", up ? "no answer in time" : c->link.trouble_text);
    return up ? PV_TIMEOUT : c->link.trouble;
}

uint32_t client_req(pv_client *c)
{
    if (++c->reqs == 0) c->reqs = 1;
    return c->reqs;
}

bool client_send(pv_client *c, const struct wire_msg *m)
{
    pv_status s = link_send(&c->link, m);
    if (s == PV_BUSY) c->blocked = true;
    return s == PV_OK;
}

uint64_t client_result_most(const pv_client *c)
{
    return c->link.payload_max < c->result_max ? c->link.payload_max : c->result_max;
}

bool client_grant(pv_client *c, struct incoming *in, wire_id task)
{
    struct wire_msg m;
    uint32_t window = c->link.window < WINDOW_MOST ? c->link.window : WINDOW_MOST;
    if (!incoming_grant(in, window, INCOMING_BY_WINDOW, &m)) return false;
    WIRE_SET(&m, kind, WIRE_KIND_RESULT);
    WIRE_SET(&m, task, task);
    if (client_send(c, &m)) return true;
    incoming_rewind(in);
    return false;
}
