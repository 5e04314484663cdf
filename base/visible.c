#include "visible.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Points that are not shown, as ranges. */
static const struct {
    uint32_t first, last;
} hidden[] = {
    { 0x0000, 0x001f }, { 0x007f, 0x009f }, { 0x061c, 0x061c },   { 0x180e, 0x180e },
    { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },   { 0xfeff, 0xfeff },
    { 0xfff9, 0xfffb }, { 0xfffe, 0xffff }, { 0xe0000, 0xe007f },
};

static bool shown(uint32_t point)
{
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (point >= hidden[i].first && point <= hidden[i].last) return false;
    return true;
}

/* Bytes of the UTF-8 sequence at s, 0 when it is none. */
static size_t sequence(const unsigned char *s, size_t n, uint32_t *point)
{
    static const struct {
        unsigned char mask, lead;
        uint32_t least;
    } forms[] = { { 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 } };
    for (size_t more = 0; more < 4; more++) {
        if ((s[0] & forms[more].mask) != forms[more].lead) continue;
        if (more >= n) return 0;
        uint32_t p = s[0] & (unsigned char)~forms[more].mask;
        for (size_t i = 1; i <= more; i++) {
            if ((s[i] & 0xc0) != 0x80) return 0;
            p = p << 6 | (s[i] & 0x3f);
        }
        *point = p;
        return p >= forms[more].least && p <= 0x10ffff && (p < 0xd800 || p > 0xdfff) ? more + 1 : 0;
    }
    return 0;
}

size_t visible_step(const char *s, size_t n, uint32_t *point, bool *safe)
{
    size_t step = sequence((const unsigned char *)s, n, point);
    *safe = step > 0 && shown(*point);
    if (step > 0) return step;
    *point = UINT32_MAX;
    return 1;
}

size_t visible_escape(char to[VISIBLE_ESCAPE_BYTES], uint32_t point)
{
    if (point == UINT32_MAX) point = 0xfffd;
    if (point < 0x10000) return (size_t)snprintf(to, VISIBLE_ESCAPE_BYTES, "\\u%04x", (unsigned)(point & 0xffff));
    unsigned high = 0xd800 + ((point - 0x10000) >> 10 & 0x3ff), low = 0xdc00 + ((point - 0x10000) & 0x3ff);
    return (size_t)snprintf(to, VISIBLE_ESCAPE_BYTES, "\\u%04x\\u%04x", high, low);
}

char *visible_text(char *to, size_t bytes, const char *from)
{
    size_t used = 0, left = strlen(from);
    while (left > 0) {
        char escape[VISIBLE_ESCAPE_BYTES];
        uint32_t point;
        bool safe;
        size_t step = visible_step(from, left, &point, &safe);
        size_t put = safe ? step : visible_escape(escape, point);
        if (used + put >= bytes) break;
        memcpy(to + used, safe ? from : escape, put);
        used += put;
        from += step;
        left -= step;
    }
    if (bytes > 0) to[used] = '\0';
    return to;
}

char *visible_json(const char *json)
{
    size_t left = strlen(json), used = 0;
    char *to = malloc(left * 6 + 1); /* an escape has six bytes for each of at least one */
    if (!to) return NULL;
    while (left > 0) {
        uint32_t point;
        bool safe;
        size_t step = visible_step(json, left, &point, &safe);
        if (safe || *json == '\n') {
            memcpy(to + used, json, step);
            used += step;
        } else {
            char escape[VISIBLE_ESCAPE_BYTES];
            size_t put = visible_escape(escape, point);
            memcpy(to + used, escape, put);
            used += put;
        }
        json += step;
        left -= step;
    }
    to[used] = '\0';
    return to;
}
