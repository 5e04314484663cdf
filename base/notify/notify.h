/** What a program tells the service manager that started it: ready, how it is, still alive, about to end. The protocol of sd_notify(3):
 *  datagrams of NAME=VALUE lines to the unix socket that NOTIFY_SOCKET names. Written here in full, since libsystemd would be one more
 *  library in every process for a few lines. Started by hand, all of it does nothing.
 *
 *  One thread opens and closes it; afterwards one thread alone calls notify_status, notify_alive and notify_next_ms. The others may be
 *  called by any thread.
 */
#ifndef PV_NOTIFY_H
#define PV_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { NOTIFY_STATUS_BYTES = 256 };

/** Zero is one that says nothing. */
struct notify {
    bool there; /* somebody listens */
    int fd;
    struct sockaddr_un to;
    socklen_t to_bytes;
    uint64_t
        watchdog_ms; /* the process is killed when it does not say that it is alive for so long; 0: it is not watched */
    uint64_t alive_ms;                /* when that is to be said next, on the caller's clock */
    char status[NOTIFY_STATUS_BYTES]; /* as said last */
};

/** Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and takes them out of the environment, so that no program we start speaks in
 *  our name. An address of another kind than a path or an abstract name (@), and one that is too long, is left alone. */
void notify_open(struct notify *n);
void notify_close(struct notify *n);

/** These wait up to a second for room at a manager that does not read. */
void notify_ready(const struct notify *n);
/** Before settings are read again; notify_ready follows. */
void notify_reloading(const struct notify *n);
void notify_stopping(const struct notify *n);

/** These never wait; what finds no room is said the next time. */
void notify_extend(const struct notify *n, uint64_t ms); /* what is under way may take so long from now */
/** One line for people; the manager hears it when it has changed. */
void notify_status(struct notify *n, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Says "alive" when it is due: every half of watchdog_ms. Only the loop that must live calls this. now_ms: monotonic milliseconds. */
void notify_alive(struct notify *n, uint64_t now_ms);
/** When notify_alive is due; UINT64_MAX: never. */
uint64_t notify_next_ms(const struct notify *n);

#endif
