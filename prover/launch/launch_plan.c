#include "launch_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PLAN_MAGIC = 0x50564c33 };

/* Before the texts, which follow in the order file, folder, group, argv, envp, hide, each with its NUL. */
struct head {
    uint32_t magic, bytes; /* of the texts */
    uint32_t sandbox, network, extra, uid, gid, grace_ms, nice, groups_n;
    uint32_t argc, envc, hidec;
    uint64_t limits[LAUNCH_LIMITS];
    uint32_t groups[LAUNCH_GROUPS_MAX];
};

static bool text_add(char *to, size_t *used, const char *text)
{
    size_t n = strlen(text) + 1;
    if (*used + n > LAUNCH_BYTES_MAX) return false;
    memcpy(to + *used, text, n);
    *used += n;
    return true;
}

static bool texts_add(char *to, size_t *used, char **texts, uint32_t *count)
{
    for (*count = 0; texts && texts[*count]; ++*count)
        if (*count == LAUNCH_STRINGS_MAX || !text_add(to, used, texts[*count])) return false;
    return true;
}

static bool all_sent(int fd, const void *bytes, size_t n)
{
    for (const char *next = bytes; n;) {
        ssize_t did = send(fd, next, n, MSG_NOSIGNAL);
        if (did < 0 && errno == EINTR) continue;
        if (did <= 0) return false;
        next += did;
        n -= (size_t)did;
    }
    return true;
}

bool launch_plan_send(int fd, const struct launch_plan *p)
{
    size_t used = sizeof(struct head);
    char *to = malloc(LAUNCH_BYTES_MAX);
    if (!to) return false;
    struct head h = { .magic = PLAN_MAGIC,
                      .sandbox = p->sandbox,
                      .network = p->network,
                      .extra = p->extra,
                      .uid = p->uid,
                      .gid = p->gid,
                      .grace_ms = p->grace_ms,
                      .nice = p->nice,
                      .groups_n = p->groups_n };
    memcpy(h.limits, p->limits, sizeof h.limits);
    memcpy(h.groups, p->groups, sizeof h.groups);
    bool fits = text_add(to, &used, p->file) && text_add(to, &used, p->folder) &&
                text_add(to, &used, p->group ? p->group : "") && texts_add(to, &used, p->argv, &h.argc) &&
                texts_add(to, &used, p->envp, &h.envc) && texts_add(to, &used, p->hide, &h.hidec);
    h.bytes = (uint32_t)(used - sizeof h);
    memcpy(to, &h, sizeof h);
    if (!fits) errno = E2BIG;
    bool sent = fits && all_sent(fd, to, used);
    free(to);
    return sent;
}

static bool all_received(int fd, void *bytes, size_t n)
{
    for (char *next = bytes; n;) {
        ssize_t did = recv(fd, next, n, 0);
        if (did < 0 && errno == EINTR) continue;
        if (did <= 0) return false;
        next += did;
        n -= (size_t)did;
    }
    return true;
}

static char *text_take(char **next, const char *end)
{
    char *text = *next, *stop = memchr(text, 0, (size_t)(end - text));
    if (!stop) return NULL;
    *next = stop + 1;
    return text;
}

static char **texts_take(char **next, const char *end, uint32_t count)
{
    char **texts = count <= LAUNCH_STRINGS_MAX ? calloc(count + 1, sizeof *texts) : NULL;
    for (uint32_t i = 0; texts && i < count; i++)
        if (!(texts[i] = text_take(next, end))) return NULL;
    return texts;
}

bool launch_plan_receive(struct launch_plan *p, int fd)
{
    struct head h;
    if (!all_received(fd, &h, sizeof h) || h.magic != PLAN_MAGIC) return false;
    if (h.bytes > LAUNCH_BYTES_MAX || h.groups_n > LAUNCH_GROUPS_MAX) return false;
    char *texts = malloc(h.bytes + 1), *next = texts;
    if (!texts || !all_received(fd, texts, h.bytes)) return false;
    const char *end = texts + h.bytes;
    *p = (struct launch_plan){ .sandbox = (enum launch_sandbox)h.sandbox,
                               .network = h.network,
                               .extra = h.extra,
                               .uid = h.uid,
                               .gid = h.gid,
                               .grace_ms = h.grace_ms,
                               .nice = h.nice,
                               .groups_n = h.groups_n };
    memcpy(p->limits, h.limits, sizeof h.limits);
    memcpy(p->groups, h.groups, sizeof h.groups);
    p->file = text_take(&next, end);
    p->folder = p->file ? text_take(&next, end) : NULL;
    p->group = p->folder ? text_take(&next, end) : NULL;
    p->argv = p->group ? texts_take(&next, end, h.argc) : NULL;
    p->envp = p->argv ? texts_take(&next, end, h.envc) : NULL;
    p->hide = p->envp ? texts_take(&next, end, h.hidec) : NULL;
    return p->hide && p->argv[0];
}
