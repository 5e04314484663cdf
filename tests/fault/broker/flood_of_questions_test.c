/* A prover heartbeats beside a backlog, while clients ask for everything at once: no turn of the loop looks at more than
 * its slices, and the prover is never taken for lost. Rows are counted, not time.
 *
 *      flood_of_questions_test [TASKS [ROUNDS]] */
#include "broker_scene.h"

#include <inttypes.h>

enum { BATCH = 250, CLIENTS = 4, AT_ONCE = 8, SLICE = 4096 };

static unsigned tasks = 20000, rounds = 50;
static struct wire_peer clients[CLIENTS], node, admin;

static void fill(struct wire_peer *c)
{
    for (unsigned i = 0; i < tasks; i += BATCH) {
        for (unsigned k = 0; k < BATCH; k++)
            wire_peer_submit(c, wire_peer_new_id(), "outer", "other", input, sizeof input);
        for (unsigned k = 0; k < BATCH; k++) WANT(c, WIRE_SUBMIT_OK);
    }
}

static void ask(struct wire_peer *c, unsigned n)
{
    static const enum wire_type types[] = { WIRE_LIST, WIRE_SHOW, WIRE_PURGE, WIRE_LIST };
    struct wire_msg m = { .type = types[n % 4] };
    WIRE_SET(&m, req, ++c->req);
    if (m.type == WIRE_LIST) {
        WIRE_SET(&m, what, n % 4 ? WIRE_WHAT_STATUS : WIRE_WHAT_TASKS);
        if (n % 4 == 0) WIRE_SET(&m, state, TASK_DELAYED);
    } else if (m.type == WIRE_SHOW) {
        WIRE_SET(&m, task, wire_peer_new_id());
    } else {
        WIRE_SET(&m, scope, WIRE_SCOPE_PRINCIPAL);
        WIRE_SET(&m, dry, true);
    }
    wire_peer_send(c, &m);
}

/* Whatever it is, it answers a question. */
static void answered(struct wire_peer *c)
{
    do
        if (!wire_peer_next(c, SOON)) fail_msg("a question has no answer");
    while (c->in.type != WIRE_ROWS && c->in.type != WIRE_COUNTS && c->in.type != WIRE_ERROR && c->in.type != WIRE_TASK);
}

static void heartbeat(void)
{
    struct wire_msg m = { .type = WIRE_HEARTBEAT };
    wire_peer_send(&node, &m);
    WANT(&node, WIRE_HEARTBEAT);
}

static int64_t status(const char *key)
{
    scene_list(&admin, WIRE_WHAT_STATUS, 0, NULL);
    return scene_cell(&admin, key)->number;
}

static void a_flood_of_questions_costs_heartbeats_nothing(void **state)
{
    fill(&clients[0]);
    wire_peer_prover(&node, broker.endpoint, "p", "outer", "keccak", 1);
    for (unsigned round = 0; round < rounds; round++) {
        for (unsigned i = 0; i < CLIENTS * AT_ONCE; i++) ask(&clients[i % CLIENTS], i / CLIENTS);
        wire_peer_submit(&clients[round % CLIENTS], wire_peer_new_id(), "outer", "other", input, sizeof input);
        heartbeat();
        for (unsigned i = 0; i < CLIENTS * AT_ONCE; i++) answered(&clients[i % CLIENTS]);
    }
    int64_t most = status("rows_visited_max"), all = status("rows_visited");
    print_message("rows visited: %" PRId64 ", at most %" PRId64 " in a turn\n", all, most);
    assert_true(all > (int64_t)tasks); /* the questions did look at the backlog */
    /* A slice for each of LIST and PURGE, and what ends within one may go one row over. */
    assert_true(most > 0 && most <= 2 * SLICE + 1024);
    assert_int_equal(status("losses"), 0);
    scene_list(&admin, WIRE_WHAT_PROVERS, 0, NULL);
    assert_true(scene_cell(&admin, "live")->truth);
    assert_int_equal(scene_cell(&admin, "lost")->number, 0);
}

static int setup(void **state)
{
    static const char *const arguments[] = { "--insecure", "--queue", "outer",       "--queued-tasks", "0",
                                             "--rate",     "0",       "--log-level", "info",           NULL };
    temp_dir_make(dir);
    if (!scene_start(arguments)) return 1;
    for (int i = 0; i < CLIENTS; i++) wire_peer_client(&clients[i], broker.endpoint, "c");
    struct wire_msg m;
    wire_peer_open(&admin, broker.endpoint);
    wire_peer_hello(&admin, &m, WIRE_ROLE_ADMIN, "operator");
    wire_peer_send(&admin, &m);
    return !wire_peer_wait(&admin, WIRE_WELCOME, SOON);
}

static int teardown(void **state)
{
    for (int i = 0; i < CLIENTS; i++) wire_peer_close(&clients[i]);
    wire_peer_close(&node);
    wire_peer_close(&admin);
    return scene_close(state);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_flood_of_questions_costs_heartbeats_nothing) };
    if (argc > 1) tasks = (unsigned)strtoul(argv[1], NULL, 10);
    if (argc > 2) rounds = (unsigned)strtoul(argv[2], NULL, 10);
    return cmocka_run_group_tests(tests, setup, teardown);
}
