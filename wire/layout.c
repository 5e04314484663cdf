#include "layout.h"

#define BOUND_U32(bound) bound
#define BOUND_U64(bound) bound
#define BOUND_BOOL(bound) bound
#define BOUND_NAME(bound) bound
#define BOUND_TEXT(bound) bound
#define BOUND_ID(bound) bound
#define BOUND_HASH(bound) bound
#define BOUND_TOKEN(bound) bound
#define BOUND_WORD(bound) WIRE_WORDS_##bound
#define BOUND_STATE(bound) bound
#define BOUND_STATUS(bound) bound
#define BOUND_NAMES(bound) bound
#define BOUND_HASHES(bound) bound
#define BOUND_TOKENS(bound) bound
#define BOUND_STATES(bound) bound
#define BOUND_CIRCUITS(bound) bound
#define BOUND_HELDS(bound) bound
#define BOUND_COUNTS(bound) bound
#define BOUND_ROW(bound) bound
#define BOUND_ROWS(bound) bound

/* Only lists have a count; offset 0 is never one, since every struct begins with its flags. */
#define COUNT_AT_U32(S, name) 0
#define COUNT_AT_U64(S, name) 0
#define COUNT_AT_BOOL(S, name) 0
#define COUNT_AT_NAME(S, name) 0
#define COUNT_AT_TEXT(S, name) 0
#define COUNT_AT_ID(S, name) 0
#define COUNT_AT_HASH(S, name) 0
#define COUNT_AT_TOKEN(S, name) 0
#define COUNT_AT_WORD(S, name) 0
#define COUNT_AT_STATE(S, name) 0
#define COUNT_AT_STATUS(S, name) 0
#define COUNT_AT_STATES(S, name) 0
#define COUNT_AT_COUNTS(S, name) 0
#define COUNT_AT_ROW(S, name) 0
#define COUNT_AT_NAMES(S, name) offsetof(S, name##_n)
#define COUNT_AT_HASHES(S, name) offsetof(S, name##_n)
#define COUNT_AT_TOKENS(S, name) offsetof(S, name##_n)
#define COUNT_AT_CIRCUITS(S, name) offsetof(S, name##_n)
#define COUNT_AT_HELDS(S, name) offsetof(S, name##_n)
#define COUNT_AT_ROWS(S, name) offsetof(S, name##_n)

#define FIELD(S, name, KIND, bound)                                                                                    \
    { #name, LAYOUT_##KIND, BOUND_##KIND(bound), offsetof(S, name), COUNT_AT_##KIND(S, name), offsetof(S, has.name) },

static const struct layout_field msg_fields[] = {
#define X(name, KIND, bound, meaning) FIELD(struct wire_msg, name, KIND, bound)
    WIRE_FIELD_LIST(X)
#undef X
};
static const struct layout_field circuit_fields[] = {
#define X(name, KIND, bound, meaning) FIELD(struct wire_circuit, name, KIND, bound)
    WIRE_CIRCUIT_FIELDS(X)
#undef X
};
static const struct layout_field held_fields[] = {
#define X(name, KIND, bound, meaning) FIELD(struct wire_held, name, KIND, bound)
    WIRE_HELD_FIELDS(X)
#undef X
};

#define TABLE(rows)                                                                                                    \
    {                                                                                                                  \
        rows, sizeof rows / sizeof *rows                                                                               \
    }
const struct layout layout_msg = TABLE(msg_fields);
const struct layout layout_circuit = TABLE(circuit_fields);
const struct layout layout_held = TABLE(held_fields);

#define N(field) [WIRE_F_##field] = LAYOUT_NEED,
#define M(field) [WIRE_F_##field] = LAYOUT_MAY,
#define U(field) [WIRE_F_##field] = LAYOUT_NEED_UP,
#define D(field) [WIRE_F_##field] = LAYOUT_NEED_DOWN,
#define X(name, code, way, payload, fields, meaning) static const uint8_t use_##name[WIRE_FIELDS + 1] = { fields };
WIRE_MSG_LIST(X)
#undef X
#undef N
#undef M
#undef U
#undef D

enum { WAY_UP = WIRE_TO_BROKER, WAY_DOWN = WIRE_TO_PEER, WAY_BOTH = WIRE_TO_BROKER | WIRE_TO_PEER };

static const struct layout_type types[] = {
#define X(name, code, way, payload, fields, meaning)                                                                   \
    [code] = { #name, WAY_##way, LAYOUT_PAYLOAD_##payload, use_##name },
    WIRE_MSG_LIST(X)
#undef X
};

const struct layout_type *layout_type_of(unsigned code)
{
    return code < sizeof types / sizeof *types && types[code].name ? &types[code] : NULL;
}

bool layout_needs(const struct layout_type *t, enum wire_field field, enum wire_way way)
{
    enum layout_use use = t->use[field];
    return use == LAYOUT_NEED || (use == LAYOUT_NEED_UP && way == WIRE_TO_BROKER) ||
           (use == LAYOUT_NEED_DOWN && way == WIRE_TO_PEER);
}

const char *layout_name_fault(const char *bytes, size_t n)
{
    return wire_name_valid(bytes, n) ? NULL : "is not a name (1 to 64 of A-Z a-z 0-9 . _ -)";
}

const char *layout_payload_fault(const struct layout_type *t, const struct wire_msg *m)
{
    if (!m->has_payload) return t->payload == LAYOUT_PAYLOAD_CHUNK ? "has to have a payload" : NULL;
    switch (t->payload) {
    case LAYOUT_PAYLOAD_NONE: return "has no payload";
    case LAYOUT_PAYLOAD_INLINE:
        if (m->payload_bytes > WIRE_INLINE_MAX) return "has a payload too large to be inline";
        return m->has.length && m->length == m->payload_bytes ? NULL : "has a payload of another length than it says";
    case LAYOUT_PAYLOAD_CHUNK:
        return m->payload_bytes >= 1 && m->payload_bytes <= WIRE_CHUNK_MAX ? NULL : "has an empty or too large chunk";
    }
    return "has no payload";
}
