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

static size_t word_bytes(const struct outbox_word *w)
{
    size_t bytes = 0;
    for (size_t i = 0; i < w->parts_n; i++) bytes += zmq_msg_size(&w->parts[i]);
    return bytes;
}

pv_status outbox_put(struct outbox *o, const struct outbox_word *head, zmq_msg_t *parts, size_t parts_n)
{
    if (!room_make(o)) return PV_NO_MEMORY;
    struct outbox_word *w = &o->words[o->n++];
    *w = *head;
    for (w->parts_n = 0; w->parts_n < parts_n; w->parts_n++) {
        zmq_msg_init(&w->parts[w->parts_n]);
        zmq_msg_move(&w->parts[w->parts_n], &parts[w->parts_n]);
    }
    o->bytes += word_bytes(w);
    return PV_OK;
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
