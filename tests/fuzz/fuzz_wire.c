/* Any bytes as a message, on both ways: never a crash, and what is accepted can be said again and means the same. */
#include "wire_samples.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void must(bool truth)
{
    if (!truth) abort();
}

/* Decoding what was encoded gives the same bytes again: the first encoding is canonical. */
static void say_again(const struct wire_msg *m, enum wire_way way)
{
    static uint8_t first[WIRE_HEAD_BYTES + WIRE_BODY_MAX], second[WIRE_HEAD_BYTES + WIRE_BODY_MAX];
    char why[WIRE_WHY_BYTES];
    struct wire_frames a, b;
    struct wire_msg again;
    must(wire_msg_encode(m, way, first, sizeof first, &a, why) == PV_OK);
    must(wire_msg_decode(&again, way, &a, why) == PV_OK);
    must(wire_msg_encode(&again, way, second, sizeof second, &b, why) == PV_OK);
    must(a.body_bytes == b.body_bytes && !memcmp(a.body, b.body, a.body_bytes));
    wire_msg_clear(&again);
}

static void try_way(const struct wire_frames *f, enum wire_way way)
{
    char why[WIRE_WHY_BYTES];
    struct wire_msg m;
    if (wire_msg_decode(&m, way, f, why) != PV_OK) {
        must(why[0] != 0);
        return;
    }
    say_again(&m, way);
    wire_msg_clear(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct wire_frames f;
    if (!wire_frames_of_file(&f, data, bytes)) return 0;
    try_way(&f, WIRE_TO_BROKER);
    try_way(&f, WIRE_TO_PEER);
    return 0;
}
