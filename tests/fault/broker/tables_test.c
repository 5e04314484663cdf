/* The tables as peers get them, and what operators do. */
#include "broker_scene.h"

static struct wire_peer p;

/* Queued tasks of a session of its own. */
static void queue_tasks(int n)
{
    for (int i = 0; i < n; i++) {
        wire_peer_submit(&p, wire_peer_new_id(), "outer", "keccak", input, sizeof input);
        WANT(&p, WIRE_SUBMIT_OK);
    }
}

/* All pages of the tasks, ten rows each. */
static size_t tasks_seen(const char *state)
{
    size_t seen = 0;
    char after[64] = "0";
    for (bool more = true; more;) {
        scene_list(&p, WIRE_WHAT_TASKS, 10, after);
        assert_true(p.in.rows_n <= 10);
        for (size_t i = 0; i < p.in.rows_n; i++) seen += !strcmp(scene_cell_of(&p.in.rows[i], "state")->text, state);
        more = p.in.has.next;
        if (more) snprintf(after, sizeof after, "%s", p.in.next);
    }
    return seen;
}

static void every_table_answers_and_pages_add_up(void **state)
{
    enum { TASKS = 25 };
    queue_tasks(TASKS);
    scene_list(&p, WIRE_WHAT_QUEUES, 0, NULL);
    assert_string_equal(p.in.schema, "provost.queues/1");
    assert_int_equal(p.in.rows_n, 1);
    int64_t queued = scene_cell(&p, "queued")->number;
    assert_true(queued >= TASKS);
    assert_int_equal(scene_cell(&p, "demand")->number, queued);
    assert_int_equal(tasks_seen("queued"), queued);
    scene_list(&p, WIRE_WHAT_STATUS, 0, NULL);
    assert_true(scene_cell(&p, "ready")->truth);
    scene_list(&p, WIRE_WHAT_CLIENTS, 0, NULL);
    scene_list(&p, WIRE_WHAT_PROVERS, 0, NULL);
}

static bool paused_after(enum wire_verb verb)
{
    struct wire_msg m = { .type = WIRE_QUEUE };
    WIRE_SET(&m, req, ++p.req);
    WIRE_SET(&m, queue, "outer");
    WIRE_SET(&m, verb, verb);
    wire_peer_send(&p, &m);
    WANT(&p, WIRE_ROWS);
    return scene_cell(&p, "paused")->truth;
}

static void a_queue_is_paused_and_resumed(void **state)
{
    assert_true(paused_after(WIRE_VERB_PAUSE));
    assert_false(paused_after(WIRE_VERB_RESUME));
}

static uint64_t queued_by_purge(bool dry)
{
    struct wire_msg m = { .type = WIRE_PURGE };
    WIRE_SET(&m, req, ++p.req);
    WIRE_SET(&m, scope, WIRE_SCOPE_SESSION);
    WIRE_SET(&m, dry, dry);
    wire_peer_send(&p, &m);
    WANT(&p, WIRE_COUNTS);
    return p.in.counts.of[TASK_QUEUED];
}

static void a_purge_takes_what_its_dry_run_said(void **state)
{
    enum { TASKS = 5 };
    queue_tasks(TASKS);
    assert_int_equal(queued_by_purge(true), TASKS);
    assert_int_equal(queued_by_purge(false), TASKS);
    assert_int_equal(queued_by_purge(true), 0);
}

static int operator_open(void **state)
{
    struct wire_msg m;
    wire_peer_open(&p, broker.endpoint);
    wire_peer_hello(&p, &m, WIRE_ROLE_ADMIN, "operator");
    wire_peer_send(&p, &m);
    return !wire_peer_wait(&p, WIRE_WELCOME, SOON);
}

static int operator_close(void **state)
{
    wire_peer_close(&p);
    return 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, operator_open, operator_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_table_answers_and_pages_add_up),
        T(a_queue_is_paused_and_resumed),
        T(a_purge_takes_what_its_dry_run_said),
    };
    return cmocka_run_group_tests(tests, scene_open, scene_close);
}
