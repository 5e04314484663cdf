/* Writes that fail for want of space, of quota or because the disk is broken, at each place where the broker writes: the log,
 * the database, payload files. Want of space is answered, waited for and over by itself, wherever it strikes. With the tasks in
 * PostgreSQL the payload files are all that is written here; the server's disk: postgres-server-fails. */
#include "broker_scene.h"
#include "sanitized.h"

enum { LARGE = 300000, FILL = 60000 };

static char control[80];
static uint8_t large[LARGE];

static const char *const usual[] = { "--insecure", "--queue", "outer", "--log-level", "debug", NULL };

static void disk_says(const char *what)
{
    char beside[96];
    snprintf(beside, sizeof beside, "%s.new", control);
    FILE *f = fopen(beside, "w");
    assert_non_null(f);
    fputs(what, f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(rename(beside, control), 0);
}

static void next_word(struct wire_peer *p)
{
    while (wire_peer_next(p, SOON))
        if (p->in.type != WIRE_HEARTBEAT && p->in.type != WIRE_WELCOME) return; /* WELCOME: the store has healed */
    fail_msg("no answer");
}

static void chunk_send(struct wire_peer *p, wire_id task, uint64_t at, size_t bytes)
{
    struct wire_msg m = { .type = WIRE_CHUNK };
    wire_peer_transfer_key(&m, WIRE_KIND_INPUT, task, (wire_token){ 0, 0 });
    WIRE_SET(&m, offset, at);
    m.has_payload = true;
    m.payload = large + at;
    m.payload_bytes = bytes;
    wire_peer_send(p, &m);
}

/* The answer to a submit of so many bytes that no other task has. BUSY has to say that it is for the disk. */
static pv_status submitted(struct wire_peer *p, wire_id task, size_t bytes)
{
    memcpy(large, &task, sizeof task);
    wire_peer_submit(p, task, "outer", "keccak", large, bytes);
    for (next_word(p); p->in.type == WIRE_CREDIT; next_word(p)) {
        uint64_t at = p->in.offset;
        for (; at < p->in.offset + p->in.bytes; at += 100000)
            chunk_send(p, task, at, bytes - at < 100000 ? (size_t)(bytes - at) : 100000);
    }
    if (p->in.type == WIRE_SUBMIT_OK) return PV_OK;
    assert_int_equal(p->in.type, WIRE_ERROR);
    if (p->in.status == PV_BUSY) assert_string_equal(p->in.which, "disk");
    return p->in.status;
}

static bool ready(struct wire_peer *p)
{
    scene_list(p, WIRE_WHAT_STATUS, 0, NULL);
    return scene_cell(p, "ready")->truth;
}

/* Until it takes tasks again by itself. */
static void heals(struct wire_peer *p)
{
    pv_status st = PV_BUSY;
    for (uint64_t end = pv_clock_ms() + 2 * SOON; st != PV_OK && pv_clock_ms() < end; poll(NULL, 0, 20))
        st = submitted(p, wire_peer_new_id(), sizeof input);
    assert_int_equal(st, PV_OK);
    assert_true(ready(p));
}

static void expect_queued(struct wire_peer *p, wire_id task)
{
    wire_peer_ask(p, WIRE_SHOW, task);
    WANT(p, WIRE_TASK);
    assert_int_equal(p->in.state, TASK_QUEUED);
}

/* Only that upload ends: nothing that was promised depends on its file. */
static void a_payload_file_without_space_ends_its_upload_alone(void **state)
{
    static const struct {
        const char *word;
        pv_status status;
    } ways[] = { { "files-full", PV_DISK_FULL }, { "files-quota", PV_DISK_FULL }, { "files-broken", PV_IO } };
    struct wire_peer p;
    wire_peer_client(&p, broker.endpoint, "worker");
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        wire_id task = wire_peer_new_id();
        disk_says(ways[i].word);
        assert_int_equal(submitted(&p, task, LARGE), ways[i].status);
        assert_int_equal(submitted(&p, wire_peer_new_id(), sizeof input), PV_OK); /* a small one needs no file */
        assert_true(ready(&p));
        disk_says("go");
        assert_int_equal(submitted(&p, task, LARGE), PV_OK);
    }
    assert_false(scene_log_says("store.failed"));
    wire_peer_close(&p);
    assert_int_equal(broker_process_end(&broker, SIGTERM), 0);
}

/* A quota that is used up is want of space too. */
static void a_log_without_quota_is_waited_for(void **state)
{
    struct wire_peer p;
    wire_id task = wire_peer_new_id();
    if (on_postgres()) skip();
    wire_peer_client(&p, broker.endpoint, "worker");
    assert_int_equal(submitted(&p, task, sizeof input), PV_OK);
    disk_says("log-quota");
    assert_int_equal(submitted(&p, wire_peer_new_id(), sizeof input), PV_BUSY);
    assert_false(ready(&p));
    assert_non_null(strstr(scene_cell(&p, "not_ready")->text, "full"));
    disk_says("go");
    heals(&p);
    expect_queued(&p, task);
    wire_peer_close(&p);
    assert_int_equal(broker_process_end(&broker, SIGTERM), 0);
}

/* The log is folded into the database on a thread: enough of it for that. */
static void a_database_without_space_is_waited_for(void **state)
{
    struct wire_peer p;
    pv_status st = PV_OK;
    wire_id first = wire_peer_new_id();
    if (on_postgres()) skip();
    wire_peer_client(&p, broker.endpoint, "worker");
    assert_int_equal(submitted(&p, first, sizeof input), PV_OK);
    disk_says("database-full");
    for (int n = 0; st == PV_OK && n < 3000; n++) st = submitted(&p, wire_peer_new_id(), FILL);
    assert_int_equal(st, PV_BUSY);
    assert_false(ready(&p));
    disk_says("go");
    heals(&p);
    expect_queued(&p, first);
    wire_peer_close(&p);
    assert_int_equal(broker_process_end(&broker, SIGTERM), 0);
}

/* A broken disk is no full one: it is not tried again, but says why to who asks. */
static void a_broken_log_is_not_waited_for(void **state)
{
    struct wire_peer p;
    if (on_postgres()) skip();
    wire_peer_client(&p, broker.endpoint, "worker");
    assert_false(p.in.has.not_ready);
    disk_says("log-broken");
    assert_int_equal(submitted(&p, wire_peer_new_id(), sizeof input), PV_STORE);
    disk_says("go");
    assert_int_equal(submitted(&p, wire_peer_new_id(), sizeof input), PV_STORE);
    assert_false(ready(&p));
    assert_true(scene_log_says("needs-a-restart"));
    assert_false(scene_log_says("next_try_ms"));
    wire_peer_close(&p);
    wire_peer_client(&p, broker.endpoint, "worker"); /* who comes is told why at once */
    assert_true(p.in.has.not_ready);
    assert_true(*p.in.not_ready);
    wire_peer_close(&p);
    assert_true(broker_process_end(&broker, SIGTERM) != 0);
}

/* The pauses between tries double, also when a try went well and the space is gone again. */
static void a_disk_that_stays_full_is_not_tried_in_a_loop(void **state)
{
    struct wire_peer p;
    if (on_postgres()) skip();
    wire_peer_client(&p, broker.endpoint, "worker");
    disk_says("log-full");
    assert_int_equal(submitted(&p, wire_peer_new_id(), sizeof input), PV_BUSY);
    for (uint64_t end = pv_clock_ms() + SOON; !scene_log_says("next_try_ms=2000") && pv_clock_ms() < end;)
        poll(NULL, 0, 20);
    assert_int_equal(scene_log_lines("next_try_ms=1000"), 1);
    assert_int_equal(scene_log_lines("next_try_ms=2000"), 1);
    disk_says("go");
    heals(&p);
    disk_says("log-full");
    assert_int_equal(submitted(&p, wire_peer_new_id(), sizeof input), PV_BUSY);
    assert_false(ready(&p)); /* the line below is written by then */
    assert_int_equal(scene_log_lines("next_try_ms=1000"), 1);
    assert_int_equal(scene_log_lines("next_try_ms=4000"), 1);
    wire_peer_close(&p);
    assert_true(broker_process_end(&broker, SIGTERM) != 0);
}

static int setup(void **state)
{
    temp_dir_make(dir);
    snprintf(control, sizeof control, "%s/disk", dir);
    scene_fill(large, LARGE);
    disk_says("go");
    setenv("PV_HELD_DISK", control, 1);
    setenv("LD_PRELOAD", PV_HELD_DISK_PATH, 1);
    return !scene_start(usual);
}

static int teardown(void **state)
{
    broker_process_end(&broker, SIGKILL);
    temp_dir_remove(dir);
    return 0;
}

#define BROKER(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BROKER(a_payload_file_without_space_ends_its_upload_alone),
        BROKER(a_log_without_quota_is_waited_for),
        BROKER(a_database_without_space_is_waited_for),
        BROKER(a_broken_log_is_not_waited_for),
        BROKER(a_disk_that_stays_full_is_not_tried_in_a_loop),
    };
    if (PV_SANITIZED) return 77; /* nothing can be loaded before it */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
