#include "settings.h"

#include "quote.h"
#include "values.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

const char *setting_origin_word(enum setting_origin o)
{
    static const char *const words[SETTING_ORIGINS] = { "default", "file", "environment", "flag" };
    return words[o];
}

const char *setting_flag(char to[SETTING_NAME_BYTES], const char *name)
{
    snprintf(to, SETTING_NAME_BYTES, "%s", name);
    for (char *c = to; *c; c++)
        if (*c == '_') *c = '-';
    return to;
}

const char *setting_variable(char to[SETTING_NAME_BYTES], const char *program, const char *name)
{
    snprintf(to, SETTING_NAME_BYTES, "PROVOST_%s%s%s", program ? program : "", program ? "_" : "", name);
    for (char *c = to; *c; c++) {
        if (*c >= 'a' && *c <= 'z') *c = (char)(*c - 'a' + 'A');
        if (*c == '-') *c = '_';
    }
    return to;
}

pv_status settings_refuse(char why[SETTINGS_WHY_BYTES], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, SETTINGS_WHY_BYTES, format, args);
    va_end(args);
    return PV_BAD_CONFIG;
}

/* --- one value --- */

static bool numeric(const struct setting *s)
{
    return s->kind == SETTING_NUMBER || s->kind == SETTING_SIZE || s->kind == SETTING_LARGE_SIZE ||
           s->kind == SETTING_DURATION;
}

static bool bounded(const struct setting *s)
{
    return s->high < INT64_MAX;
}

static bool number_of(const struct setting *s, uint64_t *n, const char *text)
{
    switch (s->kind) {
    case SETTING_SIZE: return value_size(n, text, "KMG");
    case SETTING_LARGE_SIZE: return value_size(n, text, "KMGT");
    case SETTING_DURATION: return value_duration(n, text);
    default: return value_number(n, text);
    }
}

/* "1 to 64": the bounds of a row, for its sentences; "" without any. */
static void bounds(const struct setting *s, char *to, size_t bytes)
{
    to[0] = 0;
    if (bounded(s))
        snprintf(to, bytes, "%" PRIu64 " to %" PRIu64, s->low, s->high);
    else if (s->low)
        snprintf(to, bytes, "at least %" PRIu64, s->low);
}

/* What a number of this kind is called, and how it is written. */
static const char *kind_name(const struct setting *s)
{
    return s->kind == SETTING_DURATION ? "time" : s->kind == SETTING_NUMBER ? "number" : "size";
}

static const char *kind_form(const struct setting *s)
{
    switch (s->kind) {
    case SETTING_SIZE: return "bytes, or with K, M or G";
    case SETTING_LARGE_SIZE: return "bytes, or with K, M, G or T";
    case SETTING_DURATION: return "a number with ms, s, m, h or d";
    default: return "";
    }
}

static bool refuse_form(const struct setting *s, const char *text, char *why)
{
    char range[64];
    const char *form = kind_form(s);
    bounds(s, range, sizeof range);
    const char *between = form[0] && range[0] ? "; " : "";
    bool more = form[0] || range[0];
    settings_refuse(why, "not a %s: \"%.64s\"%s%s%s%s%s", kind_name(s), text, more ? " (" : "", form, between, range,
                    more ? ")" : "");
    return false;
}

static bool refuse_bounds(const struct setting *s, const char *text, bool too_large, char *why)
{
    char range[64];
    bounds(s, range, sizeof range);
    if (!range[0]) snprintf(range, sizeof range, "at most %" PRIu64, s->high);
    settings_refuse(why, "%.64s is too %s: %s", text, too_large ? "large" : "small", range);
    return false;
}

static bool number_read(const struct setting *s, void *member, const char *text, char *why)
{
    uint64_t n;
    if (!number_of(s, &n, text)) return refuse_form(s, text, why);
    if (n < s->low || n > s->high) return refuse_bounds(s, text, n > s->high, why);
    memcpy(member, &n, sizeof n);
    return true;
}

/* "auto cpu cuda" as "auto, cpu or cuda". */
static void words_listed(const char *words, char *to, size_t bytes)
{
    size_t used = 0;
    to[0] = 0;
    for (const char *word = words; *word && used < bytes;) {
        size_t n = strcspn(word, " ");
        bool last = !word[n], first = word == words;
        used += (size_t)snprintf(to + used, bytes - used, "%s%.*s", first ? "" : last ? " or " : ", ", (int)n, word);
        word += n + !last;
    }
}

static bool word_read(const struct setting *s, void *member, const char *text, char *why)
{
    size_t at;
    char list[256];
    if (value_word(&at, text, s->words)) {
        int place = (int)at;
        if (s->kind == SETTING_CHOICE)
            memcpy(member, &place, sizeof place);
        else
            memcpy(member, &text, sizeof text);
        return true;
    }
    words_listed(s->words, list, sizeof list);
    settings_refuse(why, "not %s: \"%.64s\"", list, text);
    return false;
}

bool setting_read(const struct setting *s, void *base, const char *text, char why[SETTINGS_WHY_BYTES])
{
    void *member = (char *)base + s->offset;
    if (numeric(s)) return number_read(s, member, text, why);
    switch (s->kind) {
    case SETTING_WORD:
    case SETTING_CHOICE: return word_read(s, member, text, why);
    case SETTING_SWITCH:
        if (value_switch(member, text)) return true;
        settings_refuse(why, "not yes or no: \"%.64s\" (also true, false, on, off, 1, 0)", text);
        return false;
    case SETTING_OTHER:
        if (s->read(member, text)) return true;
        settings_refuse(why, "not %s: \"%.64s\"", s->words, text);
        return false;
    default: memcpy(member, &text, sizeof text); return true;
    }
}

pv_status setting_of_flag(const struct setting *s, void *base, const char *text, char why[SETTINGS_WHY_BYTES])
{
    char reason[SETTINGS_WHY_BYTES], flag[SETTING_NAME_BYTES];
    if (setting_read(s, base, text, reason)) return PV_OK;
    return settings_refuse(why, "--%s: %.400s", setting_flag(flag, s->name), reason);
}

pv_status setting_of_variable(const struct setting *s, void *base, const char *variable, const char *text,
                              char why[SETTINGS_WHY_BYTES])
{
    char reason[SETTINGS_WHY_BYTES];
    if (setting_read(s, base, text, reason)) return PV_OK;
    return settings_refuse(why, "%s: %.400s", variable, reason);
}

void settings_default(const struct setting *rows, size_t n, void *base)
{
    char why[SETTINGS_WHY_BYTES];
    for (size_t i = 0; i < n; i++)
        if (rows[i].fallback) setting_read(&rows[i], base, rows[i].fallback, why);
}

/* --- members --- */

static const void *member_of(const struct setting *s, const void *base)
{
    return (const char *)base + s->offset;
}

static size_t member_bytes(const struct setting *s)
{
    if (numeric(s)) return sizeof(uint64_t);
    if (s->kind == SETTING_SWITCH) return sizeof(bool);
    return s->kind == SETTING_CHOICE ? sizeof(int) : sizeof(char *);
}

static const char *text_of(const struct setting *s, const void *base)
{
    return *(const char *const *)member_of(s, base);
}

static bool is_text(const struct setting *s)
{
    return s->kind == SETTING_TEXT || s->kind == SETTING_LIST || s->kind == SETTING_WORD;
}

void setting_print(const struct setting *s, const void *base, FILE *to)
{
    fprintf(to, "%s: ", s->name);
    if (is_text(s))
        pv_quote(to, text_of(s, base));
    else if (s->kind == SETTING_SWITCH)
        fputs(*(const bool *)member_of(s, base) ? "yes" : "no", to);
    else
        fprintf(to, "%" PRIu64, *(const uint64_t *)member_of(s, base));
}

bool setting_same(const struct setting *s, const void *a, const void *b)
{
    if (is_text(s)) return !strcmp(text_of(s, a), text_of(s, b));
    return !memcmp(member_of(s, a), member_of(s, b), member_bytes(s));
}

void setting_copy(const struct setting *s, void *to, const void *from)
{
    memcpy((char *)to + s->offset, member_of(s, from), member_bytes(s));
}
