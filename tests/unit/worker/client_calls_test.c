/* Each question of a caller, option by option as it goes out, and each answer field by field as it comes back. */
#include "client_scene.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SOON = 4000 };

/* The latest question, with its strings copied: the handlers run on the broker's thread. */
static struct asked {
    bool has_after, has_limit, has_queue, has_client, has_session, has_states, has_age, has_dry, has_forget;
    bool has_principal, has_state;
    enum wire_what what;
    enum task_state state;
    enum wire_scope scope;
    enum wire_verb verb;
    char queue[65], client[65], after[65], prover[65], principal[65], option[2][65];
    size_t options;
    int64_t value[2];
    uint32_t limit, states;
    uint64_t age;
    bool dry, forget;
    wire_id session, task;
} asked;

static void copy(char to[65], const char *from)
{
    snprintf(to, 65, "%s", from ? from : "");
}

static void take(const struct wire_msg *m)
{
    asked = (struct asked){ .has_after = m->has.after,
                            .has_limit = m->has.limit,
                            .has_queue = m->has.queue,
                            .has_client = m->has.client,
                            .has_session = m->has.session,
                            .has_states = m->has.states,
                            .has_age = m->has.age_ms,
                            .has_dry = m->has.dry,
                            .has_forget = m->has.forget,
                            .has_principal = m->has.principal,
                            .has_state = m->has.state,
                            .what = m->what,
                            .state = m->state,
                            .scope = m->scope,
                            .verb = m->verb,
                            .limit = m->limit,
                            .states = m->states,
                            .age = m->age_ms,
                            .dry = m->dry,
                            .forget = m->forget,
                            .session = m->session,
                            .task = m->task };
    copy(asked.queue, m->queue);
    copy(asked.client, m->client);
    copy(asked.after, m->after);
    copy(asked.prover, m->prover);
    copy(asked.principal, m->principal);
    for (size_t i = 0; m->has.options && i < m->options.cells_n && i < 2; i++) {
        copy(asked.option[i], m->options.cells[i].key);
        asked.value[i] = m->options.cells[i].type == WIRE_CELL_INT ? m->options.cells[i].number : -1;
        asked.options++;
    }
}

/* ---- a task ---- */

static void on_show_all(struct fake *f, const struct wire_msg *m)
{
    take(m);
    struct wire_msg a = { .type = WIRE_TASK };
    WIRE_SET(&a, req, m->req);
    WIRE_SET(&a, task, m->task);
    WIRE_SET(&a, state, TASK_RUNNING);
    WIRE_SET(&a, generation, 3);
    WIRE_SET(&a, queue, "q");
    WIRE_SET(&a, circuit, "c");
    WIRE_SET(&a, prover, "p");
    WIRE_SET(&a, client, "shop");
    WIRE_SET(&a, principal, "someone");
    WIRE_SET(&a, group, "g");
    WIRE_SET(&a, phase, "msm");
    WIRE_SET(&a, status, PV_FAILED);
    WIRE_SET(&a, text, "it said so");
    wire_hash none = { { 0 } };
    WIRE_SET(&a, sha256, none);
    WIRE_SET(&a, length, 11);
    WIRE_SET(&a, result_length, 12);
    WIRE_SET(&a, measured_ms, 13);
    WIRE_SET(&a, created, 14);
    WIRE_SET(&a, changed, 15);
    WIRE_SET(&a, deadline, 16);
    WIRE_SET(&a, position, 17);
    WIRE_SET(&a, eta_ms, 18);
    WIRE_SET(&a, percent, 19);
    WIRE_SET(&a, failures, 20);
    WIRE_SET(&a, losses, 21);
    WIRE_SET(&a, attempts, 22);
    WIRE_SET(&a, priority, 9);
    WIRE_SET(&a, unservable, true);
    fake_send(f, &a);
}

static void expect_all(const struct pv_task_info *i, const pv_task_id *id)
{
    assert_memory_equal(&i->id, id, sizeof *id);
    assert_int_equal(i->state, PV_TASK_RUNNING);
    assert_int_equal(i->generation, 3);
    assert_int_equal(i->status, PV_FAILED);
    assert_string_equal(i->text, "it said so");
    assert_string_equal(i->queue, "q");
    assert_string_equal(i->circuit, "c");
    assert_string_equal(i->prover, "p");
    assert_string_equal(i->client, "shop");
    assert_string_equal(i->principal, "someone");
    assert_string_equal(i->group, "g");
    assert_string_equal(i->phase, "msm");
    const int64_t is[] = { i->length,   i->result_length, i->measured_ms, i->created_ms, i->changed_ms, i->deadline_ms,
                           i->position, i->eta_ms,        i->percent,     i->failures,   i->losses,     i->attempts };
    for (int n = 0; n < 12; n++) assert_int_equal(is[n], 11 + n);
    assert_int_equal(i->priority, 9);
    assert_true(i->unservable);
}

static void on_cancel_running(struct fake *f, const struct wire_msg *m)
{
    take(m);
    scene_cancelled(f, m);
}

static void test_a_task_is_shown_with_all_that_is_known(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_CANCEL] = on_cancel_running;
    s->f.on[WIRE_KICK] = on_show_all;
    scene_handle(s, WIRE_SHOW, on_show_all);
    pv_task_id id = scene_id((wire_id){ { 1, 2, 3 } });
    struct pv_task_info info;
    scene_expect_ok(s->c, pv_show(s->c, &info, &id, SOON));
    expect_all(&info, &id);
    memset(&info, 0, sizeof info);
    scene_expect_ok(s->c, pv_kick(s->c, &info, &id, SOON));
    expect_all(&info, &id);
    scene_expect_ok(s->c, pv_kick(s->c, NULL, &id, SOON));
    scene_expect_ok(s->c, pv_cancel(s->c, NULL, &id, SOON));
    assert_memory_equal(&asked.task, &id, sizeof id);
}

static void on_fetch_small(struct fake *f, const struct wire_msg *m)
{
    fake_deliver(f, m->req, m->task, TASK_SUCCEEDED, PV_OK, "proof", 5);
}

static void test_a_small_result_is_fetched_with_its_answer(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_FETCH, on_fetch_small);
    pv_task_id id = scene_id((wire_id){ { 1, 2, 3 } });
    struct pv_result r;
    scene_expect_ok(s->c, pv_fetch(s->c, &r, &id, SOON));
    scene_expect_proof(&r);
    pv_result_clear(&r);
    assert_int_equal(fake_got(&s->f, WIRE_FETCH), 1);
    assert_int_equal(fake_got(&s->f, WIRE_ACK), 0);
}

/* Answers of another kind under the number of the question, then the answer. */
static void on_show_confused(struct fake *f, const struct wire_msg *m)
{
    struct wire_msg counts = { .type = WIRE_COUNTS };
    WIRE_SET(&counts, req, m->req);
    counts.has.counts = true;
    fake_send(f, &counts);
    fake_submit_ok(f, m, TASK_DEAD);
    scene_cancelled(f, m);
    on_show_all(f, m);
}

static void test_an_answer_of_another_kind_is_none(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SHOW, on_show_confused);
    pv_task_id id = scene_id((wire_id){ { 1, 2, 3 } });
    struct pv_task_info info;
    scene_expect_ok(s->c, pv_show(s->c, &info, &id, SOON));
    expect_all(&info, &id);
}

/* ---- purges ---- */

static void on_purge(struct fake *f, const struct wire_msg *m)
{
    take(m);
    struct wire_msg a = { .type = WIRE_COUNTS };
    WIRE_SET(&a, req, m->req);
    for (uint64_t i = 0; i < TASK_STATES; i++) a.counts.of[i] = 100 + i;
    a.has.counts = true;
    fake_send(f, &a);
}

static void test_a_purge_says_its_conditions_and_no_others(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_PURGE, on_purge);
    uint64_t counts[PV_TASK_STATES];
    struct pv_purge_options p = { .scope = PV_PURGE_SESSION };
    scene_expect_ok(s->c, pv_purge(s->c, counts, &p, SOON));
    for (uint64_t i = 0; i < PV_TASK_STATES; i++) assert_int_equal(counts[i], 100 + i);
    assert_int_equal(asked.scope, WIRE_SCOPE_SESSION);
    assert_false(asked.has_client || asked.has_queue || asked.has_session || asked.has_states || asked.has_age ||
                 asked.has_dry || asked.has_forget);
    p = (struct pv_purge_options){ .scope = PV_PURGE_QUEUE,
                                   .queue = "outer",
                                   .client = "other",
                                   .session = "000102030405060708090a0b0c0d0e0f",
                                   .states = 1u << PV_TASK_DEAD | 1u << PV_TASK_QUEUED,
                                   .age_ms = 60000,
                                   .dry_run = true };
    scene_expect_ok(s->c, pv_purge(s->c, NULL, &p, SOON));
    assert_int_equal(asked.scope, WIRE_SCOPE_QUEUE);
    assert_string_equal(asked.queue, "outer");
    assert_string_equal(asked.client, "other");
    assert_true(asked.has_session && asked.session.bytes[1] == 1 && asked.session.bytes[15] == 15);
    assert_int_equal(asked.states, 1u << TASK_DEAD | 1u << TASK_QUEUED);
    assert_int_equal(asked.age, 60000);
    assert_true(asked.dry);
}

static void test_a_purge_that_makes_no_sense_is_not_sent(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_PURGE, on_purge);
    struct pv_purge_options p = { .scope = PV_PURGE_QUEUE };
    assert_int_equal(pv_purge(s->c, NULL, &p, SOON), PV_USAGE);
    p = (struct pv_purge_options){ .scope = PV_PURGE_SESSION, .session = "not an id" };
    assert_int_equal(pv_purge(s->c, NULL, &p, SOON), PV_USAGE);
    assert_int_equal(fake_got(&s->f, WIRE_PURGE), 0);
}

/* ---- tables ---- */

/* As many rows as were asked for, and always one more behind them. */
static void on_list(struct fake *f, const struct wire_msg *m)
{
    struct scene *s = scene_of(f);
    take(m);
    s->page++;
    static const struct wire_cell cells[] = { { .key = "id", .type = WIRE_CELL_TEXT, .text = "a" },
                                              { .key = "n", .type = WIRE_CELL_INT, .number = -5 },
                                              { .key = "on", .type = WIRE_CELL_BOOL, .truth = true },
                                              { .key = "nothing", .type = WIRE_CELL_NIL } };
    struct wire_row rows[WIRE_ROWS_MAX];
    for (size_t i = 0; i < WIRE_ROWS_MAX; i++) rows[i] = (struct wire_row){ cells, 4 };
    struct wire_msg a = { .type = WIRE_ROWS };
    WIRE_SET(&a, req, m->req);
    WIRE_SET(&a, schema, "provost.tasks/1");
    WIRE_SET_LIST(&a, rows, rows, m->has.limit ? m->limit : 1);
    char next[16];
    snprintf(next, sizeof next, "after%u", s->page);
    WIRE_SET(&a, next, next);
    fake_send(f, &a);
}

static void test_a_table_ends_at_the_rows_that_were_asked_for(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_LIST, on_list);
    static const size_t most[] = { 1, WIRE_ROWS_MAX, WIRE_ROWS_MAX + 1, 2 * WIRE_ROWS_MAX, 0 };
    static const unsigned pages[] = { 1, 1, 2, 2, (1000 + WIRE_ROWS_MAX - 1) / WIRE_ROWS_MAX };
    for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
        pv_table *t = NULL;
        s->page = 0;
        struct pv_list_options o = { .what = PV_LIST_TASKS, .rows_max = most[i] };
        scene_expect_ok(s->c, pv_list(s->c, &t, &o, SOON));
        assert_int_equal(pv_table_rows(t), most[i] ? most[i] : 1000);
        assert_int_equal(LOOK(s, page), pages[i]);
        char next[16];
        snprintf(next, sizeof next, "after%u", pages[i]);
        assert_string_equal(pv_table_next(t), next);
        pv_table_free(&t);
        assert_null(t);
    }
}

static void test_a_list_says_what_it_is_of(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_LIST, on_list);
    pv_table *t = NULL;
    struct pv_list_options o = { .what = PV_LIST_TASKS, .rows_max = 1 };
    scene_expect_ok(s->c, pv_list(s->c, &t, &o, SOON));
    assert_int_equal(asked.what, WIRE_WHAT_TASKS);
    assert_false(asked.has_queue || asked.has_state || asked.has_after);
    struct pv_row row = pv_table_row(t, 0);
    assert_int_equal(row.cells_n, 4);
    assert_int_equal(pv_row_cell(&row, "id")->type, PV_CELL_TEXT);
    assert_string_equal(pv_row_cell(&row, "id")->text, "a");
    assert_int_equal(pv_row_cell(&row, "n")->type, PV_CELL_INT);
    assert_int_equal(pv_row_cell(&row, "n")->number, -5);
    assert_int_equal(pv_row_cell(&row, "on")->type, PV_CELL_BOOL);
    assert_int_equal(pv_row_cell(&row, "on")->number, 1);
    assert_int_equal(pv_row_cell(&row, "nothing")->type, PV_CELL_NIL);
    assert_null(pv_row_cell(&row, "no"));
    pv_table_free(&t);
    o = (struct pv_list_options){
        .what = PV_LIST_PROVERS, .queue = "outer", .state = "dead", .after = "x", .rows_max = 1
    };
    scene_expect_ok(s->c, pv_list(s->c, &t, &o, SOON));
    assert_int_equal(asked.what, WIRE_WHAT_PROVERS);
    assert_string_equal(asked.queue, "outer");
    assert_int_equal(asked.state, TASK_DEAD);
    assert_string_equal(asked.after, "x");
    pv_table_free(&t);
    o.state = "nowhere";
    assert_int_equal(pv_list(s->c, &t, &o, SOON), PV_USAGE);
    assert_null(t);
}

static void on_list_ends(struct fake *f, const struct wire_msg *m)
{
    struct wire_msg a = { .type = WIRE_ROWS };
    WIRE_SET(&a, req, m->req);
    WIRE_SET(&a, schema, "provost.tasks/1");
    WIRE_SET(&a, next, "more"); /* but no row: to go on there would have no end */
    WIRE_SET_LIST(&a, rows, NULL, 0);
    fake_send(f, &a);
}

static void test_a_page_without_rows_is_the_last(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_LIST, on_list_ends);
    pv_table *t = NULL;
    scene_expect_ok(s->c, pv_list(s->c, &t, &(struct pv_list_options){ .what = PV_LIST_TASKS }, SOON));
    assert_int_equal(pv_table_rows(t), 0);
    assert_int_equal(fake_got(&s->f, WIRE_LIST), 1);
    pv_table_free(&t);
}

static void on_list_refused(struct fake *f, const struct wire_msg *m)
{
    if (m->has.after)
        fake_error(f, m, PV_UNAUTHORIZED, "not the second page");
    else
        on_list(f, m);
}

static void test_a_table_is_whole_or_none(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_LIST, on_list_refused);
    pv_table *t = NULL;
    struct pv_list_options o = { .what = PV_LIST_TASKS, .rows_max = WIRE_ROWS_MAX + 1 };
    assert_int_equal(pv_list(s->c, &t, &o, SOON), PV_UNAUTHORIZED);
    scene_expect_error(s->c, "not the second page");
    assert_null(t);
}

/* ---- operating ---- */

static void test_queues_and_provers_are_operated(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_QUEUE] = on_list;
    scene_handle(s, WIRE_PROVER, on_list);
    pv_table *t = NULL;
    scene_expect_ok(s->c, pv_queue_pause(s->c, &t, "outer", SOON));
    assert_int_equal(pv_table_rows(t), 1);
    pv_table_free(&t);
    assert_string_equal(asked.queue, "outer");
    assert_int_equal(asked.verb, WIRE_VERB_PAUSE);
    scene_expect_ok(s->c, pv_queue_resume(s->c, NULL, "outer", SOON));
    assert_int_equal(asked.verb, WIRE_VERB_RESUME);
    scene_expect_ok(s->c, pv_prover_drain(s->c, NULL, "p1", SOON));
    assert_string_equal(asked.prover, "p1");
    assert_int_equal(asked.verb, WIRE_VERB_DRAIN);
    assert_false(asked.has_principal);
    scene_expect_ok(s->c, pv_prover_resume(s->c, NULL, "p1", SOON));
    assert_int_equal(asked.verb, WIRE_VERB_RESUME);
}

static void test_settings_of_a_queue_are_those_that_were_given(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_QUEUE, on_list);
    struct pv_queue_settings set = { .run_timeout_ms = 5, .stall_timeout_ms = 6 };
    scene_expect_ok(s->c, pv_queue_set(s->c, NULL, "outer", &set, SOON));
    assert_int_equal(asked.verb, WIRE_VERB_SET);
    assert_int_equal(asked.options, 2);
    assert_string_equal(asked.option[0], "run_timeout_ms");
    assert_int_equal(asked.value[0], 5);
    assert_string_equal(asked.option[1], "stall_timeout_ms");
    assert_int_equal(asked.value[1], 6);
    set = (struct pv_queue_settings){ .stall_timeout_ms = PV_CONFIGURED };
    scene_expect_ok(s->c, pv_queue_set(s->c, NULL, "outer", &set, SOON));
    assert_int_equal(asked.options, 1);
    assert_string_equal(asked.option[0], "stall_timeout_ms");
    assert_int_equal(asked.value[0], -1); /* nil: back to what the configuration says */
}

/* The broker of these tests is an old one: it would overlook the principal. */
static void test_an_old_broker_is_not_asked_about_the_provers_of_one_principal(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_PROVER, on_list);
    assert_int_equal(pv_prover_drain_of(s->c, NULL, "someone", "p1", SOON), PV_BAD_VERSION);
    scene_expect_error(s->c, "too old");
    assert_int_equal(pv_prover_resume_of(s->c, NULL, "someone", "p1", SOON), PV_BAD_VERSION);
    assert_int_equal(fake_got(&s->f, WIRE_PROVER), 0);
}

/* A broker of today: its WELCOME says what it knows. */
static void on_hello_today(struct fake *f, const struct wire_msg *m)
{
    struct wire_msg w = { .type = WIRE_WELCOME };
    WIRE_SET(&w, epoch, f->epoch);
    WIRE_SET(&w, heartbeat_ms, f->heartbeat_ms);
    WIRE_SET(&w, lease_ms, f->lease_ms);
    WIRE_SET(&w, inline_max, WIRE_INLINE_MAX);
    WIRE_SET(&w, chunk_max, f->chunk_max);
    WIRE_SET(&w, payload_max, f->payload_max);
    WIRE_SET(&w, window, f->window);
    WIRE_SET(&w, principal, "someone");
    WIRE_SET(&w, software, "fake 2");
    WIRE_SET(&w, by_principal, true);
    WIRE_SET(&w, purge_forgets, true);
    fake_send(f, &w);
}

static void test_a_broker_of_today_is_asked(void **state)
{
    struct scene *s = *state;
    fake_stop(&s->f);
    s->f.no_welcome = true;
    s->f.on[WIRE_HELLO] = on_hello_today;
    s->f.on[WIRE_PURGE] = on_purge;
    s->f.on[WIRE_PROVER] = on_list;
    fake_start(&s->f);
    struct pv_client_info info;
    do pv_client_about(s->c, &info);
    while (strcmp(info.broker, "fake 2") != 0 && usleep(1000) == 0); /* CTest's time limit ends it */
    assert_string_equal(info.principal, "someone");
    assert_string_equal(info.endpoint, s->f.endpoint);
    assert_int_equal(info.payload_max, s->f.payload_max);
    assert_int_equal(info.epoch, 1);
    assert_int_equal(strlen(info.session), 32);
    scene_expect_ok(s->c, pv_prover_drain_of(s->c, NULL, "someone", "p1", SOON));
    assert_string_equal(asked.principal, "someone");
    assert_int_equal(asked.verb, WIRE_VERB_DRAIN);
    scene_expect_ok(s->c, pv_prover_resume_of(s->c, NULL, "someone", "p1", SOON));
    assert_int_equal(asked.verb, WIRE_VERB_RESUME);
    struct pv_purge_options p = { .scope = PV_PURGE_QUEUE, .queue = "outer" };
    scene_expect_ok(s->c, pv_purge_and_forget(s->c, NULL, &p, SOON));
    assert_true(asked.has_forget && asked.forget);
}

/* ---- words and ids ---- */

static void test_ids_and_states_are_read_as_they_are_written(void **state)
{
    pv_task_id id, again;
    char text[PV_ID_TEXT];
    assert_int_equal(pv_task_id_new(&id), PV_OK);
    assert_int_equal(pv_task_id_of_text(&again, pv_task_id_text(text, &id)), PV_OK);
    assert_memory_equal(&id, &again, sizeof id);
    text[31] = '\0';
    assert_int_equal(pv_task_id_of_text(&again, text), PV_INVALID_INPUT);
    assert_int_equal(pv_task_id_of_text(&again, "000102030405060708090a0b0c0d0e0g"), PV_INVALID_INPUT);
    assert_int_equal(pv_task_id_of_text(&again, "000102030405060708090a0b0c0d0e0f0"), PV_INVALID_INPUT);
    for (int i = 0; i < PV_TASK_STATES; i++) {
        enum pv_task_state was = PV_TASK_STATES;
        const char *word = pv_task_state_word((enum pv_task_state)i);
        assert_int_equal(pv_task_state_of_word(&was, word), PV_OK);
        assert_int_equal(was, i);
    }
    enum pv_task_state none;
    assert_int_equal(pv_task_state_of_word(&none, "nowhere"), PV_INVALID_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_a_task_is_shown_with_all_that_is_known),
        SCENE_TEST(test_a_small_result_is_fetched_with_its_answer),
        SCENE_TEST(test_an_answer_of_another_kind_is_none),
        SCENE_TEST(test_a_purge_says_its_conditions_and_no_others),
        SCENE_TEST(test_a_purge_that_makes_no_sense_is_not_sent),
        SCENE_TEST(test_a_table_ends_at_the_rows_that_were_asked_for),
        SCENE_TEST(test_a_list_says_what_it_is_of),
        SCENE_TEST(test_a_page_without_rows_is_the_last),
        SCENE_TEST(test_a_table_is_whole_or_none),
        SCENE_TEST(test_queues_and_provers_are_operated),
        SCENE_TEST(test_settings_of_a_queue_are_those_that_were_given),
        SCENE_TEST(test_an_old_broker_is_not_asked_about_the_provers_of_one_principal),
        SCENE_TEST(test_a_broker_of_today_is_asked),
        cmocka_unit_test(test_ids_and_states_are_read_as_they_are_written),
    };
    return SCENE_RUN(tests);
}
