#include "text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Bytes of the UTF-8 sequence at s, 0 when it is none: overlong forms and surrogates are none. */
static size_t sequence_bytes(const unsigned char *s, size_t n)
{
    static const struct {
        unsigned char mask, lead;
        uint32_t least;
    } forms[] = { { 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 } };
    for (size_t more = 0; more < 4; more++) {
        if ((s[0] & forms[more].mask) != forms[more].lead) continue;
        if (more >= n) return 0;
        uint32_t point = s[0] & (unsigned char)~forms[more].mask;
        for (size_t i = 1; i <= more; i++) {
            if ((s[i] & 0xc0) != 0x80) return 0;
            point = point << 6 | (s[i] & 0x3f);
        }
        bool legal = point >= forms[more].least && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
        return legal ? more + 1 : 0;
    }
    return 0;
}

static bool control(unsigned char c)
{
    return (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f;
}

const char *wire_text_fault(const char *bytes, size_t n, size_t most)
{
    if (n > most) return "is too long";
    for (size_t i = 0; i < n;) {
        size_t step = sequence_bytes((const unsigned char *)bytes + i, n - i);
        if (!step) return "is not UTF-8";
        if (step == 1 && control((unsigned char)bytes[i])) return "holds a control character";
        i += step;
    }
    return NULL;
}

char *wire_text_clip(char *to, size_t to_bytes, const char *from)
{
    size_t used = 0, left = strlen(from);
    while (left) {
        size_t step = sequence_bytes((const unsigned char *)from, left);
        bool keep = step > 1 || (step == 1 && !control((unsigned char)*from));
        size_t put = keep ? step : 1;
        if (used + put >= to_bytes) break;
        if (keep)
            memcpy(to + used, from, put);
        else
            to[used] = '?';
        used += put;
        from += step ? step : 1;
        left -= step ? step : 1;
    }
    to[used] = 0;
    return to;
}
