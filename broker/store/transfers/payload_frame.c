#include "payload_frame.h"

#include <stdlib.h>
#include <string.h>

struct own_frame {
    struct frame frame;
    uint8_t bytes[];
};

static void own_free(struct frame *self)
{
    free(self); /* the frame is its first member */
}

struct frame *frame_copy(const void *bytes, size_t n)
{
    struct own_frame *f = malloc(sizeof *f + n);
    if (!f) return NULL;
    f->frame = (struct frame){ .bytes = f->bytes, .n = n, .refs = 1, .free = own_free };
    if (n) memcpy(f->bytes, bytes, n);
    return &f->frame;
}

struct frame *frame_hold(struct frame *f)
{
    atomic_fetch_add(&f->refs, 1);
    return f;
}

void frame_release(struct frame **frame)
{
    struct frame *f = *frame;
    *frame = NULL;
    if (f && atomic_fetch_sub(&f->refs, 1) == 1) f->free(f);
}
