#include "strangers.h"

#include <stdlib.h>

enum { DESCRIPTORS_MAX = 1 << 20 };

struct stranger {
    bool there;
    int older, newer;
    uint64_t since_ms;
};

void strangers_init(struct strangers *s, uint32_t most, uint64_t patience_ms)
{
    *s = (struct strangers){ .most = most, .patience_ms = patience_ms, .oldest = -1, .newest = -1 };
}

void strangers_clear(struct strangers *s)
{
    free(s->by_fd);
    strangers_init(s, s->most, s->patience_ms);
}

static bool grow(struct strangers *s, int fd)
{
    uint32_t n = s->by_fd_n ? s->by_fd_n : 64;
    if (fd < 0 || fd >= DESCRIPTORS_MAX) return false;
    if ((uint32_t)fd < s->by_fd_n) return true;
    while (n <= (uint32_t)fd) n *= 2;
    struct stranger *more = realloc(s->by_fd, n * sizeof *more);
    if (!more) return false; /* then it counts as a member: door.h still bounds it */
    for (uint32_t i = s->by_fd_n; i < n; i++) more[i] = (struct stranger){ .there = false };
    s->by_fd = more;
    s->by_fd_n = n;
    return true;
}

bool strangers_has(const struct strangers *s, int fd)
{
    return fd >= 0 && (uint32_t)fd < s->by_fd_n && s->by_fd[fd].there;
}

void strangers_remove(struct strangers *s, int fd)
{
    if (!strangers_has(s, fd)) return;
    struct stranger *x = &s->by_fd[fd];
    *(x->older >= 0 ? &s->by_fd[x->older].newer : &s->oldest) = x->newer;
    *(x->newer >= 0 ? &s->by_fd[x->newer].older : &s->newest) = x->older;
    x->there = false;
    s->n--;
}

void strangers_add(struct strangers *s, int fd, uint64_t now_ms)
{
    strangers_remove(s, fd);
    if (!grow(s, fd)) return;
    s->by_fd[fd] = (struct stranger){ .there = true, .older = s->newest, .newer = -1, .since_ms = now_ms };
    *(s->newest >= 0 ? &s->by_fd[s->newest].newer : &s->oldest) = fd;
    s->newest = fd;
    s->n++;
}

int strangers_next(struct strangers *s, uint64_t now_ms)
{
    int fd = s->oldest;
    if (fd < 0 || (s->n <= s->most && now_ms < s->by_fd[fd].since_ms + s->patience_ms)) return -1;
    strangers_remove(s, fd);
    return fd;
}
