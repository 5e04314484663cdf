/* Peers that do not read: what they ask for waits in the broker's store, not in its memory, and comes when they read. */
#include "broker_scene.h"
#include "held.h"
#include "raw_tcp.h"

enum {
    RESULTS = 40,
    RESULT = 1 << 20,
    SMALLS = 300,
    SMALL = 60000,
    CONNECTIONS = 20,
    WINDOW = 1 << 20,
    CHUNK = 1 << 18
};

static uint8_t result[RESULT], got[RESULT];
static const wire_token no_token;
static wire_id tasks[RESULTS], smalls[SMALLS];

/* ---- who does not read ---- */

static int deaf_dial(void)
{
    struct wire_msg hello = { .type = WIRE_HELLO };
    int fd = raw_zmtp_dial(broker.endpoint, "", 0);
    WIRE_SET(&hello, role, WIRE_ROLE_CLIENT);
    WIRE_SET(&hello, name, "deaf");
    WIRE_SET(&hello, session, wire_peer_new_id());
    WIRE_SET(&hello, software, "raw");
    WIRE_SET(&hello, vmin, 1);
    WIRE_SET(&hello, vmax, 1);
    WIRE_SET(&hello, epoch, 0);
    raw_zmtp_send(fd, &hello);
    return fd;
}

static void deaf_fetch(int fd, wire_id task, uint32_t req)
{
    struct wire_msg m = { .type = WIRE_FETCH };
    WIRE_SET(&m, req, req);
    WIRE_SET(&m, task, task);
    raw_zmtp_send(fd, &m);
}

static void deaf_credit(int fd, wire_id task)
{
    struct wire_msg m = { .type = WIRE_CREDIT };
    WIRE_SET(&m, kind, WIRE_KIND_RESULT);
    WIRE_SET(&m, task, task);
    WIRE_SET(&m, offset, 0);
    WIRE_SET(&m, bytes, RESULT);
    raw_zmtp_send(fd, &m);
}

/* It reads after all: one frame. */
static size_t hear_frame(int fd, uint8_t *to, size_t room, bool *more)
{
    uint8_t head[9];
    assert_int_equal(recv(fd, head, 2, MSG_WAITALL), 2);
    size_t n = head[1];
    if (head[0] & 2) {
        assert_int_equal(recv(fd, head + 2, 7, MSG_WAITALL), 7);
        n = (size_t)head[6] << 16 | (size_t)head[7] << 8 | head[8];
    }
    assert_true(n <= room);
    assert_int_equal(recv(fd, to, n, MSG_WAITALL), (ssize_t)n);
    *more = head[0] & 1;
    return n;
}

/* The next message, after the handshake's. */
static struct wire_msg *hear(int fd)
{
    static uint8_t frame[3][1 << 19];
    static struct wire_msg m;
    char why[WIRE_WHY_BYTES];
    size_t bytes[3] = { 0 }, n = 0;
    bool more = true;
    wire_msg_clear(&m);
    do bytes[0] = hear_frame(fd, frame[0], sizeof frame[0], &more);
    while (!more); /* READY */
    for (n = 1; more && n < 3; n++) bytes[n] = hear_frame(fd, frame[n], sizeof frame[n], &more);
    struct wire_frames f = { frame[0], bytes[0], frame[1], bytes[1], n == 3 ? frame[2] : NULL, bytes[2] };
    assert_int_equal(wire_msg_decode(&m, WIRE_TO_PEER, &f, why), PV_OK);
    return &m;
}

/* ---- the scene ---- */

static void prove(struct wire_peer *client, struct wire_peer *prover, wire_id *task, uint32_t bytes)
{
    *task = wire_peer_new_id();
    memcpy(result, task, sizeof *task); /* each is a file of its own */
    wire_peer_ready(prover, 1);
    wire_peer_submit(client, *task, "outer", "keccak", input, sizeof input);
    WANT(prover, WIRE_OFFER);
    wire_token token = prover->in.token;
    wire_hash hash = prover->in.sha256;
    wire_peer_started(prover, token);
    wire_peer_result(prover, token, *task, hash, result, bytes);
    if (bytes > WIRE_INLINE_MAX)
        assert_true(wire_peer_upload(prover, WIRE_KIND_RESULT, *task, token, result, bytes, SOON));
    WANT(prover, WIRE_RESULT_OK);
}

static int results_made(void **state)
{
    struct wire_peer client, prover;
    if (scene_open(state)) return 1;
    scene_fill(result, sizeof result);
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_prover(&prover, broker.endpoint, "p", "outer", "keccak", 1);
    for (int i = 0; i < RESULTS; i++) prove(&client, &prover, &tasks[i], RESULT);
    for (int i = 0; i < SMALLS; i++) prove(&client, &prover, &smalls[i], SMALL);
    wire_peer_close(&client);
    wire_peer_close(&prover);
    return 0;
}

/* Everything that was said to the broker is done. A peer that reads has its own share meanwhile. */
static void settled(void)
{
    struct wire_peer p;
    wire_peer_client(&p, broker.endpoint, "looks");
    for (int i = 0; i < 20; i++) {
        struct wire_msg beat = { .type = WIRE_HEARTBEAT };
        wire_peer_send(&p, &beat);
        WANT(&p, WIRE_HEARTBEAT);
        poll(NULL, 0, 10);
    }
    wire_peer_close(&p);
}

static uint64_t grown_kib(uint64_t since)
{
    uint64_t now = held_memory_kib(broker.pid);
    print_message("memory grew by %llu KiB\n", (unsigned long long)(now > since ? now - since : 0));
    return now > since ? now - since : 0;
}

/* ---- cases ---- */

static void a_peer_holds_one_window_and_has_it_all_when_it_reads(void **state)
{
    uint64_t before = held_memory_kib(broker.pid), chunks = 0;
    int fd = deaf_dial();
    for (int i = 0; i < RESULTS; i++) deaf_fetch(fd, tasks[i], (uint32_t)i + 1);
    settled(); /* credit for what it was not told of would be refused */
    for (int i = 0; i < RESULTS; i++) deaf_credit(fd, tasks[i]);
    settled();
    assert_true(grown_kib(before) < 6 * (WINDOW >> 10));
    while (chunks < (uint64_t)RESULTS * RESULT) {
        const struct wire_msg *m = hear(fd);
        if (m->type == WIRE_CHUNK) chunks += m->payload_bytes;
    }
    assert_int_equal(chunks, (uint64_t)RESULTS * RESULT);
    close(fd);
}

static void connections_of_a_principal_share_and_who_reads_is_not_stopped(void **state)
{
    struct wire_peer reader;
    int fd[CONNECTIONS];
    uint64_t before = held_memory_kib(broker.pid);
    for (int k = 0; k < CONNECTIONS; k++) {
        fd[k] = deaf_dial();
        for (int i = 0; i < RESULTS; i++) deaf_fetch(fd[k], tasks[i], (uint32_t)i + 1);
    }
    settled();
    for (int k = 0; k < CONNECTIONS; k++)
        for (int i = 0; i < RESULTS; i++) deaf_credit(fd[k], tasks[i]);
    settled();
    assert_true(grown_kib(before) < (16 * WINDOW + CONNECTIONS * CHUNK + 12 * WINDOW) >> 10);
    wire_peer_client(&reader, broker.endpoint, "reader");
    for (int i = 0; i < 3; i++) {
        struct wire_msg m = { .type = WIRE_FETCH };
        WIRE_SET(&m, req, (uint32_t)i + 1);
        WIRE_SET(&m, task, tasks[i]);
        wire_peer_send(&reader, &m);
        WANT(&reader, WIRE_DELIVER);
        assert_true(wire_peer_download(&reader, WIRE_KIND_RESULT, tasks[i], no_token, got, RESULT, SOON));
        assert_memory_equal(got, &tasks[i], sizeof tasks[i]);
    }
    wire_peer_close(&reader);
    for (int k = 0; k < CONNECTIONS; k++) close(fd[k]);
}

/* One that goes with its message is sent as one, or by credit to who has not read: all of them come. */
static void small_results_wait_too(void **state)
{
    uint64_t before = held_memory_kib(broker.pid);
    unsigned with = 0, by_credit = 0, whole = 0;
    int fd = deaf_dial();
    for (int i = 0; i < SMALLS; i++) deaf_fetch(fd, smalls[i], (uint32_t)i + 1);
    settled();
    assert_true(grown_kib(before) < 6 * (WINDOW >> 10));
    while (with + whole < SMALLS) {
        const struct wire_msg *m = hear(fd);
        if (m->type == WIRE_CHUNK) {
            assert_int_equal(m->payload_bytes, SMALL);
            whole++;
        }
        if (m->type != WIRE_DELIVER) continue;
        assert_int_equal(m->length, SMALL);
        with += m->has_payload;
        by_credit += !m->has_payload;
        if (!m->has_payload) deaf_credit(fd, m->task);
    }
    assert_int_equal(whole, by_credit);
    assert_true(with && by_credit);
    close(fd);
}

static void lists_wait_or_end_the_connection(void **state)
{
    uint64_t before = held_memory_kib(broker.pid);
    int fd = deaf_dial();
    struct wire_msg m = { .type = WIRE_LIST };
    WIRE_SET(&m, what, WIRE_WHAT_TASKS);
    for (uint32_t i = 0; i < 1000; i++) {
        WIRE_SET(&m, req, i + 1);
        raw_zmtp_send(fd, &m);
    }
    settled();
    assert_true(grown_kib(before) < 12 * (WINDOW >> 10));
    unsigned rows = 0, busy = 0;
    while (rows + busy < 1000) {
        const struct wire_msg *r = hear(fd);
        rows += r->type == WIRE_ROWS;
        if (r->type != WIRE_ERROR) continue;
        assert_int_equal(r->status, PV_BUSY);
        assert_true(r->has.which && r->has.retry_ms);
        busy++;
    }
    assert_true(rows && busy);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peer_holds_one_window_and_has_it_all_when_it_reads),
        cmocka_unit_test(connections_of_a_principal_share_and_who_reads_is_not_stopped),
        cmocka_unit_test(small_results_wait_too),
        cmocka_unit_test(lists_wait_or_end_the_connection),
    };
    return cmocka_run_group_tests(tests, results_made, scene_close);
}
