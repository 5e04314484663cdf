/* Hostile bytes for a broker's port: random frames, mutated messages, and bytes that are not ZeroMQ at all.
 *
 *   drill_storm --endpoint tcp://127.0.0.1:PORT --seconds S [--seed N] [--key FILE --server-key FILE] [--http]
 *
 * Several DEALERs and raw TCP connections send for S seconds, reconnecting often. With keys every other DEALER has the key
 * given, so that its bytes come through, and the others a key of their own, and the raw ones begin CURVE's handshake. With
 * --http there are raw connections only, and they speak something like HTTP. Answers are read and dropped. Ends with
 * one line of JSON: messages and bytes sent, connections made, answers read. It judges nothing: the drill looks at the broker.
 *
 * The sending is done by children of a second each: a broker that cuts a flooding connection in the middle of a message makes
 * libzmq 4.3.4 abort the sender (session_base.cpp, clean_pipes). Such ends are counted as "cut", and the next child goes on.
 */
#include <argp.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "clock.h"
#include "encode.h"
#include "keyfile.h"
#include "msg.h"

enum { DEALERS = 6, FRAME_MOST = 300000, CHILD_MS = 1000, HTTP_OPEN = 24 };

static const char *endpoint;
static long seconds;
static uint64_t rng = 1;
static const char *key_path, *server_key_path;
static struct keyfile_pair known_key;
static char server_key[KEYFILE_TEXT];
static bool http;

/* Shared with the children. */
static struct sent {
    unsigned long messages, bytes, connections, answers, raw, cut;
} * sent;

static uint64_t random_u64(void)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return rng;
}

static size_t below(size_t n)
{
    return (size_t)(random_u64() % n);
}

static void fill(uint8_t *to, size_t n)
{
    for (size_t i = 0; i < n; i++) to[i] = (uint8_t)random_u64();
}

static wire_id some_id(void)
{
    wire_id id;
    fill(id.bytes, sizeof id.bytes);
    if (below(2)) memset(id.bytes, (int)below(4), sizeof id.bytes); /* ids that meet again */
    return id;
}

/* A legal message of a kind that reaches deep: the mutations start here. */
static size_t legal(struct wire_frames *f, uint8_t *buffer, size_t room, const uint8_t *payload)
{
    static const enum wire_type types[] = { WIRE_HELLO,  WIRE_SUBMIT,  WIRE_RESULT, WIRE_CHUNK,   WIRE_CREDIT,
                                            WIRE_CANCEL, WIRE_STARTED, WIRE_FAIL,   WIRE_RELEASE, WIRE_HEARTBEAT,
                                            WIRE_READY,  WIRE_ATTACH,  WIRE_LIST,   WIRE_PURGE,   WIRE_FETCH };
    char why[WIRE_WHY_BYTES];
    struct wire_msg m = { .type = types[below(sizeof types / sizeof *types)] };
    wire_hash hash;
    static const char *const queues[] = { "drill" };
    fill(hash.bytes, sizeof hash.bytes);
    size_t payload_bytes = below(2000);
    enum wire_type t = m.type;
    if (t == WIRE_HELLO) {
        WIRE_SET(&m, role, below(2) ? WIRE_ROLE_PROVER : WIRE_ROLE_CLIENT);
        WIRE_SET(&m, name, "storm");
        WIRE_SET(&m, session, some_id());
        WIRE_SET(&m, software, "drill_storm");
        WIRE_SET(&m, vmin, 1);
        WIRE_SET(&m, vmax, 1);
        WIRE_SET(&m, epoch, (uint32_t)below(3));
        WIRE_SET(&m, slots, 1);
        WIRE_SET_LIST(&m, queues, queues, 1);
    }
    if (t == WIRE_SUBMIT || t == WIRE_CANCEL || t == WIRE_ATTACH || t == WIRE_FETCH || t == WIRE_LIST ||
        t == WIRE_PURGE)
        WIRE_SET(&m, req, (uint32_t)below(100));
    if (t == WIRE_SUBMIT || t == WIRE_CANCEL || t == WIRE_ATTACH || t == WIRE_FETCH || t == WIRE_RESULT ||
        t == WIRE_CHUNK || t == WIRE_CREDIT || t == WIRE_FAIL)
        WIRE_SET(&m, task, some_id());
    if (t == WIRE_RESULT || t == WIRE_STARTED || t == WIRE_FAIL || t == WIRE_RELEASE)
        WIRE_SET(&m, token, ((wire_token){ 1, below(50) }));
    if (t == WIRE_SUBMIT || t == WIRE_RESULT) {
        WIRE_SET(&m, length, below(3) ? payload_bytes : 1u << 30);
        WIRE_SET(&m, sha256, hash);
    }
    if (t == WIRE_SUBMIT) {
        WIRE_SET(&m, queue, "storm"); /* a queue of its own, so that what gets through serves nobody */
        WIRE_SET(&m, circuit, "echo");
    }
    if (t == WIRE_RESULT) {
        WIRE_SET(&m, input, hash);
        WIRE_SET(&m, measured_ms, 1);
    }
    if (t == WIRE_CHUNK || t == WIRE_CREDIT) {
        WIRE_SET(&m, kind, WIRE_KIND_INPUT);
        WIRE_SET(&m, offset, below(1 << 20));
    }
    if (t == WIRE_CREDIT) WIRE_SET(&m, bytes, random_u64() >> below(64));
    if (t == WIRE_FAIL) {
        WIRE_SET(&m, failure, WIRE_FAILURE_PERMANENT);
        WIRE_SET(&m, status, PV_FAILED);
    }
    if (t == WIRE_RELEASE) WIRE_SET(&m, reason, WIRE_REASON_DRAIN);
    if (t == WIRE_READY) WIRE_SET(&m, credit, (uint32_t)below(2000));
    if (t == WIRE_LIST) WIRE_SET(&m, what, WIRE_WHAT_TASKS);
    if (t == WIRE_PURGE) WIRE_SET(&m, scope, WIRE_SCOPE_SESSION);
    bool with = t == WIRE_CHUNK || (m.has.length && m.length == payload_bytes);
    m.has_payload = with;
    m.payload = with ? payload : NULL;
    m.payload_bytes = with ? payload_bytes + (t == WIRE_CHUNK) : 0;
    return wire_msg_encode(&m, WIRE_TO_BROKER, buffer, room, f, why) == PV_OK ? 1 : 0;
}

static void send_frame(void *socket, const uint8_t *bytes, size_t n, bool more)
{
    if (zmq_send(socket, bytes, n, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) >= 0) sent->bytes += n;
}

static void send_mutated(void *socket, uint8_t *scratch)
{
    struct wire_frames f;
    uint8_t *buffer = scratch + FRAME_MOST;
    fill(scratch, 2002);
    if (!legal(&f, buffer, WIRE_HEAD_BYTES + WIRE_BODY_MAX, scratch)) return;
    size_t body = f.body_bytes;
    uint8_t *bytes = buffer + (f.body - buffer);
    for (size_t flips = below(4); flips && body; flips--) bytes[below(body)] ^= (uint8_t)(1u << below(8));
    if (!below(4) && body) body = below(body);
    if (!below(16)) buffer[below(4)] ^= (uint8_t)(1u << below(8));
    send_frame(socket, f.head, f.head_bytes, true);
    send_frame(socket, bytes, body, f.payload != NULL);
    if (f.payload) send_frame(socket, f.payload, f.payload_bytes, false);
}

static void send_random(void *socket, uint8_t *scratch)
{
    size_t frames = 1 + below(6);
    for (size_t i = 0; i < frames; i++) {
        size_t n = below(8) ? below(200) : below(FRAME_MOST);
        fill(scratch, n < 4096 ? n : 4096);
        send_frame(socket, scratch, n, i + 1 < frames);
    }
}

/* The key that is let in, or one nobody knows. */
static void keys_set(void *s, bool known)
{
    struct keyfile_pair own = known_key;
    if (!known && zmq_curve_keypair(own.public_key, own.secret_key)) exit(1);
    zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, server_key, KEYFILE_TEXT);
    zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, own.public_key, KEYFILE_TEXT);
    zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, own.secret_key, KEYFILE_TEXT);
}

static void *dealer(void *context)
{
    void *s = zmq_socket(context, ZMQ_DEALER);
    int linger = 0, most = 1000;
    if (key_path) keys_set(s, sent->connections % 2);
    zmq_setsockopt(s, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(s, ZMQ_SNDHWM, &most, sizeof most);
    if (zmq_connect(s, endpoint)) exit(1);
    sent->connections++;
    return s;
}

static void drop_answers(void *socket, uint8_t *scratch)
{
    while (zmq_recv(socket, scratch, FRAME_MOST, ZMQ_DONTWAIT) >= 0) sent->answers++;
}

/* The first bytes of a connection to this port; what follows them is random. */
static size_t beginning(uint8_t *to)
{
    static const uint8_t null[] = { 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0, 'N', 'U', 'L', 'L' };
    static const uint8_t hello[] = { 0x04, 200, 5, 'H', 'E', 'L', 'L', 'O', 1, 0 };
    static const char *const requests[] = { "GET /metrics HTTP/1.1\r\nHost: localhost\r\n",
                                            "GET /readyz HTTP/1.0\r\n\r\n",
                                            "POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
                                            "GET /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfff", "GET /" };
    if (http) return strlen(strcpy((char *)to, requests[below(5)]));
    memcpy(to, null, sizeof null);
    if (!key_path) return sizeof null;
    memset(to + 12, 0, 52);
    memcpy(to + 12, "CURVE", 5);
    memcpy(to + 64, hello, sizeof hello);
    return 64 + sizeof hello;
}

/* Bytes that are no greeting, or one that breaks off, or goes on wrongly. -1: not connected. The caller closes it. */
static int raw_connection(uint8_t *scratch)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    to.sin_port = htons((uint16_t)atoi(strrchr(endpoint, ':') + 1));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS) {
        size_t n = below(4000);
        fill(scratch, n + 128);
        if (below(4)) n += beginning(scratch);
        usleep(200); /* lets the handshake of TCP finish; what is not connected yet sends nothing */
        if (send(fd, scratch, n, MSG_NOSIGNAL) > 0) sent->raw++;
        if (send(fd, scratch, below(300), MSG_NOSIGNAL) > 0) sent->bytes += n;
    }
    return fd;
}

/* Connections that stay half said while others come, and whose answers are not always read. */
static void storm_http(void)
{
    uint8_t *scratch = malloc(FRAME_MOST);
    int open[HTTP_OPEN];
    uint64_t end = pv_clock_ms() + CHILD_MS;
    if (!scratch) exit(1);
    memset(open, -1, sizeof open);
    for (size_t i = 0; pv_clock_ms() < end; i = (i + 1) % HTTP_OPEN) {
        if (open[i] >= 0 && below(2) && recv(open[i], scratch, FRAME_MOST, 0) > 0) sent->answers++;
        if (open[i] >= 0) close(open[i]);
        open[i] = raw_connection(scratch);
        sent->connections++;
    }
    for (size_t i = 0; i < HTTP_OPEN; i++)
        if (open[i] >= 0) close(open[i]);
    free(scratch);
}

static void storm(void *context)
{
    uint8_t *scratch = malloc(FRAME_MOST + WIRE_HEAD_BYTES + WIRE_BODY_MAX);
    void *sockets[DEALERS];
    uint64_t end = pv_clock_ms() + CHILD_MS;
    if (!scratch) exit(1);
    for (int i = 0; i < DEALERS; i++) sockets[i] = dealer(context);
    while (pv_clock_ms() < end) {
        int i = (int)below(DEALERS);
        if (below(3))
            send_mutated(sockets[i], scratch);
        else
            send_random(sockets[i], scratch);
        sent->messages++;
        drop_answers(sockets[i], scratch);
        if (!below(200)) {
            int fd = raw_connection(scratch);
            if (fd >= 0) close(fd);
        }
        if (!below(500)) {
            zmq_close(sockets[i]);
            sockets[i] = dealer(context);
        }
    }
    for (int i = 0; i < DEALERS; i++) zmq_close(sockets[i]);
    free(scratch);
}

/* A second of storm. False when there is no broker to storm, or no process to be had. */
static bool child(long i)
{
    int status;
    pid_t pid = fork();
    if (pid < 0) return false;
    if (!pid) {
        rng += (uint64_t)i * 0x9e3779b97f4a7c15u;
        void *context = http ? NULL : zmq_ctx_new();
        if (http)
            storm_http();
        else
            storm(context);
        if (context) zmq_ctx_term(context);
        _exit(0);
    }
    if (waitpid(pid, &status, 0) != pid) return false;
    if (WIFSIGNALED(status)) sent->cut++;
    return WIFSIGNALED(status) || WEXITSTATUS(status) == 0;
}

static error_t option(int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case 'e': endpoint = arg; return 0;
    case 's': seconds = atol(arg); return 0;
    case 'S': rng = strtoull(arg, NULL, 10) | 1; return 0;
    case 'K': key_path = arg; return 0;
    case 'V': server_key_path = arg; return 0;
    case 'H': http = true; return 0;
    case ARGP_KEY_END:
        if (!key_path != !server_key_path) argp_usage(state);
        if (!endpoint || seconds <= 0 || strncmp(endpoint, "tcp://127.0.0.1:", 16)) argp_usage(state);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    static const struct argp_option options[] = {
        { "endpoint", 'e', "ENDPOINT", 0, "tcp://127.0.0.1:PORT", 0 },
        { "seconds", 's', "S", 0, "how long", 0 },
        { "seed", 'S', "N", 0, "of the bytes", 0 },
        { "key", 'K', "FILE", 0, "a key that is let in", 0 },
        { "server-key", 'V', "FILE", 0, "the broker's public key", 0 },
        { "http", 'H', NULL, 0, "the port is that of /metrics", 0 },
        { 0 },
    };
    static const struct argp parser = { options, option, NULL, NULL, NULL, NULL, NULL };
    if (argp_parse(&parser, argc, argv, 0, NULL, NULL)) return 2;
    if (key_path &&
        (keyfile_pair_read(&known_key, key_path) != PV_OK || keyfile_public_read(server_key, server_key_path) != PV_OK))
        return fprintf(stderr, "no usable key\n"), 1;
    sent = mmap(NULL, sizeof *sent, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (sent == MAP_FAILED) return perror("mmap"), 1;
    for (long i = 0; i < seconds; i++)
        if (!child(i)) return 1;
    printf("{\"messages\": %lu, \"bytes\": %lu, \"connections\": %lu, \"raw\": %lu, \"answers\": %lu, \"cut\": %lu}\n",
           sent->messages, sent->bytes, sent->connections, sent->raw, sent->answers, sent->cut);
    return 0;
}
