/* Looking at tasks and tables, and operating. */
#include "client_scene.h"

#include <string.h>

static void on_show(struct fake *f, const struct wire_msg *m)
{
    fake_task(f, m, TASK_DELAYED);
}

static void on_purge(struct fake *f, const struct wire_msg *m)
{
    assert_int_equal(m->scope, WIRE_SCOPE_QUEUE);
    assert_string_equal(m->queue, "outer");
    assert_true(m->dry);
    struct wire_msg a = { .type = WIRE_COUNTS };
    WIRE_SET(&a, req, m->req);
    a.counts.of[TASK_QUEUED] = 3;
    a.counts.of[TASK_RUNNING] = 2;
    a.has.counts = true;
    fake_send(f, &a);
}

static void on_no_purge(struct fake *f, const struct wire_msg *m)
{
    (void)f;
    (void)m;
    fail_msg("a broker that does not announce it was asked to forget");
}

static void test_an_old_broker_is_not_asked_to_forget(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_PURGE] = on_no_purge;
    uint64_t counts[PV_TASK_STATES];
    struct pv_purge_options p = { .scope = PV_PURGE_QUEUE, .queue = "outer" };
    assert_int_equal(pv_purge_and_forget(s->c, counts, &p, LONG), PV_BAD_VERSION);
    char text[PV_TEXT_BYTES];
    pv_client_error(s->c, text, sizeof text);
    assert_non_null(strstr(text, "too old"));
}

static void on_list(struct fake *f, const struct wire_msg *m)
{
    struct scene *s = scene_of(f);
    bool second = m->has.after;
    if (second) assert_string_equal(m->after, "b");
    const struct wire_cell one[] = { { .key = "id", .type = WIRE_CELL_TEXT, .text = second ? "c" : "a" },
                                     { .key = "n", .type = WIRE_CELL_INT, .number = -5 } };
    const struct wire_cell two[] = { { .key = "id", .type = WIRE_CELL_TEXT, .text = "b" },
                                     { .key = "on", .type = WIRE_CELL_BOOL, .truth = true } };
    const struct wire_row rows[] = { { one, 2 }, { two, 2 } };
    struct wire_msg a = { .type = WIRE_ROWS };
    WIRE_SET(&a, req, m->req);
    WIRE_SET(&a, schema, "provost.tasks/1");
    WIRE_SET_LIST(&a, rows, rows, second ? 1 : 2);
    if (!second) WIRE_SET(&a, next, "b");
    s->page++;
    fake_send(f, &a);
}

static void test_tasks_are_shown_cancelled_purged_and_listed(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_SHOW] = s->f.on[WIRE_KICK] = on_show;
    s->f.on[WIRE_CANCEL] = scene_cancelled;
    s->f.on[WIRE_PURGE] = on_purge;
    scene_handle(s, WIRE_LIST, on_list);
    pv_task_id id;
    assert_int_equal(pv_task_id_of_text(&id, "000102030405060708090a0b0c0d0e0f"), PV_OK);
    struct pv_task_info info;
    scene_expect_ok(s->c, pv_show(s->c, &info, &id, LONG));
    assert_int_equal(info.state, PV_TASK_DELAYED);
    assert_string_equal(info.queue, "q");
    assert_int_equal(info.failures, 2);
    assert_int_equal(info.position, -1);
    assert_int_equal(pv_kick(s->c, &info, &id, LONG), PV_OK);
    enum pv_task_state was;
    assert_int_equal(pv_cancel(s->c, &was, &id, LONG), PV_OK);
    assert_int_equal(was, PV_TASK_CANCELLED);
    uint64_t counts[PV_TASK_STATES];
    struct pv_purge_options p = { .scope = PV_PURGE_QUEUE, .queue = "outer", .dry_run = true };
    assert_int_equal(pv_purge(s->c, counts, &p, LONG), PV_OK);
    assert_int_equal(counts[PV_TASK_QUEUED], 3);
    assert_int_equal(counts[PV_TASK_RUNNING], 2);
    pv_table *t;
    assert_int_equal(pv_list(s->c, &t, &(struct pv_list_options){ .what = PV_LIST_TASKS }, LONG), PV_OK);
    assert_int_equal(pv_table_rows(t), 3);
    assert_string_equal(pv_table_schema(t), "provost.tasks/1");
    struct pv_row row = pv_table_row(t, 2);
    assert_string_equal(pv_row_cell(&row, "id")->text, "c");
    assert_int_equal(pv_row_cell(&row, "n")->number, -5);
    assert_null(pv_row_cell(&row, "on"));
    assert_null(pv_table_next(t));
    pv_table_free(&t);
    assert_int_equal(pv_queue_pause(s->c, NULL, "not a name", LONG), PV_USAGE);
}

static void test_a_question_is_asked_again_after_a_reconnect(void **state)
{
    struct scene *s = *state;
    fake_stop(&s->f);
    s->f.on[WIRE_SHOW] = scene_gone;
    fake_start(&s->f);
    pv_task_id id = scene_id((wire_id){ { 1 } });
    struct pv_task_info info;
    assert_int_equal(pv_show(s->c, &info, &id, LONG), PV_GONE);
    scene_expect_error(s->c, "because the test says so");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_tasks_are_shown_cancelled_purged_and_listed),
        SCENE_TEST(test_an_old_broker_is_not_asked_to_forget),
        SCENE_TEST(test_a_question_is_asked_again_after_a_reconnect),
    };
    return SCENE_RUN(tests);
}
