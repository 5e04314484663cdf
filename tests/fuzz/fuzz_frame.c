/* Bytes on the socket between a program and its child, in pieces as long as the input's first byte says: a frame that is whole is
 * within its bounds and says the same when it is written again, and after a malformed one nothing is read. */
#include "fuzz_must.h"

#include "frame.h"

#include <string.h>

static void is_frame(const struct frame *f, const uint8_t *end)
{
    MUST(f->bytes <= FRAME_BODY_MAX && f->fds_n == 0);
    const uint8_t *head = end - f->bytes - FRAME_HEAD_BYTES;
    MUST(!f->bytes || !memcmp(f->body, end - f->bytes, f->bytes));
    MUST(head[8] == (f->kind & 255) && head[9] == f->kind >> 8 && head[10] == 0 && head[11] == FRAME_VERSION);
    MUST((head[4] | (uint32_t)head[5] << 8 | (uint32_t)head[6] << 16 | (uint32_t)head[7] << 24) == f->tag);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static struct frame_reader r;
    if (!bytes) return 0;
    size_t piece = data[0] ? data[0] : 1;
    for (size_t at = 1, used; at < bytes;) {
        struct frame f = { 0 };
        pv_status s = frame_feed(&r, &f, data + at, piece < bytes - at ? piece : bytes - at, &used);
        MUST(used <= bytes - at);
        at += used;
        if (s == PV_OK) is_frame(&f, data + at);
        if (s == PV_BAD_MESSAGE) break;
        MUST(s == PV_OK || (s == PV_BUSY && used));
    }
    frame_reader_clear(&r);
    MUST(r.head_n == 0 && r.body_n == 0 && r.fds_n == 0);
    return 0;
}
