/* Any bytes on the connection of HTTP: nothing, or an HTTP answer of a status we give, and the next scrape is served.
 * libmicrohttpd reads the request; this drives it as it is configured, and our answers behind it, over a real socket. */
#include "fuzz_must.h"

#include "http_scene.h"

#include "clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static struct http *server;

static void start(void)
{
    char why[HTTP_WHY_BYTES];
    MUST(http_scene_start(&server, "127.0.0.1:0", why) == PV_OK);
}

/* What the loop does: what was asked has been read right, whatever the bytes were. */
static void questions_answer(void)
{
    struct http_question q;
    while (http_next(server, &q)) {
        MUST(q.id && q.what < HTTP_WHATS && q.limit >= 1 && q.limit <= HTTP_LIMIT_MOST);
        MUST(!http_is_write(q.what)); /* there is no token */
        MUST(!q.queue[0] || wire_name_valid(q.queue, strlen(q.queue)));
        http_answer(server, q.id, 200, strdup("{}"));
    }
}

/* Sends all of data, or what the server takes, and reads its answer to the end; NUL-terminated. Half a request whose end comes in
 * the same moment may be noticed only when its time is over (libmicrohttpd asks the kernel for changes alone): so long nobody
 * waits here. */
static void ask(char *answer, size_t room, const uint8_t *data, size_t bytes, uint64_t patience_ms)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct linger none = { 1, 0 }; /* no TIME_WAIT: thousands a second come */
    struct timeval patience = { 0, 2000 };
    size_t got = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_port = htons(http_port(server));
    MUST(fd >= 0 && !connect(fd, (struct sockaddr *)&to, sizeof to));
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (bytes) (void)!send(fd, data, bytes, MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    for (uint64_t end = pv_clock_ms() + patience_ms; pv_clock_ms() < end;) {
        ssize_t n = recv(fd, answer + got, room - 1 - got, 0);
        got += n > 0 ? (size_t)n : 0;
        answer[got] = 0;
        if (n == 0 || got + 1 == room || strstr(answer, "text/event-stream")) break; /* a stream has no end */
        if (n < 0 && errno != EAGAIN && errno != EINTR) break;
        questions_answer();
    }
    close(fd);
}

static void expect_status(const char *answer)
{
    static const char *const known[] = { " 200 ", " 400 ", " 404 ", " 405 ", " 421 ", " 503 ", /* ours */
                                         " 100 ", " 411 ", " 413 ", " 414 ", " 431 ", " 500 ", " 501 ", " 505 " };
    MUST(!strncmp(answer, "HTTP/1.", 7) && strlen(answer) > 13);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strncmp(answer + 8, known[i], 5)) return;
    MUST(!"a status that nobody gives");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const char scrape[] = "GET /metrics HTTP/1.0\r\n\r\n";
    static char answer[65536];
    static unsigned asked;
    if (!server) start();
    http_scene_publish(server, "up 1\n", bytes % 2 ? "the store failed" : NULL); /* for /readyz */
    ask(answer, sizeof answer, data, bytes, 100);
    if (answer[0]) expect_status(answer);
    if (asked++ % 16) return 0;
    ask(answer, sizeof answer, (const uint8_t *)scrape, sizeof scrape - 1, 30000);
    MUST(strstr(answer, " 200 ") && strstr(answer, "\r\n\r\nup 1\n"));
    return 0;
}
