/** Messages out of a stream of bytes, of a length that is bounded before memory is taken for it.
 */
#ifndef PV_TALK_STREAM_H
#define PV_TALK_STREAM_H

#include "talk_words.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Zero, but for `most`, is the beginning. */
struct talk_stream {
    size_t most; /* bytes of one message */
    uint8_t *bytes;
    size_t n, room, wanted; /* there; allocated; of the message that comes, its head included (0: not known yet) */
};

enum talk_fed { TALK_MORE, TALK_WHOLE, TALK_TOO_LONG, TALK_NO_MEMORY };

/** Where the next bytes of the message go, and how many it still needs of its head or, then, of the rest, at most 1 MiB at a time: memory
 *  grows with what came, not with what was announced. NULL: no memory. */
uint8_t *talk_stream_room(struct talk_stream *s, size_t *n);

/** After n bytes were put there. TALK_WHOLE: the message lies in s->bytes + TALK_HEAD_BYTES, s->wanted - TALK_HEAD_BYTES long, until
 *  talk_stream_next. TALK_TOO_LONG: it would be longer than `most`, or is empty; the stream cannot be read on. */
enum talk_fed talk_stream_add(struct talk_stream *s, size_t n);

/** Forgets the message, and all but 64 KiB of its memory. */
void talk_stream_next(struct talk_stream *s);

void talk_stream_clear(struct talk_stream *s);

#endif
