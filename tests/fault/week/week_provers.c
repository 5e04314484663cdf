/* A prover takes two tasks, has each for some milliseconds and brings a small or a large result; or fails, hands it back, says nothing any more,
 * or is killed and comes again under the same or another name. */
#include "week.h"

#include <stdio.h>
#include <string.h>

enum { SLOTS = 2, RESULTS = 4, BEAT_MS = 500, NAMES = 200 };

struct held {
    bool used, whole, silent;
    wire_token token;
    wire_id task;
    wire_hash input;
    struct week_fetched came;
    uint64_t end_ms; /* end_ms: when it has computed it; 0: it has not begun */
};

/* A large result on its way. */
struct result {
    bool used;
    wire_token token;
    uint64_t seed;
    size_t bytes;
};

static struct node {
    bool in;
    uint64_t next_ms, beat_ms;
    struct held held[SLOTS];
    struct result results[RESULTS];
} nodes[WEEK_PROVERS];

static struct held *held_of(struct node *n, wire_token token)
{
    for (struct held *h = n->held; h < n->held + SLOTS; h++)
        if (h->used && wire_token_equal(h->token, token)) return h;
    return NULL;
}

static struct result *result_of(struct node *n, wire_token token)
{
    for (struct result *r = n->results; r < n->results + RESULTS; r++)
        if (r->used && wire_token_equal(r->token, token)) return r;
    return NULL;
}

static void ready(struct crowd_peer *p)
{
    const struct node *n = &nodes[p->index];
    uint32_t used = 0;
    for (int i = 0; i < SLOTS; i++) used += n->held[i].used;
    struct wire_msg m = { .type = WIRE_READY };
    WIRE_SET(&m, credit, SLOTS - used);
    crowd_say(p, &m);
}

static void begin(struct crowd_peer *p, struct held *h)
{
    struct wire_msg m = { .type = WIRE_STARTED };
    WIRE_SET(&m, token, h->token);
    h->whole = true;
    h->end_ms = week_now_ms + 2 + week_random(60);
    crowd_say(p, &m);
}

static void offered(struct crowd_peer *p, const struct wire_msg *m)
{
    struct node *n = &nodes[p->index];
    for (struct held *h = n->held; h < n->held + SLOTS; h++) {
        if (h->used) continue;
        *h = (struct held){
            .used = true, .token = m->token, .task = m->task, .input = m->sha256, .came.bytes = m->length
        };
        if (m->has_payload)
            begin(p, h);
        else
            week_fetch(p, WIRE_KIND_INPUT, m->task, m->token, &h->came);
        return;
    }
}

/* ---- how it ends ---- */

static void bring(struct crowd_peer *p, const struct held *h)
{
    struct node *n = &nodes[p->index];
    bool large = week_chance(20);
    size_t bytes = large ? 70000 + week_random(WEEK_LARGE_MOST - 70000) : 64 + week_random(1000);
    uint64_t seed = week_random(UINT64_MAX);
    struct wire_msg m = { .type = WIRE_RESULT };
    WIRE_SET(&m, token, h->token);
    WIRE_SET(&m, task, h->task);
    WIRE_SET(&m, input, h->input);
    WIRE_SET(&m, length, bytes);
    WIRE_SET(&m, sha256, week_hash(seed, bytes));
    WIRE_SET(&m, measured_ms, 10);
    m.has_payload = !large;
    m.payload = large ? NULL : week_payload(seed, bytes);
    m.payload_bytes = large ? 0 : bytes;
    for (struct result *r = n->results; large && r < n->results + RESULTS; r++) {
        if (r->used) continue;
        *r = (struct result){ true, h->token, seed, bytes };
        break;
    }
    crowd_say(p, &m);
}

static void fail(struct crowd_peer *p, const struct held *h)
{
    struct wire_msg m = { .type = WIRE_FAIL };
    WIRE_SET(&m, token, h->token);
    WIRE_SET(&m, task, h->task);
    WIRE_SET(&m, failure, WIRE_FAILURE_RETRYABLE);
    WIRE_SET(&m, status, PV_FAILED);
    WIRE_SET(&m, text, "it did not go well this time");
    week_seen.failures++;
    crowd_say(p, &m);
}

static void release(struct crowd_peer *p, const struct held *h)
{
    struct wire_msg m = { .type = WIRE_RELEASE };
    WIRE_SET(&m, token, h->token);
    WIRE_SET(&m, reason, WIRE_REASON_DRAIN);
    week_seen.releases++;
    crowd_say(p, &m);
}

static void ends(struct crowd_peer *p, struct held *h)
{
    uint64_t how = week_churns ? week_random(1000) : 1000;
    if (how < 10) {
        h->silent = true; /* listed no more: its lease ends, and it is revoked */
        week_seen.silences++;
        return;
    }
    if (how < 20)
        fail(p, h);
    else if (how < 30)
        release(p, h);
    else
        bring(p, h);
    h->used = false;
    ready(p);
}

/* ---- what it hears ---- */

static void chunk(struct crowd_peer *p, const struct wire_msg *m)
{
    struct held *h = held_of(&nodes[p->index], m->token);
    if (!h || m->offset != h->came.at || h->whole) return;
    h->came.at += m->payload_bytes;
    if (h->came.at == h->came.bytes)
        begin(p, h);
    else
        week_fetch(p, WIRE_KIND_INPUT, m->task, m->token, &h->came);
}

static void revoked(struct crowd_peer *p, wire_token token)
{
    struct held *h = held_of(&nodes[p->index], token);
    struct wire_msg m = { .type = WIRE_REVOKED };
    WIRE_SET(&m, token, token);
    crowd_say(p, &m);
    if (!h) return;
    h->used = false;
    ready(p);
}

static void credit(struct crowd_peer *p, const struct wire_msg *m)
{
    const struct result *r = result_of(&nodes[p->index], m->token);
    if (r) week_chunks(p, m, r->seed, r->bytes);
}

static void result_done(struct crowd_peer *p, wire_token token)
{
    struct result *r = result_of(&nodes[p->index], token);
    if (r) r->used = false;
}

void week_prover_hears(struct crowd_peer *p, const struct wire_msg *m)
{
    struct node *n = &nodes[p->index];
    switch (m->type) {
    case WIRE_WELCOME:
        n->in = true;
        ready(p);
        break;
    case WIRE_ERROR:
        if (n->in) break;
        crowd_hang_up(p); /* its name is in use */
        week_prover_lost(p);
        break;
    case WIRE_OFFER: offered(p, m); break;
    case WIRE_CHUNK: chunk(p, m); break;
    case WIRE_CREDIT: credit(p, m); break;
    case WIRE_RESULT_OK: result_done(p, m->token); break;
    case WIRE_REVOKE: revoked(p, m->token); break;
    case WIRE_HEARTBEAT:
        for (size_t i = 0; i < m->revoked_n; i++) revoked(p, m->revoked[i]);
        break;
    default: break;
    }
}

/* ---- coming and going ---- */

void week_prover_enters(struct crowd_peer *p)
{
    static const char *const queues[] = { "week" };
    static struct wire_circuit circuits[2] = { { .circuit = "circuit-0", .has.circuit = true },
                                               { .circuit = "circuit-1", .has.circuit = true } };
    char name[32];
    nodes[p->index] = (struct node){ .beat_ms = week_now_ms + week_random(BEAT_MS) };
    /* A name of its own, or one of many that come and go: whoever has that already is refused, and it tries another. */
    if (week_chance(800))
        snprintf(name, sizeof name, "prover-%u", p->index);
    else
        snprintf(name, sizeof name, "pod-%u", (unsigned)week_random(NAMES));
    struct wire_msg m = week_hello(name, WIRE_ROLE_PROVER, week_id());
    WIRE_SET_LIST(&m, queues, queues, 1);
    WIRE_SET_LIST(&m, circuits, circuits, 1 + week_random(2));
    WIRE_SET(&m, slots, SLOTS);
    WIRE_SET(&m, prefetch, 0);
    crowd_say(p, &m);
}

void week_prover_lost(struct crowd_peer *p)
{
    nodes[p->index] = (struct node){ .next_ms = week_now_ms + 50 + week_random(2000) };
}

static void beat(struct crowd_peer *p, struct node *n)
{
    struct wire_held held[SLOTS];
    size_t held_n = 0;
    struct wire_msg m = { .type = WIRE_HEARTBEAT };
    for (int i = 0; i < SLOTS; i++)
        if (n->held[i].used && !n->held[i].silent)
            held[held_n++] = (struct wire_held){ .token = n->held[i].token, .has.token = true };
    if (held_n) WIRE_SET_LIST(&m, held, held, held_n);
    n->beat_ms = week_now_ms + BEAT_MS;
    crowd_say(p, &m);
}

void week_prover_turn(struct crowd_peer *p)
{
    struct node *n = &nodes[p->index];
    if (p->fd < 0) {
        if (week_now_ms >= n->next_ms && crowd_dial(p->crowd, p->index)) week_prover_enters(p);
        return;
    }
    if (week_churns && week_chance(1) && week_chance(500)) {
        week_seen.provers_gone++;
        crowd_hang_up(p);
        week_prover_lost(p);
        return;
    }
    if (!n->in) return;
    if (week_now_ms >= n->beat_ms) beat(p, n);
    for (struct held *h = n->held; h < n->held + SLOTS; h++)
        if (h->used && h->end_ms && !h->silent && week_now_ms >= h->end_ms) ends(p, h);
}
