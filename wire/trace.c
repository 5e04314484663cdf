#include "trace.h"

#include <stddef.h>
#include <string.h>

static bool digits(const char *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!from[i] || !strchr("0123456789abcdef", from[i])) return false;
    return true;
}

static bool zeros(const char *from, size_t n)
{
    return strspn(from, "0") >= n;
}

bool wire_trace_valid(const char *text)
{
    if (strlen(text) != WIRE_TRACE_TEXT - 1) return false;
    if (text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
    if (!digits(text, 2) || !digits(text + 3, 32) || !digits(text + 36, 16) || !digits(text + 53, 2)) return false;
    return strncmp(text, "ff", 2) != 0 && !zeros(text + 3, 32) && !zeros(text + 36, 16);
}
