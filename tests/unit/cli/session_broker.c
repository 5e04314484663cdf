#include "session_told.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fake session_fake;

static char heard[16384];
static const char *result;
static unsigned welcomed, lost;
static struct session_told kept;

static void hear(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void hear(const char *format, ...)
{
    size_t used = strlen(heard);
    va_list args;
    va_start(args, format);
    vsnprintf(heard + used, sizeof heard - used, format, args);
    va_end(args);
}

/* ---- what it hears ---- */

#define SAY(m, field, format, ...)                                                                                     \
    do                                                                                                                 \
        if ((m)->has.field) hear(" " #field "=" format, __VA_ARGS__);                                                  \
    while (0)

/* A client that is refused may ask once more before it looks: whether it does is of chance. */
static void forget_repeated(void)
{
    static const char before[] = "  HELLO";
    size_t n = strlen(heard), last = n - 1;
    while (last > 0 && heard[last - 1] != '\n') last--;
    if (last >= n - last && !strncmp(heard + last, before, sizeof before - 1) &&
        !memcmp(heard + last - (n - last), heard + last, n - last))
        heard[last] = '\0';
}

static void note(const struct wire_msg *m)
{
    char id[WIRE_ID_TEXT];
    hear("  %s", wire_type_name((int)m->type));
    SAY(m, what, "%s", wire_word(WIRE_WORDS_what, (int)m->what));
    SAY(m, scope, "%s", wire_word(WIRE_WORDS_scope, (int)m->scope));
    SAY(m, verb, "%s", wire_word(WIRE_WORDS_verb, (int)m->verb));
    SAY(m, role, "%s", wire_word(WIRE_WORDS_role, (int)m->role));
    SAY(m, any_role, "%d", m->any_role);
    if (m->has.name && strncmp(m->name, "provost-cli-", 12) != 0) hear(" name=%s", m->name); /* else host and process */
    SAY(m, task, "%s", wire_id_text(id, m->task));
    SAY(m, queue, "%s", m->queue);
    SAY(m, circuit, "%s", m->circuit);
    SAY(m, group, "%s", m->group);
    SAY(m, prover, "%s", m->prover);
    SAY(m, principal, "%s", m->principal);
    SAY(m, client, "%s", m->client);
    SAY(m, state, "%s", task_state_word(m->state));
    SAY(m, states, "%x", (unsigned)m->states);
    SAY(m, age_ms, "%llu", (unsigned long long)m->age_ms);
    SAY(m, dry, "%d", m->dry);
    SAY(m, forget, "%d", m->forget);
    SAY(m, after, "%s", m->after);
    SAY(m, limit, "%u", (unsigned)m->limit);
    SAY(m, length, "%llu", (unsigned long long)m->length);
    SAY(m, priority, "%u", (unsigned)m->priority);
    SAY(m, on_restart, "%s", wire_word(WIRE_WORDS_on_restart, (int)m->on_restart));
    SAY(m, ttl_ms, "%llu", (unsigned long long)m->ttl_ms);
    SAY(m, revive, "%d", m->revive);
    SAY(m, need_vram, "%llu", (unsigned long long)m->need_vram);
    SAY(m, need_ram, "%llu", (unsigned long long)m->need_ram);
    for (size_t i = 0; m->has.options && i < m->options.cells_n; i++)
        hear(" %s=%lld", m->options.cells[i].key,
             m->options.cells[i].type == WIRE_CELL_INT ? (long long)m->options.cells[i].number : -1);
    hear("\n");
    if (m->type == WIRE_HELLO) forget_repeated();
}

/* ---- what it answers ---- */

/* Notes a message; true: it is refused, or not answered. */
static bool refused(struct fake *b, const struct wire_msg *m)
{
    struct refusal *r = &session_told.refusal[m->type];
    note(m);
    int what = m->type == WIRE_HELLO ? (int)m->role : (int)m->what;
    if (!r->is || (r->what >= 0 && r->what != what)) return false;
    if (!r->mute) fake_error(b, m, r->status, r->text);
    if (session_told.once) r->is = false;
    return true;
}

static void on_hello(struct fake *b, const struct wire_msg *m)
{
    static const char *const kinds[] = { "wtns", "json" };
    struct wire_msg w = { .type = WIRE_WELCOME };
    if (refused(b, m)) return;
    welcomed++;
    WIRE_SET(&w, epoch, b->epoch);
    WIRE_SET(&w, heartbeat_ms, 10000);
    WIRE_SET(&w, lease_ms, 60000);
    WIRE_SET(&w, inline_max, WIRE_INLINE_MAX);
    WIRE_SET(&w, chunk_max, b->chunk_max);
    WIRE_SET(&w, payload_max, b->payload_max);
    WIRE_SET(&w, window, b->window);
    WIRE_SET(&w, principal, "someone");
    WIRE_SET(&w, software, "fake 2");
    WIRE_SET(&w, by_principal, true);
    WIRE_SET(&w, purge_forgets, true);
    if (session_told.new_broker) {
        WIRE_SET(&w, more_circuits, true);
        WIRE_SET(&w, takes_handlers, true);
        WIRE_SET(&w, deadline_in, true);
        WIRE_SET(&w, traces, true);
        WIRE_SET_LIST(&w, input_kinds, kinds, 2);
    }
    fake_send(b, &w);
}

static void rows_send(struct fake *b, const struct wire_msg *m, size_t list, const struct wire_row *from, size_t n,
                      const char *next)
{
    struct wire_msg a = { .type = WIRE_ROWS };
    WIRE_SET(&a, req, m->req);
    WIRE_SET(&a, schema, session_lists[list].schema);
    WIRE_SET_LIST(&a, rows, from, n);
    if (next) WIRE_SET(&a, next, next);
    fake_send(b, &a);
}

static void on_list(struct fake *b, const struct wire_msg *m)
{
    if (refused(b, m)) return;
    for (size_t i = 0; i < SESSION_LISTS; i++) {
        if (session_lists[i].what != m->what) continue;
        size_t n = session_lists[i].n;
        if (m->has.queue && strcmp(m->queue, "outer") == 0 && m->what == WIRE_WHAT_QUEUES) n = 1;
        if (m->has.queue && strcmp(m->queue, "nowhere") == 0) n = 0;
        bool more = m->what == WIRE_WHAT_TASKS && m->limit == 1;
        const char *next = session_told.table[i].next && !m->has.after ? session_told.table[i].next : NULL;
        if (session_told.table[i].told)
            rows_send(b, m, i, session_told.table[i].rows, session_told.table[i].n, next);
        else
            rows_send(b, m, i, session_lists[i].rows, more ? 1 : n, more ? "77" : next);
    }
}

static void on_queue(struct fake *b, const struct wire_msg *m)
{
    if (refused(b, m)) return;
    if (strcmp(m->queue, "nowhere") == 0)
        fake_error(b, m, PV_UNKNOWN_QUEUE, "there is no such queue");
    else
        rows_send(b, m, 0, session_lists[0].rows, 1, NULL);
}

static void on_prover(struct fake *b, const struct wire_msg *m)
{
    if (!refused(b, m)) rows_send(b, m, 1, session_lists[1].rows, 1, NULL);
}

static void on_purge(struct fake *b, const struct wire_msg *m)
{
    if (refused(b, m)) return;
    if (m->has.queue && strcmp(m->queue, "nowhere") == 0) {
        fake_error(b, m, PV_UNKNOWN_QUEUE, "there is no such queue");
        return;
    }
    struct wire_msg a = { .type = WIRE_COUNTS };
    WIRE_SET(&a, req, m->req);
    a.has.counts = true;
    a.counts.of[TASK_QUEUED] = 3;
    a.counts.of[TASK_RUNNING] = 2;
    if (!m->has.states) a.counts.of[TASK_SUCCEEDED] = 5;
    if (session_told.has_counts) a.counts = session_told.counts;
    fake_send(b, &a);
}

static bool known(struct fake *b, const struct wire_msg *m)
{
    if (refused(b, m)) return false;
    if (m->task.bytes[0] == 0) return true;
    fake_error(b, m, PV_NOT_FOUND, "there is no such task");
    return false;
}

#define SAME(field)                                                                                                    \
    if (told_of->has.field) WIRE_SET(&a, field, told_of->field);

/* A TASK; told_of: what the transcript says of it. */
static void task_send(struct fake *b, uint32_t req, wire_id task, enum task_state state, const struct wire_msg *told_of)
{
    static const wire_hash none = { { 0 } };
    struct wire_msg a = { .type = WIRE_TASK };
    if (req) WIRE_SET(&a, req, req);
    WIRE_SET(&a, task, task);
    WIRE_SET(&a, state, state);
    WIRE_SET(&a, generation, 1);
    WIRE_SET(&a, queue, "q");
    WIRE_SET(&a, circuit, "c");
    WIRE_SET(&a, status, PV_OK);
    WIRE_SET(&a, length, 3);
    WIRE_SET(&a, sha256, none);
    WIRE_SET(&a, created, 1000);
    WIRE_SET(&a, changed, 2000);
    WIRE_SET(&a, failures, 2);
    SAME(state)
    SAME(status)
    SAME(unservable)
    SAME(position)
    SAME(eta_ms)
    SAME(result_length)
    SAME(measured_ms)
    SAME(deadline)
    SAME(length)
    SAME(percent)
    SAME(losses)
    SAME(attempts)
    SAME(priority)
    SAME(generation)
    SAME(phase)
    SAME(note)
    SAME(text)
    SAME(prover)
    SAME(client)
    SAME(principal)
    SAME(group)
    SAME(queue)
    SAME(circuit)
    fake_send(b, &a);
}

static void on_show(struct fake *b, const struct wire_msg *m)
{
    if (known(b, m)) task_send(b, m->req, m->task, TASK_DELAYED, &session_told.task);
}

static void on_cancel(struct fake *b, const struct wire_msg *m)
{
    if (!known(b, m)) return;
    struct wire_msg a = { .type = WIRE_CANCELLED };
    WIRE_SET(&a, req, m->req);
    WIRE_SET(&a, task, m->task);
    WIRE_SET(&a, state, session_told.has_cancelled ? session_told.cancelled.state : TASK_CANCELLED);
    fake_send(b, &a);
}

/* The end of a task, as the transcript has it; else this one. */
static void deliver(struct fake *b, uint32_t req, const struct wire_msg *m, enum task_state state, pv_status status)
{
    const struct wire_msg *told_of = &session_told.deliver;
    const char *bytes = result;
    size_t n = strlen(result);
    if (session_told.has_deliver && session_told.never) return;
    if (session_told.has_deliver) state = told_of->state, status = told_of->has.status ? told_of->status : PV_OK;
    if (session_told.has_result) {
        bytes = session_told.result ? session_told.result : (const char *)m->payload;
        n = session_told.result ? session_told.result_bytes : m->payload_bytes;
    }
    bool good = state == TASK_SUCCEEDED;
    if (!told_of->has.text) {
        fake_deliver(b, req, m->task, state, status, good ? bytes : NULL, good ? n : 0);
        return;
    }
    struct wire_msg a = { .type = WIRE_DELIVER };
    if (req) WIRE_SET(&a, req, req);
    WIRE_SET(&a, task, m->task);
    WIRE_SET(&a, generation, 1);
    WIRE_SET(&a, state, state);
    WIRE_SET(&a, status, status);
    SAME(text)
    SAME(prover)
    SAME(measured_ms)
    fake_send(b, &a);
}

static void on_fetch(struct fake *b, const struct wire_msg *m)
{
    if (known(b, m)) deliver(b, m->req, m, TASK_SUCCEEDED, PV_OK);
}

static void news_send(struct fake *b, wire_id task, const struct wire_msg *told_of)
{
    struct wire_msg a = *told_of;
    if (a.type == WIRE_TASK) {
        task_send(b, 0, task, TASK_RUNNING, &a);
        return;
    }
    WIRE_SET(&a, task, task);
    fake_send(b, &a);
}

static void ends(struct fake *b, const struct wire_msg *m)
{
    if (m->has.queue && strcmp(m->queue, "deadly") == 0)
        deliver(b, 0, m, TASK_DEAD, PV_BAD_WITNESS);
    else
        deliver(b, 0, m, TASK_SUCCEEDED, PV_OK);
}

/* News, and then its end: at once, or at each step. */
static void goes_on(struct fake *b, const struct wire_msg *m)
{
    if (session_told.steps) {
        session_told.asked = (struct wire_msg){ .task = m->task };
        return;
    }
    for (size_t i = 0; i < session_told.news_n; i++) news_send(b, m->task, &session_told.news[i]);
    ends(b, m);
}

static void on_submit(struct fake *b, const struct wire_msg *m)
{
    const struct wire_msg *told_of = &session_told.submitted;
    if (refused(b, m)) return;
    if (strcmp(m->queue, "closed") == 0) {
        fake_error(b, m, PV_UNAUTHORIZED, "");
        return;
    }
    struct wire_msg a = { .type = WIRE_SUBMIT_OK };
    WIRE_SET(&a, req, m->req);
    WIRE_SET(&a, task, m->task);
    WIRE_SET(&a, state, TASK_QUEUED);
    WIRE_SET(&a, generation, 1);
    SAME(state)
    SAME(position)
    SAME(eta_ms)
    SAME(unservable)
    fake_send(b, &a);
    goes_on(b, m);
}

static void on_attach(struct fake *b, const struct wire_msg *m)
{
    if (!known(b, m)) return;
    task_send(b, m->req, m->task, TASK_SUCCEEDED, &session_told.task);
    goes_on(b, m);
}

static void on_ack(struct fake *b, const struct wire_msg *m)
{
    note(m);
}

/* ---- its life ---- */

void session_broker_start(const char *of_tasks)
{
    struct fake *f = &session_fake;
    result = of_tasks;
    welcomed = lost = 0;
    fake_init(f);
    f->no_welcome = true;
    f->on[WIRE_HELLO] = on_hello;
    f->on[WIRE_LIST] = on_list;
    f->on[WIRE_QUEUE] = on_queue;
    f->on[WIRE_PROVER] = on_prover;
    f->on[WIRE_PURGE] = on_purge;
    f->on[WIRE_SHOW] = f->on[WIRE_KICK] = on_show;
    f->on[WIRE_CANCEL] = on_cancel;
    f->on[WIRE_FETCH] = on_fetch;
    f->on[WIRE_SUBMIT] = on_submit;
    f->on[WIRE_ATTACH] = on_attach;
    f->on[WIRE_ACK] = on_ack;
    fake_start(f);
}

void session_broker_stop(void)
{
    fake_clear(&session_fake);
}

void session_broker_begin(void)
{
    fake_lock(&session_fake);
    heard[0] = '\0';
    memset(&session_told, 0, sizeof session_told);
    fake_unlock(&session_fake);
}

void session_broker_keep(void)
{
    kept = session_told;
}

void session_broker_again(void)
{
    fake_lock(&session_fake);
    heard[0] = '\0';
    session_told = kept; /* its words stay where they are */
    fake_unlock(&session_fake);
}

void session_broker_steps(void)
{
    session_told.steps = true;
}

void session_broker_step(void)
{
    fake_lock(&session_fake);
    if (session_told.step < session_told.news_n)
        news_send(&session_fake, session_told.asked.task, &session_told.news[session_told.step++]);
    else
        ends(&session_fake, &session_told.asked);
    fake_unlock(&session_fake);
}

void session_broker_end(bool rude)
{
    fake_lock(&session_fake);
    unsigned wanted = welcomed - lost, got = session_fake.got[WIRE_DISCONNECT];
    if (rude && wanted > got) lost += wanted - got;
    fake_unlock(&session_fake);
    if (!rude) fake_expect(&session_fake, WIRE_DISCONNECT, wanted);
}

char *session_broker_heard(void)
{
    return heard;
}
