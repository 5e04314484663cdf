/* A disk that holds its syncs, or fails them: the broker goes on with everything but promises. With the tasks in PostgreSQL it is a
 * lock in the database that holds commits. */
#include "broker_scene.h"
#include "sanitized.h"

enum { A_WHILE = 300, LARGE = 300000 };

static char control[80];
static uint8_t large[LARGE];

static const char *const usual[] = { "--insecure",       "--queue", "outer",          "--queue",
                                     "each,sync=always", "--queue", "never,sync=off", NULL };

/* Written beside and renamed: the broker reads it at any moment. */
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

/* Another session has the table until it is ended. Commits wait for that, for 5 s at most. */
static void commits_hold(void)
{
    static const char hold[] = "LOCK TABLE provost.task IN EXCLUSIVE MODE; SELECT pg_sleep(60)";
    static const char held[] = "SELECT 1 / count(*) FROM pg_locks WHERE locktype = 'relation' AND granted"
                               " AND mode = 'ExclusiveLock' AND relation = 'provost.task'::regclass";
    pid_t holder = fork();
    if (!holder) _exit(fork() ? 0 : broker_process_sql(&broker, hold)); /* nobody's child: nobody waits for its end */
    waitpid(holder, NULL, 0);
    for (int i = 0; !broker_process_sql(&broker, held); i++) assert_true(i < 100);
}

static void commits_go(void)
{
    assert_true(broker_process_sql(&broker,
                                   "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                   " WHERE query LIKE 'LOCK TABLE provost.task%' AND pid <> pg_backend_pid()"));
}

/* "log", "files" or "fail": held_disk.c; "go". */
static void syncs(const char *what)
{
    bool log = !strcmp(what, "log");
    if (on_postgres() && log) commits_hold();
    if (on_postgres() && !strcmp(what, "go")) commits_go();
    if (!on_postgres() || !log) disk_says(what);
}

static void status(struct wire_peer *p)
{
    scene_list(p, WIRE_WHAT_STATUS, 0, NULL);
}

/* Announced, and sent to its last chunk. */
static void submit_large(struct wire_peer *p, wire_id task)
{
    struct wire_msg m = wire_peer_submit_msg(p, task, "outer", "keccak", large, LARGE);
    m.has_payload = false;
    wire_peer_send(p, &m);
    assert_true(wire_peer_upload(p, WIRE_KIND_INPUT, task, (wire_token){ 0, 0 }, large, LARGE, SOON));
}

static void an_offer_goes_out_while_its_submit_is_synced(void **state)
{
    struct wire_peer client, prover;
    wire_id task = wire_peer_new_id();
    if (on_postgres()) skip(); /* the next one */
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_prover(&prover, broker.endpoint, "p1", "outer", "keccak", 1);
    syncs("log");
    wire_peer_submit(&client, task, "outer", "keccak", input, sizeof input);
    WANT(&prover, WIRE_OFFER);
    wire_token token = prover.in.token;
    assert_true(wire_id_equal(prover.in.task, task));
    wire_peer_started(&prover, token);
    wire_peer_result(&prover, token, task, wire_peer_hash(input, sizeof input), output, sizeof output);
    status(&client); /* nobody waits for an answer that promises nothing */
    assert_false(wire_peer_wait(&client, WIRE_SUBMIT_OK, A_WHILE));
    assert_false(wire_peer_wait(&client, WIRE_DELIVER, A_WHILE));
    assert_false(wire_peer_wait(&prover, WIRE_RESULT_OK, A_WHILE));
    struct wire_held held = { .token = token, .task = task };
    struct wire_msg alive = { .type = WIRE_HEARTBEAT };
    held.has.token = held.has.task = true;
    WIRE_SET_LIST(&alive, held, &held, 1);
    wire_peer_send(&prover, &alive);
    WANT(&prover, WIRE_HEARTBEAT); /* it waits for the disk, but not in silence, and drops nothing meanwhile */
    assert_int_equal(prover.in.revoked_n, 0);
    syncs("go");
    WANT(&client, WIRE_SUBMIT_OK);
    WANT(&client, WIRE_DELIVER);
    assert_true(wire_id_equal(client.in.task, task));
    assert_int_equal(client.in.payload_bytes, sizeof output);
    assert_memory_equal(client.in.payload, output, sizeof output);
    WANT(&prover, WIRE_RESULT_OK);
    wire_peer_close(&client);
    wire_peer_close(&prover);
}

/* Until the server has it, an offer is in the broker's memory alone. */
static void an_offer_waits_for_a_server(void **state)
{
    struct wire_peer client, prover;
    wire_id task = wire_peer_new_id();
    if (!on_postgres()) skip();
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_prover(&prover, broker.endpoint, "p1", "outer", "keccak", 1);
    syncs("log");
    wire_peer_submit(&client, task, "outer", "keccak", input, sizeof input);
    assert_false(wire_peer_wait(&prover, WIRE_OFFER, A_WHILE));
    status(&client); /* nobody waits for an answer that promises nothing */
    syncs("go");
    WANT(&client, WIRE_SUBMIT_OK);
    WANT(&prover, WIRE_OFFER);
    assert_true(wire_id_equal(prover.in.task, task));
    wire_peer_close(&client);
    wire_peer_close(&prover);
}

/* The offer of a task whose submit is held. A server has to have it before. */
static void offered_meanwhile(struct wire_peer *prover)
{
    if (on_postgres()) syncs("go");
    WANT(prover, WIRE_OFFER);
    if (on_postgres()) syncs("log");
}

/* Whoever asks: a commit that is not durable is told to nobody. */
static void what_waits_is_not_told_to_others(void **state)
{
    struct wire_peer client, other, third, again, prover;
    wire_id task = wire_peer_new_id();
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_client(&other, broker.endpoint, "other");
    wire_peer_client(&third, broker.endpoint, "third");
    wire_peer_prover(&prover, broker.endpoint, "p1", "outer", "keccak", 1);
    syncs("log");
    wire_peer_submit(&client, task, "outer", "keccak", input, sizeof input);
    assert_false(wire_peer_wait(&client, WIRE_SUBMIT_OK,
                                A_WHILE)); /* by now the broker has it: others ask on connections of their own */
    wire_peer_ask(&third, WIRE_SHOW, task);
    assert_false(wire_peer_wait(&third, WIRE_TASK, A_WHILE));
    wire_peer_submit(&other, task, "outer", "keccak", input, sizeof input);
    assert_false(wire_peer_wait(&other, WIRE_SUBMIT_OK, A_WHILE));
    offered_meanwhile(&prover);
    /* The result is stepped, and its prover comes again with it on another connection. */
    wire_token token = prover.in.token;
    wire_peer_started(&prover, token);
    wire_peer_result(&prover, token, task, wire_peer_hash(input, sizeof input), output, sizeof output);
    assert_false(wire_peer_wait(&prover, WIRE_RESULT_OK, A_WHILE));
    wire_peer_prover(&again, broker.endpoint, "p2", "outer", "keccak", 1);
    wire_peer_result(&again, token, task, wire_peer_hash(input, sizeof input), output, sizeof output);
    assert_false(wire_peer_wait(&again, WIRE_RESULT_OK, A_WHILE));
    wire_peer_ask(&other, WIRE_FETCH, task);
    assert_false(wire_peer_wait(&other, WIRE_DELIVER, A_WHILE));
    syncs("go");
    WANT(&client, WIRE_SUBMIT_OK);
    WANT(&third, WIRE_TASK);
    WANT(&other, WIRE_DELIVER);
    WANT(&prover, WIRE_RESULT_OK);
    WANT(&again, WIRE_RESULT_OK);
    wire_peer_close(&client);
    wire_peer_close(&other);
    wire_peer_close(&third);
    wire_peer_close(&again);
    wire_peer_close(&prover);
}

/* What is not to be synced is not held by what is. */
static void a_queue_without_syncs_waits_for_none(void **state)
{
    struct wire_peer synced, other;
    if (on_postgres()) skip(); /* there each of them waits */
    wire_peer_client(&synced, broker.endpoint, "synced");
    wire_peer_client(&other, broker.endpoint, "other");
    syncs("log");
    wire_peer_submit(&synced, wire_peer_new_id(), "outer", "keccak", input, sizeof input);
    assert_false(wire_peer_wait(&synced, WIRE_SUBMIT_OK, A_WHILE));
    wire_peer_submit(&other, wire_peer_new_id(), "never", "keccak", input, sizeof input);
    WANT(&other, WIRE_SUBMIT_OK);
    syncs("go");
    WANT(&synced, WIRE_SUBMIT_OK);
    wire_peer_close(&synced);
    wire_peer_close(&other);
}

/* A queue whose syncs are the loop's own: it waits for the one that runs, and what waited is said before its own words. */
static void a_sync_of_its_own_comes_after_the_one_that_runs(void **state)
{
    struct wire_peer client;
    wire_peer_client(&client, broker.endpoint, "worker");
    syncs("log");
    wire_peer_submit(&client, wire_peer_new_id(), "outer", "keccak", input, sizeof input);
    assert_false(wire_peer_wait(&client, WIRE_SUBMIT_OK, A_WHILE));
    wire_peer_submit(&client, wire_peer_new_id(), "each", "keccak", input, sizeof input);
    assert_false(wire_peer_wait(&client, WIRE_SUBMIT_OK, A_WHILE));
    uint32_t last = client.req;
    syncs("go");
    WANT(&client, WIRE_SUBMIT_OK);
    assert_int_equal(client.in.req, last - 1);
    WANT(&client, WIRE_SUBMIT_OK);
    assert_int_equal(client.in.req, last);
    wire_peer_close(&client);
}

/* More submits while the disk stands still than may wait for one peer: each is answered once, in order, when it moves. */
static void many_wait_and_each_is_answered_once(void **state)
{
    enum { MANY = 3000 };
    struct wire_peer client;
    wire_peer_client(&client, broker.endpoint, "worker");
    syncs("log");
    uint32_t first = client.req + 1;
    for (int i = 0; i < MANY; i++)
        wire_peer_submit(&client, wire_peer_new_id(), "outer", "keccak", input, sizeof input);
    assert_false(wire_peer_wait(&client, WIRE_SUBMIT_OK, A_WHILE));
    syncs("go");
    for (uint32_t i = 0; i < MANY; i++) {
        WANT(&client, WIRE_SUBMIT_OK);
        assert_int_equal(client.in.req, first + i);
    }
    wire_peer_close(&client);
}

static void a_large_input_is_synced_beside_small_ones(void **state)
{
    struct wire_peer uploader, other;
    wire_id task = wire_peer_new_id();
    wire_peer_client(&uploader, broker.endpoint, "uploader");
    wire_peer_client(&other, broker.endpoint, "other");
    syncs("files");
    submit_large(&uploader, task);
    assert_false(wire_peer_wait(&uploader, WIRE_SUBMIT_OK, A_WHILE));
    wire_peer_submit(&other, wire_peer_new_id(), "never", "keccak", input, sizeof input);
    WANT(&other, WIRE_SUBMIT_OK);
    syncs("go");
    WANT(&uploader, WIRE_SUBMIT_OK);
    assert_true(wire_id_equal(uploader.in.task, task));
    wire_peer_close(&uploader);
    wire_peer_close(&other);
}

static void killed_while_it_waits_it_has_promised_nothing(void **state)
{
    struct wire_peer client;
    wire_id acknowledged = wire_peer_new_id(), waiting = wire_peer_new_id();
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_submit(&client, acknowledged, "outer", "keccak", input, sizeof input);
    WANT(&client, WIRE_SUBMIT_OK);
    syncs("log");
    wire_peer_submit(&client, waiting, "outer", "keccak", input, sizeof input);
    assert_false(wire_peer_wait(&client, WIRE_SUBMIT_OK, A_WHILE));
    broker_process_end(&broker, SIGKILL);
    syncs("go");
    wire_peer_close(&client);
    assert_true(broker_process_start(&broker, dir, NULL, usual));
    wire_peer_client(&client, broker.endpoint, "worker");
    wire_peer_ask(&client, WIRE_SHOW, acknowledged);
    WANT(&client, WIRE_TASK);
    wire_peer_submit(&client, waiting, "outer", "keccak", input,
                     sizeof input); /* again: known or new, it is one task */
    WANT(&client, WIRE_SUBMIT_OK);
    wire_peer_close(&client);
}

static void a_sync_that_fails_refuses_what_waited(void **state)
{
    struct wire_peer client;
    if (on_postgres()) skip(); /* a server that fails: postgres-server-fails */
    wire_peer_client(&client, broker.endpoint, "worker");
    syncs("log");
    wire_peer_submit(&client, wire_peer_new_id(), "outer", "keccak", input, sizeof input);
    assert_false(wire_peer_wait(&client, WIRE_SUBMIT_OK, A_WHILE));
    syncs("fail");
    WANT(&client, WIRE_ERROR);
    assert_int_equal(client.in.status, PV_STORE);
    assert_int_equal(client.in.req, client.req);
    syncs("go"); /* a disk that failed once is not asked again */
    wire_peer_submit(&client, wire_peer_new_id(), "outer", "keccak", input, sizeof input);
    WANT(&client, WIRE_ERROR);
    assert_int_equal(client.in.status, PV_STORE);
    wire_peer_ask(&client, WIRE_SHOW, wire_peer_new_id());
    if (!wire_peer_wait(&client, WIRE_ERROR, A_WHILE)) fail_msg("the failure is told late");
    assert_int_equal(client.in.status, PV_STORE);
    wire_peer_close(&client);
    assert_true(broker_process_end(&broker, SIGTERM) != 0);
}

static void it_ends_when_told_once_all_is_said(void **state)
{
    struct wire_peer client;
    wire_peer_client(&client, broker.endpoint, "worker");
    syncs("log");
    wire_peer_submit(&client, wire_peer_new_id(), "outer", "keccak", input, sizeof input);
    assert_false(wire_peer_wait(&client, WIRE_SUBMIT_OK, A_WHILE));
    kill(broker.pid, SIGTERM);
    assert_false(wire_peer_wait(&client, WIRE_SUBMIT_OK, A_WHILE));
    assert_true(broker_process_alive(&broker));
    syncs("go");
    WANT(&client, WIRE_SUBMIT_OK);
    wire_peer_close(&client);
    assert_int_equal(broker_process_end(&broker, SIGTERM), 0);
}

/* The last chunk came before it was told to end. */
static void a_whole_input_counts_although_it_ends(void **state)
{
    struct wire_peer client;
    wire_id task = wire_peer_new_id();
    wire_peer_client(&client, broker.endpoint, "worker");
    syncs("files");
    submit_large(&client, task);
    status(&client);
    kill(broker.pid, SIGTERM);
    assert_false(wire_peer_wait(&client, WIRE_SUBMIT_OK, A_WHILE));
    syncs("go");
    WANT(&client, WIRE_SUBMIT_OK);
    wire_peer_close(&client);
    assert_int_equal(broker_process_end(&broker, SIGTERM), 0);
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
        BROKER(an_offer_goes_out_while_its_submit_is_synced),
        BROKER(an_offer_waits_for_a_server),
        BROKER(what_waits_is_not_told_to_others),
        BROKER(a_queue_without_syncs_waits_for_none),
        BROKER(a_sync_of_its_own_comes_after_the_one_that_runs),
        BROKER(many_wait_and_each_is_answered_once),
        BROKER(a_large_input_is_synced_beside_small_ones),
        BROKER(killed_while_it_waits_it_has_promised_nothing),
        BROKER(a_sync_that_fails_refuses_what_waited),
        BROKER(it_ends_when_told_once_all_is_said),
        BROKER(a_whole_input_counts_although_it_ends),
    };
    if (PV_SANITIZED) return 77; /* nothing can be loaded before it */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
