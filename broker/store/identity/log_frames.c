#include "log_frames.h"

#include <string.h>

enum { HEADER_BYTES = 32, FRAME_BYTES = 24, SALT_BYTES = 8 };

static uint32_t big_endian(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t word(const struct log_frames *f, const uint8_t *p)
{
    return f->big_endian ? big_endian(p) : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static void sum_add(struct log_frames *f, const uint8_t *p, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 8) {
        f->sum[0] += word(f, p + i) + f->sum[1];
        f->sum[1] += word(f, p + i + 4) + f->sum[0];
    }
}

static bool sum_is(const struct log_frames *f, const uint8_t *p)
{
    return f->sum[0] == big_endian(p) && f->sum[1] == big_endian(p + 4);
}

bool log_frames_begin(struct log_frames *f, const uint8_t *log, size_t bytes)
{
    *f = (struct log_frames){ .bytes = log, .end = log + bytes, .next = log + HEADER_BYTES };
    if (bytes < HEADER_BYTES || big_endian(log) >> 1 != 0x377f0682 >> 1) return false;
    f->big_endian = log[3] & 1;
    f->page_bytes = big_endian(log + 8);
    bool power_of_two = f->page_bytes && !(f->page_bytes & (f->page_bytes - 1));
    if (!power_of_two || f->page_bytes < 512 || f->page_bytes > 65536) return false;
    sum_add(f, log, HEADER_BYTES - 8);
    return sum_is(f, log + HEADER_BYTES - 8);
}

/* Frames of before the log began anew have another salt. */
static bool frame_is_valid(struct log_frames *f, const uint8_t *frame)
{
    if ((size_t)(f->end - frame) < FRAME_BYTES + f->page_bytes || memcmp(frame + 8, f->bytes + 16, SALT_BYTES) != 0)
        return false;
    sum_add(f, frame, 8);
    sum_add(f, frame + FRAME_BYTES, f->page_bytes);
    return sum_is(f, frame + 16);
}

bool log_frames_next(struct log_frames *f, const uint8_t **from, const uint8_t **to)
{
    const uint8_t *frame = f->next;
    bool last = false; /* the last frame of a transaction says how large the database is then */
    while (!last && frame_is_valid(f, frame)) {
        last = big_endian(frame + 4) != 0;
        frame += FRAME_BYTES + f->page_bytes;
    }
    *from = f->next;
    *to = f->next = frame;
    return last;
}
