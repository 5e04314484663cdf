#include "text.h"

#include "visible.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Bytes of the UTF-8 sequence at s, 0 when it is none. */
static size_t sequence_bytes(const char *s, size_t n)
{
    uint32_t point;
    bool safe;
    size_t step = visible_step(s, n, &point, &safe);
    return point == UINT32_MAX ? 0 : step;
}

static bool control(unsigned char c)
{
    return (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f;
}

const char *wire_text_fault(const char *bytes, size_t n, size_t most)
{
    if (n > most) return "is too long";
    for (size_t i = 0; i < n;) {
        size_t step = sequence_bytes(bytes + i, n - i);
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
        size_t step = sequence_bytes(from, left);
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
