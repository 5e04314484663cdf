/* Peers that send what no correct peer would: noise, floods, and more than they wait for. */
#include "broker_scene.h"
#include "raw_tcp.h"
#include "sanitized.h"

#include <dirent.h>

static void hostile_frames_do_no_harm(void **state)
{
    struct wire_peer peer, client;
    unsigned seed = (unsigned)pv_clock_us();
    print_message("seed %u\n", seed);
    srand(seed);
    wire_peer_open(&peer, broker.endpoint);
    for (int i = 0; i < 20000; i++) {
        static uint8_t noise[5][300];
        const void *frames[5];
        size_t bytes[5], n = 1 + (size_t)rand() % 5;
        for (size_t k = 0; k < n; k++) {
            bytes[k] = (size_t)rand() % (k ? 300 : 6);
            for (size_t j = 0; j < bytes[k]; j++) noise[k][j] = (uint8_t)rand();
            frames[k] = noise[k];
        }
        if (rand() % 2) memcpy(noise[0], "PV\1", 3), noise[0][3] = (uint8_t)(rand() % 64), bytes[0] = 4;
        wire_peer_send_raw(&peer, frames, bytes, n);
        while (i % 100 == 99 && wire_peer_next(&peer, 0)) continue;
    }
    assert_true(broker_process_alive(&broker));
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_ask(&client, WIRE_SHOW, wire_peer_new_id());
    WANT(&client, WIRE_ERROR);
    assert_int_equal(client.in.status, PV_NOT_FOUND);
    wire_peer_close(&peer);
    wire_peer_close(&client);
}

static uint64_t peak_kib(pid_t pid)
{
    char path[64], line[256];
    unsigned long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) sscanf(line, "VmHWM: %lu", &kib);
    if (f) fclose(f);
    return kib;
}

/* Peers that send much faster than anybody reads, with PINGs of the transport in between, and then reset their
 * connections: what ended a broker that stopped reading from them (flood.h). */
static void a_flood_is_cut_and_outlived(void **state)
{
    enum { PEERS = 4, MESSAGES = 100000, BYTES = 2000 };
    static const uint8_t noise[BYTES];
    const void *frames[] = { "PV\1\1", noise };
    const size_t bytes[] = { 4, BYTES };
    const char *const more[] = { "--insecure", "--queue", "outer", "--memory-max", "1M", NULL };
    struct wire_peer flooder[PEERS], client;
    if (PV_SANITIZED) {
        print_message("memory is counted by glibc's malloc, which is not in: skipped\n");
        skip();
    }
    struct broker_process usual_one = scene_beside("flood", more);
    for (int k = 0; k < PEERS; k++) {
        int ping_ms = 2;
        wire_peer_open(&flooder[k], broker.endpoint);
        zmq_setsockopt(flooder[k].socket, ZMQ_HEARTBEAT_IVL, &ping_ms, sizeof ping_ms);
        zmq_connect(flooder[k].socket, broker.endpoint); /* a second connection, which has the option */
    }
    for (int i = 0; i < MESSAGES; i++)
        for (int k = 0; k < PEERS; k++) wire_peer_send_raw(&flooder[k], frames, bytes, 2);
    bool said = false;
    for (uint64_t end = pv_clock_ms() + SOON; !said && pv_clock_ms() < end; poll(NULL, 0, 20))
        said = scene_log_says("peer.flood");
    for (int k = 0; k < PEERS; k++) wire_peer_close(&flooder[k]);
    wire_peer_client(&client, broker.endpoint, "after");
    uint64_t peak = peak_kib(broker.pid);
    print_message("%d messages of %d bytes: peak %llu KiB\n", PEERS * MESSAGES, BYTES, (unsigned long long)peak);
    wire_peer_close(&client);
    int code = scene_back(usual_one);
    assert_int_equal(code, 0);
    assert_true(said);
    assert_true(peak < 400 * 1024); /* they sent twice that */
}

/* Waits until more can be sent. False: the other side has closed. (A send that blocks would not tell: with a full window the
 * kernel finds out at its next probe, after up to two minutes.) */
static bool may_send(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT | POLLRDHUP };
    if (poll(&p, 1, SOON) != 1) fail_msg("the broker neither reads on nor closes");
    return !(p.revents & (POLLRDHUP | POLLERR | POLLHUP));
}

/* Frames of a message that never ends, until the broker cuts the connection; at most as many bytes as said. */
static size_t sends_without_end(int fd, size_t frame_bytes, size_t most)
{
    static uint8_t frame[9 + 256 * 1024];
    size_t head = frame_bytes > 255 ? 9 : 2, sent = 0;
    frame[0] = frame_bytes > 255 ? 3 : 1;
    frame[1] = frame_bytes > 255 ? 0 : (uint8_t)frame_bytes;
    for (int i = 0; i < 8 && head == 9; i++) frame[1 + i] = (uint8_t)((uint64_t)frame_bytes >> (56 - 8 * i));
    for (size_t at = 0; sent < most && may_send(fd);) {
        ssize_t n = send(fd, frame + at, head + frame_bytes - at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN) break;
        if (n < 0) continue;
        sent += (size_t)n;
        at = (at + (size_t)n) % (head + frame_bytes);
    }
    return sent;
}

/* Nothing of such a message ever reaches the loop. Its sender is cut soon, and another client notices nothing. */
static void a_message_without_an_end_is_cut(void **state)
{
    enum { MOST = 1 << 30 };
    static const size_t frames[] = { 256 * 1024, 1 };
    const char *const more[] = { "--insecure", "--queue", "outer", "--memory-max", "100M", NULL };
    struct wire_peer client;
    struct broker_process usual_one = scene_beside("endless", more);
    wire_peer_client(&client, broker.endpoint, "honest");
    for (size_t i = 0; i < 4; i++) {
        int fd = raw_zmtp_dial(broker.endpoint, "", 0);
        if (i / 2) { /* one that was welcome, and a stranger */
            struct wire_msg m;
            wire_peer_hello(&client, &m, WIRE_ROLE_CLIENT, "endless");
            m.session = wire_peer_new_id();
            raw_zmtp_send(fd, &m);
            assert_true(raw_zmtp_hears(fd, WIRE_WELCOME, SOON));
        }
        size_t sent = sends_without_end(fd, frames[i % 2], MOST);
        assert_true(sent < MOST);
        close(fd);
        wire_peer_ask(&client, WIRE_SHOW, wire_peer_new_id());
        WANT(&client, WIRE_ERROR);
        assert_int_equal(client.in.status, PV_NOT_FOUND);
    }
    /* And one that sends a little too much, then waits. */
    int fd = raw_zmtp_dial(broker.endpoint, "", 0);
    sends_without_end(fd, 1000, 100000);
    assert_true(raw_closed_within(fd, SOON));
    close(fd);
    uint64_t peak = peak_kib(broker.pid);
    print_message("peak %llu KiB\n", (unsigned long long)peak);
    assert_int_equal(scene_log_lines("message-without-end"), 5); /* not by the time that strangers have */
    wire_peer_close(&client);
    int code = scene_back(usual_one);
    assert_int_equal(code, 0);
    if (!PV_SANITIZED) assert_true(peak < 700 * 1024);
}

static size_t descriptors_open(pid_t pid)
{
    char path[64];
    size_t n = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *d = opendir(path);
    while (d && readdir(d)) n++;
    if (d) closedir(d);
    return n;
}

/* Says HELLO thousands of times, and once with this name, and closes. */
static void hellos_leave(const char *last_words)
{
    enum { HELLOS = 20000 };
    struct wire_peer gone;
    struct wire_msg m;
    int wait = -1;
    wire_peer_open(&gone, broker.endpoint);
    wire_peer_hello(&gone, &m, WIRE_ROLE_CLIENT, "left-behind");
    wire_peer_send(&gone, &m);
    WANT(&gone, WIRE_WELCOME);
    for (int i = 0; i < HELLOS; i++) wire_peer_send(&gone, &m);
    WIRE_SET(&m, name, last_words);
    wire_peer_send(&gone, &m);
    zmq_setsockopt(gone.socket, ZMQ_LINGER, &wait, sizeof wait);
    wire_peer_close(&gone);
}

/* What a closed connection left in the socket is read when its descriptor may be another's already: HELLOs of somebody who
 * has gone must not end who has come. True: some were left, to the last, and the next went on. */
static bool the_next_goes_on(const char *last_words)
{
    struct wire_peer client;
    char line[64];
    size_t before = descriptors_open(broker.pid);
    snprintf(line, sizeof line, "name=%s", last_words);
    hellos_leave(last_words);
    uint64_t end = pv_clock_ms() + SOON;
    while (descriptors_open(broker.pid) > before && pv_clock_ms() < end) poll(NULL, 0, 1);
    bool left = !scene_log_says(line), last = false, all = false;
    wire_peer_client(&client, broker.endpoint, "next");
    for (; !all && pv_clock_ms() < end; all = last) {
        last = scene_log_says(line);
        wire_peer_ask(&client, WIRE_SHOW, wire_peer_new_id());
        WANT(&client, WIRE_ERROR);
        assert_int_equal(client.in.status, PV_NOT_FOUND);
    }
    wire_peer_close(&client);
    return left && all;
}

static void words_left_behind_do_not_end_the_next_on_their_descriptor(void **state)
{
    /* An answer that comes after the peer's close resets the connection, and what the kernel still had for the broker is lost:
     * then nothing is left to the last (two of twenty on a busy machine). */
    enum { TRIES = 5 };
    char name[32];
    bool shown = false;
    for (int i = 0; i < TRIES && !shown; i++) {
        snprintf(name, sizeof name, "last-words-%d", i);
        shown = the_next_goes_on(name);
    }
    assert_true(shown);
}

static void manners_are_asked_for(void **state)
{
    struct wire_peer p;
    wire_peer_open(&p, broker.endpoint);
    wire_peer_ask(&p, WIRE_SHOW, wire_peer_new_id());
    WANT(&p, WIRE_ERROR);
    assert_int_equal(p.in.status, PV_BAD_STATE);
    wire_peer_close(&p);
    wire_peer_client(&p, broker.endpoint, "worker");
    wire_peer_submit(&p, wire_peer_new_id(), "nowhere", "keccak", input, sizeof input);
    WANT(&p, WIRE_ERROR);
    assert_int_equal(p.in.status, PV_UNKNOWN_QUEUE);
    assert_int_equal(p.in.req, p.req);
    struct wire_msg m = wire_peer_submit_msg(&p, wire_peer_new_id(), "outer", "keccak", input, sizeof input);
    m.sha256.bytes[0] ^= 1;
    wire_peer_send(&p, &m);
    WANT(&p, WIRE_ERROR);
    assert_int_equal(p.in.status, PV_HASH_MISMATCH);
    m = wire_peer_submit_msg(&p, wire_peer_new_id(), "outer", "keccak", input, sizeof input);
    m.length = 1ull << 40;
    m.has_payload = false;
    wire_peer_send(&p, &m);
    WANT(&p, WIRE_ERROR);
    assert_int_equal(p.in.status, PV_TOO_LARGE);
    wire_peer_ready(&p, 1);
    WANT(&p, WIRE_ERROR);
    assert_int_equal(p.in.status, PV_UNAUTHORIZED);
    wire_peer_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_frames_do_no_harm),
        cmocka_unit_test(a_flood_is_cut_and_outlived),
        cmocka_unit_test(a_message_without_an_end_is_cut),
        cmocka_unit_test(words_left_behind_do_not_end_the_next_on_their_descriptor),
        cmocka_unit_test(manners_are_asked_for),
    };
    return cmocka_run_group_tests(tests, scene_open, scene_close);
}
