#include "http_stage.h"

#include "golden.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <cmocka.h>

struct stage stage = { .now_ms = 100000, .wake = -1 };

/* ---- the daemon ---- */

struct MHD_Daemon {
    MHD_AccessHandlerCallback handler;
    void *context;
    MHD_NotifyConnectionCallback connection;
    void *connection_context;
    MHD_RequestCompletedCallback completed;
    void *completed_context;
    int fd;
    union MHD_DaemonInfo info;
};

static struct MHD_Daemon the_daemon, *daemon_now;

static void option_take(struct MHD_Daemon *d, int option, va_list *list)
{
    switch (option) {
    case MHD_OPTION_LISTEN_SOCKET:
        d->fd = va_arg(*list, int);
        golden_tell(" listens=%d", d->fd >= 0);
        break;
    case MHD_OPTION_CONNECTION_LIMIT: golden_tell(" connections=%u", va_arg(*list, unsigned)); break;
    case MHD_OPTION_CONNECTION_MEMORY_LIMIT: golden_tell(" memory=%zu", va_arg(*list, size_t)); break;
    case MHD_OPTION_NOTIFY_CONNECTION:
        d->connection = va_arg(*list, MHD_NotifyConnectionCallback);
        d->connection_context = va_arg(*list, void *);
        break;
    case MHD_OPTION_NOTIFY_COMPLETED:
        d->completed = va_arg(*list, MHD_RequestCompletedCallback);
        d->completed_context = va_arg(*list, void *);
        break;
    default: fail_msg("option %d", option);
    }
}

struct MHD_Daemon *MHD_start_daemon(unsigned flags, uint16_t port, MHD_AcceptPolicyCallback policy,
                                    void *policy_context, MHD_AccessHandlerCallback handler, void *context, ...)
{
    struct MHD_Daemon *d = &the_daemon;
    va_list list;
    assert_null(daemon_now);
    golden_tell("  daemon flags=%x port=%u", flags, port);
    *d = (struct MHD_Daemon){ .handler = handler, .context = context, .info.port = 4711 };
    va_start(list, context);
    for (int option; (option = va_arg(list, int)) != MHD_OPTION_END;) option_take(d, option, &list);
    va_end(list);
    golden_tell("%s\n", stage.no_daemon ? " fails" : "");
    daemon_now = stage.no_daemon ? NULL : d; /* without one the socket stays with who made it */
    return daemon_now;
}

void MHD_stop_daemon(struct MHD_Daemon *d)
{
    golden_tell("  daemon stops\n");
    close(d->fd);
    daemon_now = NULL;
}

const union MHD_DaemonInfo *MHD_get_daemon_info(struct MHD_Daemon *d, enum MHD_DaemonInfoType what, ...)
{
    golden_tell("  daemon info %d\n", (int)what);
    return d ? &d->info : NULL;
}

/* ---- what a request says ---- */

const char *MHD_lookup_connection_value(struct MHD_Connection *c, enum MHD_ValueKind kind, const char *key)
{
    assert_int_equal(kind, MHD_HEADER_KIND);
    for (size_t i = 0; i < 6 && c->headers[i].key; i++)
        if (!strcasecmp(c->headers[i].key, key)) return c->headers[i].value;
    return NULL;
}

int MHD_get_connection_values(struct MHD_Connection *c, enum MHD_ValueKind kind, MHD_KeyValueIterator each,
                              void *context)
{
    const struct stage_pair *p = kind == MHD_HEADER_KIND ? c->headers : c->arguments;
    int n = 0;
    for (size_t i = 0; i < 6 && p[i].key; i++, n++)
        if (each(context, kind, p[i].key, p[i].value) != MHD_YES) break;
    return n;
}

const union MHD_ConnectionInfo *MHD_get_connection_info(struct MHD_Connection *c, enum MHD_ConnectionInfoType what, ...)
{
    switch (what) {
    case MHD_CONNECTION_INFO_CONNECTION_FD: c->info.connect_fd = c->fd; break;
    case MHD_CONNECTION_INFO_CLIENT_ADDRESS: c->info.client_addr = &c->from.any; break;
    case MHD_CONNECTION_INFO_SOCKET_CONTEXT: c->info.socket_context = c->of_connection; break;
    default: fail_msg("connection info %d", (int)what);
    }
    return &c->info;
}

void MHD_suspend_connection(struct MHD_Connection *c)
{
    golden_tell("  %s rests%s\n", c->name, stage.locks ? "" : ", without a lock");
    assert_false(c->suspended);
    c->suspended = true;
}

void MHD_resume_connection(struct MHD_Connection *c)
{
    golden_tell("  %s wakes%s\n", c->name, stage.locks ? "" : ", without a lock");
    assert_true(c->suspended);
    c->suspended = false;
}

/* ---- answers ---- */

struct MHD_Response {
    char *bytes;
    size_t n, block;
    MHD_ContentReaderCallback reader;
    void *context;
    MHD_ContentReaderFreeCallback end;
    char headers[1200];
    int held;
    bool copied;
};

/* The stage's own memory never runs out. */
void *__real_calloc(size_t n, size_t each);
void __real_free(void *p);

static struct MHD_Response *response_new(void)
{
    struct MHD_Response *r = stage.no_response ? NULL : __real_calloc(1, sizeof *r);
    if (r) r->held = 1;
    stage.responses += r != NULL;
    return r;
}

struct MHD_Response *MHD_create_response_from_buffer(size_t n, void *bytes, enum MHD_ResponseMemoryMode mode)
{
    struct MHD_Response *r = response_new();
    if (!r) return NULL;
    r->copied = mode == MHD_RESPMEM_MUST_COPY;
    r->n = n;
    r->bytes = __real_calloc(1, n + 1);
    memcpy(r->bytes, bytes, n);
    return r;
}

struct MHD_Response *MHD_create_response_from_callback(uint64_t size, size_t block, MHD_ContentReaderCallback reader,
                                                       void *context, MHD_ContentReaderFreeCallback end)
{
    struct MHD_Response *r = response_new();
    if (!r) return NULL;
    assert_true(size == MHD_SIZE_UNKNOWN);
    r->block = block;
    r->reader = reader;
    r->context = context;
    r->end = end;
    return r;
}

enum MHD_Result MHD_add_response_header(struct MHD_Response *r, const char *key, const char *value)
{
    size_t n = strlen(r->headers);
    snprintf(r->headers + n, sizeof r->headers - n, " [%s: %.40s]", key, value);
    return MHD_YES;
}

/* The headers that every answer has are one word. */
static void headers_tell(const char *all)
{
    static const char usual[] = " [Connection: close] [Cache-Control: no-store] [X-Content-Type-Options: nosniff] "
                                "[Cross-Origin-Resource-Policy: same-origin]";
    const char *at = strstr(all, usual);
    if (at)
        golden_tell("%.*s and the usual%s\n", (int)(at - all), all, at + sizeof usual - 1);
    else
        golden_tell("%s\n", all);
}

enum MHD_Result MHD_queue_response(struct MHD_Connection *c, unsigned code, struct MHD_Response *r)
{
    golden_tell("  %s is answered %u", c->name, code);
    headers_tell(r->headers);
    if (r->reader) golden_tell("    a stream, %zu bytes at a time\n", r->block);
    if (!r->reader && r->copied) golden_tell("    %zu: %s\n", r->n, r->bytes);
    if (!r->reader && !r->copied) golden_tell("    a file\n");
    assert_null(c->answer);
    r->held++;
    c->answer = r;
    return MHD_YES;
}

void MHD_destroy_response(struct MHD_Response *r)
{
    if (--r->held) return;
    if (r->end) r->end(r->context);
    __real_free(r->bytes);
    __real_free(r);
    stage.responses--;
}

/* ---- the course of a connection ---- */

struct MHD_Connection stage_visitor(const char *name, int fd)
{
    struct MHD_Connection c = { .name = name, .fd = fd, .headers = { { "Host", "localhost" } } };
    c.from.v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    return c;
}

void stage_locks_are(int mutexes)
{
    assert_int_equal(stage.locks, 0);
    assert_int_equal(stage.mutexes, mutexes);
    assert_int_equal(stage.responses, 0);
}

void stage_comes(struct MHD_Connection *c)
{
    golden_tell("%s comes\n", c->name);
    daemon_now->connection(daemon_now->connection_context, c, &c->of_connection, MHD_CONNECTION_NOTIFY_STARTED);
    golden_tell("  %s\n", c->of_connection ? "is noted" : "is not noted");
    assert_int_equal(stage.locks, 0);
}

void stage_goes(struct MHD_Connection *c)
{
    golden_tell("%s goes\n", c->name);
    stage_over(c);
    daemon_now->connection(daemon_now->connection_context, c, &c->of_connection, MHD_CONNECTION_NOTIFY_CLOSED);
    assert_null(c->of_connection);
    assert_int_equal(stage.locks, 0);
}

static enum MHD_Result handler(struct MHD_Connection *c, const char *method, const char *path, size_t *bytes)
{
    enum MHD_Result r =
        daemon_now->handler(daemon_now->context, c, path, method, "HTTP/1.1", "body", bytes, &c->request);
    assert_int_equal(stage.locks, 0);
    return r;
}

void stage_over(struct MHD_Connection *c)
{
    daemon_now->completed(daemon_now->completed_context, c, &c->request, MHD_REQUEST_TERMINATED_COMPLETED_OK);
    assert_null(c->request);
    if (c->answer) MHD_destroy_response(c->answer);
    c->answer = NULL;
    assert_int_equal(stage.locks, 0);
}

static void finish(struct MHD_Connection *c, enum MHD_Result r)
{
    if (r != MHD_YES) golden_tell("  %s is closed\n", c->name);
    if (!c->suspended && !(c->answer && c->answer->reader)) stage_over(c);
}

void stage_asks(struct MHD_Connection *c, const char *method, const char *path)
{
    size_t bytes = 0;
    golden_tell("%s: %s %s\n", c->name, method, path);
    enum MHD_Result r = handler(c, method, path, &bytes); /* its head */
    for (bytes = c->body_bytes; r == MHD_YES && bytes;) {
        size_t before = bytes;
        r = handler(c, method, path, &bytes);
        if (bytes >= before) fail_msg("a body that nobody takes");
    }
    if (r == MHD_YES) r = handler(c, method, path, &bytes);
    finish(c, r);
}

void stage_goes_on(struct MHD_Connection *c)
{
    size_t bytes = 0;
    golden_tell("%s goes on\n", c->name);
    assert_false(c->suspended);
    finish(c, handler(c, "GET", "/", &bytes));
}

ssize_t stage_takes(struct MHD_Connection *c, char *piece, size_t most)
{
    ssize_t n = c->answer->reader(c->answer->context, 0, piece, most);
    assert_int_equal(stage.locks, 0);
    c->ended = n < 0;
    return n;
}

void stage_reads(struct MHD_Connection *c, size_t most)
{
    static char piece[32768];
    golden_tell("%s reads\n", c->name);
    while (!c->suspended && !c->ended) {
        ssize_t n = stage_takes(c, piece, most);
        if (n > 0)
            golden_tell("    %zd: %.*s%s\n", n, n < 100 ? (int)n : 100, piece, n > 100 ? "..." : "");
        else if (n < 0)
            golden_tell("    %s\n", n == MHD_CONTENT_READER_END_OF_STREAM ? "the end" : "broken off");
        else if (!c->suspended)
            fail_msg("a reader that has nothing and does not rest");
    }
}

/* ---- the server ---- */

struct http *stage_open(const char *address, const char *read_token, const char *admin_token)
{
    char why[HTTP_WHY_BYTES] = "";
    struct http *h = NULL;
    const struct http_options o = { .address = address,
                                    .hosts = "a.example",
                                    .read_token = read_token,
                                    .admin_token = admin_token,
                                    .wake = stage.wake };
    golden_tell("open %s", address);
    pv_status st = http_start(&h, &o, why);
    golden_tell("  %s %s\n", pv_status_word(st), why);
    assert_int_equal(stage.locks, 0);
    assert_true((h != NULL) == (st == PV_OK));
    return h;
}

void stage_close(struct http **h)
{
    http_stop(h);
    assert_null(*h);
    stage_locks_are(0);
}

void stage_publishes(struct http *h, bool standby, const char *not_ready, const char *warnings)
{
    struct http_news news = { .standby = standby, .not_ready = not_ready, .warnings = warnings };
    news.metrics = strdup("a_metric 1\n");
    news.status = strdup("{\"status\":1}");
    news.overview = strdup("{\"overview\":1}");
    news.queues = strdup("{\"queues\":1}");
    news.history = strdup("[7]");
    news.scales = calloc(2, sizeof *news.scales);
    assert_non_null(news.scales);
    for (int i = 0; i < 2; i++) {
        snprintf(news.scales[i].queue, sizeof news.scales[i].queue, "q%d", i);
        news.scales[i].json = strdup(i ? "{\"scale\":\"of q1\"}" : "{\"scale\":\"of q0\"}");
    }
    news.scales_n = 2;
    golden_tell("publish\n");
    http_publish(h, &news);
    assert_true(!news.metrics && !news.scales && !news.scales_n);
    assert_int_equal(stage.locks, 0);
}

void stage_loop_answers(struct http *h, struct MHD_Connection *c)
{
    struct http_question q;
    while (http_next(h, &q)) {
        golden_tell("  question %u: %s from %s\n", q.id, http_what_word(q.what), q.from);
        http_answer(h, q.id, 200, strdup("{\"from\":\"the loop\"}"));
    }
    if (c->request && !c->suspended) stage_goes_on(c);
    assert_int_equal(stage.locks, 0);
}

void stage_counts(struct http *h)
{
    struct http_counts n = http_counts(h);
    golden_tell("counted: %" PRIu64 " requests, %" PRIu64 " refused, %" PRIu64 " denied, %" PRIu64 " streams cut, ",
                n.requests, n.refused, n.denied, n.streams_cut);
    golden_tell("%u streams, %u questions\n", n.streams, n.questions);
    assert_int_equal(http_listeners(h), n.streams);
    assert_int_equal(stage.locks, 0);
}

/* ---- what is below ---- */

uint64_t __wrap_pv_clock_ms(void);
uint64_t __wrap_pv_clock_ms(void)
{
    return stage.now_ms;
}

int __wrap_shutdown(int fd, int how);
int __wrap_shutdown(int fd, int how)
{
    golden_tell("  shutdown %d %d\n", fd, how);
    return 0;
}

int __real_pthread_mutex_lock(pthread_mutex_t *m);
int __wrap_pthread_mutex_lock(pthread_mutex_t *m);
int __wrap_pthread_mutex_lock(pthread_mutex_t *m)
{
    stage.locks++;
    return __real_pthread_mutex_lock(m);
}

int __real_pthread_mutex_unlock(pthread_mutex_t *m);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *m);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *m)
{
    stage.locks--;
    return __real_pthread_mutex_unlock(m);
}

int __real_pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *a);
int __wrap_pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *a);
int __wrap_pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *a)
{
    stage.mutexes++;
    return __real_pthread_mutex_init(m, a);
}

int __real_pthread_mutex_destroy(pthread_mutex_t *m);
int __wrap_pthread_mutex_destroy(pthread_mutex_t *m);
int __wrap_pthread_mutex_destroy(pthread_mutex_t *m)
{
    stage.mutexes--;
    return __real_pthread_mutex_destroy(m);
}
