#include "payload.h"

#include <stdlib.h>
#include <string.h>

/* --- out --- */

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

bool outgoing_ready(const struct outgoing *o)
{
    return o->granted && o->sent < o->end;
}

bool outgoing_chunk(const struct outgoing *o, size_t chunk_max, struct wire_msg *m)
{
    if (!outgoing_ready(o)) return false;
    uint64_t left = o->end - o->sent;
    *m = (struct wire_msg){ .type = WIRE_CHUNK, .has_payload = true };
    WIRE_SET(m, offset, o->sent);
    m->payload = o->bytes + o->sent;
    m->payload_bytes = left < chunk_max ? (size_t)left : chunk_max;
    return true;
}

void outgoing_said(struct outgoing *o, const struct wire_msg *m)
{
    o->sent += m->payload_bytes;
}

/* --- in --- */

enum { FIRST_ROOM = 64 * 1024 };

/* Memory grows with what has come, not with what was announced: a peer may announce anything. By copying and not by
 * realloc, so that the old bytes are wiped. */
static pv_status widen(struct incoming *in, uint64_t need)
{
    if (in->bytes && need <= in->room) return PV_OK;
    uint64_t room = in->room > in->length / 2 ? in->length : 2 * in->room;
    if (room < need) room = need;
    uint8_t *bytes = malloc(room > 0 ? (size_t)room : 1);
    if (!bytes) return PV_NO_MEMORY;
    if (in->got > 0) {
        memcpy(bytes, in->bytes, in->got);
        explicit_bzero(in->bytes, in->got);
    }
    free(in->bytes);
    in->bytes = bytes;
    in->room = room;
    return PV_OK;
}

static pv_status start(struct incoming *in, uint64_t length, wire_hash sha256)
{
    incoming_clear(in);
    TRY(widen(in, length < FIRST_ROOM ? length : FIRST_ROOM));
    in->length = length;
    in->sha256 = sha256;
    pv_status s = sha256_start(&in->digest);
    if (s != PV_OK) incoming_clear(in);
    in->active = s == PV_OK;
    return s;
}

static pv_status finish(struct incoming *in)
{
    wire_hash is;
    pv_status s = sha256_finish(&in->digest, &is);
    if (s == PV_OK && !wire_hash_equal(is, in->sha256)) s = PV_HASH_MISMATCH;
    if (s != PV_OK) incoming_clear(in);
    return s;
}

pv_status incoming_begin(struct incoming *in, uint64_t length, wire_hash sha256, uint64_t most)
{
    if (length > most || length > SIZE_MAX / 2) return PV_TOO_LARGE;
    incoming_rewind(in);
    if (in->active && in->length == length && wire_hash_equal(in->sha256, sha256)) return PV_OK;
    TRY(start(in, length, sha256));
    return length > 0 ? PV_OK : finish(in);
}

pv_status incoming_take(struct incoming *in, uint64_t offset, const uint8_t *bytes, size_t n)
{
    if (!in->active || offset != in->got || incoming_complete(in)) return PV_BAD_STATE;
    if (n > in->length - in->got) return PV_BAD_MESSAGE;
    TRY(widen(in, in->got + n));
    TRY(sha256_feed(&in->digest, bytes, n));
    memcpy(in->bytes + in->got, bytes, n);
    in->got += n;
    in->asked = false;
    return in->got == in->length ? finish(in) : PV_OK;
}

pv_status incoming_whole(struct incoming *in, const uint8_t *bytes, size_t n, wire_hash sha256)
{
    TRY(start(in, n, sha256));
    pv_status s = n > 0 ? incoming_take(in, 0, bytes, n) : finish(in);
    if (s != PV_OK) incoming_clear(in);
    return s;
}

bool incoming_grant(struct incoming *in, uint64_t window, enum incoming_pace pace, struct wire_msg *m)
{
    if (!in->active || in->got == in->length) return false;
    uint64_t open = in->granted > in->got ? in->granted - in->got : 0, left = in->length - in->got;
    if (open == left || open > (pace == INCOMING_AHEAD ? window / 2 : 0)) return false;
    uint64_t bytes = left < window ? left : window;
    in->granted = in->got + bytes;
    *m = (struct wire_msg){ .type = WIRE_CREDIT };
    WIRE_SET(m, offset, in->got);
    WIRE_SET(m, bytes, bytes);
    return true;
}

void incoming_rewind(struct incoming *in)
{
    in->granted = in->got;
    in->asked = false;
}

bool incoming_misplaced(struct incoming *in)
{
    if (!in->active || in->asked) return false;
    incoming_rewind(in);
    in->asked = true;
    return true;
}

bool incoming_complete(const struct incoming *in)
{
    return in->active && in->got == in->length;
}

uint8_t *incoming_release(struct incoming *in, size_t *n)
{
    bool whole = incoming_complete(in);
    uint8_t *bytes = whole ? in->bytes : NULL;
    *n = whole ? (size_t)in->length : 0;
    if (whole) in->bytes = NULL;
    incoming_clear(in);
    return bytes;
}

void incoming_clear(struct incoming *in)
{
    if (in->bytes) explicit_bzero(in->bytes, in->got);
    free(in->bytes);
    sha256_clear(&in->digest);
    *in = (struct incoming){ 0 };
}
