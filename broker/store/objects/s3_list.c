#include "s3_list.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- elements ---- */

static const char *find(const char *at, const char *end, const char *text)
{
    size_t n = strlen(text);
    for (; (size_t)(end - at) >= n; at++)
        if (!memcmp(at, text, n)) return at;
    return NULL;
}

bool s3_element(const char *at, const char *end, const char *name, char *to, size_t bytes)
{
    char open[40], close[40];
    snprintf(open, sizeof open, "<%s>", name);
    snprintf(close, sizeof close, "</%s>", name);
    const char *from = find(at, end, open);
    if (!from) return false;
    from += strlen(open);
    const char *until = find(from, end, close);
    if (!until || (size_t)(until - from) >= bytes) return false;
    memcpy(to, from, (size_t)(until - from));
    to[until - from] = 0;
    return true;
}

/* "%2F" and the like, in place: names are asked for in that form, so that XML has nothing to hide in them. */
static bool name_decode(char *name)
{
    char *to = name;
    for (const char *at = name; *at; at++) {
        unsigned byte;
        if (*at != '%') {
            *to++ = *at == '+' ? ' ' : *at;
            continue;
        }
        if (sscanf(at + 1, "%2x", &byte) != 1 || !at[1] || !at[2] || !byte) return false;
        *to++ = (char)byte;
        at += 2;
    }
    *to = 0;
    return true;
}

/* 2026-11-30T00:09:12.383Z */
static bool time_read(const char *text, int64_t *to)
{
    struct tm t = { .tm_isdst = 0 };
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour, &t.tm_min, &t.tm_sec) !=
        6)
        return false;
    t.tm_year -= 1900;
    t.tm_mon -= 1;
    *to = (int64_t)timegm(&t);
    return true;
}

/* ---- objects ---- */

static bool is_ours(const char *name, const char *prefix, wire_hash *hash)
{
    char again[WIRE_HASH_TEXT];
    size_t n = strlen(prefix);
    return !strncmp(name, prefix, n) && wire_hash_of_text(hash, name + n) &&
           !strcmp(wire_hash_text(again, *hash), name + n);
}

static pv_status one_read(struct s3_page *to, const char *at, const char *end, const char *prefix)
{
    char size[24], changed[40], *rest;
    struct s3_listed one;
    if (!s3_element(at, end, "Key", to->last, sizeof to->last) || !name_decode(to->last)) return PV_BAD_MESSAGE;
    if (!s3_element(at, end, "Size", size, sizeof size)) return PV_BAD_MESSAGE;
    if (!s3_element(at, end, "LastModified", changed, sizeof changed)) return PV_BAD_MESSAGE;
    one.bytes = strtoull(size, &rest, 10);
    if (rest == size || *rest || !time_read(changed, &one.changed_s)) return PV_BAD_MESSAGE;
    if (!is_ours(to->last, prefix, &one.hash)) return PV_OK;
    if (to->n == S3_PAGE_MOST) return PV_BAD_MESSAGE;
    to->at[to->n++] = one;
    return PV_OK;
}

pv_status s3_page_read(struct s3_page *to, const char *xml, const char *prefix)
{
    static const char open[] = "<Contents>", close[] = "</Contents>";
    const char *at = xml, *end = xml + strlen(xml);
    char more[8];
    *to = (struct s3_page){ .n = 0 };
    if (!find(xml, end, "<ListBucketResult") || !find(xml, end, "</ListBucketResult>")) return PV_BAD_MESSAGE;
    if (!s3_element(xml, end, "IsTruncated", more, sizeof more)) return PV_BAD_MESSAGE;
    while ((at = find(at, end, open))) {
        const char *until = find(at, end, close);
        if (!until) return PV_BAD_MESSAGE;
        TRY(one_read(to, at, until, prefix));
        at = until;
    }
    to->more = !strcmp(more, "true");
    return to->more && !to->last[0] ? PV_BAD_MESSAGE : PV_OK;
}
