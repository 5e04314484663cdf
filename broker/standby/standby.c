#include "standby.h"

#include "connections.h"
#include "message.h"
#include "reply.h"
#include "store_try.h"

#include "clock.h"
#include "encode.h"
#include "log.h"
#include "peer_handlers.h"
#include "prom_text.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECOND_MS = 1000, INTAKE_BYTES = 16 << 20, TEXT_BYTES = 600 };

/* ---- what is said ---- */

static void text_of(const struct broker *b, char to[TEXT_BYTES])
{
    const char *at = b->standby.endpoint;
    snprintf(to, TEXT_BYTES, at[0] ? "this broker stands by; the active one is at %s" : "this broker stands by: %s",
             at[0] ? at : b->standby.why);
}

/* ERROR or DISCONNECT, with where the active one is. */
static pv_status say_standby(struct broker *b, uint32_t routing, enum wire_type type)
{
    char text[TEXT_BYTES], clipped[512], why[WIRE_WHY_BYTES];
    const struct wire_cell cell = { .key = "endpoint", .type = WIRE_CELL_TEXT, { .text = b->standby.endpoint } };
    const struct wire_row row = { &cell, 1 };
    struct wire_frames f;
    struct wire_msg m = { .type = type };
    text_of(b, text);
    WIRE_SET(&m, status, PV_STANDBY);
    WIRE_SET(&m, text, wire_text_clip(clipped, sizeof clipped, text));
    if (b->standby.endpoint[0]) WIRE_SET_LIST(&m, endpoints, &row, 1);
    TRY(wire_msg_encode(&m, WIRE_TO_PEER, b->buffer, sizeof b->buffer, &f, why));
    return router_send(&b->router, routing, &f);
}

/* A peer of the broker that was active. */
static void peer_leaves(struct broker *b, struct peer *peer)
{
    int fd = peer->fd;
    bool told = !peer->hello || say_standby(b, peer->routing, WIRE_DISCONNECT) == PV_OK;
    share_close(&b->shares, &peer->share);
    if (peer->hello && b->keys) auth_keys_connected(b->keys, peer->key, -1);
    peer_handlers_leave(&b->fleet, peer, broker_principal(b, peer));
    if (peer->hello && door_has(&b->door, fd)) strangers_add(&b->strangers, fd, b->now_ms);
    peers_drop(&b->peers, peer);
    if (!told) door_cut(&b->door, fd); /* its queue is full: it would not read it */
}

/* ---- what is heard ---- */

static void hello(struct broker *b, uint32_t routing, const struct router_message *d)
{
    if (b->keys && !auth_keys_find(b->keys, d->user)) {
        b->counters.refused_keys++;
        b->counters.denied[FACTS_DENIED_REVOKED]++;
        reply_stranger(b, routing, PV_UNAUTHORIZED, "this key is not one of the broker's authorized keys");
        return;
    }
    b->standby.hellos++;
    say_standby(b, routing, WIRE_ERROR); /* if it cannot be reached, nothing has to be undone */
}

static void message(struct broker *b, struct router_message *d)
{
    struct wire_msg m;
    uint32_t routing;
    if (!message_read(b, d, &routing, &m)) return;
    if (m.type == WIRE_HELLO)
        hello(b, routing, d);
    else if (m.type != WIRE_DISCONNECT) /* a peer of before that has not heard yet: it says HELLO, and is sent on */
        reply_stranger(b, routing, PV_BAD_STATE, "say HELLO first");
    wire_msg_clear(&m);
}

static bool messages(struct broker *b, struct router_message *m)
{
    uint64_t bytes = 0;
    for (uint64_t n = 0; n < b->config->batch && bytes < INTAKE_BYTES; n++) {
        if (!router_receive(&b->router, m)) return false;
        b->counters.messages++;
        bytes += router_message_bytes(m);
        flood_note(&b->flood, m->fd, m->wire);
        message(b, m);
    }
    return true;
}

/* ---- what is shown ---- */

static char *metrics_text_of(const struct broker *b)
{
    char *text = NULL;
    size_t n;
    FILE *to = open_memstream(&text, &n);
    const struct prom_metric all[] = {
        { "provost_up", "gauge", "1 while tasks are accepted.", 0 },
        { "provost_connections", "gauge", "Connections there are.", b->door.n },
        { "provost_standby_hellos_total", "counter", "HELLOs that were sent on to another broker.", b->standby.hellos },
    };
    const struct prom_labels role = { { { "role", "standby" } } };
    if (!to) return NULL;
    prom_metrics(to, all, sizeof all / sizeof *all);
    prom_family(to, "provost_store_role", "gauge", "1 for what this broker is to its store: active or standby.");
    prom_sample(to, "provost_store_role", &role, 1);
    fclose(to);
    return text;
}

static void show(struct broker *b)
{
    char why[sizeof b->standby.why + 16];
    struct http_question q;
    struct http_news news = { .standby = true, .not_ready = why };
    snprintf(why, sizeof why, "standby: %s", b->standby.why);
    notify_status(&b->notify, "Stands by: %s", b->standby.why);
    if (!b->http) return;
    news.metrics = metrics_text_of(b);
    http_publish(b->http, &news);
    while (http_next(b->http, &q)) http_answer(b->http, q.id, 503, NULL); /* asked before it stood by */
}

/* ---- tries ---- */

static void why_note(struct broker *b, const char *why, const char *active)
{
    struct broker_standby *s = &b->standby;
    if (!strcmp(s->why, why) && !strcmp(s->endpoint, active)) return;
    snprintf(s->why, sizeof s->why, "%s", why);
    snprintf(s->endpoint, sizeof s->endpoint, "%s", active);
    b->second_ms = 0; /* /readyz says so now */
    LOG_INFO("broker.standby", "why=%s active=%s", why, active);
}

void standby_again(struct broker *b, const char *why, const char *active)
{
    why_note(b, why, active);
    b->standby.try_ms = pv_clock_ms() + STANDBY_TRY_MS;
}

static bool store_taken(struct broker *b, struct store **store)
{
    char why[STORE_WHY_BYTES] = "", active[STORE_ENDPOINT_BYTES] = "";
    pv_status st = PV_OK;
    if (b->standby.try) {
        if (!store_try_ended(&b->standby.try, &st, store, why, active)) return false;
        if (st == PV_OK) return true;
        standby_again(b, why[0] ? why : pv_status_text(st), active);
        return false;
    }
    if (pv_clock_ms() < b->standby.try_ms) return false;
    struct store_place place = config_store(b->settings.started); /* a reload meanwhile frees none of its texts */
    st = store_try_begin(&b->standby.try, &place, b->wake, &b->standby.old);
    if (st != PV_OK) standby_again(b, "there is no memory or thread to open the store", "");
    return false;
}

/* ---- the turn ---- */

void standby_begin(struct broker *b, const char *why, const char *active)
{
    b->standby.why[0] = 0;
    why_note(b, why, active);
    for (uint32_t i = 0; i < b->peers.slots_n; i++)
        if (b->peers.slots[i].handle) peer_leaves(b, &b->peers.slots[i]);
    b->standby.try_ms = pv_clock_ms() + (b->standby.old ? 0 : STANDBY_TRY_MS);
    b->second_ms = 0;
}

bool standby_turn(struct broker *b, struct router_message *m, bool notices, bool *left, struct store **store)
{
    notify_alive(&b->notify, b->now_ms);
    *left = messages(b, m);
    if (notices) connections_notices(b);
    connections_mind(b);
    connections_cut_flood(b, !*left);
    if (b->now_ms >= b->second_ms) {
        b->second_ms = b->now_ms + SECOND_MS;
        show(b);
    }
    b->counters.turns++;
    return store_taken(b, store);
}

long standby_sleep_ms(const struct broker *b)
{
    uint64_t now = broker_clock_ms(b), next = b->second_ms, alive = notify_next_ms(&b->notify), mono = pv_clock_ms();
    if (alive < next) next = alive;
    if (b->door.n && flood_next_ms(&b->flood) < next) next = flood_next_ms(&b->flood);
    uint64_t wait = next > now ? next - now : 0, due = b->standby.try_ms > mono ? b->standby.try_ms - mono : 0;
    if (!b->standby.try && due < wait) wait = due;
    return (long)wait;
}

void standby_end(struct broker *b)
{
    store_try_drop(&b->standby.try);
    store_close(&b->standby.old);
}
