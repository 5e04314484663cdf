#include "words_placed.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    size_t offset;
} places[] = {
#define X(name, meaning) { #name, offsetof(struct placed, name) },
    PLACED_LIST(X)
#undef X
};

enum { PLACES = sizeof places / sizeof *places };

/* The letters of "{letters}" at text: how many; 0: it is no place. */
static size_t word_at(const char *text)
{
    size_t n = *text == '{' ? strspn(text + 1, "abcdefghijklmnopqrstuvwxyz") : 0;
    return n && text[n + 1] == '}' ? n : 0;
}

static size_t place_of(const char *word, size_t n)
{
    size_t i = 0;
    while (i < PLACES && (strncmp(places[i].name, word, n) || places[i].name[n])) i++;
    return i;
}

bool placed_unknown(const char *text, char *unknown, size_t bytes)
{
    for (; *text; text++) {
        size_t n = word_at(text);
        if (!n || place_of(text + 1, n) < PLACES) continue;
        if (n >= bytes) n = bytes - 1;
        memcpy(unknown, text + 1, n);
        unknown[n] = 0;
        return true;
    }
    return false;
}

bool placed_has(char *const *argv, const char *place)
{
    size_t bytes = strlen(place);
    for (; argv && *argv; argv++)
        for (const char *at = *argv; *at; at++)
            if (word_at(at) == bytes && !strncmp(at + 1, place, bytes)) return true;
    return false;
}

/* Copies text with its places filled to *to, or only counts when it is NULL. Returns the bytes with the NUL. */
static size_t fill(char *to, const char *text, const struct placed *with)
{
    size_t used = 0;
    while (*text) {
        const char *from = text;
        size_t n = word_at(text), i = n ? place_of(text + 1, n) : PLACES, bytes = 1;
        text += i < PLACES ? n + 2 : 1;
        if (i < PLACES) {
            memcpy(&from, (const char *)with + places[i].offset, sizeof from);
            bytes = from ? strlen(from) : 0;
        }
        if (to && bytes) memcpy(to + used, from, bytes);
        used += bytes;
    }
    if (to) to[used] = 0;
    return used + 1;
}

char **placed_fill(char *const *argv, const struct placed *with)
{
    size_t n = 0, bytes = 0;
    for (; argv[n]; n++) bytes += fill(NULL, argv[n], with);
    char **made = malloc((n + 1) * sizeof *made + bytes);
    if (!made) return NULL;
    char *text = (char *)(made + n + 1);
    for (size_t i = 0; i < n; i++) {
        made[i] = text;
        text += fill(text, argv[i], with);
    }
    made[n] = NULL;
    return made;
}
