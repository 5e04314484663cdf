#include "progress_lines.h"

#include <string.h>

static size_t spaces(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n && (s[i] == ' ' || s[i] == '\t')) i++;
    return i;
}

/* Digits, and a fraction behind a point. Returns the bytes read; *value saturates at 1000. */
static size_t number(const char *s, size_t n, unsigned *value)
{
    size_t i = 0;
    for (*value = 0; i < n && s[i] >= '0' && s[i] <= '9'; i++)
        *value = *value < 1000 ? *value * 10 + (unsigned)(s[i] - '0') : 1000;
    if (!i || i == n || s[i] != '.') return i;
    size_t point = i++;
    while (i < n && s[i] >= '0' && s[i] <= '9') i++;
    return i > point + 1 ? i : 0;
}

static bool eta_follows(const char *s, size_t n)
{
    unsigned seconds;
    size_t used = number(s, n, &seconds);
    if (!used) return false;
    if (used < n && s[used] == 's') used++;
    return used + spaces(s + used, n - used) == n;
}

bool progress_line_read(struct progress_line *to, const char *line, size_t n)
{
    unsigned percent;
    size_t at = spaces(line, n), used = number(line + at, n - at, &percent), phase = 0;
    if (!used || percent > 100) return false;
    at += used;
    if (at < n && line[at] == '%') at++;
    used = spaces(line + at, n - at);
    if (!used) return false;
    at += used;
    while (at + phase < n && line[at + phase] != ' ' && line[at + phase] != '\t') phase++;
    if (!phase || !wire_name_valid(line + at, phase)) return false;
    size_t rest = at + phase + spaces(line + at + phase, n - at - phase);
    if (rest < n && !eta_follows(line + rest, n - rest)) return false;
    to->percent = percent;
    memcpy(to->phase, line + at, phase);
    to->phase[phase] = 0;
    return true;
}

static void keep(struct progress_lines *p, struct error_tail *tail, bool end)
{
    if (tail) error_tail_add(tail, p->line, p->n);
    if (tail && end) error_tail_add(tail, "\n", 1);
    p->n = 0;
}

void progress_lines_take(struct progress_lines *p, const char *bytes, size_t n, struct error_tail *tail,
                         void (*told)(void *ctx, const struct progress_line *line), void *ctx)
{
    for (size_t i = 0; i < n; i++) {
        struct progress_line line;
        bool end = bytes[i] == '\n' || bytes[i] == '\r';
        if (!end) {
            if (p->n == sizeof p->line) {
                p->longer = true;
                keep(p, tail, false);
            }
            p->line[p->n++] = bytes[i];
        } else if (!p->longer && progress_line_read(&line, p->line, p->n)) {
            p->n = 0;
            told(ctx, &line);
        } else {
            keep(p, tail, true);
            p->longer = false;
        }
    }
}

void progress_lines_end(struct progress_lines *p, struct error_tail *tail)
{
    keep(p, tail, false);
}
