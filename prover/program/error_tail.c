#include "error_tail.h"

#include "visible.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

void error_tail_add(struct error_tail *t, const char *bytes, size_t n)
{
    size_t skipped = n > ERROR_TAIL_BYTES ? n - ERROR_TAIL_BYTES : 0;
    t->n += skipped; /* they would be written over at once */
    for (size_t i = skipped; i < n; i++) t->bytes[t->n++ % ERROR_TAIL_BYTES] = bytes[i];
}

static size_t in_order(const struct error_tail *t, char to[ERROR_TAIL_BYTES])
{
    size_t kept = t->n < ERROR_TAIL_BYTES ? t->n : ERROR_TAIL_BYTES;
    for (size_t i = 0; i < kept; i++) to[i] = t->bytes[(t->n - kept + i) % ERROR_TAIL_BYTES];
    return kept;
}

/* In place: what is written is never longer than what was read. The first bytes of a cut character are no text. */
static size_t cleaned(char *text, size_t n)
{
    size_t used = 0, i = 0;
    bool gap = false;
    while (i < n && ((unsigned char)text[i] & 0xc0) == 0x80) i++;
    while (i < n) {
        uint32_t point;
        bool safe;
        size_t step = visible_step(text + i, n - i, &point, &safe);
        if (point == ' ' || (!safe && point < 0xa0)) {
            gap = used > 0;
        } else {
            if (gap) text[used++] = ' ';
            gap = false;
            if (safe)
                memmove(text + used, text + i, step);
            else
                text[used] = '?';
            used += safe ? step : 1;
        }
        i += step;
    }
    return used;
}

char *error_tail_text(const struct error_tail *t, char *to, size_t bytes)
{
    static const char cut[] = "...";
    char text[ERROR_TAIL_BYTES];
    size_t n = cleaned(text, in_order(t, text)), from = 0;
    if (n < bytes) {
        memcpy(to, text, n);
        to[n] = 0;
        return to;
    }
    from = n - (bytes - sizeof cut);
    while (from < n && ((unsigned char)text[from] & 0xc0) == 0x80) from++;
    memcpy(to, cut, sizeof cut - 1);
    memcpy(to + sizeof cut - 1, text + from, n - from);
    to[sizeof cut - 1 + n - from] = 0;
    return to;
}
