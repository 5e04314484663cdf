#include "ids.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool wire_id_equal(wire_id a, wire_id b)
{
    return !memcmp(a.bytes, b.bytes, sizeof a.bytes);
}

bool wire_hash_equal(wire_hash a, wire_hash b)
{
    return !memcmp(a.bytes, b.bytes, sizeof a.bytes);
}

bool wire_token_equal(wire_token a, wire_token b)
{
    return a.epoch == b.epoch && a.seq == b.seq;
}

static const char *hex(char *out, const uint8_t *bytes, size_t n)
{
    static const char digit[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digit[bytes[i] >> 4];
        out[2 * i + 1] = digit[bytes[i] & 15];
    }
    out[2 * n] = 0;
    return out;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static bool unhex(uint8_t *bytes, size_t n, const char *text)
{
    if (strlen(text) != 2 * n) return false;
    for (size_t i = 0; i < n; i++) {
        int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

const char *wire_id_text(char out[WIRE_ID_TEXT], wire_id id)
{
    return hex(out, id.bytes, sizeof id.bytes);
}

const char *wire_hash_text(char out[WIRE_HASH_TEXT], wire_hash hash)
{
    return hex(out, hash.bytes, sizeof hash.bytes);
}

const char *wire_token_text(char out[WIRE_TOKEN_TEXT], wire_token token)
{
    snprintf(out, WIRE_TOKEN_TEXT, "%" PRIu32 ".%" PRIu64, token.epoch, token.seq);
    return out;
}

bool wire_id_of_text(wire_id *id, const char *text)
{
    wire_id read;
    if (!unhex(read.bytes, sizeof read.bytes, text)) return false;
    *id = read;
    return true;
}

bool wire_hash_of_text(wire_hash *hash, const char *text)
{
    wire_hash read;
    if (!unhex(read.bytes, sizeof read.bytes, text)) return false;
    *hash = read;
    return true;
}

static bool name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
}

bool wire_name_valid(const char *name, size_t bytes)
{
    if (bytes < 1 || bytes > WIRE_NAME_MAX) return false;
    for (size_t i = 0; i < bytes; i++)
        if (!name_char(name[i])) return false;
    return true;
}
