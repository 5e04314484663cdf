#include "journal.h"

#include <stdlib.h>

struct events {
    uint64_t first; /* number of the first event of this start */
    uint64_t n;     /* events there were */
    struct event at[EVENTS_KEPT];
};

struct events *events_new(uint32_t epoch)
{
    struct events *e = calloc(1, sizeof *e);
    if (e) e->first = ((uint64_t)epoch << 32) + 1;
    return e;
}

void events_destroy(struct events **e)
{
    free(*e);
    *e = NULL;
}

struct event *events_add(struct events *e)
{
    struct event *at = &e->at[e->n % EVENTS_KEPT];
    *at = (struct event){ .number = e->first + e->n, .what = "", .principal = "", .queue = "", .charged = "" };
    e->n++;
    return at;
}

static uint64_t oldest(const struct events *e)
{
    return e->first + (e->n > EVENTS_KEPT ? e->n - EVENTS_KEPT : 0);
}

const struct event *events_after(const struct events *e, uint64_t after)
{
    uint64_t end = e->first + e->n, next = after < oldest(e) ? oldest(e) : after + 1;
    return after < end && next < end ? &e->at[(next - e->first) % EVENTS_KEPT] : NULL;
}

uint64_t events_last(const struct events *e, uint64_t n)
{
    uint64_t there = e->n < EVENTS_KEPT ? e->n : EVENTS_KEPT;
    return n >= there ? 0 : e->first + e->n - 1 - n;
}

bool events_lost(const struct events *e, uint64_t after)
{
    return after && after < oldest(e) - 1;
}

const char *event_kind_word(enum event_kind kind)
{
    static const char *const words[] = {
#define E(kind, word) word,
        EVENT_KIND_LIST(E)
#undef E
    };
    return words[kind];
}
