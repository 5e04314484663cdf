/* A broker that stands by, on a stage: what it tells whoever is or comes there, when it tries to have the store, what it makes of each answer, and
 * how long it may sleep. Beside tests/vectors/broker/standby.txt (`standby_turns_test write` makes it anew). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "encode.h"
#include "golden.h"
#include "http.h"
#include "log.h"
#include "message.h"
#include "reply.h"
#include "standby.h"
#include "store_try.h"
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PEERS = 3, MESSAGES = 8 };

static struct broker b;
static struct config config;
static struct config_args args;
static struct peer_slots {
    struct peer slots[PEERS];
} house;

static struct {
    uint64_t clock, mono, flood_next, alive_next;
    pv_status send, begin, tried;
    bool ended, sees_fd;
    const char *why, *active;
    struct wire_msg come[MESSAGES]; /* type 0: not legal */
    size_t come_n, came, bytes;
    const char *known; /* the only key that is authorised */
    unsigned questions;
} s;

/* ---- what is called ---- */

#define SAYS(name, parameters)                                                                                         \
    void __wrap_##name parameters;                                                                                     \
    void __wrap_##name parameters                                                                                      \
    {                                                                                                                  \
        golden_tell(" %s", #name);                                                                                     \
    }
#define ANSWERS(type, name, parameters, answer)                                                                        \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters                                                                                      \
    {                                                                                                                  \
        return answer;                                                                                                 \
    }

SAYS(connections_notices, (struct broker * p))
SAYS(connections_mind, (struct broker * p))
ANSWERS(uint64_t, pv_clock_ms, (void), s.mono)
ANSWERS(uint64_t, broker_clock_ms, (const struct broker *p), s.clock)
ANSWERS(uint64_t, notify_next_ms, (const struct notify *n), s.alive_next)
ANSWERS(uint64_t, flood_next_ms, (const struct flood *f), s.flood_next)
ANSWERS(size_t, router_message_bytes, (const struct router_message *m), s.bytes)
ANSWERS(const char *, broker_principal, (const struct broker *p, const struct peer *peer), "acme")
ANSWERS(bool, door_has, (const struct door *d, int fd), s.sees_fd)

static void line(const char *first, const char *format, va_list ap)
{
    char text[600];
    vsnprintf(text, sizeof text, format, ap);
    golden_tell(" [%s %s]", first, text);
}

void __wrap_log_event(enum log_level level, const char *event, const char *format, ...);
void __wrap_log_event(enum log_level level, const char *event, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    line(event, format, ap);
    va_end(ap);
}

void __wrap_notify_status(struct notify *n, const char *format, ...);
void __wrap_notify_status(struct notify *n, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    line("status", format, ap);
    va_end(ap);
}

void __wrap_notify_alive(struct notify *n, uint64_t now_ms);
void __wrap_notify_alive(struct notify *n, uint64_t now_ms)
{
    golden_tell(" alive@%u", (unsigned)now_ms);
}

void __wrap_connections_cut_flood(struct broker *p, bool drained);
void __wrap_connections_cut_flood(struct broker *p, bool drained)
{
    golden_tell(" flood%s", drained ? "(drained)" : "");
}

void __wrap_flood_note(struct flood *f, int fd, uint64_t wire_bytes);
void __wrap_flood_note(struct flood *f, int fd, uint64_t wire_bytes)
{
    golden_tell(" note(%d,%u)", fd, (unsigned)wire_bytes);
}

/* peers */

void __wrap_share_close(struct shares *shares, struct share **share);
void __wrap_share_close(struct shares *shares, struct share **share)
{
    golden_tell(" share_close");
    *share = NULL;
}

uint32_t __wrap_auth_keys_connected(struct auth_keys *keys, const char *text, int change);
uint32_t __wrap_auth_keys_connected(struct auth_keys *keys, const char *text, int change)
{
    golden_tell(" connected(%s%+d)", text, change);
    return 0;
}

const struct auth_key *__wrap_auth_keys_find(const struct auth_keys *keys, const char *text);
const struct auth_key *__wrap_auth_keys_find(const struct auth_keys *keys, const char *text)
{
    return s.known && !strcmp(text, s.known) ? (const struct auth_key *)&s : NULL;
}

void __wrap_peer_handlers_leave(struct fleet_handlers *f, struct peer *peer, const char *principal);
void __wrap_peer_handlers_leave(struct fleet_handlers *f, struct peer *peer, const char *principal)
{
    golden_tell(" handlers_leave(%s)", principal);
}

void __wrap_strangers_add(struct strangers *strangers, int fd, uint64_t now_ms);
void __wrap_strangers_add(struct strangers *strangers, int fd, uint64_t now_ms)
{
    golden_tell(" stranger(%d@%u)", fd, (unsigned)now_ms);
}

void __wrap_peers_drop(struct peers *p, struct peer *peer);
void __wrap_peers_drop(struct peers *p, struct peer *peer)
{
    golden_tell(" drop(%u)", peer->routing);
    peer->handle = 0;
}

void __wrap_door_cut(struct door *d, int fd);
void __wrap_door_cut(struct door *d, int fd)
{
    golden_tell(" cut(%d)", fd);
}

/* messages */

pv_status __real_wire_msg_encode(const struct wire_msg *m, enum wire_way way, uint8_t *buffer, size_t bytes,
                                 struct wire_frames *f, char why[WIRE_WHY_BYTES]);
pv_status __wrap_wire_msg_encode(const struct wire_msg *m, enum wire_way way, uint8_t *buffer, size_t bytes,
                                 struct wire_frames *f, char why[WIRE_WHY_BYTES]);
pv_status __wrap_wire_msg_encode(const struct wire_msg *m, enum wire_way way, uint8_t *buffer, size_t bytes,
                                 struct wire_frames *f, char why[WIRE_WHY_BYTES])
{
    pv_status st = __real_wire_msg_encode(m, way, buffer, bytes, f, why);
    golden_tell(" %s{%s \"%s\"", wire_type_name((int)m->type), pv_status_word(m->status), m->has.text ? m->text : "");
    for (size_t i = 0; m->has.endpoints && i < m->endpoints_n; i++)
        golden_tell(" %s=%s", m->endpoints[i].cells[0].key, m->endpoints[i].cells[0].text);
    golden_tell("}");
    if (st != PV_OK) golden_tell(":%s", why);
    return st;
}

pv_status __wrap_router_send(struct router *r, uint32_t routing, const struct wire_frames *f);
pv_status __wrap_router_send(struct router *r, uint32_t routing, const struct wire_frames *f)
{
    golden_tell(" to %u", routing);
    return s.send;
}

void __wrap_reply_stranger(struct broker *p, uint32_t routing, pv_status status, const char *text);
void __wrap_reply_stranger(struct broker *p, uint32_t routing, pv_status status, const char *text)
{
    golden_tell(" refuse(%u %s \"%s\")", routing, pv_status_word(status), text);
}

bool __wrap_router_receive(struct router *r, struct router_message *m);
bool __wrap_router_receive(struct router *r, struct router_message *m)
{
    static char user[16];
    if (s.came == s.come_n) return false;
    m->fd = 20 + (int)s.came;
    m->wire = 100;
    snprintf(user, sizeof user, "key-%zu", s.came);
    m->user = user;
    return true;
}

bool __wrap_message_read(struct broker *p, const struct router_message *d, uint32_t *routing, struct wire_msg *m);
bool __wrap_message_read(struct broker *p, const struct router_message *d, uint32_t *routing, struct wire_msg *m)
{
    *routing = 70 + (uint32_t)s.came;
    *m = s.come[s.came++];
    return m->type;
}

/* HTTP */

void __wrap_http_publish(struct http *h, struct http_news *news);
void __wrap_http_publish(struct http *h, struct http_news *news)
{
    golden_tell(" publish%s(%s)\n%s", news->standby ? "-standby" : "", news->not_ready,
                news->metrics ? news->metrics : "no metrics\n");
    free(news->metrics);
}

bool __wrap_http_next(struct http *h, struct http_question *q);
bool __wrap_http_next(struct http *h, struct http_question *q)
{
    q->id = s.questions;
    return s.questions && s.questions--;
}

void __wrap_http_answer(struct http *h, uint32_t id, unsigned code, char *json);
void __wrap_http_answer(struct http *h, uint32_t id, unsigned code, char *json)
{
    golden_tell(" answer(%u %u %s)", id, code, json ? json : "-");
}

/* the store */

pv_status __wrap_store_try_begin(struct store_try **out, const struct store_place *place, int wake, struct store **old);
pv_status __wrap_store_try_begin(struct store_try **out, const struct store_place *place, int wake, struct store **old)
{
    golden_tell(" try(%s wake %d old %d)", place->where, wake, *old != NULL);
    if (s.begin != PV_OK) return s.begin;
    *old = NULL;
    *out = (struct store_try *)&s;
    return PV_OK;
}

bool __wrap_store_try_ended(struct store_try **t, pv_status *st, struct store **store, char why[STORE_WHY_BYTES],
                            char active[STORE_ENDPOINT_BYTES]);
bool __wrap_store_try_ended(struct store_try **t, pv_status *st, struct store **store, char why[STORE_WHY_BYTES],
                            char active[STORE_ENDPOINT_BYTES])
{
    if (!s.ended) return false;
    *t = NULL;
    *st = s.tried;
    *store = s.tried == PV_OK ? (struct store *)&b : NULL;
    snprintf(why, STORE_WHY_BYTES, "%s", s.why);
    snprintf(active, STORE_ENDPOINT_BYTES, "%s", s.active);
    return true;
}

SAYS(store_try_drop, (struct store_try * *t))
SAYS(store_close, (struct store * *store))

/* ---- what happens ---- */

static void at(uint64_t ms)
{
    s.clock = b.now_ms = 1000000 + ms;
    s.mono = 5000 + ms;
}

static void turn(uint64_t ms, bool notices)
{
    struct router_message m;
    struct store *store = NULL;
    bool left = false;
    at(ms);
    golden_tell("%u:", (unsigned)ms);
    bool had = standby_turn(&b, &m, notices, &left, &store);
    golden_tell("%s%s; next try %d, sleeps %ld\n", had ? " HAS THE STORE" : "", left ? ", more waits" : "",
                (int)(b.standby.try_ms - 5000), standby_sleep_ms(&b));
    assert_int_equal(had, store != NULL);
}

static void chapter(const char *title)
{
    golden_tell("\n# %s\n", title);
    b = (struct broker){ .config = &config, .wake = 33, .settings = { .started = &config, .args = &args } };
    b.peers.slots = house.slots;
    memset(&s, 0, sizeof s);
    memset(&house, 0, sizeof house);
    s.alive_next = s.flood_next = UINT64_MAX;
    s.bytes = 10;
    at(0);
}

static void begins(const char *why, const char *active)
{
    golden_tell("begins:");
    standby_begin(&b, why, active);
    golden_tell("; next try %d\n", (int)(b.standby.try_ms - 5000));
}

static void come(enum wire_type type)
{
    s.come[s.come_n++].type = type;
}

static void peer_is(int i, bool hello)
{
    house.slots[i] =
        (struct peer){ .handle = 1 + (uint64_t)i, .routing = 40 + (uint32_t)i, .fd = 10 + i, .hello = hello };
    snprintf(house.slots[i].key, sizeof house.slots[i].key, "key-%d", i);
    b.peers.slots_n = (uint32_t)i + 1;
}

static void peers_that_are_there(void)
{
    chapter("peers that are there are told; who has said HELLO becomes a stranger");
    peer_is(0, true);
    peer_is(2, false);
    s.sees_fd = true;
    begins("broker A at tcp://a:1", "tcp://a:1");
    chapter("with keys, and nobody knows where the active one is");
    peer_is(0, true);
    b.keys = (struct auth_keys *)&s;
    begins("the lease was lost", "");
    chapter("one whose queue is full is cut; it is gone from the door already");
    peer_is(0, true);
    s.send = PV_BUSY;
    begins("broker A", "");
}

static void whoever_comes(void)
{
    chapter("HELLO, nonsense, something else, a farewell");
    b.peers.slots_n = 0;
    begins("broker A", "tcp://a:1");
    come(WIRE_HELLO);
    come(0);
    come(WIRE_HEARTBEAT);
    come(WIRE_DISCONNECT);
    turn(10, false);
    golden_tell("hellos %u, messages %u, turns %u\n", (unsigned)b.standby.hellos, (unsigned)b.counters.messages,
                (unsigned)b.counters.turns);
    chapter("with keys: one that is authorised, one that is not");
    b.keys = (struct auth_keys *)&s;
    s.known = "key-0";
    begins("broker A", "");
    come(WIRE_HELLO);
    come(WIRE_HELLO);
    turn(10, true);
    golden_tell("hellos %u, refused %u, revoked %u\n", (unsigned)b.standby.hellos, (unsigned)b.counters.refused_keys,
                (unsigned)b.counters.denied[FACTS_DENIED_REVOKED]);
    chapter("more than a batch, of number");
    config.batch = 2;
    begins("broker A", "");
    for (int i = 0; i < 3; i++) come(WIRE_DISCONNECT);
    turn(10, false);
    turn(11, false);
    config.batch = 64;
    chapter("more than a batch, of bytes");
    begins("broker A", "");
    for (int i = 0; i < 3; i++) come(WIRE_DISCONNECT);
    s.bytes = 8 << 20;
    turn(10, false);
    turn(11, false);
}

static void what_is_shown(void)
{
    chapter("once a second, and at once when the reason is another");
    b.http = (struct http *)&s;
    b.door.n = 7;
    b.standby.hellos = 5;
    s.questions = 2;
    begins("broker A", "tcp://a:1");
    turn(0, false);
    turn(999, false);
    turn(1000, false);
    standby_again(&b, "broker C", "tcp://a:1");
    turn(1001, false);
    standby_again(&b, "broker C", "tcp://c:1");
    turn(1002, false);
    standby_again(&b, "broker C", "tcp://c:1");
    turn(1003, false);
}

static void tries(void)
{
    chapter("tries come, and fail in each way");
    begins("broker A", "tcp://a:1");
    turn(STANDBY_TRY_MS - 1, false);
    turn(STANDBY_TRY_MS, false);
    turn(STANDBY_TRY_MS + 30, false); /* under way */
    s.ended = true, s.tried = PV_BUSY, s.why = "broker B has it", s.active = "tcp://b:2";
    turn(STANDBY_TRY_MS + 40, false);
    turn(STANDBY_TRY_MS + 40 + STANDBY_TRY_MS - 1, false);
    turn(STANDBY_TRY_MS + 40 + STANDBY_TRY_MS, false);
    s.tried = PV_UNREACHABLE, s.why = "", s.active = "";
    turn(2000, false); /* no sentence: that of the status */
    s.begin = PV_NO_MEMORY;
    turn(3000, false);
    s.begin = PV_OK;
    turn(4000, false);
    s.tried = PV_OK;
    turn(4100, false);
    chapter("its own store is closed by the first try, at once");
    b.standby.old = (struct store *)&s;
    begins("the store failed", "");
    turn(0, false);
    golden_tell("ends:");
    standby_end(&b);
    golden_tell("\n");
}

static void sleeps(void)
{
    chapter("how long it sleeps");
    begins("broker A", "");
    turn(0, false);
    s.alive_next = s.clock + 70;
    golden_tell("alive is due: %ld\n", standby_sleep_ms(&b));
    s.flood_next = s.clock + 60;
    golden_tell("nobody can flood: %ld\n", standby_sleep_ms(&b));
    b.door.n = 1;
    golden_tell("somebody can: %ld\n", standby_sleep_ms(&b));
    s.mono = b.standby.try_ms - 50;
    golden_tell("a try is due: %ld\n", standby_sleep_ms(&b));
    s.mono = b.standby.try_ms + 1;
    golden_tell("it is late: %ld\n", standby_sleep_ms(&b));
    b.standby.try = (struct store_try *)&s;
    golden_tell("one is under way: %ld\n", standby_sleep_ms(&b));
    s.clock += 61;
    golden_tell("all is late: %ld\n", standby_sleep_ms(&b));
}

static void it_does_what_the_text_says(void **state)
{
    config = (struct config){
        .batch = 64, .state = "/state", .store = "postgresql://tasks", .payloads = "", .advertise = ""
    };
    peers_that_are_there();
    whoever_comes();
    what_is_shown();
    tries();
    sleeps();
    golden_is("vectors/broker/standby.txt");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(it_does_what_the_text_says) };
    golden_writes(argc > 1 && !strcmp(argv[1], "write"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
