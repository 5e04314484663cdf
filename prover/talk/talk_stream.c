#include "talk_stream.h"

#include <stdlib.h>

enum { STEP_BYTES = 1 << 20, KEPT_BYTES = 64 << 10 };

static bool grown(struct talk_stream *s, size_t to)
{
    if (to <= s->room) return true;
    size_t room = 2 * s->room > to ? 2 * s->room : to;
    if (room < KEPT_BYTES) room = KEPT_BYTES;
    uint8_t *more = realloc(s->bytes, room);
    if (!more) return false;
    s->bytes = more;
    s->room = room;
    return true;
}

uint8_t *talk_stream_room(struct talk_stream *s, size_t *n)
{
    size_t left = (s->wanted ? s->wanted : TALK_HEAD_BYTES) - s->n;
    *n = left < STEP_BYTES ? left : STEP_BYTES;
    return grown(s, s->n + *n) ? s->bytes + s->n : NULL;
}

enum talk_fed talk_stream_add(struct talk_stream *s, size_t n)
{
    s->n += n;
    if (!s->wanted && s->n == TALK_HEAD_BYTES) {
        const uint8_t *b = s->bytes;
        size_t length = (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];
        if (!length || length > s->most) return TALK_TOO_LONG;
        s->wanted = TALK_HEAD_BYTES + length;
    }
    return s->wanted && s->n == s->wanted ? TALK_WHOLE : TALK_MORE;
}

void talk_stream_next(struct talk_stream *s)
{
    s->n = s->wanted = 0;
    if (s->room <= KEPT_BYTES) return;
    free(s->bytes);
    s->bytes = NULL;
    s->room = 0;
}

void talk_stream_clear(struct talk_stream *s)
{
    free(s->bytes);
    *s = (struct talk_stream){ .most = s->most };
}
