#include "link.h"

#include "decode.h"
#include "encode.h"
#include "endpoint.h"
#include "random.h"
#include "words.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    RECONNECT_MS = 100,
    RECONNECT_MAX_MS = 10000,
    CONNECT_MS = 5000,
    NEXT_ENDPOINT_MS = 20, /* between the endpoints of one round */
    SEND_MOST = 64,        /* messages; of full chunks that is 16 MiB */
    RECEIVE_MOST = 256,    /* more than the credit the library ever gives */
    LINGER_MS = 100,
    STANDBY_MAX_MS = 2000, /* between rounds in which a broker stood by: another takes over in seconds */
    POINTED_MS = 1000,     /* two brokers that point at one another are followed at once no more often */
};

/* --- options --- */

pv_status link_endpoint_add(struct link_options *o, const char *endpoint, size_t bytes)
{
    if (o->endpoints == LINK_ENDPOINTS_MAX || bytes >= LINK_ENDPOINT_BYTES) return PV_USAGE;
    if (strncmp(endpoint, "tcp://", 6) != 0 && strncmp(endpoint, "ipc://", 6) != 0) return PV_USAGE;
    char *to = o->endpoint[o->endpoints++];
    memcpy(to, endpoint, bytes);
    to[bytes] = '\0';
    return PV_OK;
}

pv_status link_endpoints(struct link_options *o, const char *list, bool insecure)
{
    o->endpoints = 0;
    for (const char *p = list; *p;) {
        size_t bytes = strcspn(p, ", ");
        if (bytes > 0) {
            TRY(link_endpoint_add(o, p, bytes));
            if (insecure && !endpoint_is_local(o->endpoint[o->endpoints - 1])) return PV_USAGE;
        }
        p += bytes + strspn(p + bytes, ", ");
    }
    return o->endpoints > 0 ? PV_OK : PV_USAGE;
}

static void fill_in(struct link_options *o)
{
    if (!o->reconnect_ms) o->reconnect_ms = RECONNECT_MS;
    if (!o->reconnect_max_ms) o->reconnect_max_ms = RECONNECT_MAX_MS;
    if (!o->connect_ms) o->connect_ms = CONNECT_MS;
    if (!o->send_most) o->send_most = SEND_MOST;
    if (!o->receive_most) o->receive_most = RECEIVE_MOST;
    if (!o->linger_ms) o->linger_ms = LINGER_MS;
}

pv_status link_init(struct link *l, uint64_t now_ms)
{
    TRY(dealer_zmq_new(&l->zmq));
    fill_in(&l->options);
    l->state = LINK_DOWN;
    l->due_ms = now_ms;
    l->trouble = PV_UNREACHABLE;
    snprintf(l->trouble_text, sizeof l->trouble_text, "not connected yet");
    /* Until a broker says otherwise. */
    l->inline_max = WIRE_INLINE_MAX;
    l->chunk_max = WIRE_CHUNK_MAX;
    return PV_OK;
}

void link_clear(struct link *l)
{
    dealer_close(&l->dealer);
    if (l->zmq) {
        while (zmq_ctx_term(l->zmq) != 0 && errno == EINTR) {
        }
    }
    l->zmq = NULL;
    link_keys_clear(&l->options.keys);
}

/* --- up and down --- */

/* The pause before the next attempt. Within a round it is short: with the long pause between all endpoints, the last of
 * several would be tried long after it is back. provost.h promises the bounds of the long pause, and both keep them. */
static uint64_t pause_ms(const struct link *l)
{
    const struct link_options *o = &l->options;
    if (l->fails % o->endpoints != 0) return NEXT_ENDPOINT_MS < o->reconnect_ms ? NEXT_ENDPOINT_MS : o->reconnect_ms;
    uint64_t pause = o->reconnect_ms, most = o->reconnect_max_ms;
    if (l->stood_by && most > STANDBY_MAX_MS) most = STANDBY_MAX_MS;
    for (size_t rounds = l->fails / o->endpoints; rounds > 1 && pause < most; rounds--) pause *= 2;
    if (pause > most) pause = most;
    return pause / 2 + pv_random_below((uint32_t)pause + 1);
}

/* After one that a standby pointed at, the round goes on where it would have without it: none is passed over. */
static void next_endpoint(struct link *l)
{
    size_t from = l->pointed ? l->pointed_from : l->at;
    l->at = (from + 1) % l->options.endpoints;
    l->pointed = false;
}

void link_fail(struct link *l, pv_status status, const char *text, uint64_t now_ms)
{
    dealer_close(&l->dealer);
    l->lost = l->state == LINK_UP;
    l->downs++;
    l->state = LINK_DOWN;
    l->trouble = status;
    snprintf(l->trouble_text, sizeof l->trouble_text, "%s: %s", l->options.endpoint[l->at], text);
    if (!l->lost) {
        l->fails++;
        next_endpoint(l);
    }
    l->due_ms = now_ms + pause_ms(l);
    if (l->fails % l->options.endpoints == 0) l->stood_by = false; /* the next round finds out anew */
}

static const char *cell_endpoint(const struct wire_row *row)
{
    for (size_t i = 0; i < row->cells_n; i++)
        if (row->cells[i].type == WIRE_CELL_TEXT && !strcmp(row->cells[i].key, "endpoint")) return row->cells[i].text;
    return "";
}

/* The first endpoint of ours that m names and that has not just said this; as many as there are: none. */
static size_t endpoint_named(const struct link *l, const struct wire_msg *m)
{
    size_t n = l->options.endpoints;
    for (size_t i = 0; m->has.endpoints && i < m->endpoints_n; i++)
        for (size_t k = 0; k < n; k++)
            if (k != l->at && !strcmp(cell_endpoint(&m->endpoints[i]), l->options.endpoint[k])) return k;
    return n;
}

void link_standby(struct link *l, const struct wire_msg *m, uint64_t now_ms)
{
    const char *text = m->has.text ? m->text : pv_status_text(PV_STANDBY);
    size_t said = l->at, to = endpoint_named(l, m);
    bool followed = l->pointed;
    l->stood_by = true;
    link_fail(l, PV_STANDBY, text, now_ms);
    if (l->lost) { /* it worked, and is the last to ask now */
        next_endpoint(l);
        if (l->options.endpoints > 1) l->due_ms = now_ms;
    }
    if (followed || to == l->options.endpoints) return;
    l->pointed = to != l->at; /* else it is the next one anyway */
    l->pointed_from = said;
    l->at = to;
    if (l->pointed_ms && now_ms - l->pointed_ms < POINTED_MS) return;
    l->pointed_ms = l->due_ms = now_ms;
}

static void dial(struct link *l, uint64_t now_ms)
{
    struct dealer_options o = { .send_most = l->options.send_most,
                                .receive_most = l->options.receive_most,
                                .connect_ms = (int)l->options.connect_ms,
                                .ipv4_only = l->options.ipv4_only,
                                .keys = &l->options.keys,
                                .server = l->at };
    if (dealer_open(&l->dealer, l->zmq, ++l->dials, l->options.endpoint[l->at], &o))
        link_rehello(l, now_ms);
    else
        link_fail(l, PV_UNREACHABLE, zmq_strerror(zmq_errno()), now_ms);
}

void link_rehello(struct link *l, uint64_t now_ms)
{
    l->state = LINK_DIALLING;
    l->hello_due = true;
    l->due_ms = now_ms + l->options.connect_ms;
}

void link_step(struct link *l, uint64_t now_ms)
{
    if (l->state == LINK_UP && now_ms >= l->heard_ms + l->lease_ms) {
        link_fail(l, PV_UNREACHABLE, "the broker has fallen silent", now_ms);
        next_endpoint(l); /* its machine may be gone: then an attempt there would cost connect_ms */
    }
    if (l->state == LINK_DIALLING && now_ms >= l->due_ms) link_fail(l, PV_UNREACHABLE, "no answer", now_ms);
    if (l->state == LINK_DOWN && now_ms >= l->due_ms) dial(l, now_ms);
}

uint64_t link_next_ms(const struct link *l)
{
    if (l->state != LINK_UP) return l->due_ms;
    uint64_t silent = l->heard_ms + l->lease_ms;
    return silent < l->beat_ms ? silent : l->beat_ms;
}

bool link_monitor(struct link *l, uint64_t now_ms)
{
    switch (dealer_event(&l->dealer)) {
    case DEALER_NOTHING: return false;
    case DEALER_ACCEPTED: return true;
    case DEALER_KEY_REFUSED: link_fail(l, PV_UNAUTHORIZED, "the broker refuses this key", now_ms); break;
    case DEALER_OTHER_MECHANISM:
        link_fail(l, PV_UNAUTHORIZED, "no handshake: only one of the two sides uses keys", now_ms);
        break;
    case DEALER_NO_HANDSHAKE:
        link_fail(l, PV_UNAUTHORIZED,
                  l->options.keys.have ? "no handshake: is the broker's key right?"
                                       : "no handshake: does the broker want keys?",
                  now_ms);
        break;
    case DEALER_GONE:
        link_fail(l, PV_UNREACHABLE, l->state == LINK_UP ? "the connection was closed" : "no connection", now_ms);
        break;
    }
    return false;
}

/* --- what is said --- */

pv_status link_send(struct link *l, const struct wire_msg *m)
{
    return l->state == LINK_UP ? dealer_send(&l->dealer, m, l->why) : PV_UNREACHABLE;
}

pv_status link_hello(struct link *l, struct wire_msg *m)
{
    m->type = WIRE_HELLO;
    WIRE_SET(m, role, l->options.role);
    if (l->options.any_role) WIRE_SET(m, any_role, true);
    WIRE_SET(m, name, l->options.name);
    WIRE_SET(m, session, l->options.session);
    WIRE_SET(m, software, l->options.software);
    WIRE_SET(m, vmin, WIRE_VERSION);
    WIRE_SET(m, vmax, WIRE_VERSION);
    WIRE_SET(m, epoch, l->epoch_seen);
    l->hello_due = false;
    return dealer_send(&l->dealer, m, l->why);
}

void link_goodbye(struct link *l, pv_status status)
{
    struct wire_msg m = { .type = WIRE_DISCONNECT };
    WIRE_SET(&m, status, status);
    dealer_linger(&l->dealer, l->options.linger_ms);
    dealer_send(&l->dealer, &m, l->why);
    dealer_close(&l->dealer);
}

static bool names_kind(const struct wire_msg *m, const char *kind)
{
    for (size_t i = 0; m->has.input_kinds && i < m->input_kinds_n; i++)
        if (!strcmp(m->input_kinds[i], kind)) return true;
    return false;
}

static void take_terms(struct link *l, const struct wire_msg *m)
{
    l->epoch = l->epoch_seen = m->epoch;
    l->heartbeat_ms = m->heartbeat_ms;
    l->lease_ms = m->lease_ms;
    l->inline_max = m->inline_max < WIRE_INLINE_MAX ? m->inline_max : WIRE_INLINE_MAX;
    l->chunk_max = m->chunk_max < WIRE_CHUNK_MAX ? m->chunk_max : WIRE_CHUNK_MAX;
    l->window = m->window;
    l->payload_max = m->payload_max;
    l->by_principal = m->has.by_principal && m->by_principal;
    l->purge_forgets = m->has.purge_forgets && m->purge_forgets;
    l->more_circuits = m->has.more_circuits && m->more_circuits;
    l->deadline_in = m->has.deadline_in && m->deadline_in;
    l->takes_lost = m->has.takes_lost && m->takes_lost;
    l->takes_handlers = m->has.takes_handlers && m->takes_handlers;
    l->input_json = names_kind(m, wire_word(WIRE_WORDS_input_kind, WIRE_INPUT_KIND_JSON));
    l->traces = m->has.traces && m->traces;
    snprintf(l->principal, sizeof l->principal, "%s", m->principal);
    snprintf(l->software, sizeof l->software, "%s", m->software);
}

bool link_welcome(struct link *l, const struct wire_msg *m, uint64_t now_ms)
{
    if (m->epoch < l->epoch_seen) {
        link_goodbye(l, PV_STALE_BROKER);
        link_fail(l, PV_STALE_BROKER, "its boot epoch is lower than one already seen", now_ms);
        return false;
    }
    if (m->heartbeat_ms == 0 || m->lease_ms < 4 * (uint64_t)m->heartbeat_ms || m->window == 0 || m->chunk_max == 0) {
        link_fail(l, PV_BAD_MESSAGE, "its terms make no sense", now_ms);
        return false;
    }
    take_terms(l, m);
    l->state = LINK_UP;
    l->fails = 0;
    l->pointed = l->stood_by = false;
    l->welcomes++;
    l->heard_ms = l->welcomed_ms = now_ms;
    l->beat_ms = now_ms + l->heartbeat_ms;
    return true;
}

pv_status link_receive(struct link *l, struct wire_msg *m, struct dealer_frame *payload, uint64_t now_ms)
{
    pv_status s = dealer_receive(&l->dealer, m, payload, l->why);
    if (s != PV_UNREACHABLE) l->heard_ms = now_ms;
    return s;
}
