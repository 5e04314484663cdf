#include "json_text.h"

#include "visible.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_BYTES = 32 };

static void put(struct json_text *j, const char *bytes, size_t n)
{
    if (j->failed) return;
    if (j->cap - j->n < n + 1) {
        size_t cap = j->cap ? 2 * j->cap : 512;
        while (cap - j->n < n + 1) cap *= 2;
        char *at = realloc(j->at, cap);
        if (!at) {
            j->failed = true;
            return;
        }
        j->at = at;
        j->cap = cap;
    }
    memcpy(j->at + j->n, bytes, n);
    j->n += n;
}

static void put_char(struct json_text *j, char c)
{
    put(j, &c, 1);
}

static bool plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void put_escaped(struct json_text *j, const char *s, size_t n, uint32_t point)
{
    char escape[VISIBLE_ESCAPE_BYTES];
    if (point == '"' || point == '\\') put_char(j, '\\');
    if (point == '"' || point == '\\')
        put(j, s, n);
    else
        put(j, escape, visible_escape(escape, point));
}

static void put_text(struct json_text *j, const char *s)
{
    put_char(j, '"');
    for (size_t left = strlen(s); left;) {
        size_t n = 0;
        uint32_t point;
        bool safe;
        while (n < left && plain((unsigned char)s[n])) n++; /* most text is nothing else */
        if (n) {
            put(j, s, n);
        } else {
            n = visible_step(s, left, &point, &safe);
            if (safe && point >= 0x80)
                put(j, s, n);
            else
                put_escaped(j, s, n, point);
        }
        s += n;
        left -= n;
    }
    put_char(j, '"');
}

static void begin(struct json_text *j, const char *key)
{
    if (j->comma) put_char(j, ',');
    j->comma = true;
    if (!key) return;
    put_text(j, key);
    put_char(j, ':');
}

static void open_with(struct json_text *j, const char *key, char c)
{
    begin(j, key);
    put_char(j, c);
    j->comma = false;
}

static void close_with(struct json_text *j, char c)
{
    put_char(j, c);
    j->comma = true;
}

void json_text_object(struct json_text *j, const char *key)
{
    open_with(j, key, '{');
}

void json_text_object_end(struct json_text *j)
{
    close_with(j, '}');
}

void json_text_list(struct json_text *j, const char *key)
{
    open_with(j, key, '[');
}

void json_text_list_end(struct json_text *j)
{
    close_with(j, ']');
}

void json_text_raw(struct json_text *j, const char *key, const char *json)
{
    const char *value = json ? json : "null";
    begin(j, key);
    put(j, value, strlen(value));
}

void json_text_string(struct json_text *j, const char *key, const char *value)
{
    if (!value) {
        json_text_null(j, key);
        return;
    }
    begin(j, key);
    put_text(j, value);
}

void json_text_number(struct json_text *j, const char *key, uint64_t value)
{
    char text[NUMBER_BYTES];
    snprintf(text, sizeof text, "%" PRIu64, value);
    json_text_raw(j, key, text);
}

void json_text_signed(struct json_text *j, const char *key, int64_t value)
{
    char text[NUMBER_BYTES];
    snprintf(text, sizeof text, "%" PRId64, value);
    json_text_raw(j, key, text);
}

void json_text_seconds(struct json_text *j, const char *key, uint64_t ms)
{
    char text[NUMBER_BYTES];
    snprintf(text, sizeof text, "%" PRIu64 ".%03u", ms / 1000, (unsigned)(ms % 1000));
    json_text_raw(j, key, text);
}

void json_text_truth(struct json_text *j, const char *key, bool value)
{
    json_text_raw(j, key, value ? "true" : "false");
}

void json_text_null(struct json_text *j, const char *key)
{
    json_text_raw(j, key, NULL);
}

char *json_text_take(struct json_text *j)
{
    char *at = NULL;
    put_char(j, 0);
    if (!j->failed) {
        at = j->at;
        j->at = NULL;
    }
    json_text_clear(j);
    return at;
}

void json_text_clear(struct json_text *j)
{
    free(j->at);
    *j = (struct json_text){ .at = NULL };
}
