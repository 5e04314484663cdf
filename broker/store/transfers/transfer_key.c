#include "transfer_key.h"

#include <stdint.h>
#include <string.h>

bool transfer_key_equal(const struct transfer_key *a, const struct transfer_key *b)
{
    return a->kind == b->kind && wire_id_equal(a->task, b->task) && wire_token_equal(a->token, b->token) &&
           (!a->owner || !b->owner || !strcmp(a->owner, b->owner));
}

size_t transfer_key_bucket(const struct transfer_key *key)
{
    uint64_t h;
    memcpy(&h, key->task.bytes, sizeof h);
    h ^= key->token.seq * 0x9e3779b97f4a7c15u ^ (uint64_t)key->kind;
    return (size_t)((h * 0x9e3779b97f4a7c15u) >> 52) % TRANSFER_BUCKETS;
}
