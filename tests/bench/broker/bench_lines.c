/* beanstalkd's and NATS's tasks per second, whose protocols are lines, as bench_broker's lines of JSON: one client with many tasks in flight and
 * eight workers that answer at once with 1 KiB, all in this process; the server is another one.
 *
 *      bench_lines beanstalkd|nats PORT PID JOB        PID: of the server      SECONDS (3)
 *
 * beanstalkd has no replies: they go through a tube of their own; tubes are named by the process, as workers that end in mid-task leave it to the
 * next run. NATS answers by its inboxes, and keeps nothing on a disk. */
#include "peer_report.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/socket.h>

enum { READ_BYTES = 1 << 16 };

/* A connection whose lines and bodies are read one after the other. */
struct lines {
    int fd;
    size_t at, n;
    char in[READ_BYTES], line[256];
};

static int port;
static const struct peer_job *job;
static const uint8_t result[PEER_RESULT_BYTES + 2] = { [PEER_RESULT_BYTES] = '\r', '\n' };

static void open_lines(struct lines *l)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int on = 1;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    l->at = l->n = 0;
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (l->fd < 0 || connect(l->fd, (struct sockaddr *)&a, sizeof a)) PEER_DIE("nobody listens at port %d", port);
    setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void put(const struct lines *l, const void *data, size_t n)
{
    for (ssize_t did; n; data = (const char *)data + did, n -= (size_t)did)
        if ((did = send(l->fd, data, n, MSG_NOSIGNAL)) < 0) PEER_DIE("the server closed it");
}

__attribute__((format(printf, 2, 3))) static void say(const struct lines *l, const char *format, ...)
{
    char line[256];
    va_list more;
    va_start(more, format);
    int n = vsnprintf(line, sizeof line, format, more);
    va_end(more);
    put(l, line, (size_t)n);
}

/* False: nothing is there, and wait is false. */
static bool fill(struct lines *l, bool wait)
{
    ssize_t got = recv(l->fd, l->in, sizeof l->in, wait ? 0 : MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN && !wait) return false;
    if (got <= 0) PEER_DIE("the server closed it");
    l->at = 0;
    l->n = (size_t)got;
    return true;
}

/* Up to \n, which is left out as \r is. */
static const char *line_of(struct lines *l)
{
    for (size_t n = 0;;) {
        if (l->at == l->n) fill(l, true);
        char c = l->in[l->at++];
        if (c == '\n') return l->line[n] = 0, l->line;
        if (c != '\r' && n < sizeof l->line - 1) l->line[n++] = c;
    }
}

/* A body: its first bytes are kept, and the rest is passed over. */
static void body_of(struct lines *l, size_t n, uint64_t *first)
{
    for (size_t at = 0; at < n + 2;) {
        if (l->at == l->n) fill(l, true);
        size_t some = l->n - l->at < n + 2 - at ? l->n - l->at : n + 2 - at;
        for (size_t i = 0; first && at + i < 8 && i < some; i++) ((char *)first)[at + i] = l->in[l->at + i];
        l->at += some;
        at += some;
    }
}

static bool begins(const char *line, const char *with)
{
    return !strncmp(line, with, strlen(with));
}

/* The slot goes with the input, behind its serial: answers bring it back. */
static const uint8_t *input_of(struct peer_run *run, size_t slot)
{
    const uint8_t *data = peer_run_leaves(run, slot);
    run->data[0] = (uint8_t)slot; /* it lives in the lowest byte */
    return data;
}

/* --- beanstalkd --- */

static void reserved(struct lines *l, uint64_t *id, uint64_t *first)
{
    size_t n;
    say(l, "reserve\r\n");
    if (sscanf(line_of(l), "RESERVED %" SCNu64 " %zu", id, &n) != 2) PEER_DIE("beanstalkd: %s", l->line);
    body_of(l, n, first);
}

static void expects(struct lines *l, const char *what)
{
    if (!begins(line_of(l), what)) PEER_DIE("beanstalkd: %s instead of %s", l->line, what);
}

static void *bean_worker(void *argument)
{
    struct lines l;
    uint64_t id, first;
    uint8_t answer[sizeof result];
    open_lines(&l);
    say(&l, "use answers-%d\r\nwatch tasks-%d\r\nignore default\r\n", getpid(), getpid());
    expects(&l, "USING");
    expects(&l, "WATCHING");
    expects(&l, "WATCHING");
    for (;;) {
        reserved(&l, &id, &first);
        memcpy(answer, result, sizeof result);
        memcpy(answer, &first, sizeof first);
        say(&l, "put 0 0 600 %d\r\n", PEER_RESULT_BYTES);
        put(&l, answer, sizeof answer);
        expects(&l, "INSERTED");
        say(&l, "delete %" PRIu64 "\r\n", id);
        expects(&l, "DELETED");
    }
    return NULL;
}

static struct lines bean_put, bean_get;

static void bean_begin(struct peer_run *run)
{
    open_lines(&bean_put);
    open_lines(&bean_get);
    say(&bean_put, "use tasks-%d\r\n", getpid());
    expects(&bean_put, "USING");
    say(&bean_get, "watch answers-%d\r\nignore default\r\n", getpid());
    expects(&bean_get, "WATCHING");
    expects(&bean_get, "WATCHING");
}

static void bean_leaves(struct peer_run *run, size_t slot)
{
    say(&bean_put, "put 0 0 600 %zu\r\n", job->bytes);
    put(&bean_put, input_of(run, slot), job->bytes);
    put(&bean_put, "\r\n", 2);
    for (;;) { /* what was said of those before */
        if (bean_put.at == bean_put.n && !fill(&bean_put, false)) return;
        expects(&bean_put, "INSERTED");
    }
}

static size_t bean_comes(void)
{
    uint64_t id, first = 0;
    reserved(&bean_get, &id, &first);
    say(&bean_get, "delete %" PRIu64 "\r\n", id);
    expects(&bean_get, "DELETED");
    return first & 0xff;
}

/* --- NATS --- */

static void nats_in(struct lines *l)
{
    open_lines(l);
    if (!begins(line_of(l), "INFO ")) PEER_DIE("nats: %s", l->line);
    say(l, "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n");
}

/* The next MSG; its subject and reply subject. */
static size_t nats_next(struct lines *l, char subject[64], char reply[64], uint64_t *first)
{
    for (;;) {
        const char *line = line_of(l);
        size_t n;
        reply[0] = 0;
        if (begins(line, "PING")) say(l, "PONG\r\n");
        if (begins(line, "-ERR")) PEER_DIE("nats: %s", line);
        if (!begins(line, "MSG ")) continue;
        if (sscanf(line, "MSG %63s %*s %63s %zu", subject, reply, &n) != 3) {
            reply[0] = 0;
            if (sscanf(line, "MSG %63s %*s %zu", subject, &n) != 2) PEER_DIE("nats: %s", line);
        }
        body_of(l, n, first);
        return n;
    }
}

static void *nats_worker(void *argument)
{
    static _Thread_local struct lines l;
    char subject[64], reply[64];
    nats_in(&l);
    say(&l, "SUB tasks workers 1\r\nPING\r\n");
    while (!begins(line_of(&l), "PONG")) continue;
    for (;;) {
        nats_next(&l, subject, reply, NULL);
        say(&l, "PUB %s %d\r\n", reply, PEER_RESULT_BYTES);
        put(&l, result, sizeof result);
    }
    return NULL;
}

static struct lines nats_client;

static void nats_begin(struct peer_run *run)
{
    nats_in(&nats_client);
    say(&nats_client, "SUB inbox.* 1\r\n");
}

static void nats_leaves(struct peer_run *run, size_t slot)
{
    say(&nats_client, "PUB tasks inbox.%zu %zu\r\n", slot, job->bytes);
    put(&nats_client, input_of(run, slot), job->bytes);
    put(&nats_client, "\r\n", 2);
}

static size_t nats_comes(void)
{
    char subject[64], reply[64];
    nats_next(&nats_client, subject, reply, NULL);
    return (size_t)atoi(subject + strlen("inbox."));
}

static const struct server {
    const char *name;
    void *(*worker)(void *);
    void (*begin)(struct peer_run *run);
    void (*leaves)(struct peer_run *run, size_t slot);
    size_t (*comes)(void);
} servers[] = { { "beanstalkd", bean_worker, bean_begin, bean_leaves, bean_comes },
                { "nats", nats_worker, nats_begin, nats_leaves, nats_comes } };

int main(int argc, char **argv)
{
    struct peer_run run;
    pthread_t worker;
    if (argc != 5) PEER_DIE("bench_lines beanstalkd|nats PORT PID JOB");
    const struct server *s = &servers[!strcmp(argv[1], "nats")];
    port = atoi(argv[2]);
    job = peer_job_of(argv[4]);
    for (int i = 0; i < PEER_PROVERS; i++) pthread_create(&worker, NULL, s->worker, NULL);
    usleep(200000);
    peer_run_begin(&run, s->name, argv[4], argv[3]);
    s->begin(&run);
    size_t open = job->in_flight;
    for (size_t slot = 0; slot < open; slot++) s->leaves(&run, slot);
    while (open) {
        size_t slot = s->comes();
        if (peer_run_comes(&run, slot))
            s->leaves(&run, slot);
        else
            open--;
    }
    peer_run_report(&run);
    fflush(stdout);
    _exit(0); /* the workers wait for ever */
}
