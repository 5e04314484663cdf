#include "unread.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

struct unread_bell {
    _Atomic(struct unread *) rung; /* a stack, each with a reference */
    atomic_uint refs;              /* the owner's and one of each counter */
    int wake;
};

struct unread {
    struct unread_bell *bell;
    struct unread *of;
    void *owner; /* the loop's thread only; NULL: closed */
    atomic_uint_fast64_t bytes, most;
    atomic_uint refs; /* the owner's, one of each frame, of each counter that is part of it and of the stack */
    atomic_bool watched;
    atomic_bool rung;    /* it is in the stack */
    struct unread *next; /* there */
};

/* In front of the bytes of a frame. */
struct frame {
    struct unread *unread;
    size_t charged;
    max_align_t bytes[];
};

struct lent {
    struct unread *unread;
    size_t charged;
    void (*back)(void *what);
    void *what;
};

struct unread_bell *unread_bell_new(int wake)
{
    struct unread_bell *b = calloc(1, sizeof *b);
    if (!b) return NULL;
    b->refs = 1;
    b->wake = fcntl(wake, F_DUPFD_CLOEXEC, 0);
    if (b->wake >= 0) return b;
    free(b);
    return NULL;
}

static void bell_release(struct unread_bell *b)
{
    if (atomic_fetch_sub(&b->refs, 1) != 1) return;
    close(b->wake);
    free(b);
}

static void release(struct unread *u)
{
    while (u && atomic_fetch_sub(&u->refs, 1) == 1) {
        struct unread *of = u->of;
        bell_release(u->bell);
        free(u);
        u = of;
    }
}

void unread_bell_free(struct unread_bell **bell)
{
    if (!*bell) return;
    while (unread_bell_next(*bell)) continue;
    bell_release(*bell);
    *bell = NULL;
}

struct unread *unread_open(struct unread_bell *bell, struct unread *of, void *owner)
{
    struct unread *u = calloc(1, sizeof *u);
    if (!u) return NULL;
    u->bell = bell;
    u->of = of;
    u->owner = owner;
    u->refs = 1;
    atomic_fetch_add(&bell->refs, 1);
    if (of) atomic_fetch_add(&of->refs, 1);
    return u;
}

void unread_close(struct unread **u)
{
    if (!*u) return;
    (*u)->owner = NULL;
    release(*u);
    *u = NULL;
}

uint64_t unread_bytes(const struct unread *u)
{
    return atomic_load(&u->bytes);
}

static void ring(struct unread *u)
{
    struct unread_bell *b = u->bell;
    const uint64_t one = 1;
    if (atomic_exchange(&u->rung, true)) return; /* the loop will look at it anyway */
    atomic_fetch_add(&u->refs, 1);
    u->next = atomic_load(&b->rung);
    while (!atomic_compare_exchange_weak(&b->rung, &u->next, u)) continue;
    ssize_t n = write(b->wake, &one, sizeof one); /* a full counter wakes as well */
    (void)n;
}

/* Whoever takes the watch rings, so one watch rings once. */
static void ring_if_read(struct unread *u)
{
    if (atomic_load(&u->watched) && atomic_load(&u->bytes) <= atomic_load(&u->most) &&
        atomic_exchange(&u->watched, false))
        ring(u);
}

void *unread_bell_next(struct unread_bell *bell)
{
    for (;;) {
        struct unread *u = atomic_load(&bell->rung);
        while (u && !atomic_compare_exchange_weak(&bell->rung, &u, u->next))
            continue; /* one thread takes out: no ABA */
        if (!u) return NULL;
        void *owner = u->owner;
        atomic_store(&u->rung, false); /* before the owner looks at it: what happens from now on rings again */
        release(u);
        if (owner) return owner;
    }
}

static size_t charge(struct unread *u, size_t bytes)
{
    size_t charged = bytes + UNREAD_FRAME_BYTES;
    atomic_fetch_add(&u->refs, 1);
    for (struct unread *c = u; c; c = c->of) atomic_fetch_add(&c->bytes, charged);
    return charged;
}

static void charge_end(struct unread *u, size_t charged)
{
    for (struct unread *c = u; c; c = c->of) {
        atomic_fetch_sub(&c->bytes, charged);
        ring_if_read(c);
    }
    release(u);
}

void *unread_frame(struct unread *u, size_t bytes, void **hint)
{
    struct frame *f = malloc(sizeof *f + bytes);
    if (!f) return NULL;
    f->unread = u;
    f->charged = charge(u, bytes);
    *hint = f;
    return f->bytes;
}

void unread_frame_free(void *data, void *hint)
{
    struct frame *f = hint;
    (void)data;
    charge_end(f->unread, f->charged);
    free(f);
}

void *unread_lent(struct unread *u, size_t bytes, void (*back)(void *what), void *what)
{
    struct lent *l = malloc(sizeof *l);
    if (l) *l = (struct lent){ .unread = u, .charged = charge(u, bytes), .back = back, .what = what };
    return l;
}

void unread_lent_free(void *data, void *hint)
{
    struct lent *l = hint;
    (void)data;
    l->back(l->what);
    charge_end(l->unread, l->charged);
    free(l);
}

void unread_watch(struct unread *u, uint64_t most)
{
    bool earlier = atomic_load(&u->watched) && atomic_load(&u->most) > most;
    if (!earlier) atomic_store(&u->most, most);
    atomic_store(&u->watched, true);
    ring_if_read(u);
}
