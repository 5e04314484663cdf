/** Names, each kept once and counted: equal text is the same pointer, so comparing names is comparing pointers. */
#ifndef PV_NAMES_H
#define PV_NAMES_H

#include <stdint.h>
#include <stddef.h>

struct name {
    struct name *next;
    uint64_t refs, hash;
    char text[];
};

struct names {
    struct name **buckets;
    size_t n, mask;
    uint64_t seed;
};

void names_init(struct names *s, uint64_t seed);
/** Frees all, held or not. */
void names_clear(struct names *s);

/** The name with this text, one reference the more. NULL: out of memory. */
struct name *names_hold(struct names *s, const char *text);
/** The name with this text if anybody holds it, or NULL; the count stays. */
struct name *names_find(const struct names *s, const char *text);
struct name *names_share(struct name *name);
/** NULL is allowed. */
void names_drop(struct names *s, struct name *name);

#endif
