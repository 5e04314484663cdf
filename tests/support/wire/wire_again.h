/** What the targets that feed the message decoder promise: a refusal has a sentence, and what is accepted can be said
 *  again and means the same. */
#ifndef PV_WIRE_AGAIN_H
#define PV_WIRE_AGAIN_H

#include "decode.h"
#include "encode.h"
#include "fuzz_must.h"
#include "msg.h"

#include <string.h>

/* Decoding what was encoded gives the same bytes again: the first encoding is canonical. */
static inline void wire_say_again(const struct wire_msg *m, enum wire_way way)
{
    static uint8_t first[WIRE_HEAD_BYTES + WIRE_BODY_MAX], second[WIRE_HEAD_BYTES + WIRE_BODY_MAX];
    char why[WIRE_WHY_BYTES];
    struct wire_frames a, b;
    struct wire_msg again;
    MUST(wire_msg_encode(m, way, first, sizeof first, &a, why) == PV_OK);
    MUST(wire_msg_decode(&again, way, &a, why) == PV_OK);
    MUST(wire_msg_encode(&again, way, second, sizeof second, &b, why) == PV_OK);
    MUST(a.body_bytes == b.body_bytes && !memcmp(a.body, b.body, a.body_bytes));
    wire_msg_clear(&again);
}

static inline void wire_try(const struct wire_frames *f, enum wire_way way)
{
    char why[WIRE_WHY_BYTES];
    struct wire_msg m;
    if (wire_msg_decode(&m, way, f, why) != PV_OK) {
        MUST(why[0]);
        return;
    }
    wire_say_again(&m, way);
    wire_msg_clear(&m);
}

#endif
