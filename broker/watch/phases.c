#include "phases.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { HEADS = 4096 };

/* Serial numbers, from 1 on; entry i lies in at[i % PHASES_KEPT] until another takes its place. */
struct phases {
    uint64_t n;
    uint64_t heads[HEADS]; /* by token: the newest note of those that share the place; 0: none */
    struct {
        struct phase_note note;
        uint64_t before; /* the next older one of the place */
    } at[PHASES_KEPT];
};

struct phases *phases_new(void)
{
    return calloc(1, sizeof(struct phases));
}

void phases_destroy(struct phases **p)
{
    free(*p);
    *p = NULL;
}

static size_t place(wire_token t)
{
    return (size_t)((t.seq ^ (uint64_t)t.epoch << 7) % HEADS);
}

static bool kept(const struct phases *p, uint64_t serial)
{
    return serial && serial + PHASES_KEPT > p->n;
}

/* Serials of the token's notes, the newest first, at most PHASES_OF_ONE. */
static size_t notes_of(const struct phases *p, wire_token token, uint64_t to[PHASES_OF_ONE])
{
    size_t n = 0;
    for (uint64_t i = p->heads[place(token)]; kept(p, i) && n < PHASES_OF_ONE; i = p->at[i % PHASES_KEPT].before)
        if (wire_token_equal(p->at[i % PHASES_KEPT].note.token, token)) to[n++] = i;
    return n;
}

void phases_note(struct phases *p, wire_token token, const char *phase, uint64_t wall_ms)
{
    uint64_t of[PHASES_OF_ONE];
    if (notes_of(p, token, of) == PHASES_OF_ONE) return;
    uint64_t serial = ++p->n;
    size_t i = serial % PHASES_KEPT;
    p->at[i].note = (struct phase_note){ .token = token, .wall_ms = wall_ms };
    snprintf(p->at[i].note.phase, sizeof p->at[i].note.phase, "%s", phase);
    p->at[i].before = p->heads[place(token)];
    p->heads[place(token)] = serial;
}

size_t phases_each(const struct phases *p, wire_token token, void (*each)(void *context, const struct phase_note *note),
                   void *context)
{
    uint64_t of[PHASES_OF_ONE];
    size_t n = notes_of(p, token, of);
    for (size_t i = n; i-- > 0;) each(context, &p->at[of[i] % PHASES_KEPT].note);
    return n;
}
