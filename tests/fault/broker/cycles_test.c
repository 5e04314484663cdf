/* Cycles of large payloads through peers that never leave (SEMANTICS 15): descriptors, files, disk and memory are in the end
 * what they were when the peers had warmed up. Files that are written over by the next payloads are a bounded few.
 *
 *   cycles_test [CYCLES BYTES]     default 500 cycles of 128 KiB; the soak says more, and PV_ROUNDS multiplies it
 */
#include "broker_scene.h"
#include "held.h"

enum { PAIRS = 25, WARM = 50, RESULT = 131072, MEMORY_KIB = 8 << 10, SPARES_MOST = 64 /* blob_spares.h */ };

static uint64_t cycles = 500, bytes = 131072;
static uint8_t *payload, *got, result[RESULT];
static struct wire_peer client[PAIRS], prover[PAIRS];
static const wire_token no_token;

static void acknowledge(struct wire_peer *c, wire_id task)
{
    struct wire_msg m = { .type = WIRE_ACK };
    WIRE_SET(&m, task, task);
    WIRE_SET(&m, generation, 1);
    wire_peer_send(c, &m);
}

/* One task, in and out, by a client and a prover that have done it before and will again. */
static void cycle(uint64_t i)
{
    struct wire_peer *c = &client[i % PAIRS], *p = &prover[i / 2 % PAIRS];
    wire_id task = wire_peer_new_id();
    memcpy(payload, &i, sizeof i); /* each is a file of its own */
    memcpy(result, &i, sizeof i);
    wire_peer_ready(p, 1);
    wire_peer_submit(c, task, "outer", "keccak", payload, bytes);
    assert_true(wire_peer_upload(c, WIRE_KIND_INPUT, task, no_token, payload, bytes, SOON));
    WANT(p, WIRE_OFFER);
    wire_token token = p->in.token;
    wire_hash hash = p->in.sha256;
    assert_true(wire_peer_download(p, WIRE_KIND_INPUT, task, token, got, bytes, SOON));
    wire_peer_started(p, token);
    wire_peer_result(p, token, task, hash, result, RESULT);
    assert_true(wire_peer_upload(p, WIRE_KIND_RESULT, task, token, result, RESULT, SOON));
    WANT(p, WIRE_RESULT_OK);
    WANT(c, WIRE_DELIVER);
    assert_true(wire_peer_download(c, WIRE_KIND_RESULT, task, no_token, got, RESULT, SOON));
    assert_memory_equal(got, result, RESULT);
    acknowledge(c, task);
}

/* Waits until the last tasks are forgotten: their files are gone. */
static struct held at_rest(void)
{
    for (uint64_t end = pv_clock_ms() + SOON; held_files(broker.state, "blobs") && pv_clock_ms() < end;)
        poll(NULL, 0, 20);
    struct held h = held_by(broker.pid);
    print_message("descriptors %llu, of payloads %llu, deleted %llu; memory %llu KiB; files %llu\n",
                  (unsigned long long)h.descriptors, (unsigned long long)h.payloads, (unsigned long long)h.deleted,
                  (unsigned long long)h.memory_kib, (unsigned long long)held_files(broker.state, "blobs"));
    return h;
}

static void peers_that_never_leave_hold_nothing(void **state)
{
    for (int i = 0; i < PAIRS; i++) {
        char name[16];
        snprintf(name, sizeof name, "p%d", i);
        wire_peer_client(&client[i], broker.endpoint, "worker");
        wire_peer_prover(&prover[i], broker.endpoint, name, "outer", "keccak", 1);
        prover[i].beat_ms = 0;
        wire_peer_ready(&prover[i], 0);
    }
    for (uint64_t i = 0; i < WARM; i++) cycle(i);
    struct held before = at_rest();
    for (uint64_t i = 0; i < cycles; i++) cycle(WARM + i);
    struct held after = at_rest();
    assert_int_equal(held_files(broker.state, "blobs"), 0);
    assert_true(held_files(broker.state, "incoming") <= SPARES_MOST);
    assert_int_equal(after.payloads, 0);
    assert_int_equal(after.deleted, 0);
    assert_true(after.descriptors <= before.descriptors);
    assert_true(after.memory_kib <= before.memory_kib + MEMORY_KIB);
    for (int i = 0; i < PAIRS; i++) {
        wire_peer_close(&client[i]);
        wire_peer_close(&prover[i]);
    }
}

static int setup(void **state)
{
    static const char *const arguments[] = { "--insecure", "--queue",    "outer,sync=off", "--heartbeat-ms",
                                             "600000",     "--lease-ms", "3600000",        "--late-ms",
                                             "1",          NULL };
    const char *rounds = getenv("PV_ROUNDS");
    if (rounds && strtoull(rounds, NULL, 10) > 1) cycles *= strtoull(rounds, NULL, 10);
    payload = malloc(bytes);
    got = malloc(bytes > RESULT ? bytes : RESULT);
    if (!payload || !got) return 1;
    scene_fill(payload, bytes);
    scene_fill(result, RESULT);
    temp_dir_make(dir);
    return !scene_start(arguments);
}

static int teardown(void **state)
{
    free(payload);
    free(got);
    return scene_close(state);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(peers_that_never_leave_hold_nothing) };
    if (argc == 3) cycles = strtoull(argv[1], NULL, 10), bytes = strtoull(argv[2], NULL, 10);
    return cmocka_run_group_tests(tests, setup, teardown);
}
