#include "log.h"

#include "log_sink.h"
#include "values.h"
#include "visible.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINE_BYTES = LOG_SINK_MOST };

static _Atomic enum log_level most_level = LOG_LEVEL_INFO;
static _Atomic enum log_format line_format = LOG_FORMAT_TEXT;
static atomic_bool journal;
static atomic_uint_fast64_t dropped;

void log_setup(enum log_level most, enum log_format format)
{
    most_level = most;
    line_format = format;
    journal = getenv("JOURNAL_STREAM") != NULL;
}

bool log_setup_words(const char *level, const char *format)
{
    size_t most, form;
    if (!value_word(&most, level, LOG_LEVEL_WORDS) || !value_word(&form, format, LOG_FORMAT_WORDS)) return false;
    log_setup((enum log_level)most, (enum log_format)form);
    return true;
}

static const char *level_word(enum log_level level)
{
    static const char *const words[] = { "ERROR", "WARN", "INFO", "DEBUG" };
    return words[level];
}

/* A bounded line. What does not fit is dropped, and the line is marked as cut. */
struct line {
    char bytes[LINE_BYTES];
    size_t used;
    bool cut;
};

static void line_char(struct line *l, char c)
{
    if (l->used + 8 < sizeof l->bytes)
        l->bytes[l->used++] = c;
    else
        l->cut = true;
}

static void line_text(struct line *l, const char *s)
{
    while (*s) line_char(l, *s++);
}

/* Escapes a value inside quotes, so that no byte of it can end the quote or the line, or speak to a terminal. */
static void line_escaped(struct line *l, const char *s, size_t n)
{
    while (n > 0) {
        char escape[VISIBLE_ESCAPE_BYTES];
        uint32_t point;
        bool safe;
        size_t step = visible_step(s, n, &point, &safe);
        if (!safe) {
            visible_escape(escape, point);
            line_text(l, escape);
        } else {
            if (*s == '"' || *s == '\\') line_char(l, '\\');
            for (size_t i = 0; i < step; i++) line_char(l, s[i]);
        }
        s += step;
        n -= step;
    }
}

static bool plain(const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        uint32_t point;
        bool safe;
        size_t step = visible_step(s + i, n - i, &point, &safe);
        if (!safe || point == ' ' || point == '"' || point == '\\' || point == '=') return false;
        i += step;
    }
    return n > 0;
}

static void line_pair(struct line *l, const char *key, size_t key_bytes, const char *value, bool number)
{
    size_t n = strlen(value);
    bool json = line_format == LOG_FORMAT_JSON;
    line_char(l, json ? ',' : ' ');
    if (json) line_char(l, '"');
    for (size_t i = 0; i < key_bytes; i++) line_char(l, key[i]);
    if (json) line_char(l, '"');
    line_char(l, json ? ':' : '=');
    if (json ? number : plain(value, n)) {
        line_text(l, value);
        return;
    }
    line_char(l, '"');
    line_escaped(l, value, n);
    line_char(l, '"');
}

/* Whether what it prints is a number of JSON too: no hex, no leading zeros, no infinity. */
static bool is_number(const char *spec, const char *value)
{
    return strchr("diuf", spec[strlen(spec) - 1]) && !strchr("0+ ", spec[1]) && !value[strspn(value, "-.0123456789")];
}

/* One conversion of the format, printed into value. The argument is taken from *args as vsnprintf would. */
static void print_one(char *value, size_t bytes, const char *spec, va_list *args)
{
    size_t n = strlen(spec);
    char last = spec[n - 1];
    bool wide = strchr(spec, 'l') || strchr(spec, 'z') || strchr(spec, 'j');
    if (last == 's' && strstr(spec, ".*")) {
        int most = va_arg(*args, int);
        snprintf(value, bytes, spec, most, va_arg(*args, const char *));
    } else if (last == 's') {
        const char *s = va_arg(*args, const char *);
        snprintf(value, bytes, spec, s ? s : "");
    } else if (last == 'f' || last == 'g' || last == 'e') {
        snprintf(value, bytes, spec, va_arg(*args, double));
    } else if (last == 'p') {
        snprintf(value, bytes, spec, va_arg(*args, void *));
    } else if (wide) {
        snprintf(value, bytes, spec, va_arg(*args, unsigned long));
    } else {
        snprintf(value, bytes, spec, va_arg(*args, unsigned));
    }
}

static bool begins_pair(const char *format)
{
    size_t n = strspn(format, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return n && format[n] == '=';
}

/* "key=<text and conversions>" up to the next key of the format is one pair, whatever spaces its text and its values have. */
static void line_pairs(struct line *l, const char *format, va_list *args)
{
    while (*format) {
        while (*format == ' ') format++;
        const char *key = format;
        while (*format && *format != '=' && *format != ' ') format++;
        size_t key_bytes = (size_t)(format - key);
        if (*format != '=') continue;
        format++;
        char value[LINE_BYTES];
        size_t used = 0;
        const char *text = format;
        bool number = false;
        value[0] = 0;
        while (*format && !(*format == ' ' && begins_pair(format + 1))) {
            if (*format != '%' || format[1] == '%') {
                if (used + 1 < sizeof value) value[used++] = *format;
                value[used] = 0;
                format += *format == '%' ? 2 : 1;
                number = false;
                continue;
            }
            size_t spec_bytes = 1 + strcspn(format + 1, "sdiuxXcfgep") + 1;
            char spec[32];
            snprintf(spec, sizeof spec, "%.*s", (int)spec_bytes, format);
            print_one(value + used, sizeof value - used, spec, args);
            number = format == text && is_number(spec, value); /* the whole value is this one conversion */
            used += strlen(value + used);
            format += spec_bytes;
        }
        line_pair(l, key, key_bytes, value, number);
    }
}

static void line_time(char *to, size_t bytes)
{
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t n = strftime(to, bytes, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(to + n, bytes - n, ".%03ldZ", now.tv_nsec / 1000000);
}

static void line_begin(struct line *l, enum log_level level, const char *event)
{
    static const char *const priority[] = { "<3>", "<4>", "<6>", "<7>" };
    char when[40];
    line_time(when, sizeof when);
    if (journal) line_text(l, priority[level]);
    if (line_format == LOG_FORMAT_JSON) {
        const char *const parts[] = { "{\"time\":\"", when, "\",\"level\":\"", level_word(level), "\",\"event\":\"",
                                      event,          "\"" };
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) line_text(l, parts[i]);
        return;
    }
    if (!journal) {
        line_text(l, when);
        line_char(l, ' ');
    }
    line_text(l, level_word(level));
    line_char(l, ' ');
    line_text(l, event);
}

static bool line_put(struct line *l)
{
    const char *end = line_format == LOG_FORMAT_JSON ? (l->cut ? "\"}\n" : "}\n") : (l->cut ? "…\n" : "\n");
    memcpy(l->bytes + l->used, end, strlen(end));
    l->used += strlen(end);
    return log_sink_put(l->bytes, l->used);
}

/* Whoever reads the log again learns how many lines it lacks. */
static void tell_dropped(void)
{
    static atomic_uint_fast64_t told;
    uint64_t before = told, now = dropped;
    if (now == before) return;
    struct line l = { .used = 0 };
    char lines[24];
    snprintf(lines, sizeof lines, "%" PRIu64, now - before);
    line_begin(&l, LOG_LEVEL_WARN, "log.dropped");
    line_pair(&l, "lines", strlen("lines"), lines, true);
    if (line_put(&l)) told = now;
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
    if (level > most_level) return;
    struct line l = { .used = 0 };
    va_list args;
    tell_dropped();
    line_begin(&l, level, event);
    va_start(args, format);
    line_pairs(&l, format, &args);
    va_end(args);
    if (!line_put(&l)) dropped++;
}

uint64_t log_dropped(void)
{
    return dropped;
}
