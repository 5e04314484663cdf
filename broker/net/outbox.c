#include "outbox.h"

#include <stdlib.h>
#include <string.h>

static void word_close(struct outbox_word *w)
{
    for (size_t i = 0; i < w->parts_n; i++) zmq_msg_close(&w->parts[i]);
}

void outbox_clear(struct outbox *o)
{
    for (size_t i = o->first; i < o->n; i++) word_close(&o->words[i]);
    free(o->words);
    *o = (struct outbox){ .words = NULL };
}

size_t outbox_waiting(const struct outbox *o)
{
    return o->n - o->first;
}

/* Moves words by memory: that is allowed for a zmq_msg_t as long as only one of the two is used afterwards. */
static bool room_make(struct outbox *o)
{
    if (o->n < o->room) return true;
    if (o->first > o->room / 2) {
        memmove(o->words, o->words + o->first, outbox_waiting(o) * sizeof *o->words);
        o->n -= o->first;
        o->first = 0;
        return true;
    }
    size_t room = o->room ? 2 * o->room : 64;
    struct outbox_word *more = realloc(o->words, room * sizeof *more);
    if (!more) return false;
    o->words = more;
    o->room = room;
    return true;
}

static bool part_copy(struct outbox_word *w, const void *data, size_t bytes)
{
    if (zmq_msg_init_size(&w->parts[w->parts_n], bytes)) return false;
    if (bytes) memcpy(zmq_msg_data(&w->parts[w->parts_n]), data, bytes);
    w->parts_n++;
    return true;
}

static bool payload_put(struct outbox_word *w, const struct wire_frames *f, zmq_msg_t *payload)
{
    if (!payload) return !f->payload || part_copy(w, f->payload, f->payload_bytes);
    zmq_msg_init(&w->parts[w->parts_n]);
    zmq_msg_move(&w->parts[w->parts_n++], payload);
    return true;
}

static size_t word_bytes(const struct outbox_word *w)
{
    size_t bytes = 0;
    for (size_t i = 0; i < w->parts_n; i++) bytes += zmq_msg_size(&w->parts[i]);
    return bytes;
}

pv_status outbox_put(struct outbox *o, const struct outbox_word *head, const struct wire_frames *f, zmq_msg_t *payload)
{
    if (!room_make(o)) return PV_NO_MEMORY;
    struct outbox_word *w = &o->words[o->n];
    *w = *head;
    w->parts_n = 0;
    if (part_copy(w, f->head, f->head_bytes) && part_copy(w, f->body, f->body_bytes) && payload_put(w, f, payload)) {
        o->n++;
        o->bytes += word_bytes(w);
        return PV_OK;
    }
    word_close(w);
    return PV_NO_MEMORY;
}

bool outbox_take(struct outbox *o, uint64_t commit, struct outbox_word *word)
{
    if (o->first == o->n || o->words[o->first].commit > commit) return false;
    *word = o->words[o->first++];
    o->bytes -= word_bytes(word);
    if (o->first == o->n) o->first = o->n = 0;
    return true;
}

bool outbox_tells(const struct outbox *o, uint64_t peer, wire_token token)
{
    for (size_t i = o->first; i < o->n; i++)
        if (o->words[i].peer == peer && wire_token_equal(o->words[i].token, token)) return true;
    return false;
}

bool outbox_last(struct outbox *o, uint64_t peer)
{
    for (size_t i = o->n; i-- > o->first;) {
        if (o->words[i].peer != peer) continue;
        o->words[i].last = true;
        return true;
    }
    return false;
}
