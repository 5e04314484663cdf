#include "values.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The digits that text begins with; what is behind them. NULL: no digit, or more than 64 bits hold. */
static const char *digits(uint64_t *to, const char *text)
{
    char *end;
    if (*text < '0' || *text > '9') return NULL; /* strtoull would pass over spaces and take a sign */
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno) return NULL;
    *to = n;
    return end;
}

bool value_number(uint64_t *to, const char *text)
{
    uint64_t n;
    const char *unit = digits(&n, text);
    if (!unit || *unit) return false;
    *to = n;
    return true;
}

bool value_size(uint64_t *bytes, const char *text, const char *letters)
{
    uint64_t n;
    const char *unit = digits(&n, text);
    if (!unit) return false;
    const char *letter = *unit ? strchr(letters, *unit) : NULL;
    unsigned shift = letter ? 10 * (unsigned)(letter - letters + 1) : 0;
    if (unit[letter != NULL] || n > UINT64_MAX >> shift) return false;
    *bytes = n << shift;
    return true;
}

bool value_duration(uint64_t *ms, const char *text)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = { { "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 } };
    uint64_t n;
    const char *unit = digits(&n, text);
    for (size_t i = 0; unit && i < sizeof units / sizeof *units; i++) {
        if (strcmp(unit, units[i].unit)) continue;
        if (n > INT64_MAX / units[i].ms) return false;
        *ms = n * units[i].ms;
        return true;
    }
    return false;
}

bool value_switch(bool *to, const char *text)
{
    size_t at;
    if (!value_word(&at, text, "no yes false true off on 0 1")) return false;
    *to = at % 2;
    return true;
}

bool value_word(size_t *to, const char *text, const char *words)
{
    size_t bytes = strlen(text), at = 0;
    for (const char *word = words; *word; at++) {
        size_t n = strcspn(word, " ");
        if (n == bytes && !memcmp(word, text, n)) {
            *to = at;
            return true;
        }
        word += n + (word[n] != 0);
    }
    return false;
}

/* --- for people --- */

char *value_size_text(char to[VALUE_TEXT_BYTES], uint64_t bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    unsigned unit = 0, shift = 0;
    while (bytes >> shift >= 1024 && unit < 6) unit++, shift += 10;
    uint64_t whole = bytes >> shift;
    unsigned tenth = shift ? (unsigned)((bytes >> (shift - 10) & 1023) * 10 / 1024) : 0;
    if (whole < 10 && tenth)
        snprintf(to, VALUE_TEXT_BYTES, "%" PRIu64 ".%u %s", whole, tenth, units[unit]);
    else
        snprintf(to, VALUE_TEXT_BYTES, "%" PRIu64 " %s", whole, units[unit]);
    return to;
}

char *value_duration_text(char to[VALUE_TEXT_BYTES], uint64_t ms)
{
    uint64_t s = ms / 1000;
    if (ms < 1000)
        snprintf(to, VALUE_TEXT_BYTES, "%" PRIu64 " ms", ms);
    else if (ms < 10000)
        snprintf(to, VALUE_TEXT_BYTES, "%" PRIu64 ".%" PRIu64 " s", s, ms % 1000 / 100);
    else if (s < 60)
        snprintf(to, VALUE_TEXT_BYTES, "%" PRIu64 " s", s);
    else if (s < 3600)
        snprintf(to, VALUE_TEXT_BYTES, "%" PRIu64 " m %02" PRIu64 " s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(to, VALUE_TEXT_BYTES, "%" PRIu64 " h %02" PRIu64 " m", s / 3600, s % 3600 / 60);
    else
        snprintf(to, VALUE_TEXT_BYTES, "%" PRIu64 " d %" PRIu64 " h", s / 86400, s % 86400 / 3600);
    return to;
}
