#include "payload.h"

#include <stdlib.h>
#include <string.h>

void outgoing_rewind(struct outgoing *o)
{
    o->granted = false;
    o->sent = o->end = o->told = 0;
}

bool outgoing_grant(struct outgoing *o, uint64_t offset, uint64_t bytes)
{
    if (offset > o->length) return false;
    if (!o->granted || offset < o->told || offset > o->sent) o->sent = offset;
    o->granted = true;
    o->told = offset;
    o->end = bytes < o->length - offset ? offset + bytes : o->length;
    return true;
}

size_t outgoing_chunk(const struct outgoing *o, size_t chunk_max)
{
    if (!o->granted || o->sent >= o->end) return 0;
    uint64_t left = o->end - o->sent;
    return left < chunk_max ? (size_t)left : chunk_max;
}

static pv_status room(struct incoming *in, uint64_t length, wire_hash sha256)
{
    incoming_clear(in);
    in->bytes = malloc(length > 0 ? (size_t)length : 1);
    if (!in->bytes) return PV_NO_MEMORY;
    in->length = length;
    in->sha256 = sha256;
    pv_status s = sha256_start(&in->digest);
    if (s != PV_OK) incoming_clear(in);
    in->active = s == PV_OK;
    return s;
}

pv_status incoming_begin(struct incoming *in, uint64_t length, wire_hash sha256, uint64_t most)
{
    if (length > most || length > SIZE_MAX / 2) return PV_TOO_LARGE;
    in->granted = in->got;
    if (in->active && in->length == length && wire_hash_equal(in->sha256, sha256)) return PV_OK;
    return room(in, length, sha256);
}

static pv_status finish(struct incoming *in)
{
    wire_hash is;
    pv_status s = sha256_finish(&in->digest, &is);
    if (s == PV_OK && !wire_hash_equal(is, in->sha256)) s = PV_HASH_MISMATCH;
    if (s != PV_OK) incoming_clear(in);
    return s;
}

pv_status incoming_take(struct incoming *in, uint64_t offset, const uint8_t *bytes, size_t n)
{
    if (!in->active || offset != in->got || n > in->length - in->got || incoming_complete(in)) return PV_BAD_STATE;
    memcpy(in->bytes + in->got, bytes, n);
    pv_status s = sha256_feed(&in->digest, bytes, n);
    if (s != PV_OK) return s;
    in->got += n;
    return in->got == in->length ? finish(in) : PV_OK;
}

pv_status incoming_whole(struct incoming *in, const uint8_t *bytes, size_t n, wire_hash sha256)
{
    TRY(room(in, n, sha256));
    if (n > 0) return incoming_take(in, 0, bytes, n);
    return finish(in);
}

uint64_t incoming_grant(struct incoming *in, uint64_t window)
{
    if (!in->active || in->got < in->granted || in->got == in->length) return 0;
    uint64_t left = in->length - in->got;
    uint64_t grant = left < window ? left : window;
    in->granted = in->got + grant;
    return grant;
}

bool incoming_complete(const struct incoming *in)
{
    return in->active && in->got == in->length;
}

void incoming_clear(struct incoming *in)
{
    free(in->bytes);
    sha256_clear(&in->digest);
    *in = (struct incoming){ 0 };
}
