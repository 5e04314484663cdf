/* The disk: how often it is synced, when it is full, and when the log itself finds no space. */
#include "broker_scene.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/mount.h>
#include <sys/socket.h>

enum { LARGE = 400000 };

static uint8_t large[LARGE];
static const wire_token no_token;

/* Syncs of the log that twenty pipelined submits to this queue cost. */
static int64_t syncs_for(struct wire_peer *p, const char *queue)
{
    scene_list(p, WIRE_WHAT_STATUS, 0, NULL);
    int64_t before = scene_cell(p, "syncs")->number;
    for (int i = 0; i < 20; i++) wire_peer_submit(p, wire_peer_new_id(), queue, "keccak", input, sizeof input);
    for (int i = 0; i < 20; i++) WANT(p, WIRE_SUBMIT_OK);
    scene_list(p, WIRE_WHAT_STATUS, 0, NULL);
    return scene_cell(p, "syncs")->number - before;
}

static void a_queue_syncs_as_it_was_told(void **state)
{
    struct wire_peer p;
    const char *const more[] = { "--insecure", "--queue", "each,sync=always", "--queue",
                                 "together",   "--queue", "never,sync=off",   NULL };
    struct broker_process usual_one = scene_beside("syncs", more);
    wire_peer_client(&p, broker.endpoint, "worker");
    int64_t each = syncs_for(&p, "each"), together = syncs_for(&p, "together"), never = syncs_for(&p, "never");
    print_message("20 submits: always %lld, group %lld, off %lld syncs\n", (long long)each, (long long)together,
                  (long long)never);
    assert_true(each >= 20);
    assert_true(together >= 1 && together < each);
    if (on_postgres()) /* what is not with the server would not outlive the broker */
        assert_true(never >= 1);
    else
        assert_int_equal(never, 0);
    wire_peer_close(&p);
    assert_int_equal(scene_back(usual_one), 0);
}

/* sync = off: what was accepted is there after a kill -9 of the broker, if not after a power cut. */
static void a_queue_without_syncs_survives_the_process(void **state)
{
    enum { TASKS = 20 };
    struct wire_peer p;
    const char *const more[] = { "--insecure", "--queue", "never,sync=off", NULL };
    struct broker_process usual_one = scene_beside("killed", more);
    wire_peer_client(&p, broker.endpoint, "worker");
    for (int i = 0; i < TASKS; i++) wire_peer_submit(&p, wire_peer_new_id(), "never", "keccak", input, sizeof input);
    for (int i = 0; i < TASKS; i++) WANT(&p, WIRE_SUBMIT_OK);
    assert_int_equal(broker_process_end(&broker, SIGKILL), -SIGKILL);
    wire_peer_close(&p);
    assert_true(broker_process_start(&broker, scene_folder("killed"), NULL, more));
    wire_peer_client(&p, broker.endpoint, "worker");
    scene_list(&p, WIRE_WHAT_TASKS, 100, NULL);
    assert_int_equal(p.in.rows_n, TASKS);
    wire_peer_close(&p);
    assert_int_equal(scene_back(usual_one), 0);
}

/* A small file system of this name; skips the test where none may be mounted. */
static const char *disk_mount(const char *name, const char *size)
{
    const char *folder = scene_folder(name);
    if (!mount("none", folder, "tmpfs", 0, size)) return folder;
    print_message("no tmpfs may be mounted here: skipped\n");
    skip();
    return NULL;
}

/* The answer to a submit of these bytes, which no two submits share: PV_OK once it is accepted. */
static pv_status accepted(struct wire_peer *p, wire_id task, size_t bytes)
{
    memcpy(large, &task, sizeof task);
    wire_peer_submit(p, task, "outer", "keccak", large, bytes);
    while (wire_peer_next(p, SOON) && p->in.type == WIRE_HEARTBEAT) continue;
    if (p->in.type == WIRE_ERROR && bytes > WIRE_INLINE_MAX) assert_string_equal(p->in.which, "disk");
    for (size_t at = 0; p->in.type == WIRE_CREDIT && at < bytes; at += 200000) {
        struct wire_msg m = { .type = WIRE_CHUNK };
        wire_peer_transfer_key(&m, WIRE_KIND_INPUT, task, no_token);
        WIRE_SET(&m, offset, at);
        m.has_payload = true;
        m.payload = large + at;
        m.payload_bytes = bytes - at < 200000 ? bytes - at : 200000;
        wire_peer_send(p, &m);
    }
    while (p->in.type != WIRE_SUBMIT_OK && p->in.type != WIRE_ERROR && wire_peer_next(p, SOON)) continue;
    return p->in.type == WIRE_SUBMIT_OK ? PV_OK : p->in.status;
}

static void a_full_disk_refuses_and_recovers(void **state)
{
    struct wire_peer p;
    const char *const more[] = { "--insecure", "--queue", "outer", "--disk-reserve", "6M", NULL };
    const char *mounted = disk_mount("small", "size=16m");
    struct broker_process usual_one = scene_beside("small", more);
    wire_peer_client(&p, broker.endpoint, "worker");
    pv_status st = PV_OK;
    int n = 0;
    wire_id task, last = wire_peer_new_id();
    for (uint64_t end = pv_clock_ms() + SOON; st == PV_OK && pv_clock_ms() < end;) {
        task = wire_peer_new_id();
        st = accepted(&p, task, LARGE);
        if (st == PV_OK) n++, last = task;
    }
    print_message("%d accepted, then %s\n", n, pv_status_word(st));
    assert_true(st == PV_BUSY || st == PV_DISK_FULL);
    assert_true(n > 0);
    assert_true(broker_process_alive(&broker));
    wire_peer_ask(&p, WIRE_SHOW, last); /* what it took, it has */
    WANT(&p, WIRE_TASK);
    struct wire_msg m = { .type = WIRE_PURGE };
    WIRE_SET(&m, req, ++p.req);
    WIRE_SET(&m, scope, WIRE_SCOPE_SESSION);
    wire_peer_send(&p, &m);
    WANT(&p, WIRE_COUNTS);
    bool again = false; /* and when there is room, it takes more */
    for (uint64_t end = pv_clock_ms() + SOON; !again && pv_clock_ms() < end;)
        again = accepted(&p, wire_peer_new_id(), sizeof input) == PV_OK;
    wire_peer_close(&p);
    int code = scene_back(usual_one);
    umount2(mounted, MNT_DETACH);
    assert_true(again);
    assert_int_equal(code, 0);
}

static void refuses_everything(struct wire_peer *p, wire_id known)
{
    assert_int_equal(accepted(p, wire_peer_new_id(), sizeof input), PV_BUSY);
    wire_peer_ask(p, WIRE_SHOW, known);
    WANT(p, WIRE_ERROR);
    assert_int_equal(p->in.status, PV_STORE);
    scene_list(p, WIRE_WHAT_STATUS, 0, NULL);
    assert_false(scene_cell(p, "ready")->truth);
}

enum { MOST = 1000, FILL_BYTES = 60000 };
static wire_id taken[MOST];

static const char *const without_reserve[] = { "--insecure",  "--queue",        "outer", "--http",
                                               "127.0.0.1:0", "--disk-reserve", "0",     "--heartbeat-ms",
                                               "500",         "--lease-ms",     "2000",  NULL };

/* Submits until the log itself finds no space; returns how many tasks were acknowledged. */
static int fill(struct wire_peer *p)
{
    int n = 0;
    pv_status st = PV_OK;
    while (n < MOST && st == PV_OK) {
        taken[n] = wire_peer_new_id();
        st = accepted(p, taken[n], FILL_BYTES);
        n += st == PV_OK;
    }
    print_message("%d accepted, then %s\n", n, pv_status_word(st));
    assert_int_equal(st, PV_BUSY);
    assert_string_equal(p->in.which, "disk");
    assert_non_null(strstr(p->in.text, "full"));
    assert_true(n > 10);
    return n;
}

/* The log itself finds no space: from then on nothing is accepted and nothing is said that might not be so, and what was
 * acknowledged before is there when it starts again with room. */
static void a_full_store_loses_nothing_over_a_restart(void **state)
{
    if (on_postgres()) skip(); /* of the state folder's disk */
    struct wire_peer p;
    const char *const *more = without_reserve;
    const char *mounted = disk_mount("failing", "size=12m");
    struct broker_process usual_one = scene_beside("failing", more);
    wire_peer_client(&p, broker.endpoint, "worker");
    int n = fill(&p);
    wire_id *tasks = taken;
    refuses_everything(&p, tasks[0]);
    assert_true(broker_process_end(&broker, SIGTERM) != 0);
    wire_peer_close(&p);
    assert_int_equal(mount("none", mounted, "tmpfs", MS_REMOUNT, "size=64m"), 0);
    assert_true(broker_process_start(&broker, mounted, NULL, more));
    wire_peer_client(&p, broker.endpoint, "worker");
    for (int i = 0; i < n; i++) {
        wire_peer_ask(&p, WIRE_SHOW, tasks[i]);
        WANT(&p, WIRE_TASK);
        assert_int_equal(p.in.state, TASK_QUEUED);
    }
    assert_int_equal(accepted(&p, wire_peer_new_id(), sizeof input), PV_OK);
    wire_peer_close(&p);
    int code = scene_back(usual_one);
    umount2(mounted, MNT_DETACH);
    assert_int_equal(code, 0);
}

/* Where the log says that the broker listens for HTTP. */
static unsigned http_port(void)
{
    char line[512];
    unsigned port = 0;
    FILE *f = fopen(broker.log, "r");
    while (f && fgets(line, sizeof line, f)) {
        const char *at = strstr(line, "http.listening");
        if (at && (at = strstr(at, "port="))) port = (unsigned)atoi(at + 5);
    }
    if (f) fclose(f);
    assert_true(port);
    return port;
}

/* Whether GET answers with this status and these words. */
static bool http_says(const char *path, const char *status, const char *words)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)http_port()),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    char text[4096], first[64];
    size_t used = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ .tv_sec = 5 }, sizeof(struct timeval)),
                     0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    dprintf(fd, "GET %s HTTP/1.0\r\n\r\n", path);
    for (ssize_t n; used < sizeof text - 1 && (n = read(fd, text + used, sizeof text - 1 - used)) > 0;)
        used += (size_t)n;
    close(fd);
    text[used] = 0;
    snprintf(first, sizeof first, " %s ", status);
    const char *at = strstr(text, first), *end = strchr(text, '\r');
    return at && end && at < end && strstr(text, words);
}

static void beats(struct wire_peer *p)
{
    wire_peer_send(p, &(struct wire_msg){ .type = WIRE_HEARTBEAT });
    WANT(p, WIRE_HEARTBEAT);
}

/* Who is there and who comes can ask what is wrong; and when there is space it goes on by itself. */
static void a_full_store_answers_and_heals(void **state)
{
    if (on_postgres()) skip(); /* of the state folder's disk */
    struct wire_peer p, prover, later, newcomer;
    const char *mounted = disk_mount("healing", "size=12m");
    struct broker_process usual_one = scene_beside("healing", without_reserve);
    wire_peer_client(&p, broker.endpoint, "worker");
    int n = fill(&p);
    uint32_t epoch = 0;
    beats(&p);
    epoch = p.in.epoch;
    wire_peer_client(&later, broker.endpoint, "later"); /* WELCOME */
    beats(&later);
    scene_list(&later, WIRE_WHAT_STATUS, 0, NULL);
    assert_false(scene_cell(&later, "ready")->truth);
    assert_true(scene_log_says("goes-on-when-there-is-space"));
    wire_peer_prover(&newcomer, broker.endpoint, "p2", "outer", "keccak", 1);
    beats(&newcomer);
    assert_true(http_says("/livez", "200", "ok"));
    assert_true(http_says("/healthz", "200", "ok"));
    assert_true(http_says("/readyz", "503", "full"));
    refuses_everything(&p, taken[0]);
    assert_int_equal(mount("none", mounted, "tmpfs", MS_REMOUNT, "size=64m"), 0);
    bool again = false;
    for (uint64_t end = pv_clock_ms() + SOON; !again && pv_clock_ms() < end;)
        again = accepted(&p, wire_peer_new_id(), sizeof input) == PV_OK; /* on the connection that it had */
    assert_true(again);
    for (int i = 0; i < n; i++) {
        wire_peer_ask(&p, WIRE_SHOW, taken[i]);
        WANT(&p, WIRE_TASK);
        assert_int_equal(p.in.state, TASK_QUEUED);
    }
    beats(&p);
    assert_true(p.in.epoch > epoch);
    assert_true(http_says("/readyz", "200", "ok"));
    wire_peer_prover(&prover, broker.endpoint, "p1", "outer", "keccak", 1);
    WANT(&prover, WIRE_OFFER);
    wire_peer_close(&p);
    wire_peer_close(&later);
    wire_peer_close(&newcomer);
    wire_peer_close(&prover);
    int code = scene_back(usual_one);
    umount2(mounted, MNT_DETACH);
    assert_int_equal(code, 0);
}

static int setup(void **state)
{
    scene_fill(large, LARGE);
    return scene_open(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_queue_syncs_as_it_was_told),
        cmocka_unit_test(a_queue_without_syncs_survives_the_process),
        cmocka_unit_test(a_full_disk_refuses_and_recovers),
        cmocka_unit_test(a_full_store_loses_nothing_over_a_restart),
        cmocka_unit_test(a_full_store_answers_and_heals),
    };
    return cmocka_run_group_tests(tests, setup, scene_close);
}
