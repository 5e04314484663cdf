/* R20: payloads that the store cannot give any more. A file is gone, cut or changed behind the broker's back: nothing wrong
 * is ever delivered whole, whoever waits is told, and the others go on. */
#include "broker_scene.h"

#include <dirent.h>
#include <sqlite3.h>
#include <unistd.h>

enum { LARGE = 300000, SMALL = 20000, MANY = 100 };

static uint8_t large[LARGE], other[LARGE], got[LARGE];
static const wire_token none;

enum how { GONE, CUT, CHANGED, LOOP /* cannot be opened */, HOWS };

static void blob_path(char path[200], wire_hash hash)
{
    char hex[WIRE_HASH_TEXT];
    snprintf(path, 200, "%s/blobs/%s", broker.payloads, wire_hash_text(hex, hash));
}

static void damage(wire_hash hash, enum how how)
{
    char path[200];
    blob_path(path, hash);
    if (how == GONE || how == LOOP) assert_int_equal(unlink(path), 0);
    if (how == LOOP) assert_int_equal(symlink(path, path), 0);
    if (how == CUT) assert_int_equal(truncate(path, 70000), 0);
    if (how == CHANGED) {
        FILE *f = fopen(path, "r+");
        assert_non_null(f);
        fseek(f, 12345, SEEK_SET);
        fputs("not what it was", f);
        fclose(f);
    }
}

/* A submit whose input went up in chunks. */
static wire_id submitted(struct wire_peer *c, const uint8_t *data)
{
    wire_id id = wire_peer_new_id();
    wire_peer_submit(c, id, "outer", "keccak", data, LARGE);
    assert_true(wire_peer_upload(c, WIRE_KIND_INPUT, id, none, data, LARGE, SOON));
    WANT(c, WIRE_SUBMIT_OK);
    return id;
}

/* The next offer, whose input the prover may have or not, and a large result for it. */
static wire_token offered(struct wire_peer *p, wire_id id)
{
    WANT(p, WIRE_OFFER);
    assert_true(wire_id_equal(p->in.task, id));
    return p->in.token;
}

static void bring(struct wire_peer *p, wire_token token, wire_id id, wire_hash input_hash, const uint8_t *data)
{
    wire_peer_result(p, token, id, input_hash, data, LARGE);
    assert_true(wire_peer_upload(p, WIRE_KIND_RESULT, id, token, data, LARGE, SOON));
    WANT(p, WIRE_RESULT_OK);
    assert_int_equal(p->in.status, PV_OK);
}

static void expect_store(struct wire_peer *c, wire_id id)
{
    WANT(c, WIRE_DELIVER);
    assert_true(wire_id_equal(c->in.task, id));
    assert_int_equal(c->in.state, TASK_DEAD);
    assert_int_equal(c->in.status, PV_STORE);
    assert_false(c->in.has_payload);
}

/* A fetch of a task that is dead is answered as such, for good. */
static void expect_settled(struct wire_peer *c, wire_id id)
{
    for (int i = 0; i < 3; i++) {
        wire_peer_ask(c, WIRE_FETCH, id);
        expect_store(c, id);
    }
}

static struct wire_peer client, prover;

static void connect_both(void)
{
    wire_peer_client(&client, broker.endpoint, "c1");
    wire_peer_prover(&prover, broker.endpoint, "p1", "outer", "keccak", 1);
}

static void close_both(void)
{
    wire_peer_close(&client);
    wire_peer_close(&prover);
}

/* Whether the receiver ever has the whole of it. */
static bool whole(struct wire_peer *p, enum wire_kind kind, wire_id id, wire_token token)
{
    return wire_peer_download(p, kind, id, token, got, LARGE, 500);
}

static void a_damaged_result_is_never_whole_and_ends_the_task(void **state)
{
    for (enum how how = 0; how < HOWS; how++) {
        connect_both();
        large[0] = (uint8_t)how;
        wire_id id = submitted(&client, large);
        wire_token token = offered(&prover, id);
        wire_peer_started(&prover, token);
        other[0] = (uint8_t)how;
        bring(&prover, token, id, wire_peer_hash(large, LARGE), other);
        WANT(&client, WIRE_DELIVER);
        assert_int_equal(client.in.state, TASK_SUCCEEDED);
        damage(wire_peer_hash(other, LARGE), how);
        assert_false(whole(&client, WIRE_KIND_RESULT, id, none));
        wire_peer_ask(&client, WIRE_SHOW, id);
        WANT(&client, WIRE_TASK);
        assert_int_equal(client.in.state, TASK_DEAD);
        assert_int_equal(client.in.status, PV_STORE);
        expect_settled(&client, id);
        /* A prover that still has it may bring it again. */
        bring(&prover, token, id, wire_peer_hash(large, LARGE), other);
        WANT(&client, WIRE_DELIVER);
        assert_int_equal(client.in.state, TASK_SUCCEEDED);
        assert_true(whole(&client, WIRE_KIND_RESULT, id, none));
        assert_memory_equal(got, other, LARGE);
        close_both();
    }
    assert_true(scene_log_says("payload.damaged"));
}

static void the_waiter_of_a_damaged_result_is_told(void **state)
{
    connect_both();
    large[0] = 20;
    other[0] = 20;
    wire_id id = submitted(&client, large);
    wire_token token = offered(&prover, id);
    wire_peer_started(&prover, token);
    wire_peer_close(&client); /* it comes back for its result */
    bring(&prover, token, id, wire_peer_hash(large, LARGE), other);
    damage(wire_peer_hash(other, LARGE), CHANGED);
    wire_peer_client(&client, broker.endpoint, "c1");
    wire_peer_ask(&client, WIRE_ATTACH, id);
    WANT(&client, WIRE_DELIVER); /* it succeeded, as far as anybody knows */
    assert_int_equal(client.in.state, TASK_SUCCEEDED);
    for (uint64_t at = 0; at < LARGE; at += 100000) wire_peer_credit(&client, WIRE_KIND_RESULT, id, none, at, 100000);
    expect_store(&client, id);
    close_both();
}

/* Nobody can prove it, whoever is asked: the task ends, and the next one is proved. */
static void a_damaged_input_is_not_offered_for_ever(void **state)
{
    for (enum how how = 0; how < HOWS; how++) {
        wire_peer_client(&client, broker.endpoint, "c1");
        large[0] = (uint8_t)(30 + how);
        wire_id id = submitted(&client, large);
        damage(wire_peer_hash(large, LARGE), how);
        wire_id next = wire_peer_new_id();
        wire_peer_submit(&client, next, "outer", "keccak", input, sizeof input);
        WANT(&client, WIRE_SUBMIT_OK);
        wire_peer_prover(&prover, broker.endpoint, "p1", "outer", "keccak", 1);
        wire_token token;
        if (how == CHANGED) { /* seen only when it is sent */
            token = offered(&prover, id);
            assert_false(whole(&prover, WIRE_KIND_INPUT, id, token));
        }
        expect_store(&client, id);
        expect_settled(&client, id);
        if (how == CHANGED) { /* it was told to stop, and has */
            struct wire_msg m = { .type = WIRE_REVOKED };
            WIRE_SET(&m, token, token);
            wire_peer_send(&prover, &m);
        }
        if (how == CHANGED) wire_peer_ready(&prover, 1);
        token = offered(&prover, next);
        wire_peer_started(&prover, token);
        wire_peer_result(&prover, token, next, wire_peer_hash(input, sizeof input), output, sizeof output);
        scene_expect_delivery(&client, next);
        close_both();
    }
}

/* Submitted again, with its input, it runs. */
static void what_was_lost_may_be_submitted_again(void **state)
{
    wire_peer_client(&client, broker.endpoint, "c1");
    large[0] = 40;
    wire_id id = submitted(&client, large);
    damage(wire_peer_hash(large, LARGE), GONE);
    wire_peer_prover(&prover, broker.endpoint, "p1", "outer", "keccak", 1);
    expect_store(&client, id);
    struct wire_msg m = wire_peer_submit_msg(&client, id, "outer", "keccak", large, LARGE);
    WIRE_SET(&m, revive, true);
    wire_peer_send(&client, &m);
    assert_true(wire_peer_upload(&client, WIRE_KIND_INPUT, id, none, large, LARGE, SOON));
    WANT(&client, WIRE_SUBMIT_OK);
    wire_peer_ready(&prover, 1);
    wire_token token = offered(&prover, id);
    assert_true(whole(&prover, WIRE_KIND_INPUT, id, token));
    wire_peer_ask(&client, WIRE_CANCEL, id); /* the next test's prover is not offered it */
    WANT(&client, WIRE_CANCELLED);
    close_both();
}

/* While the broker stands still between two commits: it takes a lock that it does not get for a failure of the store. When it was
 * stopped in the middle of one, it goes on and is stopped again. */
static void database(const char *sql)
{
    char path[200];
    sqlite3 *db;
    int rc = SQLITE_BUSY;
    snprintf(path, sizeof path, "%s/state/provost.db", dir);
    for (int i = 0; i < 50 && rc == SQLITE_BUSY; i++) {
        poll(NULL, 0, 100);
        kill(broker.pid, SIGSTOP);
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
        sqlite3_close(db);
        kill(broker.pid, SIGCONT);
    }
    assert_int_equal(rc, SQLITE_OK);
}

/* While no broker runs. */
static void at_rest(const char *sqlite, const char *postgres)
{
    char path[200];
    sqlite3 *db;
    if (on_postgres()) {
        assert_true(broker_process_sql(&broker, postgres));
        return;
    }
    snprintf(path, sizeof path, "%s/state/provost.db", dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sqlite, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* A small one that came in chunks lies in a file. */
static void a_small_file_is_looked_at_too(void **state)
{
    connect_both();
    wire_id id = wire_peer_new_id();
    wire_peer_submit(&client, id, "outer", "keccak", input, sizeof input);
    wire_token token = offered(&prover, id);
    wire_peer_started(&prover, token);
    other[0] = 50;
    struct wire_msg m = wire_peer_result_msg(token, id, wire_peer_hash(input, sizeof input), other, SMALL);
    m.has_payload = false;
    wire_peer_send(&prover, &m);
    assert_true(wire_peer_upload(&prover, WIRE_KIND_RESULT, id, token, other, SMALL, SOON));
    WANT(&client, WIRE_DELIVER);
    assert_int_equal(client.in.payload_bytes, SMALL);
    damage(wire_peer_hash(other, SMALL), CHANGED);
    wire_peer_ask(&client, WIRE_FETCH, id);
    WANT(&client, WIRE_ERROR);
    expect_store(&client, id);
    close_both();
}

/* Small ones lie in rows. */
static void a_damaged_row_is_the_end_of_its_task_alone(void **state)
{
    if (on_postgres()) skip(); /* what was just written is in the broker's memory */
    static const char *const ways[] = {
        "UPDATE result SET bytes = zeroblob(length)",
        "UPDATE result SET bytes = zeroblob(3)",
        "UPDATE result SET sha256 = x'00'",
        "DELETE FROM result",
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        connect_both();
        wire_id id = wire_peer_new_id();
        wire_peer_submit(&client, id, "outer", "keccak", input, sizeof input);
        wire_token token = offered(&prover, id);
        wire_peer_started(&prover, token);
        wire_peer_result(&prover, token, id, wire_peer_hash(input, sizeof input), output, sizeof output);
        scene_expect_delivery(&client, id);
        database(ways[i]);
        wire_peer_ask(&client, WIRE_FETCH, id);
        WANT(&client, WIRE_ERROR);
        assert_int_equal(client.in.status, PV_STORE);
        expect_store(&client, id);
        expect_settled(&client, id);
        close_both();
    }
    connect_both(); /* the broker works on */
    wire_peer_submit(&client, wire_peer_new_id(), "outer", "keccak", input, sizeof input);
    WANT(&client, WIRE_SUBMIT_OK);
    close_both();
}

/* Nobody comes away untold because many are damaged at once. */
static void many_damaged_rows_are_all_told(void **state)
{
    wire_id id[MANY];
    if (on_postgres()) skip();
    connect_both();
    wire_peer_ready(&prover, MANY);
    for (size_t i = 0; i < MANY; i++) {
        id[i] = wire_peer_new_id();
        wire_peer_submit(&client, id[i], "outer", "keccak", input, sizeof input);
        wire_token token = offered(&prover, id[i]);
        wire_peer_result(&prover, token, id[i], wire_peer_hash(input, sizeof input), output, sizeof output);
        scene_expect_delivery(&client, id[i]);
    }
    database("UPDATE result SET bytes = zeroblob(length)");
    for (size_t i = 0; i < MANY; i++) wire_peer_ask(&client, WIRE_FETCH, id[i]); /* a batch or two */
    unsigned told = 0;
    for (size_t i = 0; i < MANY; i++) {
        WANT(&client, WIRE_DELIVER);
        told += client.in.state == TASK_DEAD && client.in.status == PV_STORE;
    }
    assert_int_equal(told, MANY);
    close_both();
}

static void a_damaged_row_of_an_input_is_never_offered(void **state)
{
    if (on_postgres()) skip();
    static const char *const ways[] = {
        "UPDATE input SET bytes = zeroblob(length)",
        "UPDATE input SET length = length + 1",
        "UPDATE input SET bytes = NULL",
        "DELETE FROM input",
    };
    for (size_t i = 0; i < 2 * sizeof ways / sizeof *ways; i++) {
        const uint8_t *data = i % 2 ? large : input; /* of a large one the bytes are in memory, too */
        size_t bytes = i % 2 ? WIRE_INLINE_MAX : sizeof input;
        large[0] = (uint8_t)i;
        wire_peer_client(&client, broker.endpoint, "c1");
        wire_id id = wire_peer_new_id(), next = wire_peer_new_id();
        wire_peer_submit(&client, id, "outer", "keccak", data, bytes);
        WANT(&client, WIRE_SUBMIT_OK);
        database(ways[i / 2]);
        wire_peer_submit(&client, next, "outer", "keccak", input, sizeof input);
        WANT(&client, WIRE_SUBMIT_OK);
        wire_peer_prover(&prover, broker.endpoint, "p1", "outer", "keccak", 1);
        expect_store(&client, id);
        wire_token token = offered(&prover, next);
        wire_peer_result(&prover, token, next, wire_peer_hash(input, sizeof input), output, sizeof output);
        scene_expect_delivery(&client, next);
        close_both();
    }
}

/* On both stores: what the memory of a broker held before is gone. */
static void a_row_damaged_while_it_was_down_ends_its_task_alone(void **state)
{
    static const struct {
        const char *sqlite, *postgres;
    } ways[] = {
        { "UPDATE result SET bytes = zeroblob(length)",
          "UPDATE provost.result SET bytes = decode(repeat('00', length::int), 'hex')" },
        { "UPDATE result SET bytes = zeroblob(3)", "UPDATE provost.result SET bytes = '\\x000000'" },
        { "UPDATE result SET sha256 = x'00'", "UPDATE provost.result SET sha256 = '\\x00'" },
        { "DELETE FROM result", "DELETE FROM provost.result" },
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        connect_both();
        wire_id id = wire_peer_new_id(), next = wire_peer_new_id();
        wire_peer_submit(&client, id, "outer", "keccak", input, sizeof input);
        wire_token token = offered(&prover, id);
        wire_peer_result(&prover, token, id, wire_peer_hash(input, sizeof input), output, sizeof output);
        scene_expect_delivery(&client, id);
        close_both();
        assert_int_equal(broker_process_end(&broker, SIGTERM), 0);
        at_rest(ways[i].sqlite, ways[i].postgres);
        assert_true(scene_start(scene_usual()));
        connect_both();
        wire_peer_ask(&client, WIRE_FETCH, id);
        do { /* a start may have found it already */
            assert_true(wire_peer_next(&client, SOON));
        } while (client.in.type != WIRE_ERROR && client.in.type != WIRE_DELIVER);
        assert_int_equal(client.in.status, PV_STORE);
        expect_settled(&client, id);
        wire_peer_submit(&client, next, "outer", "keccak", input, sizeof input);
        token = offered(&prover, next);
        wire_peer_result(&prover, token, next, wire_peer_hash(input, sizeof input), output, sizeof output);
        scene_expect_delivery(&client, next);
        close_both();
    }
}

/* Damaged while the broker was down: nobody has to ask for it, and nobody to prove it. */
static void at_a_start_every_file_is_looked_at(void **state)
{
    wire_id in[HOWS], out[HOWS];
    for (enum how how = 0; how < HOWS; how++) {
        connect_both();
        large[0] = (uint8_t)(60 + how);
        out[how] = submitted(&client, large);
        wire_token token = offered(&prover, out[how]);
        wire_peer_started(&prover, token);
        other[0] = (uint8_t)(60 + how);
        bring(&prover, token, out[how], wire_peer_hash(large, LARGE), other);
        close_both();
    }
    wire_peer_client(&client, broker.endpoint, "c1");
    for (enum how how = 0; how < HOWS; how++) {
        large[0] = (uint8_t)(70 + how);
        in[how] = submitted(&client, large);
    }
    wire_peer_close(&client);
    assert_int_equal(broker_process_end(&broker, SIGTERM), 0);
    for (enum how how = 0; how < HOWS; how++) {
        other[0] = (uint8_t)(60 + how);
        large[0] = (uint8_t)(70 + how);
        damage(wire_peer_hash(other, LARGE), how);
        damage(wire_peer_hash(large, LARGE), how);
    }
    assert_true(scene_start(scene_usual()));
    wire_peer_client(&client, broker.endpoint, "c1");
    for (enum how how = 0; how < HOWS; how++) {
        if (how == CHANGED) continue; /* it has its length: seen when it is sent */
        for (int k = 0; k < 2; k++) {
            uint64_t end = pv_clock_ms() + SOON;
            do {
                poll(NULL, 0, 5);
                wire_peer_ask(&client, WIRE_SHOW, k ? in[how] : out[how]);
                WANT(&client, WIRE_TASK);
            } while (client.in.state != TASK_DEAD && pv_clock_ms() < end);
            assert_int_equal(client.in.state, TASK_DEAD);
            assert_int_equal(client.in.status, PV_STORE);
        }
        expect_settled(&client, out[how]);
    }
    assert_true(scene_log_says("payloads.looked_at"));
    wire_peer_ask(&client, WIRE_CANCEL, in[CHANGED]); /* the next test's prover is not offered it */
    WANT(&client, WIRE_CANCELLED);
    scene_list(&client, WIRE_WHAT_QUEUES, 0, NULL); /* which provost check looks at */
    assert_true(scene_cell(&client, "damaged")->number >= 2 * (HOWS - 1));
    scene_list(&client, WIRE_WHAT_STATUS, 0, NULL);
    assert_true(scene_cell(&client, "damaged")->number >= 2 * (HOWS - 1));
    wire_peer_close(&client);
}

/* It lives, takes the offer and says in every heartbeat that it has it: another prover gets the task all the same. */
static void a_prover_that_fetches_nothing_does_not_keep_a_task(void **state)
{
    static const char *const brisk[] = { "--insecure", "--queue", "outer", "--heartbeat-ms", "100", "--lease-ms", "500",
                                         "--offer-ms", "500",     NULL };
    struct broker_process usual_one = scene_beside("idle", brisk);
    struct wire_peer second;
    connect_both();
    wire_id id = submitted(&client, large);
    wire_token token = offered(&prover, id);
    wire_peer_prover(&second, broker.endpoint, "p2", "outer", "keccak", 1);
    bool taken = false;
    for (uint64_t end = pv_clock_ms() + SOON; !taken && pv_clock_ms() < end;) {
        struct wire_held held = { 0 };
        struct wire_msg m = { .type = WIRE_HEARTBEAT };
        WIRE_SET(&held, token, token);
        WIRE_SET_LIST(&m, held, &held, 1);
        wire_peer_send(&prover, &m);
        taken = wire_peer_wait(&second, WIRE_OFFER, 100);
    }
    assert_true(taken);
    assert_true(wire_id_equal(second.in.task, id));
    assert_true(whole(&second, WIRE_KIND_INPUT, id, second.in.token));
    wire_peer_close(&second);
    close_both();
    assert_int_equal(scene_back(usual_one), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_result_is_never_whole_and_ends_the_task),
        cmocka_unit_test(the_waiter_of_a_damaged_result_is_told),
        cmocka_unit_test(a_damaged_input_is_not_offered_for_ever),
        cmocka_unit_test(what_was_lost_may_be_submitted_again),
        cmocka_unit_test(a_small_file_is_looked_at_too),
        cmocka_unit_test(a_damaged_row_is_the_end_of_its_task_alone),
        cmocka_unit_test(a_damaged_row_of_an_input_is_never_offered),
        cmocka_unit_test(many_damaged_rows_are_all_told),
        cmocka_unit_test(a_row_damaged_while_it_was_down_ends_its_task_alone),
        cmocka_unit_test(at_a_start_every_file_is_looked_at),
        cmocka_unit_test(a_prover_that_fetches_nothing_does_not_keep_a_task),
    };
    scene_fill(large, LARGE);
    scene_fill(other, LARGE);
    other[1] ^= 1;
    return cmocka_run_group_tests(tests, scene_open, scene_close);
}
