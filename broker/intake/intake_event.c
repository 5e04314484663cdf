/* An event with what most messages carry, and what several messages share. */
#include "intake_event.h"

#include "reply.h"

#include "sha256.h"
#include "words.h"

void intake_busy(struct broker *b, const struct peer *peer, uint32_t req, const char *which)
{
    struct sched_action a = {
        .peer = peer->handle, .req = req, .status = PV_BUSY, .which = which, .retry_ms = INTAKE_RETRY_MS
    };
    reply_refuse(b, REPLY_AT_ONCE, &a);
}

bool intake_queue_allowed(const struct broker *b, const struct peer *peer, const char *queue)
{
    return !b->keys || (peer->rights && auth_key_serves(peer->rights, queue));
}

struct sched_event intake_event(enum sched_event_type type, const struct peer *peer, const struct wire_msg *m)
{
    struct sched_event ev = { .type = type, .peer = peer->handle };
    ev.req = m->req;
    ev.task = m->task;
    ev.token = m->token;
    ev.generation = m->generation;
    return ev;
}

bool intake_payload_matches(const struct wire_msg *m)
{
    wire_hash got;
    return sha256_of(&got, m->payload, m->payload_bytes) == PV_OK && wire_hash_equal(got, m->sha256);
}

struct broker_payload intake_payload(const struct wire_msg *m)
{
    return (struct broker_payload){ .complete = m->has_payload,
                                    .stored = { .sha256 = m->sha256, .length = m->length, .bytes = m->payload } };
}

uint32_t intake_kinds(const char *const *words, size_t n)
{
    uint32_t kinds = 0;
    for (size_t i = 0; i < n; i++) {
        int kind = wire_word_value(WIRE_WORDS_input_kind, words[i]);
        if (kind >= 0) kinds |= 1u << kind;
    }
    return kinds;
}

size_t intake_circuits(struct sched_circuit *to, const struct wire_msg *m)
{
    size_t n = m->circuits_n < BROKER_CIRCUITS ? m->circuits_n : BROKER_CIRCUITS;
    for (size_t i = 0; i < n; i++) {
        const struct wire_circuit *c = &m->circuits[i];
        to[i] = (struct sched_circuit){ .name = c->circuit,
                                        .digest = c->digest,
                                        .has_digest = c->has.digest,
                                        .warm = c->has.warm && c->warm,
                                        .load_ms = c->load_ms,
                                        .need_vram = c->need_vram,
                                        .need_ram = c->need_ram,
                                        .slower = c->has.slower ? c->slower : 0,
                                        .kinds = intake_kinds(c->input_kinds, c->input_kinds_n) };
    }
    return n;
}

size_t intake_held(struct sched_held *to, const struct wire_msg *m)
{
    size_t n = m->held_n < BROKER_HELD ? m->held_n : BROKER_HELD;
    for (size_t i = 0; i < n; i++) {
        const struct wire_held *h = &m->held[i];
        to[i] = (struct sched_held){ .token = h->token,
                                     .phase = h->has.phase ? h->phase : NULL,
                                     .percent = h->percent,
                                     .task = h->task,
                                     .input = h->input,
                                     .started = h->started,
                                     .spooled = h->spooled };
    }
    return n;
}
