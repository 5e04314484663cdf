#include "sessions.h"
#include "attaches.h"
#include "view.h"

#include "msg.h"

#include <stdlib.h>
#include <string.h>

/* ---- lists of attachments ---- */

static void unlink_attach(struct attach *a)
{
    struct session *e = attach_session(a);
    *a->link = a->next;
    if (a->next)
        a->next->link = a->link;
    else
        e->ends[a->list] = a->link;
}

static void append_attach(struct attach *a, enum attach_list list)
{
    struct session *e = attach_session(a);
    a->list = (uint8_t)list;
    a->next = NULL;
    a->link = e->ends[list];
    *a->link = a;
    e->ends[list] = &a->next;
}

static void move_attach(struct attach *a, enum attach_list list)
{
    unlink_attach(a);
    append_attach(a, list);
}

/* ---- the table ---- */

static struct client *client_of(struct sched *s, struct principal *p, const char *name)
{
    struct name *n = names_hold(&s->names, name);
    if (!n) return NULL;
    wire_id key = idmap_key((uintptr_t)p, (uintptr_t)n);
    struct client *c = idmap_find(&s->clients, key);
    if (c) {
        names_drop(&s->names, n);
        return c;
    }
    c = calloc(1, sizeof *c);
    if (!c || !idmap_add(&s->clients, key, c)) {
        free(c);
        names_drop(&s->names, n);
        return NULL;
    }
    c->principal = p;
    c->name = n;
    heap_init(&c->away, offsetof(struct session, away_at));
    heap_init(&c->spared, offsetof(struct session, away_at));
    return c;
}

static void late_remove(struct sched *s, struct client *c)
{
    struct client **at = &s->late;
    while (*at && *at != c) at = &(*at)->next_late;
    if (*at) *at = c->next_late;
    c->replacer = 0;
}

static void client_drop(struct sched *s, struct client *c)
{
    if (c->sessions) return;
    if (c->replacer) late_remove(s, c);
    idmap_remove(&s->clients, idmap_key((uintptr_t)c->principal, (uintptr_t)c->name));
    names_drop(&s->names, c->name);
    heap_clear(&c->away);
    heap_clear(&c->spared);
    free(c);
}

/* Processes choose their ids, so two clients may say one. Those of an id are a list, and each is compared. */
static struct session *session_find(const struct sched *s, const struct client *c, wire_id id)
{
    struct session *e = idmap_find(&s->sessions_by_id, id);
    while (e && e->client != c) e = e->same_id;
    return e;
}

static bool session_enter(struct sched *s, struct session *e)
{
    struct session *first = idmap_find(&s->sessions_by_id, e->id);
    if (!first) return idmap_add(&s->sessions_by_id, e->id, e);
    e->same_id = first->same_id;
    first->same_id = e;
    return true;
}

static void session_leave(struct sched *s, struct session *e)
{
    struct session *at = idmap_find(&s->sessions_by_id, e->id);
    if (at != e) {
        while (at->same_id != e) at = at->same_id;
        at->same_id = e->same_id;
    } else if (e->same_id) {
        idmap_put(&s->sessions_by_id, e->id, e->same_id);
    } else {
        idmap_remove(&s->sessions_by_id, e->id);
    }
}

static bool sessions_reserve(struct sched *s)
{
    if (s->sessions_n < s->sessions_cap) return true;
    uint32_t cap = s->sessions_cap ? 2 * s->sessions_cap : 16;
    struct session **more = realloc(s->sessions, cap * sizeof(*more));
    if (!more) return false;
    s->sessions = more;
    s->sessions_cap = cap;
    return true;
}

/* An older process that was idle, so that its session was dropped, is not new when it reconnects. */
static uint64_t number_of(struct sched *s, wire_id id)
{
    for (uint64_t i = 0; i < s->former_n && i < SESSIONS_FORMER; i++)
        if (wire_id_equal(s->former[i].id, id)) return s->former[i].number;
    return ++s->session_number;
}

static struct session *session_new(struct sched *s, struct client *c, wire_id id)
{
    struct session *e = sessions_reserve(s) ? calloc(1, sizeof *e) : NULL;
    if (!e) return NULL;
    e->client = c;
    e->id = id;
    if (!session_enter(s, e)) {
        free(e);
        return NULL;
    }
    e->number = number_of(s, id);
    for (int i = 0; i < ATTACH_LISTS; i++) e->ends[i] = &e->lists[i];
    e->notices_end = &e->notices;
    e->next = c->sessions;
    if (e->next) e->next->prev = e;
    c->sessions = e;
    e->index = s->sessions_n;
    s->sessions[s->sessions_n++] = e;
    return e;
}

struct session *session_of(struct sched *s, struct principal *p, const char *client, wire_id id)
{
    struct client *c = client_of(s, p, client);
    if (!c) return NULL;
    struct session *e = session_find(s, c, id);
    if (!e) e = session_new(s, c, id);
    if (!e) client_drop(s, c);
    return e;
}

/* Where it is while it is away. */
static struct heap *heap_of(struct session *e)
{
    return e->spared ? &e->client->spared : &e->client->away;
}

bool session_away(struct session *e)
{
    return e->replaced || heap_put(heap_of(e), e, e->number, e->number);
}

static struct session *take_older(struct heap *from, uint64_t number)
{
    struct session *o = heap_top_key(from) < number ? heap_top(from) : NULL;
    if (!o) return NULL;
    heap_remove(from, o);
    o->spared = false;
    return o;
}

struct session *session_older_away(struct sched *s, struct session *e)
{
    struct session *o = take_older(&e->client->away, e->number);
    return o || s->now_ms < s->spare_ms ? o : take_older(&e->client->spared, e->number);
}

bool session_spare(struct session *e)
{
    e->spared = true;
    return session_away(e);
}

void session_replaces_later(struct sched *s, struct session *e)
{
    struct client *c = e->client;
    if (s->now_ms >= s->spare_ms || heap_top_key(&c->spared) >= e->number || c->replacer >= e->number) return;
    if (!c->replacer) {
        c->next_late = s->late;
        s->late = c;
    }
    c->replacer = e->number;
}

struct session *sessions_late_next(struct sched *s)
{
    for (struct client *c; s->now_ms >= s->spare_ms && (c = s->late); late_remove(s, c)) {
        struct session *o = take_older(&c->spared, c->replacer);
        if (o) return o;
    }
    return NULL;
}

static void unstall(struct sched *s, struct session *e)
{
    if (!e->stalled) return;
    struct session **at = &s->stalled;
    while (*at != e) at = &(*at)->next_stalled;
    *at = e->next_stalled;
    if (!e->next_stalled) s->stalled_end = at;
    e->next_stalled = NULL;
    e->stalled = false;
    if (s->stalled) return;
    s->pump_ms = NEVER;
    s->pump_soon = false;
}

/* ---- ending (R4) ---- */

void session_end_begin(struct sched *s, struct session *e)
{
    if (e->ending_left || !e->lists[ATTACH_LIVE]) return;
    e->ending_left = e->attached_n; /* at least the live ones; looking twice at some does no harm */
    e->next_ending = NULL;
    *s->ending_end = e;
    s->ending_end = &e->next_ending;
}

static void session_end_over(struct sched *s, struct session *e)
{
    if (!e->ending_left) return;
    struct session **at = &s->ending;
    while (*at != e) at = &(*at)->next_ending;
    *at = e->next_ending;
    if (!e->next_ending) s->ending_end = at;
    e->ending_left = 0;
}

struct attach *session_end_next(struct sched *s, struct session *e)
{
    struct attach *a = e->lists[ATTACH_LIVE];
    if (a) move_attach(a, ATTACH_LIVE); /* to the end: their order decides nothing */
    if (!a || e->ending_left == 1)
        session_end_over(s, e);
    else
        e->ending_left--;
    return a;
}

/* ---- ends of tasks that have gone ---- */

static void notices_clear(struct session *e)
{
    for (struct notice *n; (n = e->notices);) {
        e->notices = n->next;
        free(n);
    }
    e->notices_end = &e->notices;
}

/* What was pushed has arrived or will, but for a large result, which may be half way. */
static bool is_untold(const struct attach *a)
{
    const struct task *t = attach_task(a);
    if (!attach_session(a)->peer || task_state_live(t->state)) return false;
    if (a->list != ATTACH_PUSHED) return true;
    return t->state == TASK_SUCCEEDED && t->past->result_bytes > WIRE_INLINE_MAX;
}

static struct notice *notice_of(const struct task *t)
{
    const char *text = t->past && t->past->text ? t->past->text : "";
    bool lost = t->state == TASK_SUCCEEDED;
    if (lost) text = "the task was removed before its result was delivered";
    size_t bytes = strlen(text) + 1;
    struct notice *n = malloc(sizeof *n + bytes);
    if (!n) return NULL;
    *n = (struct notice){ .task = t->id, .generation = t->generation, .state = t->state };
    n->status = lost ? PV_GONE : t->past ? t->past->status : PV_OK;
    if (lost) n->state = TASK_CANCELLED; /* there is no result any more, and a client takes this for an end */
    memcpy(n->text, text, bytes);
    return n;
}

void session_tell_gone(struct sched *s, const struct attach *a)
{
    struct session *e = attach_session(a);
    if (!is_untold(a)) return;
    struct notice *n = notice_of(attach_task(a));
    if (!n) {
        sched_broken(s);
        return;
    }
    *e->notices_end = n;
    e->notices_end = &n->next;
}

/* Says the oldest notice. */
static void notice_push(struct sched *s, struct session *e)
{
    struct notice *n = e->notices;
    sched_act_deliver_gone(s, e->peer, n);
    e->notices = n->next;
    if (!e->notices) e->notices_end = &e->notices;
    free(n);
}

void session_drop_if_idle(struct sched *s, struct session *e)
{
    if (e->peer || e->tasks || e->attached_n) return;
    struct client *c = e->client;
    s->former[s->former_n++ % SESSIONS_FORMER] = (struct former){ e->id, e->number };
    heap_remove(heap_of(e), e);
    unstall(s, e);
    session_end_over(s, e);
    notices_clear(e);
    session_leave(s, e);
    if (e->prev)
        e->prev->next = e->next;
    else
        c->sessions = e->next;
    if (e->next) e->next->prev = e->prev;
    s->sessions[e->index] = s->sessions[--s->sessions_n];
    s->sessions[e->index]->index = e->index;
    free(e);
    client_drop(s, c);
}

/* ---- attaching ---- */

static bool has_to_tell(const struct session *e)
{
    return e->peer && (e->notices || e->lists[ATTACH_DUE]);
}

static void push_one(struct sched *s, struct session *e)
{
    struct attach *a = e->lists[ATTACH_DUE];
    e->pushes--;
    slice_take(s, SLICE_PUSHES, SLICE_ROW_CHANGED);
    if (e->notices) {
        notice_push(s, e);
    } else {
        move_attach(a, ATTACH_PUSHED);
        sched_act_deliver(s, e->peer, 0, attach_task(a));
    }
}

/* Pushes what is due to e, as far as it may. */
static void session_pump(struct sched *s, struct session *e)
{
    while (has_to_tell(e) && e->pushes && *slice_left(s, SLICE_PUSHES)) push_one(s, e);
    if (!has_to_tell(e) || e->stalled) return;
    e->stalled = true;
    e->next_stalled = NULL;
    *s->stalled_end = e;
    s->stalled_end = &e->next_stalled;
    if (e->pushes)
        s->pump_soon = true;
    else if (s->pump_ms == NEVER)
        s->pump_ms = s->now_ms + SESSION_PUSH_MS;
}

bool session_may_attach(const struct sched *s, const struct session *e, const struct task *t)
{
    return t->session == e || e->client->principal->guests < s->cfg.guests_share || attach_of(e, t);
}

struct attach *session_attach(struct sched *s, struct session *e, struct task *t)
{
    struct attach *a = attach_of(e, t);
    if (a) return a;
    a = attach_new(e, t);
    if (!a) return NULL;
    append_attach(a, ATTACH_LIVE);
    e->attached_n++;
    return a;
}

void session_detach(struct sched *s, struct attach *a)
{
    struct session *e = attach_session(a);
    bool pushed = a->list == ATTACH_PUSHED;
    attach_pended(s, a);
    unlink_attach(a);
    attach_free(a);
    e->attached_n--;
    if (pushed && e->pushes < SESSION_PUSHES) e->pushes++;
    session_pump(s, e);
    session_drop_if_idle(s, e);
}

/* ---- telling ---- */

/* Those that the slice did not reach stay, in their order, before those that wait again. */
void sessions_resume(struct sched *s)
{
    uint64_t pump_ms = s->pump_ms;
    bool more = pump_ms <= s->now_ms;
    if (more) s->pump_ms = NEVER;
    s->pump_soon = false;
    for (struct session *e = more ? s->stalled : NULL; e; e = e->next_stalled) e->pushes = SESSION_PUSHES;
    const struct session *again = NULL; /* the first that has had its turn */
    for (struct session *e; (e = s->stalled) && e != again && *slice_left(s, SLICE_PUSHES);) {
        unstall(s, e);
        session_pump(s, e);
        if (e->stalled && !again) again = e;
    }
    if (!s->stalled) return;
    if (!more && pump_ms < s->pump_ms) s->pump_ms = pump_ms;
    if (!*slice_left(s, SLICE_PUSHES)) s->pump_soon = true;
}

void sessions_tell(struct sched *s, struct task *t, const struct session *knows)
{
    for (struct attach *a = attach_first(t), *next; a; a = next) {
        next = attach_next(a);
        if (attach_session(a) == knows) {
            session_detach(s, a);
            continue;
        }
        move_attach(a, ATTACH_DUE);
        session_pump(s, attach_session(a));
    }
}

void session_owe(struct sched *s, struct attach *a)
{
    struct session *e = attach_session(a);
    move_attach(a, e->peer ? ATTACH_PUSHED : ATTACH_DUE);
    if (e->peer) sched_act_deliver(s, e->peer, 0, attach_task(a));
}

void sessions_wait_again(struct sched *s, struct task *t)
{
    for (struct attach *a = attach_first(t); a; a = attach_next(a)) move_attach(a, ATTACH_LIVE);
}

/* ---- coming and going ---- */

void session_connect(struct sched *s, struct session *e, uint64_t peer)
{
    e->peer = peer;
    e->replaced = false;
    heap_remove(heap_of(e), e);
    e->spared = false;
    e->pushes = SESSION_PUSHES;
    session_pump(s, e);
}

/* What was pushed and not acknowledged is owed again, before what was not pushed yet. */
void session_disconnect(struct sched *s, struct session *e)
{
    if (e->peer) s->connected--;
    e->peer = 0;
    notices_clear(e); /* when it is back it attaches, and hears then that the task is gone */
    unstall(s, e);
    struct attach *first = e->lists[ATTACH_PUSHED], **last = e->ends[ATTACH_PUSHED];
    for (struct attach *a = first; a; a = a->next) a->list = ATTACH_DUE;
    if (first) {
        *last = e->lists[ATTACH_DUE];
        if (*last)
            (*last)->link = last;
        else
            e->ends[ATTACH_DUE] = last;
        e->lists[ATTACH_DUE] = first;
        first->link = &e->lists[ATTACH_DUE];
        e->lists[ATTACH_PUSHED] = NULL;
        e->ends[ATTACH_PUSHED] = &e->lists[ATTACH_PUSHED];
    }
    if (!session_away(e)) sched_broken(s);
    session_drop_if_idle(s, e);
}
