#include "talk_value.h"

#include <string.h>

/* --- writing --- */

static void put(struct talk_writer *w, const void *bytes, size_t n)
{
    if (w->full || n > w->room - w->n) {
        w->full = true;
        return;
    }
    if (n) memcpy(w->bytes + w->n, bytes, n);
    w->n += n;
}

/* A byte that says the kind, and the value in so many bytes, big-endian. */
static void put_sized(struct talk_writer *w, uint8_t kind, uint64_t v, unsigned bytes)
{
    uint8_t to[9] = { kind };
    for (unsigned i = 0; i < bytes; i++) to[1 + i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
    put(w, to, 1 + bytes);
}

void talk_put_array(struct talk_writer *w, uint32_t n)
{
    if (n < 16)
        put_sized(w, (uint8_t)(0x90 | n), 0, 0);
    else if (n <= UINT16_MAX)
        put_sized(w, 0xdc, n, 2);
    else
        put_sized(w, 0xdd, n, 4);
}

void talk_put_uint(struct talk_writer *w, uint64_t v)
{
    if (v < 0x80)
        put_sized(w, (uint8_t)v, 0, 0);
    else if (v <= UINT8_MAX)
        put_sized(w, 0xcc, v, 1);
    else if (v <= UINT16_MAX)
        put_sized(w, 0xcd, v, 2);
    else if (v <= UINT32_MAX)
        put_sized(w, 0xce, v, 4);
    else
        put_sized(w, 0xcf, v, 8);
}

void talk_put_text(struct talk_writer *w, const char *text, size_t n)
{
    if (n < 32)
        put_sized(w, (uint8_t)(0xa0 | n), 0, 0);
    else if (n <= UINT8_MAX)
        put_sized(w, 0xd9, n, 1);
    else if (n <= UINT16_MAX)
        put_sized(w, 0xda, n, 2);
    else
        put_sized(w, 0xdb, n, 4);
    put(w, text, n);
}

void talk_put_nil(struct talk_writer *w)
{
    put_sized(w, 0xc0, 0, 0);
}

void talk_put_bin(struct talk_writer *w, uint32_t n)
{
    if (n <= UINT8_MAX)
        put_sized(w, 0xc4, n, 1);
    else if (n <= UINT16_MAX)
        put_sized(w, 0xc5, n, 2);
    else
        put_sized(w, 0xc6, n, 4);
}

/* --- reading --- */

static size_t left(const struct talk_reader *r)
{
    return (size_t)(r->end - r->next);
}

static uint64_t wrong(struct talk_reader *r)
{
    r->wrong = true;
    return 0;
}

/* The byte that says the kind; 0xc1, which msgpack never uses, when there is none. */
static uint8_t kind_of(const struct talk_reader *r)
{
    return r->wrong || !left(r) ? 0xc1 : *r->next;
}

/* The big-endian number behind that byte. */
static uint64_t sized(struct talk_reader *r, unsigned bytes)
{
    uint64_t v = 0;
    if (left(r) < 1 + (size_t)bytes) return wrong(r);
    for (unsigned i = 0; i < bytes; i++) v = v << 8 | r->next[1 + i];
    r->next += 1 + bytes;
    return v;
}

uint32_t talk_get_array(struct talk_reader *r)
{
    uint8_t k = kind_of(r);
    uint64_t n;
    if ((k & 0xf0) == 0x90) {
        n = k & 0x0f;
        r->next++;
    } else if (k == 0xdc || k == 0xdd) {
        n = sized(r, k == 0xdc ? 2 : 4);
    } else {
        return (uint32_t)wrong(r);
    }
    return n > left(r) ? (uint32_t)wrong(r) : (uint32_t)n; /* an element is at least a byte */
}

uint64_t talk_get_uint(struct talk_reader *r)
{
    uint8_t k = kind_of(r);
    if (k < 0x80) {
        r->next++;
        return k;
    }
    return k >= 0xcc && k <= 0xcf ? sized(r, 1u << (k - 0xcc)) : wrong(r);
}

static const uint8_t *bytes_of(struct talk_reader *r, uint64_t length, size_t *n)
{
    const uint8_t *at = r->next;
    if (r->wrong || length > left(r)) {
        r->wrong = true;
        *n = 0;
        return NULL;
    }
    *n = (size_t)length;
    r->next += *n;
    return at;
}

const char *talk_get_text(struct talk_reader *r, size_t *n)
{
    uint8_t k = kind_of(r);
    uint64_t length = 0;
    if ((k & 0xe0) == 0xa0) {
        length = k & 0x1f;
        r->next++;
    } else if (k >= 0xd9 && k <= 0xdb) {
        length = sized(r, 1u << (k - 0xd9));
    } else {
        wrong(r);
    }
    return (const char *)bytes_of(r, length, n);
}

const uint8_t *talk_get_bin(struct talk_reader *r, size_t *n)
{
    uint8_t k = kind_of(r);
    uint64_t length = k >= 0xc4 && k <= 0xc6 ? sized(r, 1u << (k - 0xc4)) : wrong(r);
    return bytes_of(r, length, n);
}

bool talk_get_nil(struct talk_reader *r)
{
    if (kind_of(r) != 0xc0) return false;
    r->next++;
    return true;
}
