/** A broker that asks for keys, as a process, and honest peers beside whoever attacks it. One CTest entry starts one. */
#ifndef PV_SECURE_BROKER_H
#define PV_SECURE_BROKER_H

#include "broker_process.h"
#include "temp_dir.h"
#include "wire_peer.h"

#include <sys/stat.h>

enum { SOON = 15000 };

struct key_pair {
    const char *name, *rights; /* of its entry in the file: roles, and what else; NULL: not in it */
    char public[41], secret[41];
};

struct secure_broker {
    char dir[64], cert_file[96], keys_file[96];
    struct broker_process process;
    struct key_pair server;
    struct key_pair *keys;
    size_t keys_n;
};

static inline void key_pair_make(struct key_pair *k)
{
    if (zmq_curve_keypair(k->public, k->secret)) WIRE_PEER_DIE("no CURVE in this libzmq");
}

static inline void secure_broker_write_cert(const char *path, const struct key_pair *k, mode_t mode)
{
    FILE *f = fopen(path, "w");
    if (!f) WIRE_PEER_DIE("%s", path);
    fprintf(f, "metadata\ncurve\n    public-key = \"%s\"\n    secret-key = \"%s\"\n", k->public, k->secret);
    fclose(f);
    chmod(path, mode);
}

/* Those with rights, as they are now. */
static inline void secure_broker_write_keys(const struct secure_broker *b)
{
    char path[128];
    snprintf(path, sizeof path, "%s.new", b->keys_file);
    FILE *f = fopen(path, "w");
    if (!f) WIRE_PEER_DIE("%s", path);
    fprintf(f, "keys:\n");
    for (size_t i = 0; i < b->keys_n; i++)
        if (b->keys[i].rights)
            fprintf(f, "  - { name: %s, key: \"%s\", %s }\n", b->keys[i].name, b->keys[i].public, b->keys[i].rights);
    fclose(f);
    if (rename(path, b->keys_file)) WIRE_PEER_DIE("%s", path);
}

/* How often the broker's log has this text. */
static inline size_t secure_broker_logged(const struct secure_broker *b, const char *text)
{
    char line[4096];
    size_t n = 0;
    FILE *f = fopen(b->process.log, "r");
    while (f && fgets(line, sizeof line, f)) n += strstr(line, text) != NULL;
    if (f) fclose(f);
    return n;
}

/* HUP, and wait until it was heeded. */
static inline void secure_broker_reload(struct secure_broker *b)
{
    size_t before = secure_broker_logged(b, "keys.read");
    secure_broker_write_keys(b);
    kill(b->process.pid, SIGHUP);
    for (uint64_t end = pv_clock_ms() + SOON; secure_broker_logged(b, "keys.read") == before; poll(NULL, 0, 5))
        if (pv_clock_ms() > end) WIRE_PEER_DIE("the broker did not read its keys again");
}

/* more: options besides, NULL-terminated, or NULL. */
static inline bool secure_broker_start(struct secure_broker *b, struct key_pair *keys, size_t n,
                                       const char *const *more)
{
    const char *args[32] = { "--key",      b->cert_file, "--authorized-keys", b->keys_file, "--queue",    "outer",
                             "--queue",    "inner",      "--heartbeat-ms",    "250",        "--lease-ms", "2000",
                             "--grace-ms", "100" };
    for (size_t i = 14; more && *more && i < 31; i++) args[i] = *more++;
    b->keys = keys;
    b->keys_n = n;
    temp_dir_make(b->dir);
    snprintf(b->cert_file, sizeof b->cert_file, "%s/broker.cert", b->dir);
    snprintf(b->keys_file, sizeof b->keys_file, "%s/keys.yaml", b->dir);
    key_pair_make(&b->server);
    for (size_t i = 0; i < n; i++) key_pair_make(&keys[i]);
    secure_broker_write_cert(b->cert_file, &b->server, 0600);
    secure_broker_write_keys(b);
    if (broker_process_start(&b->process, b->dir, NULL, args)) return true;
    broker_process_print_log(&b->process);
    return false;
}

static inline int secure_broker_end(struct secure_broker *b)
{
    int code = broker_process_end(&b->process, SIGTERM);
    if (code) broker_process_print_log(&b->process);
    temp_dir_remove(b->dir);
    return code;
}

/* --- peers with keys --- */

static inline void secure_dial(struct wire_peer *p, const struct secure_broker *b, const struct key_pair *own)
{
    const char *const keys[] = { b->server.public, own->public, own->secret };
    wire_peer_dial(p, b->process.endpoint, keys);
}

static inline void secure_hello(struct wire_peer *p, enum wire_role role, const char *name)
{
    struct wire_msg m;
    wire_peer_hello(p, &m, role, name);
    wire_peer_send(p, &m);
}

static inline void secure_client(struct wire_peer *p, const struct secure_broker *b, const struct key_pair *own,
                                 enum wire_role role)
{
    secure_dial(p, b, own);
    secure_hello(p, role, "somebody");
    if (!wire_peer_wait(p, WIRE_WELCOME, SOON)) WIRE_PEER_DIE("%s was not welcome", own->name);
}

static inline void secure_prover_hello(struct wire_peer *p, const char *name, const char *const *queues, size_t n)
{
    struct wire_msg m;
    struct wire_circuit circuits[] = { { .circuit = "c", .has.circuit = true, .warm = true, .has.warm = true } };
    wire_peer_hello(p, &m, WIRE_ROLE_PROVER, name);
    WIRE_SET_LIST(&m, queues, queues, n);
    WIRE_SET_LIST(&m, circuits, circuits, 1);
    WIRE_SET(&m, slots, 1);
    WIRE_SET(&m, prefetch, 0);
    wire_peer_send(p, &m);
}

static inline void secure_prover(struct wire_peer *p, const struct secure_broker *b, const struct key_pair *own,
                                 const char *name, const char *const *queues, size_t n)
{
    secure_dial(p, b, own);
    secure_prover_hello(p, name, queues, n);
    if (!wire_peer_wait(p, WIRE_WELCOME, SOON)) WIRE_PEER_DIE("prover %s was not welcome", name);
    p->beat_ms = p->in.heartbeat_ms;
    wire_peer_ready(p, 1);
}

/* What libzmq's monitor says of a connection with these keys (NULL: none): the first event of its handshake. */
static inline int secure_handshake(const struct secure_broker *b, const char *const keys[3])
{
    static const int names[] = { ZMQ_CURVE_SERVERKEY, ZMQ_CURVE_PUBLICKEY, ZMQ_CURVE_SECRETKEY };
    int what = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
               ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
    int never = -1, soon = SOON, zero = 0;
    uint8_t event[6] = { 0 };
    void *context = zmq_ctx_new(), *s = zmq_socket(context, ZMQ_DEALER), *monitor = zmq_socket(context, ZMQ_PAIR);
    zmq_setsockopt(s, ZMQ_RECONNECT_IVL, &never, sizeof never);
    zmq_setsockopt(s, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(monitor, ZMQ_RCVTIMEO, &soon, sizeof soon);
    for (int i = 0; keys && i < 3; i++) zmq_setsockopt(s, names[i], keys[i], strlen(keys[i]) + 1);
    if (zmq_socket_monitor(s, "inproc://m", what) || zmq_connect(monitor, "inproc://m") ||
        zmq_connect(s, b->process.endpoint))
        WIRE_PEER_DIE("connect: %s", zmq_strerror(zmq_errno()));
    zmq_recv(monitor, event, sizeof event, 0);
    zmq_socket_monitor(s, NULL, 0);
    zmq_close(monitor);
    zmq_close(s);
    zmq_ctx_term(context);
    uint16_t got;
    memcpy(&got, event, sizeof got);
    return got;
}

#endif
