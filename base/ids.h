/** The small values that name things: ids, digests, attempt tokens, names. Plain values, copied by assignment.
 *
 *  None of these is secret: comparisons take variable time.
 */
#ifndef PV_IDS_H
#define PV_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WIRE_ID_BYTES = 16,
    WIRE_HASH_BYTES = 32,
    WIRE_ID_TEXT = 2 * WIRE_ID_BYTES + 1,     /* hex and the NUL */
    WIRE_HASH_TEXT = 2 * WIRE_HASH_BYTES + 1, /* hex and the NUL */
    WIRE_TOKEN_TEXT = 32,                     /* "epoch.seq" and the NUL: 10 + 1 + 20 + 1 */
    WIRE_NAME_MAX = 64,
};

/** The id of a task or of a session: 16 bytes chosen by the caller, usually random. */
typedef struct wire_id {
    uint8_t bytes[WIRE_ID_BYTES];
} wire_id;

/** A SHA-256: of an input, a result, a zkey. */
typedef struct wire_hash {
    uint8_t bytes[WIRE_HASH_BYTES];
} wire_hash;

/** Names one lease of a task to one prover. epoch counts the broker's starts, seq the leases since; no token ever repeats. */
typedef struct wire_token {
    uint32_t epoch;
    uint64_t seq;
} wire_token;

bool wire_id_equal(wire_id a, wire_id b);
bool wire_hash_equal(wire_hash a, wire_hash b);
bool wire_token_equal(wire_token a, wire_token b);

/** Writes lower-case hex into out and returns out, so that the call can stand in a log line. */
const char *wire_id_text(char out[WIRE_ID_TEXT], wire_id id);
const char *wire_hash_text(char out[WIRE_HASH_TEXT], wire_hash hash);

/** "epoch.seq" in decimal, "3.1207". */
const char *wire_token_text(char out[WIRE_TOKEN_TEXT], wire_token token);

/** Reads exactly 32 (64) hex digits of either case. False for anything else, and the value is untouched. */
bool wire_id_of_text(wire_id *id, const char *text);
bool wire_hash_of_text(wire_hash *hash, const char *text);

/** A name: 1 to 64 of A-Z a-z 0-9 . _ - (queues, circuits, clients, provers, groups, principals). */
bool wire_name_valid(const char *name, size_t bytes);

#endif
