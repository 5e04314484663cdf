/* Two days of a broker, with every exchange, every refusal, every table and every reload: what each peer is told and what is logged at
 * each step, beside tests/vectors/broker/day.txt (`broker_day_test FILE write` makes it anew). */
#include "day_scene.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

enum { LARGE = 100000, IN_A_FILE = 50 };

static const char *golden;
static bool write_it;

static const char settings[] =
    "queues:\n  - name: outer\n    run_timeout_ms: 3000000\n  - name: inner\n    late_result: refuse\n"
    "    sync: always\n  - name: loose\n    sync: \"off\"\n"
    "heartbeat_ms: 100000\nlease_ms: 400000\ngrace_ms: 0\noffer_ms: 600000\npayload_max: 200000\nwindow: 262144\n"
    "disk_reserve: 0\nconnections_max: 20\n";

/* Every read of a payload's file is interrupted once, and gives less than was asked for. */
ssize_t __real_pread(int fd, void *to, size_t bytes, off_t at);
ssize_t __wrap_pread(int fd, void *to, size_t bytes, off_t at);

static bool of_payload(int fd)
{
    char link[64], path[256] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return readlink(link, path, sizeof path - 1) > 0 && strstr(path, "/blobs/") && !strstr(path, "/.");
}

ssize_t __wrap_pread(int fd, void *to, size_t bytes, off_t at)
{
    static _Thread_local unsigned calls;
    if (!of_payload(fd)) return __real_pread(fd, to, bytes, at);
    if (calls++ % 2 == 0) {
        errno = EINTR;
        return -1;
    }
    return __real_pread(fd, to, bytes > 1 ? bytes / 2 : bytes, at);
}

/* ---- who comes ---- */

static void refused_hello(const char *title, enum wire_role role, uint32_t version, uint32_t epoch)
{
    struct wire_msg m = day_hello(RIVAL, role, "rival-1");
    WIRE_SET(&m, vmin, version);
    WIRE_SET(&m, vmax, version);
    WIRE_SET(&m, epoch, epoch);
    day_ask(RIVAL, title, &m, WIRE_ERROR);
}

static void prover_comes(enum who who, const char *name, uint32_t credit)
{
    static const char *const queues[] = { "outer", "inner", "loose", "nowhere" };
    static const struct wire_circuit circuits[] = {
        { .circuit = "keccak",
          .digest = { { 1 } },
          .warm = true,
          .load_ms = 12,
          .has = { .circuit = true, .digest = true, .warm = true, .load_ms = true } },
        { .circuit = "poseidon", .has.circuit = true }
    };
    struct wire_msg m;
    day_dial(who);
    m = day_hello(who, WIRE_ROLE_PROVER, name);
    WIRE_SET_LIST(&m, queues, queues, 4);
    WIRE_SET_LIST(&m, circuits, circuits, 2);
    WIRE_SET(&m, slots, 2);
    WIRE_SET(&m, prefetch, 1);
    WIRE_SET(&m, vram, 1000);
    WIRE_SET(&m, ram, 2000);
    if (who == OTHER) {
        WIRE_SET(&m, gpu_unused, "its driver is too old");
        WIRE_SET(&m, gpu_wrong_proofs, 3);
    }
    day_ask(who, "a prover's HELLO", &m, WIRE_WELCOME);
    m = (struct wire_msg){ .type = WIRE_READY };
    WIRE_SET(&m, credit, credit);
    if (credit) day_say(who, "READY", &m);
}

static void they_come(void)
{
    struct wire_msg m;
    day_step("a key that is not in the file");
    day_dial(STRANGER);
    day_logged("key.refused");
    wire_peer_close(day_peer(STRANGER));
    day_dial(BOSS);
    m = day_hello(BOSS, WIRE_ROLE_CLIENT, "boss-1");
    WIRE_SET(&m, any_role, true);
    day_ask(BOSS, "a client's HELLO of a key that is an administrator's alone", &m, WIRE_WELCOME);
    day_dial(ACME);
    m = day_submit(1, "outer", "keccak", 20);
    day_ask(ACME, "SUBMIT before HELLO", &m, WIRE_ERROR);
    m = day_hello(ACME, WIRE_ROLE_CLIENT, "worker");
    day_ask(ACME, "a client's HELLO", &m, WIRE_WELCOME);
    day_dial(RIVAL);
    refused_hello("HELLO as a prover", WIRE_ROLE_PROVER, 1, 0);
    refused_hello("HELLO as an administrator", WIRE_ROLE_ADMIN, 1, 0);
    refused_hello("HELLO of version 2", WIRE_ROLE_CLIENT, 2, 0);
    refused_hello("HELLO that has seen start 99", WIRE_ROLE_CLIENT, 1, 99);
    refused_hello("and again", WIRE_ROLE_CLIENT, 1, 99);
    m = day_hello(RIVAL, WIRE_ROLE_CLIENT, "rival-1");
    day_ask(RIVAL, "HELLO", &m, WIRE_WELCOME);
    m = day_hello(RIVAL, WIRE_ROLE_CLIENT, "rival-2");
    day_ask(RIVAL, "HELLO by another name", &m, WIRE_ERROR);
    m = day_hello(RIVAL, WIRE_ROLE_CLIENT, "rival-1");
    day_ask(RIVAL, "HELLO once more", &m, WIRE_WELCOME);
    day_dial(TWIN);
    m = day_hello(TWIN, WIRE_ROLE_CLIENT, "twin");
    day_ask(TWIN, "HELLO of a second connection with rival's key", &m, WIRE_ERROR);
    day_hang_up(TWIN, "it ends");
    prover_comes(NODE, "p1", 0);
}

static void raw(const char *title, const char *a, size_t a_n, const char *b, size_t b_n, size_t frames)
{
    const void *parts[] = { a, b, "x", "y" };
    const size_t bytes[] = { a_n, b_n, 1, 1 };
    day_step(title);
    wire_peer_send_raw(day_peer(ACME), parts, bytes, frames);
    day_told(ACME, WIRE_ERROR);
    day_settle();
}

static void they_talk_nonsense(void)
{
    raw("one frame", "PV", 2, "", 0, 1);
    raw("another version", "PV\2\15", 4, "\x80", 1, 2);
    raw("no such message", "PV\1\143", 4, "\x80", 1, 2);
    raw("nothing in it", "PV\1\15", 4, "\x80", 1, 2);
    raw("no map", "PV\1\15", 4, "\x01", 1, 2);
    raw("too many frames", "PV\1\15", 4, "\x80", 1, 4);
    struct wire_msg m = { .type = WIRE_DRAIN };
    day_ask(ACME, "a client says DRAIN", &m, WIRE_ERROR);
    m = day_of_task(WIRE_CANCEL, 77);
    day_ask(NODE, "a prover says CANCEL", &m, WIRE_ERROR);
}

/* ---- a task ---- */

static wire_token token_of(enum who who)
{
    return day_peer(who)->in.token;
}

static struct wire_msg of_token(enum wire_type type, wire_token token)
{
    struct wire_msg m = { .type = type };
    WIRE_SET(&m, token, token);
    return m;
}

static struct wire_msg result_of(wire_token token, uint8_t task, size_t in, size_t out)
{
    return wire_peer_result_msg(token, day_id(task), wire_peer_hash(day_payload(task), in),
                                day_payload((uint8_t)(task + 128)), out);
}

/* A task goes to the prover that is there, which begins. */
static wire_token begins(enum who who, uint8_t task, const char *queue)
{
    struct wire_msg m = day_submit(task, queue, "keccak", 20);
    day_ask(ACME, "SUBMIT", &m, WIRE_SUBMIT_OK);
    m = (struct wire_msg){ .type = WIRE_READY };
    WIRE_SET(&m, credit, 1);
    day_ask(who, "READY", &m, WIRE_OFFER);
    wire_token token = token_of(who);
    m = of_token(WIRE_STARTED, token);
    day_say(who, "STARTED", &m);
    return token;
}

static void a_small_task(void)
{
    wire_token token = begins(NODE, 1, "outer");
    struct wire_msg m = of_token(WIRE_PROGRESS, token);
    WIRE_SET(&m, percent, 40);
    WIRE_SET(&m, phase, "msm");
    WIRE_SET(&m, note, "half of it");
    day_say(NODE, "PROGRESS", &m);
    day_told(ACME, WIRE_PROGRESS);
    m = day_of_task(WIRE_FETCH, 1);
    day_ask(ACME, "FETCH, too early", &m, WIRE_ERROR);
    m = result_of(token, 1, 20, 30);
    day_ask(NODE, "RESULT", &m, WIRE_RESULT_OK);
    day_told(ACME, WIRE_DELIVER);
    day_ask(NODE, "RESULT again", &m, WIRE_RESULT_OK);
    for (int i = 0; i < 3; i++) {
        static const enum wire_type asks[] = { WIRE_SHOW, WIRE_ATTACH, WIRE_FETCH };
        m = day_of_task(asks[i], 1);
        day_ask(ACME, wire_type_name((int)asks[i]), &m, i == 2 ? WIRE_DELIVER : WIRE_TASK);
    }
    m = day_submit(1, "outer", "keccak", 20);
    day_ask(ACME, "SUBMIT again", &m, WIRE_DELIVER);
    m = day_submit(1, "outer", "keccak", 21);
    day_ask(ACME, "SUBMIT of another input", &m, WIRE_ERROR);
    m = (struct wire_msg){ .type = WIRE_ACK };
    WIRE_SET(&m, task, day_id(1));
    WIRE_SET(&m, generation, 0);
    day_say(ACME, "ACK", &m);
}

static void refused_submits(void)
{
    struct wire_msg m = day_submit(10, "nowhere", "keccak", 20);
    day_ask(ACME, "SUBMIT to no queue", &m, WIRE_ERROR);
    m = day_submit(11, "outer", "keccak", 20);
    day_ask(RIVAL, "SUBMIT to a queue that is not its own", &m, WIRE_ERROR);
    m = day_submit(12, "outer", "keccak", 200001);
    day_ask(ACME, "SUBMIT of a byte too many", &m, WIRE_ERROR);
    m = day_submit(13, "outer", "keccak", 20);
    m.sha256.bytes[0] ^= 1;
    day_ask(ACME, "SUBMIT with another hash", &m, WIRE_ERROR);
    m = day_submit(14, "outer", "keccak", 20);
    WIRE_SET(&m, deadline_in_ms, 0);
    day_ask(ACME, "SUBMIT whose time is over", &m, WIRE_ERROR);
    m = day_submit(15, "inner", "nobody-has-it", 20);
    day_ask(RIVAL, "SUBMIT", &m, WIRE_SUBMIT_OK);
    m = day_submit(16, "inner", "nobody-has-it", 20);
    day_ask(RIVAL, "SUBMIT of one more than it may have", &m, WIRE_ERROR);
    m = day_submit(15, "inner", "nobody-has-it", 20);
    day_ask(RIVAL, "SUBMIT of the first again", &m, WIRE_SUBMIT_OK);
    m = day_of_task(WIRE_SHOW, 15);
    day_ask(ACME, "SHOW of another's", &m, WIRE_ERROR);
    day_ask(BOSS, "SHOW of another's", &m, WIRE_TASK);
    m = (struct wire_msg){ .type = WIRE_PURGE };
    WIRE_SET(&m, req, 5);
    WIRE_SET(&m, scope, WIRE_SCOPE_PRINCIPAL);
    WIRE_SET(&m, dry, true);
    day_ask(RIVAL, "PURGE, to look", &m, WIRE_COUNTS);
    m.dry = false;
    day_ask(RIVAL, "PURGE", &m, WIRE_COUNTS);
    day_ask(RIVAL, "PURGE of what is over", &m, WIRE_COUNTS);
}

/* ---- payloads in chunks ---- */

static struct wire_msg chunk(enum wire_kind kind, uint8_t task, wire_token token, const uint8_t *data, size_t bytes)
{
    struct wire_msg m = { .type = WIRE_CHUNK };
    wire_peer_transfer_key(&m, kind, day_id(task), token);
    WIRE_SET(&m, offset, 0);
    m.has_payload = true;
    m.payload = data;
    m.payload_bytes = bytes;
    return m;
}

static void input_in_chunks(uint8_t task, const char *queue, size_t bytes)
{
    static const wire_token none;
    struct wire_msg m = day_submit(task, queue, "keccak", bytes);
    m.has_payload = false;
    m.payload = NULL;
    m.payload_bytes = 0;
    day_ask(ACME, "SUBMIT, its input in chunks", &m, WIRE_CREDIT);
    m = chunk(WIRE_KIND_INPUT, task, none, day_payload(task), bytes / 2);
    day_step("acme: half of it, then the rest");
    wire_peer_send(day_peer(ACME), &m);
    m = chunk(WIRE_KIND_INPUT, task, none, day_payload(task) + bytes / 2, bytes - bytes / 2);
    WIRE_SET(&m, offset, bytes / 2);
    wire_peer_send(day_peer(ACME), &m);
    day_told(ACME, WIRE_SUBMIT_OK);
    day_settle();
}

static struct wire_msg credit(enum wire_kind kind, uint8_t task, wire_token token)
{
    struct wire_msg m = { .type = WIRE_CREDIT };
    wire_peer_transfer_key(&m, kind, day_id(task), token);
    WIRE_SET(&m, offset, 0);
    WIRE_SET(&m, bytes, 262144);
    return m;
}

static void a_large_task(void)
{
    static const wire_token none;
    input_in_chunks(20, "outer", LARGE);
    struct wire_msg m = { .type = WIRE_READY };
    WIRE_SET(&m, credit, 1);
    day_ask(NODE, "READY", &m, WIRE_OFFER);
    wire_token token = token_of(NODE);
    m = credit(WIRE_KIND_INPUT, 20, token);
    day_ask(NODE, "CREDIT", &m, WIRE_CHUNK);
    m = of_token(WIRE_STARTED, token);
    day_say(NODE, "STARTED", &m);
    m = result_of(token, 20, LARGE, LARGE);
    day_ask(NODE, "RESULT, its bytes in chunks", &m, WIRE_CREDIT);
    m = chunk(WIRE_KIND_RESULT, 20, token, day_payload(20 + 128), LARGE);
    day_ask(NODE, "all of it", &m, WIRE_RESULT_OK);
    day_told(ACME, WIRE_DELIVER);
    m = credit(WIRE_KIND_RESULT, 20, none);
    day_ask(ACME, "CREDIT", &m, WIRE_CHUNK);
    m = day_of_task(WIRE_FETCH, 20);
    day_ask(ACME, "FETCH", &m, WIRE_DELIVER);
    input_in_chunks(21, "loose", IN_A_FILE);
    m = (struct wire_msg){ .type = WIRE_READY };
    WIRE_SET(&m, credit, 1);
    day_ask(NODE, "READY", &m, WIRE_OFFER);
    m = of_token(WIRE_RELEASE, token_of(NODE));
    WIRE_SET(&m, reason, WIRE_REASON_RESOURCE);
    day_say(NODE, "RELEASE", &m);
    m = day_of_task(WIRE_CANCEL, 21);
    day_ask(ACME, "CANCEL", &m, WIRE_CANCELLED);
}

/* A byte too many in the file of a small input, which is still read from its beginning. */
static void a_file_that_grew(void)
{
    input_in_chunks(22, "loose", IN_A_FILE);
    day_grow_payload(22, IN_A_FILE);
    struct wire_msg m = { .type = WIRE_READY };
    WIRE_SET(&m, credit, 1);
    day_say(NODE, "READY, and its file is no longer what it was", &m);
    day_told(ACME, WIRE_DELIVER);
    m = day_of_task(WIRE_SHOW, 22);
    day_ask(ACME, "SHOW", &m, WIRE_TASK);
    m = day_submit(23, "loose", "keccak", 20);
    day_ask(ACME, "SUBMIT, for the credit that is left", &m, WIRE_SUBMIT_OK);
    day_told(NODE, WIRE_OFFER);
    wire_token token = token_of(NODE);
    m = day_of_task(WIRE_CANCEL, 23);
    day_ask(ACME, "CANCEL of what was offered", &m, WIRE_CANCELLED);
    day_told(NODE, WIRE_REVOKE);
    m = of_token(WIRE_REVOKED, token);
    day_say(NODE, "REVOKED", &m);
}

/* ---- ends ---- */

static void it_fails(void)
{
    wire_token token = begins(NODE, 30, "outer");
    struct wire_msg m = of_token(WIRE_FAIL, token);
    WIRE_SET(&m, task, day_id(30));
    WIRE_SET(&m, failure, WIRE_FAILURE_PERMANENT);
    WIRE_SET(&m, status, PV_BAD_WITNESS);
    WIRE_SET(&m, text, "line 7 breaks");
    day_say(NODE, "FAIL for good", &m);
    day_told(ACME, WIRE_DELIVER);
    m = day_of_task(WIRE_KICK, 30);
    day_ask(ACME, "KICK", &m, WIRE_TASK);
    day_ask(BOSS, "KICK again", &m, WIRE_ERROR);
    m = day_of_task(WIRE_CANCEL, 30);
    day_ask(ACME, "CANCEL", &m, WIRE_CANCELLED);
    day_ask(ACME, "CANCEL again", &m, WIRE_CANCELLED);
    token = begins(NODE, 31, "outer");
    m = of_token(WIRE_FAIL, token);
    WIRE_SET(&m, task, day_id(31));
    WIRE_SET(&m, failure, WIRE_FAILURE_RETRYABLE);
    WIRE_SET(&m, status, PV_FAILED);
    day_say(NODE, "FAIL, to be tried again", &m);
    m = day_of_task(WIRE_CANCEL, 31);
    day_ask(ACME, "CANCEL", &m, WIRE_CANCELLED);
    token = begins(NODE, 32, "inner");
    m = day_of_task(WIRE_CANCEL, 32);
    day_ask(ACME, "CANCEL of what runs", &m, WIRE_CANCELLED);
    day_told(NODE, WIRE_REVOKE);
    m = result_of(token, 32, 20, 30);
    day_ask(NODE, "its RESULT", &m, WIRE_RESULT_OK);
    m = of_token(WIRE_REVOKED, token);
    day_say(NODE, "REVOKED", &m);
    token = begins(NODE, 33, "outer");
    m = result_of(token, 33, 21, 30);
    day_ask(NODE, "a RESULT of another input", &m, WIRE_RESULT_OK);
    m = day_of_task(WIRE_CANCEL, 33);
    day_ask(ACME, "CANCEL", &m, WIRE_CANCELLED);
}

static void a_client_proves_it(void)
{
    struct wire_msg m = day_submit(40, "outer", "nobody-has-it", 20);
    day_ask(ACME, "SUBMIT of a circuit that nobody has", &m, WIRE_SUBMIT_OK);
    m = day_of_task(WIRE_CLAIM, 40);
    day_ask(ACME, "CLAIM", &m, WIRE_CLAIMED);
    wire_token token = token_of(ACME);
    m = result_of(token, 40, 20, 30);
    day_ask(ACME, "RESULT", &m, WIRE_RESULT_OK);
    m = day_of_task(WIRE_CLAIM, 40);
    day_ask(ACME, "CLAIM of what is over", &m, WIRE_ERROR);
    m = day_of_task(WIRE_CLAIM, 99);
    day_ask(ACME, "CLAIM of nothing", &m, WIRE_ERROR);
}

/* ---- operators ---- */

static struct wire_msg queue_verb(enum wire_verb verb, const char *queue, const struct wire_cell *cells, size_t n)
{
    struct wire_msg m = { .type = WIRE_QUEUE };
    WIRE_SET(&m, req, 61);
    WIRE_SET(&m, queue, queue);
    WIRE_SET(&m, verb, verb);
    if (n) WIRE_SET(&m, options, ((struct wire_row){ .cells = cells, .cells_n = n }));
    return m;
}

static struct wire_msg prover_verb(enum wire_verb verb, const char *prover, const char *principal)
{
    struct wire_msg m = { .type = WIRE_PROVER };
    WIRE_SET(&m, req, 62);
    WIRE_SET(&m, prover, prover);
    WIRE_SET(&m, verb, verb);
    if (principal) WIRE_SET(&m, principal, principal);
    return m;
}

static void operators(void)
{
    static const struct wire_cell good[] = { { "run_timeout_ms", WIRE_CELL_INT, .number = 500000 },
                                             { "stall_timeout_ms", WIRE_CELL_INT, .number = 400000 } };
    static const struct wire_cell back[] = { { "run_timeout_ms", WIRE_CELL_NIL, .number = 0 } };
    static const struct wire_cell bad[] = { { "stall_timeout_ms", WIRE_CELL_INT, .number = 1 },
                                            { "colour", WIRE_CELL_TEXT, .text = "red" } };
    static const struct wire_cell negative[] = { { "run_timeout_ms", WIRE_CELL_INT, .number = -1 } };
    struct wire_msg m = queue_verb(WIRE_VERB_PAUSE, "outer", NULL, 0);
    day_ask(ACME, "QUEUE pause by a client", &m, WIRE_ERROR);
    day_ask(BOSS, "QUEUE pause", &m, WIRE_ROWS);
    m = queue_verb(WIRE_VERB_SET, "outer", good, 2);
    day_ask(BOSS, "QUEUE set", &m, WIRE_ROWS);
    m = queue_verb(WIRE_VERB_SET, "outer", back, 1);
    day_ask(BOSS, "QUEUE set nil", &m, WIRE_ROWS);
    m = queue_verb(WIRE_VERB_SET, "outer", bad, 2);
    day_ask(BOSS, "QUEUE set of what is none", &m, WIRE_ERROR);
    m = queue_verb(WIRE_VERB_SET, "outer", negative, 1);
    day_ask(BOSS, "QUEUE set below 0", &m, WIRE_ERROR);
    m = queue_verb(WIRE_VERB_SET, "outer", NULL, 0);
    day_ask(BOSS, "QUEUE set of nothing", &m, WIRE_ERROR);
    m = queue_verb(WIRE_VERB_RESUME, "outer", NULL, 0);
    day_ask(BOSS, "QUEUE resume", &m, WIRE_ROWS);
    m = queue_verb(WIRE_VERB_RESUME, "nowhere", NULL, 0);
    day_ask(BOSS, "QUEUE resume of none", &m, WIRE_ERROR);
    prover_comes(OTHER, "p1", 0);
    m = prover_verb(WIRE_VERB_DRAIN, "p1", NULL);
    day_ask(BOSS, "PROVER drain, two have the name", &m, WIRE_ERROR);
    m = prover_verb(WIRE_VERB_DRAIN, "p1", "other");
    day_ask(BOSS, "PROVER drain", &m, WIRE_ROWS);
    day_ask(ACME, "PROVER drain by a client", &m, WIRE_ERROR);
    m = prover_verb(WIRE_VERB_RESUME, "p1", "other");
    day_ask(BOSS, "PROVER resume", &m, WIRE_ROWS);
    m = prover_verb(WIRE_VERB_DRAIN, "p9", NULL);
    day_ask(BOSS, "PROVER drain of none", &m, WIRE_ERROR);
}

static void list(enum who who, enum wire_what what, uint32_t limit, const char *after, const char *queue, bool allowed)
{
    char title[80];
    struct wire_msg m = { .type = WIRE_LIST };
    WIRE_SET(&m, req, 70);
    WIRE_SET(&m, what, what);
    if (limit) WIRE_SET(&m, limit, limit);
    if (after) WIRE_SET(&m, after, after);
    if (queue) WIRE_SET(&m, queue, queue);
    snprintf(title, sizeof title, "LIST %s, limit %u, after %s, queue %s", wire_word(WIRE_WORDS_what, (int)what), limit,
             after ? after : "-", queue ? queue : "-");
    day_ask(who, title, &m, allowed ? WIRE_ROWS : WIRE_ERROR);
}

static void tables(void)
{
    for (int what = WIRE_WHAT_TASKS; what <= WIRE_WHAT_KEYS; what++) {
        bool all = what != WIRE_WHAT_PROVERS && what != WIRE_WHAT_CLIENTS && what != WIRE_WHAT_KEYS;
        list(BOSS, (enum wire_what)what, 0, NULL, NULL, true);
        list(ACME, (enum wire_what)what, 0, NULL, NULL, all);
    }
    list(BOSS, WIRE_WHAT_TASKS, 2, NULL, NULL, true);
    list(BOSS, WIRE_WHAT_TASKS, 2, "2", NULL, true);
    list(BOSS, WIRE_WHAT_TASKS, 0, NULL, "inner", true);
    list(BOSS, WIRE_WHAT_EVENTS, 2, NULL, NULL, true);
    list(BOSS, WIRE_WHAT_QUEUES, 1, NULL, NULL, true);
    list(BOSS, WIRE_WHAT_CLIENTS, 1, NULL, NULL, true);
    struct wire_msg m = { .type = WIRE_LIST };
    WIRE_SET(&m, req, 71);
    WIRE_SET(&m, what, WIRE_WHAT_TASKS);
    WIRE_SET(&m, state, TASK_SUCCEEDED);
    day_ask(BOSS, "LIST tasks that succeeded", &m, WIRE_ROWS);
    m = (struct wire_msg){ .type = WIRE_LIST };
    WIRE_SET(&m, req, 72);
    WIRE_SET(&m, what, WIRE_WHAT_KEYS);
    WIRE_SET(&m, prover, "p1");
    WIRE_SET(&m, principal, "other");
    day_ask(BOSS, "LIST keys of one of them", &m, WIRE_ROWS);
}

/* More than one turn has rows to look at for, and more than may wait: each has an answer all the same. */
static void many_questions(void)
{
    enum { MANY = 150 };
    struct wire_peer *p = day_peer(BOSS);
    struct wire_msg m = { .type = WIRE_LIST };
    unsigned answers = 0;
    WIRE_SET(&m, what, WIRE_WHAT_STATUS);
    for (uint32_t i = 1; i <= MANY; i++) {
        WIRE_SET(&m, req, i);
        wire_peer_send(p, &m);
    }
    while (answers < MANY) {
        if (!wire_peer_next(p, 20000)) fail_msg("%u answers", answers);
        bool busy = p->in.type == WIRE_ERROR && p->in.status == PV_BUSY && !strcmp(p->in.which, "lists");
        assert_true(busy || p->in.type == WIRE_ROWS);
        assert_in_range(p->in.req, 1, MANY);
        answers++;
    }
    day_settle();
}

/* ---- leaving ---- */

static void they_leave(void)
{
    struct wire_msg m = { .type = WIRE_HEARTBEAT };
    static const struct wire_held held[] = { { .token = { 9, 9 }, .has.token = true } };
    WIRE_SET_LIST(&m, held, held, 1);
    day_ask(NODE, "HEARTBEAT with what was never its own", &m, WIRE_HEARTBEAT);
    begins(OTHER, 50, "outer");
    day_hang_up(OTHER, "its connection ends");
    day_logged("peer.gone");
    m = day_of_task(WIRE_SHOW, 50);
    day_ask(ACME, "SHOW of what it had", &m, WIRE_TASK);
    m = day_of_task(WIRE_CANCEL, 50);
    day_ask(ACME, "CANCEL", &m, WIRE_CANCELLED);
    m = (struct wire_msg){ .type = WIRE_DRAIN };
    day_say(NODE, "DRAIN", &m);
    m = (struct wire_msg){ .type = WIRE_DISCONNECT };
    WIRE_SET(&m, status, PV_OK);
    day_step("node: DISCONNECT");
    wire_peer_send(day_peer(NODE), &m);
    day_logged("peer.gone");
    wire_peer_close(day_peer(NODE));
    input_in_chunks(60, "outer", LARGE); /* it waits until the next day */
}

static void reloads(void)
{
    day_write_settings("queues:\n  - name: outer\n    colour: red\n");
    day_reload("HUP, with settings that are none");
    day_write_settings("queues:\n  - name: outer\n  - name: new\nheartbeat_ms: 90000\nlease_ms: 400000\n");
    day_rights(RIVAL, NULL);
    day_write_keys();
    day_reload("HUP, with a new queue, a setting of the start and without rival");
    day_told(RIVAL, WIRE_ERROR);
    list(BOSS, WIRE_WHAT_QUEUES, 0, NULL, NULL, true);
    day_rights(ACME, "roles: [client], queues: [outer, loose, new]");
    day_write_keys();
    day_reload("HUP, with other rights for acme");
    day_told(ACME, WIRE_ERROR);
    day_rights(ACME, "roles: [nothing]");
    day_write_keys();
    day_reload("HUP, with keys that are none");
    list(BOSS, WIRE_WHAT_EVENTS, 0, "4294967340", NULL, true);
}

static void the_next_day(void)
{
    day_rights(ACME, "roles: [client]");
    day_rights(RIVAL, "roles: [client]");
    day_write_keys();
    day_write_settings(settings);
    day_lose_payload(60, LARGE);
    day_step("the next day, without a file");
    day_open();
    day_logged("task.moved"); /* what was looked at is logged before */
    day_dial(BOSS);
    struct wire_msg m = day_hello(BOSS, WIRE_ROLE_ADMIN, "boss-1");
    day_ask(BOSS, "HELLO", &m, WIRE_WELCOME);
    for (uint8_t task = 1; task <= 60; task++) {
        if (task != 1 && task != 20 && task != 60) continue;
        m = day_of_task(WIRE_SHOW, task);
        day_ask(BOSS, "SHOW", &m, WIRE_TASK);
    }
    list(BOSS, WIRE_WHAT_TASKS, 0, NULL, NULL, true);
    list(BOSS, WIRE_WHAT_EVENTS, 0, NULL, NULL, true);
    list(BOSS, WIRE_WHAT_STATUS, 0, NULL, NULL, true);
    day_close();
}

static void two_days(void **state)
{
    day_begin();
    day_rights(BOSS, "roles: [admin]");
    day_rights(ACME, "roles: [client]");
    day_rights(RIVAL, "roles: [client], queues: [inner], queued_tasks: 1, connections: 1");
    day_rights(NODE, "roles: [prover]");
    day_rights(OTHER, "roles: [prover], queues: [outer]");
    day_write_keys();
    day_write_settings(settings);
    day_step("the first day");
    day_open();
    they_come();
    they_talk_nonsense();
    a_small_task();
    refused_submits();
    a_large_task();
    a_file_that_grew();
    it_fails();
    a_client_proves_it();
    operators();
    tables();
    many_questions();
    they_leave();
    reloads();
    day_step("TERM");
    day_close();
    the_next_day();
    day_end(golden, write_it);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(two_days) };
    golden = argc > 1 ? argv[1] : "vectors/broker/day.txt";
    write_it = argc > 2 && !strcmp(argv[2], "write");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
