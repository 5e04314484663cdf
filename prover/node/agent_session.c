#include "agent_state.h"

#include "clock.h"
#include "log.h"

#include <string.h>

enum {
    READ_MOST = 256, /* messages in one turn, so that heartbeats are never far */
    HELD_MOST = 100, /* with AGENT_CIRCUITS_MAX circuits and 64 queues this keeps HELLO under 64 KiB */
    WINDOW_LEAST = 65536,
    HEARTBEAT_LEAST_MS = 10,
};

static size_t held_list(const struct agent *a, struct wire_held held[HELD_MOST])
{
    size_t n = 0;
    for (size_t i = 0; i < a->attempts_n && n < HELD_MOST; i++, n++) {
        const struct attempt *at = &a->attempts[i];
        held[n] = (struct wire_held){ 0 };
        WIRE_SET(&held[n], token, at->token);
        WIRE_SET(&held[n], percent, at->percent);
        if (*at->phase) WIRE_SET(&held[n], phase, at->phase);
        WIRE_SET(&held[n], task, at->task);
        WIRE_SET(&held[n], input, at->sha256);
        WIRE_SET(&held[n], started, at->state == ATTEMPT_RUNNING);
    }
    for (size_t i = 0; i < a->finished_n && n < HELD_MOST; i++, n++) {
        const struct spool_entry *e = &a->finished[i].entry;
        held[n] = (struct wire_held){ 0 };
        WIRE_SET(&held[n], token, e->token);
        WIRE_SET(&held[n], percent, 100);
        WIRE_SET(&held[n], task, e->task);
        WIRE_SET(&held[n], input, e->input);
        WIRE_SET(&held[n], spooled, true);
        WIRE_SET(&held[n], sha256, e->sha256);
        WIRE_SET(&held[n], length, e->length);
    }
    return n;
}

static size_t circuit_list(const struct agent *a, struct handler_circuit *store, struct wire_circuit *list)
{
    size_t n = a->o.circuits ? a->o.circuits(a->o.circuits_arg, store, AGENT_CIRCUITS_MAX) : 0;
    for (size_t i = 0; i < n; i++) {
        list[i] = (struct wire_circuit){ 0 };
        WIRE_SET(&list[i], circuit, store[i].name);
        WIRE_SET(&list[i], digest, store[i].digest);
        WIRE_SET(&list[i], warm, store[i].warm);
        WIRE_SET(&list[i], load_ms, store[i].load_ms);
        if (store[i].need_vram) WIRE_SET(&list[i], need_vram, store[i].need_vram);
        if (store[i].need_ram) WIRE_SET(&list[i], need_ram, store[i].need_ram);
    }
    return n;
}

void session_announce(struct agent *a)
{
    struct handler_circuit store[AGENT_CIRCUITS_MAX];
    struct wire_circuit circuits[AGENT_CIRCUITS_MAX];
    struct wire_held held[HELD_MOST];
    const char *queues[AGENT_QUEUES_MAX];
    struct wire_msg m = { .type = WIRE_HELLO };
    if (!dial_is_open(a->dial)) return;
    for (size_t i = 0; i < a->o.queues_n; i++) queues[i] = a->o.queues[i].name;
    WIRE_SET(&m, role, WIRE_ROLE_PROVER);
    WIRE_SET(&m, name, a->o.name);
    WIRE_SET(&m, session, a->session);
    WIRE_SET(&m, software, a->o.software);
    WIRE_SET(&m, vmin, WIRE_VERSION);
    WIRE_SET(&m, vmax, WIRE_VERSION);
    WIRE_SET(&m, epoch, a->epoch_seen);
    WIRE_SET_LIST(&m, queues, queues, a->o.queues_n);
    if (a->o.circuits) WIRE_SET_LIST(&m, circuits, circuits, circuit_list(a, store, circuits));
    WIRE_SET(&m, slots, a->o.slots);
    WIRE_SET(&m, prefetch, a->o.prefetch);
    WIRE_SET(&m, vram, a->o.vram);
    WIRE_SET(&m, ram, a->o.ram);
    WIRE_SET_LIST(&m, held, held, held_list(a, held));
    a->hello_ms = a->now_ms;
    session_say(a, &m);
}

void session_open(struct agent *a)
{
    const char *endpoint = dial_open(a->dial);
    if (!endpoint) {
        LOG_ERROR("broker.dial", "text=%s", "no socket, or not an endpoint");
        dial_close(a->dial, a->now_ms);
        return;
    }
    LOG_DEBUG("broker.dial", "endpoint=%s", endpoint);
    a->link = LINK_HELLO;
    session_announce(a);
}

static void session_refuse(struct agent *a, pv_status status, const char *text)
{
    struct wire_msg m = { .type = WIRE_DISCONNECT };
    WIRE_SET(&m, status, status);
    session_say(a, &m);
    LOG_ERROR("broker.refused", "status=%s text=%s", pv_status_word(status), text);
    a->link = LINK_DOWN;
    dial_close(a->dial, a->now_ms);
}

static void on_welcome(struct agent *a, const struct wire_msg *m)
{
    char text[128];
    if (m->epoch < a->epoch_seen) {
        snprintf(text, sizeof text, "it is in epoch %u, and %u was seen", m->epoch, a->epoch_seen);
        session_refuse(a, PV_STALE_BROKER, text);
        return;
    }
    a->epoch_seen = m->epoch;
    a->heartbeat_ms = m->heartbeat_ms < HEARTBEAT_LEAST_MS ? HEARTBEAT_LEAST_MS : m->heartbeat_ms;
    a->lease_ms = m->lease_ms < 4 * a->heartbeat_ms ? 4 * a->heartbeat_ms : m->lease_ms;
    a->inline_max = m->inline_max;
    a->chunk_max = m->chunk_max && m->chunk_max < WIRE_CHUNK_MAX ? m->chunk_max : WIRE_CHUNK_MAX;
    a->window = m->window < WINDOW_LEAST ? WINDOW_LEAST : m->window;
    a->link = LINK_UP;
    a->complain_ms = 0;
    a->beat_ms = a->now_ms + a->heartbeat_ms;
    a->ready_due = true;
    dial_settled(a->dial);
    LOG_INFO("broker.connected", "epoch=%u principal=%s software=%s attempts=%zu unacknowledged=%zu", m->epoch,
             m->principal, m->software, a->attempts_n, a->finished_n);
    if (a->mode != MODE_SERVE) session_say(a, &(struct wire_msg){ .type = WIRE_DRAIN });
    attempts_linked(a);
    results_linked(a);
}

static void on_heartbeat(struct agent *a, const struct wire_msg *m)
{
    for (size_t i = 0; i < m->revoked_n; i++) attempts_revoke(a, m->revoked[i]);
    if (m->epoch != a->epoch_seen) session_announce(a);
}

/* About a task: its owner decides. About nothing: the broker does not know us any more, or does not want us. */
static void on_error(struct agent *a, const struct wire_msg *m)
{
    const char *text = m->has.text ? m->text : pv_status_text(m->status);
    if (m->has.token) {
        LOG_WARN("broker.error", "status=%s text=%s", pv_status_word(m->status), text);
        if (!results_refused(a, m)) attempts_refused(a, m);
    } else if (m->status == PV_BAD_STATE) {
        if (a->link != LINK_UP) return;
        a->link = LINK_HELLO; /* what is said before WELCOME would be refused in the same way */
        session_announce(a);
    } else if (a->link == LINK_HELLO) {
        session_refuse(a, m->status, text);
    } else {
        LOG_WARN("broker.error", "status=%s text=%s", pv_status_word(m->status), text);
    }
}

static void on_message(struct agent *a, const struct wire_msg *m)
{
    if (m->type == WIRE_WELCOME) {
        on_welcome(a, m);
        return;
    }
    if (m->type == WIRE_ERROR) {
        on_error(a, m);
        return;
    }
    if (m->type == WIRE_DISCONNECT) {
        session_lose(a, "the broker said good-bye");
        return;
    }
    if (a->link != LINK_UP) return;
    switch (m->type) {
    case WIRE_HEARTBEAT: on_heartbeat(a, m); break;
    case WIRE_OFFER: attempts_offer(a, m); break;
    case WIRE_CHUNK: attempts_chunk(a, m); break;
    case WIRE_REVOKE: attempts_revoke(a, m->token); break;
    case WIRE_RECALL: attempts_recall(a, m->token); break;
    case WIRE_CREDIT: results_credit(a, m); break;
    case WIRE_RESULT_OK: results_ok(a, m); break;
    default: LOG_WARN("broker.unexpected", "type=%s", wire_type_name((int)m->type));
    }
}

void session_read(struct agent *a)
{
    char why[WIRE_WHY_BYTES];
    for (int i = 0; i < READ_MOST && dial_is_open(a->dial); i++) {
        struct dial_message in;
        pv_status s = dial_receive(a->dial, &in, why);
        if (s == PV_UNREACHABLE) return;
        a->heard_ms = a->now_ms;
        if (s == PV_OK) {
            on_message(a, &in.m);
            dial_message_clear(&in);
        } else {
            LOG_WARN("broker.message", "status=%s text=%s", pv_status_word(s), why);
        }
    }
}

void session_news(struct agent *a)
{
    while (dial_is_open(a->dial)) {
        enum dial_news news = dial_news_read(a->dial);
        if (news == DIAL_NOTHING) return;
        if (news == DIAL_REFUSED)
            LOG_ERROR("broker.refused", "status=%s text=%s", pv_status_word(PV_UNAUTHORIZED),
                      "the broker does not accept this node's key");
        session_lose(a, news == DIAL_REFUSED ? "key refused" : "connection closed");
    }
}

static void heartbeat_say(struct agent *a)
{
    struct wire_held held[HELD_MOST];
    struct wire_msg m = { .type = WIRE_HEARTBEAT };
    size_t n = held_list(a, held);
    for (size_t i = 0; i < n; i++) { /* what HELLO says besides need not be said again */
        held[i].has.task = held[i].has.input = held[i].has.sha256 = held[i].has.length = false;
        held[i].has.started = held[i].has.spooled = false;
    }
    WIRE_SET_LIST(&m, held, held, n);
    a->beat_ms = a->now_ms + a->heartbeat_ms;
    session_say(a, &m);
}

static void ready_say(struct agent *a)
{
    struct handler_circuit store[AGENT_CIRCUITS_MAX];
    wire_hash warm[AGENT_CIRCUITS_MAX];
    struct wire_msg m = { .type = WIRE_READY };
    size_t circuits = a->o.circuits ? a->o.circuits(a->o.circuits_arg, store, AGENT_CIRCUITS_MAX) : 0, n = 0;
    unsigned places = a->o.slots + a->o.prefetch, taken = attempts_unfinished(a);
    for (size_t i = 0; i < circuits; i++)
        if (store[i].warm) warm[n++] = store[i].digest;
    WIRE_SET(&m, credit, taken < places ? places - taken : 0);
    WIRE_SET_LIST(&m, warm, warm, n);
    a->ready_due = !session_say(a, &m);
}

void session_tick(struct agent *a)
{
    if (a->over) return;
    if (a->link == LINK_DOWN && a->now_ms >= dial_due_ms(a->dial)) session_open(a);
    if (a->link == LINK_HELLO && a->now_ms - a->hello_ms >= a->o.answer_ms) session_lose(a, "no answer to HELLO");
    if (a->link == LINK_UP && a->now_ms - a->heard_ms >= a->lease_ms) session_lose(a, "nothing heard for a lease");
    if (a->link == LINK_UP && a->now_ms >= a->beat_ms) heartbeat_say(a);
    if (a->link == LINK_UP && a->ready_due && a->mode == MODE_SERVE) ready_say(a);
}

uint64_t session_next_ms(const struct agent *a)
{
    switch (a->link) {
    case LINK_DOWN: return dial_due_ms(a->dial);
    case LINK_HELLO: return a->hello_ms + a->o.answer_ms;
    default: return a->beat_ms < a->heard_ms + a->lease_ms ? a->beat_ms : a->heard_ms + a->lease_ms;
    }
}
