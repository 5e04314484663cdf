/** Parses a body, msgpack bytes, into a bounded tree. Every count is checked before memory is allocated for it.
 *
 *  The parser is msgpack-c's template with our callbacks. msgpack-c's ready-made unpacker allocates memory for whatever
 *  32-bit count it reads, and reads one byte before an ext of length zero, so it must never see a peer's bytes.
 *  Internal to the codec.
 */
#ifndef PV_BODY_H
#define PV_BODY_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum body_type { BODY_NIL, BODY_BOOL, BODY_UINT, BODY_NEGATIVE, BODY_FLOAT, BODY_STR, BODY_BIN, BODY_ARRAY, BODY_MAP };

struct body_node {
    enum body_type type;
    uint32_t n;      /* bytes of a STR or BIN, items of an ARRAY, pairs of a MAP */
    uint32_t filled; /* while parsing: how many have been read */
    union {
        bool truth;
        uint64_t number;   /* UINT */
        int64_t negative;  /* NEGATIVE: below zero */
        const char *bytes; /* STR, BIN: in the body, no NUL behind it */
        uint32_t first;    /* ARRAY: item i is nodes[first + i]; MAP: key nodes[first + 2 i], its value behind it */
    };
};

enum { BODY_NODES_INSIDE = 128 };

struct body_tree {
    struct body_node *nodes; /* inside, or on the heap when the body has more */
    uint32_t used, capacity;
    unsigned depth;
    const char *fault; /* why a callback refused */
    bool no_memory;
    struct body_node root;
    struct body_node inside[BODY_NODES_INSIDE];
};

/** Parses exactly one value from all of bytes. Map keys are str of 1 to WIRE_KEY_MAX printable ASCII bytes, no key
 *  twice in a map; ext types are refused. t borrows bytes; free t with body_clear, also after a failure.
 *  PV_BAD_MESSAGE with *fault, a sentence; PV_NO_MEMORY. */
pv_status body_parse(struct body_tree *t, const uint8_t *bytes, size_t n, const char **fault);

void body_clear(struct body_tree *t);

#endif
