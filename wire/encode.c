#include "encode.h"

#include "layout.h"
#include "text.h"
#include "words.h"

#include <stdio.h>
#include <string.h>

#include <msgpack/pack.h>

/* A bounded writer: what does not fit sets full, and the message fails as a whole. */
struct encoder {
    uint8_t *bytes;
    size_t used, capacity;
    bool full;
    char *why;
    msgpack_packer pack;
};

static int put(void *data, const char *bytes, size_t n)
{
    struct encoder *e = data;
    if (n > e->capacity - e->used) {
        e->full = true;
        return -1;
    }
    memcpy(e->bytes + e->used, bytes, n);
    e->used += n;
    return 0;
}

static pv_status wrong(struct encoder *e, const char *key, const char *fault)
{
    snprintf(e->why, WIRE_WHY_BYTES, "%s %s", key, fault);
    return PV_INTERNAL;
}

static void put_str(struct encoder *e, const char *s, size_t n)
{
    msgpack_pack_str(&e->pack, n);
    msgpack_pack_str_body(&e->pack, s, n);
}

static void put_word(struct encoder *e, const char *s)
{
    put_str(e, s, strlen(s));
}

static void put_bin(struct encoder *e, const void *bytes, size_t n)
{
    msgpack_pack_bin(&e->pack, n);
    msgpack_pack_bin_body(&e->pack, bytes, n);
}

static pv_status put_name(struct encoder *e, const char *key, const char *s)
{
    size_t n = s ? strnlen(s, WIRE_NAME_MAX + 1) : 0;
    const char *fault = s ? layout_name_fault(s, n) : "is NULL";
    if (fault) return wrong(e, key, fault);
    put_str(e, s, n);
    return PV_OK;
}

static pv_status put_text(struct encoder *e, const char *key, const char *s, size_t most)
{
    size_t n = s ? strnlen(s, most + 1) : 0;
    const char *fault = s ? wire_text_fault(s, n, most) : "is NULL";
    if (fault) return wrong(e, key, fault);
    put_str(e, s, n);
    return PV_OK;
}

static pv_status put_number(struct encoder *e, const char *key, uint64_t v, uint64_t most)
{
    if (v > most) return wrong(e, key, "is out of range");
    msgpack_pack_uint64(&e->pack, v);
    return PV_OK;
}

static void put_token(struct encoder *e, const wire_token *t)
{
    msgpack_pack_array(&e->pack, 2);
    msgpack_pack_uint32(&e->pack, t->epoch);
    msgpack_pack_uint64(&e->pack, t->seq);
}

static pv_status put_state(struct encoder *e, const char *key, enum task_state s)
{
    if ((unsigned)s >= TASK_STATES) return wrong(e, key, "is no state");
    put_word(e, task_state_word(s));
    return PV_OK;
}

static pv_status put_states(struct encoder *e, const char *key, uint32_t set)
{
    if (set >> TASK_STATES) return wrong(e, key, "has a bit of no state");
    msgpack_pack_array(&e->pack, (size_t)__builtin_popcount(set));
    for (unsigned s = 0; s < TASK_STATES; s++)
        if (set >> s & 1) put_word(e, task_state_word((enum task_state)s));
    return PV_OK;
}

/* States with a count of zero are left out. */
static void put_counts(struct encoder *e, const struct wire_counts *counts)
{
    size_t n = 0;
    for (unsigned s = 0; s < TASK_STATES; s++) n += counts->of[s] != 0;
    msgpack_pack_map(&e->pack, n);
    for (unsigned s = 0; s < TASK_STATES; s++) {
        if (!counts->of[s]) continue;
        put_word(e, task_state_word((enum task_state)s));
        msgpack_pack_uint64(&e->pack, counts->of[s]);
    }
}

static const char *column_fault(const struct wire_row *row, size_t i)
{
    const char *key = row->cells[i].key;
    size_t n = key ? strnlen(key, WIRE_KEY_MAX + 1) : 0;
    if (n < 1 || n > WIRE_KEY_MAX) return "has a column name of no or too many bytes";
    for (size_t k = 0; k < n; k++)
        if (key[k] <= 0x20 || key[k] >= 0x7f) return "has a column name that is not printable ASCII";
    for (size_t k = 0; k < i; k++)
        if (!strcmp(row->cells[k].key, key)) return "has a column twice";
    return NULL;
}

static pv_status put_cell(struct encoder *e, const char *key, const struct wire_cell *c)
{
    put_word(e, c->key);
    switch (c->type) {
    case WIRE_CELL_NIL: msgpack_pack_nil(&e->pack); return PV_OK;
    case WIRE_CELL_INT: msgpack_pack_int64(&e->pack, c->number); return PV_OK;
    case WIRE_CELL_BOOL: c->truth ? msgpack_pack_true(&e->pack) : msgpack_pack_false(&e->pack); return PV_OK;
    case WIRE_CELL_TEXT: return put_text(e, key, c->text, WIRE_CELL_TEXT_MAX);
    }
    return wrong(e, key, "has a cell of no type");
}

static pv_status put_row(struct encoder *e, const char *key, const struct wire_row *row)
{
    if (row->cells_n > WIRE_CELLS_MAX) return wrong(e, key, "has too many columns");
    msgpack_pack_map(&e->pack, row->cells_n);
    for (size_t i = 0; i < row->cells_n; i++) {
        const char *fault = column_fault(row, i);
        if (fault) return wrong(e, key, fault);
        TRY(put_cell(e, key, &row->cells[i]));
    }
    return PV_OK;
}

static pv_status put_record(struct encoder *e, const void *from, const struct layout *l);

static pv_status put_item(struct encoder *e, const struct layout_field *f, const void *items, size_t i)
{
    switch (f->kind) {
    case LAYOUT_NAMES: return put_name(e, f->key, ((const char *const *)items)[i]);
    case LAYOUT_HASHES: put_bin(e, (const wire_hash *)items + i, sizeof(wire_hash)); return PV_OK;
    case LAYOUT_TOKENS: put_token(e, (const wire_token *)items + i); return PV_OK;
    case LAYOUT_CIRCUITS:
        if (!((const struct wire_circuit *)items)[i].has.circuit)
            return wrong(e, f->key, "has an entry without circuit");
        return put_record(e, (const struct wire_circuit *)items + i, &layout_circuit);
    case LAYOUT_HELDS:
        if (!((const struct wire_held *)items)[i].has.token) return wrong(e, f->key, "has an entry without token");
        return put_record(e, (const struct wire_held *)items + i, &layout_held);
    default: return put_row(e, f->key, (const struct wire_row *)items + i);
    }
}

static pv_status put_list(struct encoder *e, const char *record, const struct layout_field *f)
{
    const void *items;
    size_t n = *(const size_t *)(const void *)(record + f->count_at);
    memcpy(&items, record + f->at, sizeof items);
    if (n > f->bound) return wrong(e, f->key, "has too many items");
    msgpack_pack_array(&e->pack, n);
    for (size_t i = 0; i < n; i++) TRY(put_item(e, f, items, i));
    return PV_OK;
}

static pv_status put_enum(struct encoder *e, const struct layout_field *f, const void *from)
{
    int value;
    memcpy(&value, from, sizeof value);
    const char *word = wire_word((enum wire_words)f->bound, value);
    if (*word == '?') return wrong(e, f->key, "is not one of its words");
    put_word(e, word);
    return PV_OK;
}

static pv_status put_value(struct encoder *e, const char *record, const struct layout_field *f)
{
    const void *from = record + f->at;
    switch (f->kind) {
    case LAYOUT_U32: return put_number(e, f->key, *(const uint32_t *)from, f->bound);
    case LAYOUT_U64: return put_number(e, f->key, *(const uint64_t *)from, f->bound);
    case LAYOUT_STATUS: return put_number(e, f->key, *(const pv_status *)from, UINT32_MAX);
    case LAYOUT_BOOL: *(const bool *)from ? msgpack_pack_true(&e->pack) : msgpack_pack_false(&e->pack); return PV_OK;
    case LAYOUT_NAME: return put_name(e, f->key, *(const char *const *)from);
    case LAYOUT_TEXT: return put_text(e, f->key, *(const char *const *)from, f->bound);
    case LAYOUT_ID: put_bin(e, from, sizeof(wire_id)); return PV_OK;
    case LAYOUT_HASH: put_bin(e, from, sizeof(wire_hash)); return PV_OK;
    case LAYOUT_TOKEN: put_token(e, from); return PV_OK;
    case LAYOUT_WORD: return put_enum(e, f, from);
    case LAYOUT_STATE: return put_state(e, f->key, *(const enum task_state *)from);
    case LAYOUT_STATES: return put_states(e, f->key, *(const uint32_t *)from);
    case LAYOUT_COUNTS: put_counts(e, from); return PV_OK;
    case LAYOUT_ROW: return put_row(e, f->key, from);
    default: return put_list(e, record, f);
    }
}

static bool has(const char *record, const struct layout_field *f)
{
    return *(const bool *)(record + f->has_at);
}

/* Fields go in the order of the list, so that one message has one encoding and golden frames can be compared. */
static pv_status put_record(struct encoder *e, const void *from, const struct layout *l)
{
    const char *record = from;
    size_t n = 0;
    for (size_t k = 0; k < l->n; k++) n += has(record, &l->fields[k]);
    msgpack_pack_map(&e->pack, n);
    for (size_t k = 0; k < l->n; k++) {
        if (!has(record, &l->fields[k])) continue;
        put_word(e, l->fields[k].key);
        TRY(put_value(e, record, &l->fields[k]));
    }
    return PV_OK;
}

static pv_status fields_check(struct encoder *e, const struct wire_msg *m, const struct layout_type *t,
                              enum wire_way way)
{
    for (size_t k = 0; k < layout_msg.n; k++) {
        bool there = has((const char *)m, &layout_msg.fields[k]);
        if (there && t->use[k] == LAYOUT_NO)
            return wrong(e, layout_msg.fields[k].key, "is not a field of this message");
        if (!there && layout_needs(t, (enum wire_field)k, way)) return wrong(e, layout_msg.fields[k].key, "is missing");
    }
    const char *fault = layout_payload_fault(t, m);
    return fault ? wrong(e, t->name, fault) : PV_OK;
}

pv_status wire_msg_encode(const struct wire_msg *m, enum wire_way way, uint8_t *buffer, size_t buffer_bytes,
                          struct wire_frames *out, char why[WIRE_WHY_BYTES])
{
    const struct layout_type *t = layout_type_of((unsigned)m->type);
    struct encoder e = { .why = why };
    if (!t || !(t->ways & way)) return wrong(&e, t ? t->name : "the type", "is not a message of this way");
    if (buffer_bytes < WIRE_HEAD_BYTES) return PV_TOO_LARGE;
    memcpy(buffer, (const uint8_t[]){ 'P', 'V', WIRE_VERSION, (uint8_t)m->type }, WIRE_HEAD_BYTES);
    e.bytes = buffer + WIRE_HEAD_BYTES;
    e.capacity = buffer_bytes - WIRE_HEAD_BYTES < WIRE_BODY_MAX ? buffer_bytes - WIRE_HEAD_BYTES : WIRE_BODY_MAX;
    msgpack_packer_init(&e.pack, &e, put);
    TRY(fields_check(&e, m, t, way));
    TRY(put_record(&e, m, &layout_msg));
    if (e.full) {
        snprintf(why, WIRE_WHY_BYTES, "the body of %s is too large", t->name);
        return PV_TOO_LARGE;
    }
    *why = 0;
    *out = (struct wire_frames){ buffer, WIRE_HEAD_BYTES, e.bytes, e.used, m->payload, m->payload_bytes };
    if (!m->has_payload) out->payload = NULL, out->payload_bytes = 0;
    /* an empty third frame is still a frame, so it needs an address */
    if (m->has_payload && !m->payload) out->payload = e.bytes;
    return PV_OK;
}
