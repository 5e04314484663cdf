/** The part of msgpack that talk_words.h needs: unsigned integers, texts, bytes, nil, arrays. Reads any of msgpack's sizes of them, writes
 *  the shortest. Source: https://github.com/msgpack/msgpack/blob/master/spec.md */
#ifndef PV_TALK_VALUE_H
#define PV_TALK_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Bytes to write to. What does not fit is not written and sets `full`. */
struct talk_writer {
    uint8_t *bytes;
    size_t room, n;
    bool full;
};

/** The head: n elements are to follow. */
void talk_put_array(struct talk_writer *w, uint32_t n);
void talk_put_uint(struct talk_writer *w, uint64_t v);
void talk_put_text(struct talk_writer *w, const char *text, size_t n);
void talk_put_nil(struct talk_writer *w);
/** The head alone: n bytes are to follow. */
void talk_put_bin(struct talk_writer *w, uint32_t n);

/** Bytes to read from, borrowed. After the first value that is not what was asked for, nothing is read. */
struct talk_reader {
    const uint8_t *next, *end;
    bool wrong;
};

/** 0: it is no array, or holds more elements than bytes are left. */
uint32_t talk_get_array(struct talk_reader *r);
uint64_t talk_get_uint(struct talk_reader *r);
/** Borrowed, not terminated. NULL: it is none. */
const char *talk_get_text(struct talk_reader *r, size_t *n);
const uint8_t *talk_get_bin(struct talk_reader *r, size_t *n);
/** Whether nil is next; then it is read. */
bool talk_get_nil(struct talk_reader *r);

#endif
