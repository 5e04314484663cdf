/* Peers that no library would be, for drills: each mode is one kind of misbehaviour, or of listening. One line of JSON.
 *
 *   drill_peer fail-at-once ENDPOINT QUEUE    a prover of one slot that fails each task it is given at once, until TERM:
 *                                             {"tasks": distinct ones it was given, "offers": all}
 *   drill_peer late-fail ENDPOINT QUEUE       a prover that begins a task and falls silent until its lease is gone; waits for
 *                                             a line on stdin, then reports FAIL under the old token:
 *                                             {"revoked": told at the lease's end, "answer": to the FAIL}
 *   drill_peer slow-keys ENDPOINT QUEUE NAME  a prover of the circuits a, b, c and d that takes 300 ms to load a key, keeps the two
 *                                             it used last, and echoes in 20 ms, until TERM: {"tasks": answered, "cold": of them}
 *   drill_peer listen ENDPOINT NAME TASK      a new process of client NAME, which asks for nothing for a second, then attaches
 *                                             to TASK: {"pushed": results that came unasked, "attached": results then}
 */
#include "wire_peer.h"
#include "words.h"

#include <signal.h>

enum { LISTEN_MS = 1000, WAIT_MS = 20000 };

static volatile sig_atomic_t enough;

static void on_term(int signal_number)
{
    (void)signal_number;
    enough = 1;
}

static void fail(struct wire_peer *p, wire_token token, wire_id task)
{
    struct wire_msg m = { .type = WIRE_FAIL };
    WIRE_SET(&m, token, token);
    WIRE_SET(&m, task, task);
    WIRE_SET(&m, failure, WIRE_FAILURE_RETRYABLE);
    WIRE_SET(&m, status, PV_FAILED);
    WIRE_SET(&m, text, "broken node");
    wire_peer_send(p, &m);
}

static int fail_at_once(const char *endpoint, const char *queue)
{
    enum { MOST = 4096 };
    static wire_id seen[MOST];
    size_t tasks = 0, offers = 0;
    struct wire_peer p;
    wire_peer_prover(&p, endpoint, "bad", queue, "echo", 1);
    while (!enough) {
        if (!wire_peer_wait(&p, WIRE_OFFER, 50)) continue;
        size_t i = 0;
        while (i < tasks && !wire_id_equal(seen[i], p.in.task)) i++;
        if (i == tasks && tasks < MOST) seen[tasks++] = p.in.task;
        offers++;
        wire_peer_started(&p, p.in.token);
        fail(&p, p.in.token, p.in.task);
        wire_peer_ready(&p, 1);
    }
    wire_peer_close(&p);
    printf("{\"tasks\": %zu, \"offers\": %zu}\n", tasks, offers);
    return 0;
}

static int late_fail(const char *endpoint, const char *queue)
{
    struct wire_peer p;
    wire_peer_prover(&p, endpoint, "late", queue, "echo", 1);
    if (!wire_peer_wait(&p, WIRE_OFFER, WAIT_MS)) WIRE_PEER_DIE("no offer");
    wire_token token = p.in.token;
    wire_id task = p.in.task;
    wire_peer_started(&p, token);
    p.beat_ms = 0; /* silent, but for its connection */
    bool revoked = wire_peer_wait(&p, WIRE_REVOKE, WAIT_MS) && wire_token_equal(p.in.token, token);
    if (getchar() == EOF) return 1;
    fail(&p, token, task);
    const char *answer = "none";
    while (wire_peer_next(&p, WAIT_MS)) {
        answer = wire_type_name((int)p.in.type);
        if (p.in.has.token && wire_token_equal(p.in.token, token)) break;
    }
    printf("{\"revoked\": %s, \"answer\": \"%s\"}\n", revoked ? "true" : "false", answer);
    wire_peer_close(&p);
    return 0;
}

/* ---- keys that take their time */

enum { KEYS = 4, LOAD_MS = 300, WORK_MS = 20 };
static const char *const key_names[KEYS] = { "a", "b", "c", "d" };

static wire_hash digest_of(int key)
{
    return wire_peer_hash(key_names[key], 1);
}

static void say_ready(struct wire_peer *p, const bool *warm)
{
    struct wire_msg m = { .type = WIRE_READY };
    wire_hash list[KEYS];
    size_t n = 0;
    for (int i = 0; i < KEYS; i++)
        if (warm[i]) list[n++] = digest_of(i);
    WIRE_SET(&m, credit, 1);
    WIRE_SET_LIST(&m, warm, list, n);
    wire_peer_send(p, &m);
}

static void dial_with_keys(struct wire_peer *p, const char *endpoint, const char *queue, const char *name)
{
    struct wire_msg m;
    struct wire_circuit circuits[KEYS];
    for (int i = 0; i < KEYS; i++) {
        circuits[i] = (struct wire_circuit){ .circuit = key_names[i], .has.circuit = true };
        WIRE_SET(&circuits[i], digest, digest_of(i));
        WIRE_SET(&circuits[i], load_ms, LOAD_MS);
    }
    wire_peer_open(p, endpoint);
    wire_peer_hello(p, &m, WIRE_ROLE_PROVER, name);
    WIRE_SET_LIST(&m, queues, &queue, 1);
    WIRE_SET_LIST(&m, circuits, circuits, KEYS);
    WIRE_SET(&m, slots, 1);
    WIRE_SET(&m, prefetch, 0);
    wire_peer_send(p, &m);
    if (!wire_peer_wait(p, WIRE_WELCOME, WAIT_MS)) WIRE_PEER_DIE("no WELCOME for prover %s", name);
    p->beat_ms = p->in.heartbeat_ms;
}

/* The two used last stay. True when the key had to be loaded. */
static bool use_key(bool *warm, int key)
{
    static int last = -1;
    bool cold = !warm[key];
    for (int i = 0; cold && i < KEYS; i++) warm[i] = i == last;
    warm[key] = true;
    last = key;
    return cold;
}

/* Answers the offer just read; true when its key had to be loaded. */
static bool echo(struct wire_peer *p, bool *warm)
{
    uint8_t input[4096];
    wire_token token = p->in.token;
    wire_id task = p->in.task;
    size_t n = p->in.payload_bytes;
    int key = 0;
    while (key < KEYS && strcmp(key_names[key], p->in.circuit)) key++;
    if (key == KEYS || n > sizeof input) WIRE_PEER_DIE("an offer for nobody");
    memcpy(input, p->in.payload, n);
    bool cold = use_key(warm, key);
    wire_peer_started(p, token);
    wire_peer_wait(p, WIRE_REVOKE, (cold ? LOAD_MS : 0) + WORK_MS); /* loading and working: nothing is revoked here */
    wire_peer_result(p, token, task, wire_peer_hash(input, n), input, n);
    if (!wire_peer_wait(p, WIRE_RESULT_OK, WAIT_MS)) WIRE_PEER_DIE("no RESULT_OK");
    return cold;
}

static int slow_keys(const char *endpoint, const char *queue, const char *name)
{
    struct wire_peer p;
    bool warm[KEYS] = { false };
    size_t tasks = 0, cold = 0;
    dial_with_keys(&p, endpoint, queue, name);
    say_ready(&p, warm);
    while (!enough) {
        if (!wire_peer_wait(&p, WIRE_OFFER, 50)) continue;
        tasks++;
        cold += echo(&p, warm);
        say_ready(&p, warm);
    }
    wire_peer_close(&p);
    printf("{\"tasks\": %zu, \"cold\": %zu}\n", tasks, cold);
    return 0;
}

static size_t delivered(struct wire_peer *p, int within_ms)
{
    size_t n = 0;
    for (uint64_t end = pv_clock_ms() + (uint64_t)within_ms; pv_clock_ms() < end;)
        n += wire_peer_wait(p, WIRE_DELIVER, 50);
    return n;
}

static int listen_only(const char *endpoint, const char *name, const char *task_text)
{
    struct wire_peer p;
    wire_id task;
    if (!wire_id_of_text(&task, task_text)) return 2;
    wire_peer_client(&p, endpoint, name);
    size_t pushed = delivered(&p, LISTEN_MS);
    wire_peer_ask(&p, WIRE_ATTACH, task);
    size_t attached = wire_peer_wait(&p, WIRE_DELIVER, WAIT_MS);
    attached += delivered(&p, 100);
    printf("{\"pushed\": %zu, \"attached\": %zu}\n", pushed, attached);
    wire_peer_close(&p);
    return 0;
}

int main(int argc, char **argv)
{
    signal(SIGTERM, on_term);
    if (argc == 4 && !strcmp(argv[1], "fail-at-once")) return fail_at_once(argv[2], argv[3]);
    if (argc == 4 && !strcmp(argv[1], "late-fail")) return late_fail(argv[2], argv[3]);
    if (argc == 5 && !strcmp(argv[1], "slow-keys")) return slow_keys(argv[2], argv[3], argv[4]);
    if (argc == 5 && !strcmp(argv[1], "listen")) return listen_only(argv[2], argv[3], argv[4]);
    fprintf(stderr, "usage: drill_peer fail-at-once|late-fail ENDPOINT QUEUE, slow-keys ENDPOINT QUEUE NAME, or "
                    "listen ENDPOINT NAME TASK\n");
    return 2;
}
