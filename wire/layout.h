/** Tables made from the lists: where each field lies in the structs, and what each message may hold. Also the checks that
 *  decoding and encoding share. Internal to the codec.
 */
#ifndef PV_LAYOUT_H
#define PV_LAYOUT_H

#include "msg.h"

enum layout_kind {
    LAYOUT_U32,
    LAYOUT_U64,
    LAYOUT_BOOL,
    LAYOUT_NAME,
    LAYOUT_TEXT,
    LAYOUT_ID,
    LAYOUT_HASH,
    LAYOUT_TOKEN,
    LAYOUT_WORD,
    LAYOUT_STATE,
    LAYOUT_STATUS,
    LAYOUT_NAMES,
    LAYOUT_HASHES,
    LAYOUT_TOKENS,
    LAYOUT_STATES,
    LAYOUT_CIRCUITS,
    LAYOUT_HELDS,
    LAYOUT_COUNTS,
    LAYOUT_ROW,
    LAYOUT_ROWS,
};

/** One field of one struct: its key, what it is, and the offsets of value, count (lists only) and has flag. */
struct layout_field {
    const char *key;
    enum layout_kind kind;
    uint64_t bound;
    size_t at, count_at, has_at;
};

struct layout {
    const struct layout_field *fields;
    size_t n;
};

extern const struct layout layout_msg, layout_circuit, layout_held;

/** What a message may hold. */
enum layout_use { LAYOUT_NO, LAYOUT_NEED, LAYOUT_MAY, LAYOUT_NEED_UP, LAYOUT_NEED_DOWN };
enum layout_payload { LAYOUT_PAYLOAD_NONE, LAYOUT_PAYLOAD_INLINE, LAYOUT_PAYLOAD_CHUNK };

struct layout_type {
    const char *name; /* NULL: no such message */
    unsigned ways;    /* WIRE_TO_BROKER | WIRE_TO_PEER */
    enum layout_payload payload;
    const uint8_t *use; /* enum layout_use of each enum wire_field */
};

/** NULL when there is no message of this code. */
const struct layout_type *layout_type_of(unsigned code);

/** True when a message of type t that travels this way must have the field. */
bool layout_needs(const struct layout_type *t, enum wire_field field, enum wire_way way);

/** What is wrong with a value, to follow its name in a sentence; NULL when nothing is. */
const char *layout_name_fault(const char *bytes, size_t n);
const char *layout_payload_fault(const struct layout_type *t, const struct wire_msg *m);

#endif
