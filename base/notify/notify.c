#include "notify.h"

#include "values.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* The address as the kernel takes it. An abstract name begins with a NUL and has no NUL at its end. */
static bool address_of(struct notify *n, const char *name)
{
    size_t bytes = strlen(name);
    if ((name[0] != '/' && name[0] != '@') || bytes < 2 || bytes >= sizeof n->to.sun_path) return false;
    n->to.sun_family = AF_UNIX;
    memcpy(n->to.sun_path, name, bytes + 1);
    if (name[0] == '@') n->to.sun_path[0] = '\0';
    n->to_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + bytes + (name[0] == '/'));
    return true;
}

static bool socket_make(struct notify *n)
{
    struct timeval most = { .tv_sec = 1 };
    n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (n->fd < 0) return false;
    setsockopt(n->fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
    return true;
}

/* Of this process: a parent that is watched may have left its variables. */
static uint64_t watchdog_of(const char *usec, const char *pid)
{
    uint64_t us = 0, who = 0;
    if (!usec || !value_number(&us, usec)) return 0;
    if (pid && (!value_number(&who, pid) || who != (uint64_t)getpid())) return 0;
    return us / 1000;
}

void notify_open(struct notify *n)
{
    const char *name = getenv("NOTIFY_SOCKET");
    *n = (struct notify){ .there = false };
    if (name && address_of(n, name) && socket_make(n)) {
        n->there = true;
        n->watchdog_ms = watchdog_of(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"));
    }
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void notify_close(struct notify *n)
{
    if (n->there) close(n->fd);
    *n = (struct notify){ .there = false };
}

/* False: it found no room, or nobody. */
static bool say(const struct notify *n, int flags, const char *text)
{
    size_t bytes = strlen(text);
    if (!n->there) return true;
    return sendto(n->fd, text, bytes, flags | MSG_NOSIGNAL, (const struct sockaddr *)&n->to, n->to_bytes) ==
           (ssize_t)bytes;
}

void notify_ready(const struct notify *n)
{
    (void)say(n, 0, "READY=1");
}

void notify_reloading(const struct notify *n)
{
    char text[80];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
             (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
    (void)say(n, 0, text);
}

void notify_stopping(const struct notify *n)
{
    (void)say(n, 0, "STOPPING=1");
}

void notify_extend(const struct notify *n, uint64_t ms)
{
    char text[64];
    snprintf(text, sizeof text, "EXTEND_TIMEOUT_USEC=%" PRIu64, ms * 1000);
    (void)say(n, MSG_DONTWAIT, text);
}

void notify_status(struct notify *n, const char *format, ...)
{
    char text[NOTIFY_STATUS_BYTES + 8] = "STATUS=", *status = text + strlen(text);
    va_list args;
    if (!n->there) return;
    va_start(args, format);
    vsnprintf(status, NOTIFY_STATUS_BYTES, format, args);
    va_end(args);
    for (char *c = status; *c; c++)
        if (*c == '\n') *c = ' '; /* a line of its own would be another message */
    if (strcmp(status, n->status) && say(n, MSG_DONTWAIT, text)) strcpy(n->status, status);
}

void notify_alive(struct notify *n, uint64_t now_ms)
{
    if (n->watchdog_ms && now_ms >= n->alive_ms && say(n, MSG_DONTWAIT, "WATCHDOG=1"))
        n->alive_ms = now_ms + n->watchdog_ms / 2;
}

uint64_t notify_next_ms(const struct notify *n)
{
    return n->watchdog_ms ? n->alive_ms : UINT64_MAX;
}
