#include "sched_action.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 64 * 1024, ACTIONS_KEPT = 4096 };

/* Bytes in chunks that stay where they are, and are all given back at once. */
struct sched_arena {
    struct sched_arena *next;
    size_t used, cap;
    _Alignas(16) unsigned char bytes[];
};

void *sched_actions_bytes(struct sched_actions *out, size_t bytes)
{
    bytes = (bytes + 15) & ~(size_t)15;
    struct sched_arena *c = out->arena;
    if (!c || c->cap - c->used < bytes) {
        size_t cap = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
        c = malloc(sizeof *c + cap);
        if (!c) {
            out->failed = true;
            return NULL;
        }
        c->next = out->arena;
        c->used = 0;
        c->cap = cap;
        out->arena = c;
    }
    void *at = c->bytes + c->used;
    c->used += bytes;
    return at;
}

const char *sched_actions_text(struct sched_actions *out, const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = sched_actions_bytes(out, bytes);
    return copy ? memcpy(copy, text, bytes) : "";
}

struct sched_action *sched_actions_add(struct sched_actions *out, enum sched_action_type type)
{
    if (out->n == out->cap) {
        size_t cap = out->cap ? 2 * out->cap : 32;
        struct sched_action *at = realloc(out->at, cap * sizeof *at);
        if (!at) {
            out->failed = true;
            return NULL;
        }
        out->at = at;
        out->cap = cap;
    }
    struct sched_action *a = &out->at[out->n++];
    memset(a, 0, sizeof *a);
    a->type = type;
    return a;
}

void sched_actions_clear(struct sched_actions *out)
{
    /* One chunk is kept for the next batch, so that a quiet loop allocates nothing. */
    for (struct sched_arena *c = out->arena; c && c->next;) {
        struct sched_arena *next = c->next;
        free(c);
        out->arena = c = next;
    }
    if (out->arena) out->arena->used = 0;
    if (out->cap > ACTIONS_KEPT) {
        free(out->at);
        out->at = NULL;
        out->cap = 0;
    }
    out->n = 0;
    out->failed = false;
}

void sched_actions_destroy(struct sched_actions *out)
{
    sched_actions_clear(out);
    free(out->arena);
    free(out->at);
    *out = (struct sched_actions){ .serial = out->serial };
}
