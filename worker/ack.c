#include "ack.h"

#include "client.h"

#include <stdlib.h>
#include <string.h>

pv_status ack_add(pv_client *c, wire_id task, uint32_t generation)
{
    if (c->acks_n == c->acks_room) {
        size_t room = c->acks_room ? 2 * c->acks_room : 16;
        struct ack *more = realloc(c->acks, room * sizeof *more);
        if (!more) return PV_NO_MEMORY;
        c->acks = more;
        c->acks_room = room;
    }
    c->acks[c->acks_n++] = (struct ack){ .task = task, .generation = generation, .acked = true };
    return PV_OK;
}

void ack_remember(pv_client *c, wire_id task, uint32_t generation, bool acked)
{
    c->ring[c->ring_at++ % ACK_RING] = (struct ack){ .task = task, .generation = generation, .acked = acked };
}

static bool send_one(pv_client *c, const struct ack *a)
{
    struct wire_msg m = { .type = WIRE_ACK };
    WIRE_SET(&m, task, a->task);
    WIRE_SET(&m, generation, a->generation);
    return client_send(c, &m);
}

void ack_send(pv_client *c)
{
    size_t sent = 0;
    while (sent < c->acks_n && send_one(c, &c->acks[sent])) {
        ack_remember(c, c->acks[sent].task, c->acks[sent].generation, true);
        sent++;
    }
    if (sent == 0) return;
    c->acks_n -= sent;
    memmove(c->acks, c->acks + sent, c->acks_n * sizeof *c->acks);
    pthread_cond_broadcast(&c->changed);
}

void ack_repeat(pv_client *c, const struct wire_msg *m)
{
    for (size_t i = 0; i < ACK_RING; i++) {
        const struct ack *a = &c->ring[i];
        if (!a->acked || a->generation != m->generation || !wire_id_equal(a->task, m->task)) continue;
        struct ack again = *a; /* not through ack_send, which would fill the ring with one task */
        send_one(c, &again);
        return;
    }
}

/* A broker may name any number of attempts. Those beyond the bound end with their lease. */
enum { RELEASES_MOST = 1024 };

void release_add(pv_client *c, wire_token token)
{
    if (c->releases_n == RELEASES_MOST) return;
    if (c->releases_n == c->releases_room) {
        size_t room = c->releases_room ? 2 * c->releases_room : 16;
        wire_token *more = realloc(c->releases, room * sizeof *more);
        if (!more) return;
        c->releases = more;
        c->releases_room = room;
    }
    c->releases[c->releases_n++] = token;
}

void release_task(pv_client *c, struct task *t)
{
    if (t->local.stage < LOCAL_READY)
        return; /* CLAIM is unanswered: the attempt is handed back when the answer comes */
    release_add(c, t->local.token);
    client_wake(c);
}

void release_send(pv_client *c)
{
    size_t sent = 0;
    while (sent < c->releases_n && token_send(c, WIRE_RELEASE, c->releases[sent])) sent++;
    if (sent == 0) return;
    c->releases_n -= sent;
    memmove(c->releases, c->releases + sent, c->releases_n * sizeof *c->releases);
}

bool token_send(pv_client *c, enum wire_type type, wire_token token)
{
    struct wire_msg m = { .type = type };
    WIRE_SET(&m, token, token);
    if (type == WIRE_RELEASE) WIRE_SET(&m, reason, WIRE_REASON_DRAIN);
    return client_send(c, &m);
}
