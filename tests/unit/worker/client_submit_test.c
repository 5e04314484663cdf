/* Submitting: what travels, what is refused, and when it is tried again. */
#include "client_scene.h"
#include "clock.h"
#include "sha256.h"

static void on_submit_look(struct fake *f, const struct wire_msg *m)
{
    assert_string_equal(m->queue, "outer");
    assert_string_equal(m->circuit, "withdraw");
    assert_int_equal(m->length, 3);
    assert_memory_equal(m->payload, "abc", 3);
    wire_hash h;
    assert_int_equal(sha256_of(&h, "abc", 3), PV_OK);
    assert_true(wire_hash_equal(h, m->sha256));
    assert_int_equal(m->priority, 9);
    assert_string_equal(m->group, "g");
    assert_int_equal(m->deadline, 5);
    assert_false(m->has.deadline_in_ms); /* which this broker has not announced */
    assert_int_equal(m->on_restart, WIRE_ON_RESTART_TTL);
    assert_int_equal(m->ttl_ms, 7);
    assert_true(m->revive);
    assert_int_equal(m->need_vram, 8);
    assert_int_equal(m->need_ram, 9);
    scene_accept(f, m);
}

static void test_options_of_a_submit_travel(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, on_submit_look);
    struct pv_submit_options o = { .queue = "outer",
                                   .circuit = "withdraw",
                                   .priority = 9,
                                   .group = "g",
                                   .deadline_ms = 5,
                                   .on_restart = PV_RESTART_TTL,
                                   .ttl_ms = 7,
                                   .revive = true,
                                   .need_vram = 8,
                                   .need_ram = 9 };
    scene_expect_ok(s->c, pv_submit(s->c, NULL, &o, "abc", 3, LONG));
}

enum { HOUR = 3600000 };

static void on_submit_deadline(struct fake *f, const struct wire_msg *m)
{
    struct scene *s = scene_of(f);
    assert_false(m->has.deadline);
    s->deadlines[s->page++] = m->has.deadline_in_ms ? m->deadline_in_ms : 4711;
    scene_accept(f, m);
}

/* R21: the caller's clock may be wrong, and a broker that knows durations never sees it. */
static void test_a_deadline_travels_as_what_is_left(void **state)
{
    struct scene *s = *state;
    fake_stop(&s->f);
    s->f.deadline_in = true;
    s->f.epoch = 2;
    fake_start(&s->f);
    scene_handle(s, WIRE_SUBMIT, on_submit_deadline);
    const uint64_t deadlines[] = { pv_wall_ms() + HOUR, 5, UINT64_MAX, 0 };
    for (int i = 0; i < 4; i++) {
        struct pv_submit_options o = scene_plain;
        o.deadline_ms = deadlines[i];
        scene_expect_ok(s->c, pv_submit(s->c, NULL, &o, "abc", 3, LONG));
    }
    assert_in_range(s->deadlines[0], HOUR - 60000, HOUR);
    assert_int_equal(s->deadlines[1], 0); /* long ago, and so it is told */
    assert_true(s->deadlines[2] > UINT64_MAX / 2);
    assert_int_equal(s->deadlines[3], 4711); /* none */
}

static void test_wrong_options_are_usage(void **state)
{
    struct scene *s = *state;
    struct pv_submit_options o = scene_plain;
    o.queue = "no spaces";
    assert_int_equal(pv_submit(s->c, NULL, &o, "abc", 3, LONG), PV_USAGE);
    scene_expect_error(s->c, "queue");
    o = scene_plain;
    o.priority = 10;
    assert_int_equal(pv_submit(s->c, NULL, &o, "abc", 3, LONG), PV_USAGE);
    o = scene_plain;
    o.local.policy = PV_LOCAL_AFTER;
    assert_int_equal(pv_submit(s->c, NULL, &o, "abc", 3, LONG), PV_USAGE);
    assert_int_equal(fake_got(&s->f, WIRE_SUBMIT), 0);
    pv_client *c = NULL;
    struct pv_client_options bad = { .endpoints = "tcp://192.0.2.1:7070", .insecure = true };
    assert_int_equal(pv_client_open(&c, &bad), PV_USAGE); /* without keys only a broker on this machine */
    bad = (struct pv_client_options){ .endpoints = "tcp://127.0.0.1:7070" };
    assert_int_equal(pv_client_open(&c, &bad), PV_USAGE);
    bad = (struct pv_client_options){ .endpoints = "udp://127.0.0.1:7070", .insecure = true };
    assert_int_equal(pv_client_open(&c, &bad), PV_USAGE);
    bad = (struct pv_client_options){ .endpoints = "tcp://127.0.0.1:7070",
                                      .key_file = "/no/such",
                                      .server_key = "/no/such" };
    assert_int_equal(pv_client_open(&c, &bad), PV_BAD_KEY_FILE);
    assert_null(c);
}

static void on_unknown_queue(struct fake *f, const struct wire_msg *m)
{
    struct wire_msg unnamed = { .req = m->req };
    unnamed.has.req = true;
    scene_refuse(f, &unnamed, PV_UNKNOWN_QUEUE);
}

static void test_a_refusal_that_names_only_the_request_is_told(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, on_unknown_queue);
    assert_int_equal(pv_submit(s->c, NULL, &scene_plain, "abc", 3, LONG), PV_UNKNOWN_QUEUE);
}

static void test_a_conflict_is_told(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, scene_conflict);
    assert_int_equal(pv_submit(s->c, NULL, &scene_plain, "abc", 3, LONG), PV_CONFLICT);
    scene_expect_error(s->c, "because the test says so");
}

static void on_submit_general(struct fake *f, const struct wire_msg *m)
{
    static const struct {
        pv_status status;
        const char *text;
    } former[] = { { PV_UNAUTHORIZED, "not authorised" },
                   { PV_UNKNOWN_QUEUE, "no such queue" },
                   { PV_CONFLICT, "the id exists with another input" } };
    unsigned i = scene_of(f)->refusals++;
    fake_error(f, m, former[i].status, former[i].text);
}

/* A broker of 52f222a says no more than its list of outcomes: the caller's side knows what was asked. */
static void test_a_general_sentence_becomes_one_about_what_was_asked(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, on_submit_general);
    assert_int_equal(pv_submit(s->c, NULL, &scene_plain, "abc", 3, LONG), PV_UNAUTHORIZED);
    scene_expect_error(s->c, "this key may not submit to queue \"outer\"");
    assert_int_equal(pv_submit(s->c, NULL, &scene_plain, "abc", 3, LONG), PV_UNKNOWN_QUEUE);
    scene_expect_error(s->c, "this broker has no queue \"outer\"");
    assert_int_equal(pv_submit(s->c, NULL, &scene_plain, "abc", 3, LONG), PV_CONFLICT);
    scene_expect_error(s->c, "the id was used before, with another input");
}

static void on_submit_busy(struct fake *f, const struct wire_msg *m)
{
    if (scene_of(f)->refusals-- == 0) {
        scene_prove(f, m);
        return;
    }
    struct wire_msg e = { .type = WIRE_ERROR };
    WIRE_SET(&e, req, m->req);
    WIRE_SET(&e, task, m->task);
    WIRE_SET(&e, status, PV_BUSY);
    WIRE_SET(&e, which, "queued_tasks");
    WIRE_SET(&e, retry_ms, 20);
    fake_send(f, &e);
}

static void test_busy_is_tried_again_when_the_broker_says(void **state)
{
    struct scene *s = *state;
    s->refusals = 3;
    scene_handle(s, WIRE_SUBMIT, on_submit_busy);
    struct pv_result r;
    scene_expect_ok(s->c, pv_prove(s->c, &r, &scene_plain, "abc", 3, LONG));
    pv_result_clear(&r);
    assert_int_equal(fake_got(&s->f, WIRE_SUBMIT), 4);
}

static void test_busy_can_be_told_at_once_or_ends_the_wait(void **state)
{
    struct scene *s = *state;
    s->refusals = 1000000;
    scene_handle(s, WIRE_SUBMIT, on_submit_busy);
    struct pv_submit_options o = scene_plain;
    o.when_busy = PV_BUSY_FAIL;
    assert_int_equal(pv_submit(s->c, NULL, &o, "abc", 3, LONG), PV_BUSY);
    scene_expect_error(s->c, "queued_tasks");
    assert_int_equal(pv_submit(s->c, NULL, &scene_plain, "abc", 3, 200), PV_BUSY);
}

static void test_an_input_above_the_limit_is_not_sent(void **state)
{
    struct scene *s = *state;
    fake_stop(&s->f);
    s->f.payload_max = 2;
    s->f.epoch = 2;
    fake_start(&s->f);
    assert_int_equal(pv_submit(s->c, NULL, &scene_plain, "abc", 3, LONG), PV_TOO_LARGE);
    scene_expect_error(s->c, "3 B; the broker takes at most 2 B");
    assert_int_equal(fake_got(&s->f, WIRE_SUBMIT), 0);
}

static void on_submit_in_order(struct fake *f, const struct wire_msg *m)
{
    struct scene *s = scene_of(f);
    if (m->task.bytes[3] == s->page) s->page++;
}

static void test_submits_keep_their_order(void **state)
{
    struct scene *s = *state;
    scene_expect_ok(s->c, pv_client_ready(s->c, LONG));
    scene_handle(s, WIRE_SUBMIT, on_submit_in_order);
    struct pv_submit_options o = scene_plain;
    o.nowait = true;
    for (uint8_t i = 0; i < 50; i++) {
        pv_task_id id = { { [3] = i } };
        o.id = &id;
        assert_int_equal(pv_submit(s->c, NULL, &o, &i, 1, 0), PV_OK);
    }
    fake_expect(&s->f, WIRE_SUBMIT, 50);
    assert_int_equal(LOOK(s, page), 50);
}

static void on_submit_json(struct fake *f, const struct wire_msg *m)
{
    struct scene *s = scene_of(f);
    assert_string_equal(m->has.input_kind ? m->input_kind : "none", s->page++ ? "none" : "input.json");
    scene_accept(f, m);
}

static void on_done_count(void *user, struct pv_result *r)
{
    ++*(unsigned *)user;
    pv_result_clear(r);
}

/* The handle follows an id once: what was submitted last is told of its end, and that once. */
static void test_an_id_that_is_submitted_again_has_the_later_caller(void **state)
{
    struct scene *s = *state;
    unsigned ended[2] = { 0 };
    pv_task_id id = scene_id((wire_id){ { 7 } });
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    for (unsigned i = 0; i < 2; i++) {
        struct pv_submit_options o = scene_plain;
        o.id = &id;
        o.nowait = i == 1; /* the first is accepted before the second comes */
        o.done = on_done_count;
        o.user = &ended[i];
        scene_expect_ok(s->c, pv_submit(s->c, NULL, &o, "abc", 3, LONG));
    }
    fake_expect(&s->f, WIRE_SUBMIT, 2);
    fake_stop(&s->f);
    fake_start(&s->f);
    fake_expect(&s->f, WIRE_ATTACH, 1); /* when the broker is back it is asked for the task, once */
    unsigned beats = fake_got(&s->f, WIRE_HEARTBEAT);
    fake_expect(&s->f, WIRE_HEARTBEAT, beats + 1);
    assert_int_equal(fake_got(&s->f, WIRE_ATTACH), 1);
    fake_lock(&s->f);
    fake_deliver(&s->f, 0, s->task, TASK_SUCCEEDED, PV_OK, "proof", 5);
    fake_unlock(&s->f);
    while (!ended[1]) scene_expect_ok(s->c, pv_client_process(s->c, NULL, LONG));
    fake_expect(&s->f, WIRE_ACK, 1);
    assert_int_equal(pv_client_process(s->c, NULL, 0), PV_TIMEOUT); /* nothing else is due */
    assert_int_equal(ended[0], 0);
    assert_int_equal(ended[1], 1);
}

/* Accepted, and then the broker goes and comes back: the handle asks for the task. Before it is answered the caller may submit the same id again; what
 * has not been accepted yet may not. */
static void test_an_accepted_id_may_be_submitted_again_while_it_is_asked_for(void **state)
{
    struct scene *s = *state;
    pv_task_id id = scene_id((wire_id){ { 8 } });
    struct pv_submit_options o = scene_plain;
    o.id = &id;
    o.nowait = true;
    scene_handle(s, WIRE_SUBMIT, NULL);
    scene_expect_ok(s->c, pv_submit(s->c, NULL, &o, "abc", 3, LONG));
    fake_expect(&s->f, WIRE_SUBMIT, 1); /* and no answer */
    assert_int_equal(pv_submit(s->c, NULL, &o, "abc", 3, LONG), PV_BAD_STATE);
    pv_forget(s->c, &id);
    o.nowait = false;
    for (int i = 0; i < 2; i++) /* what did not go through is not followed: its input is the caller's again */
        assert_int_equal(pv_submit(s->c, NULL, &o, "abc", 3, 30), PV_TIMEOUT);
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    o.nowait = false;
    scene_expect_ok(s->c, pv_submit(s->c, NULL, &o, "abc", 3, LONG));
    fake_stop(&s->f);
    fake_start(&s->f);
    fake_expect(&s->f, WIRE_ATTACH, 1); /* which is not answered */
    unsigned submitted = fake_got(&s->f, WIRE_SUBMIT);
    o.nowait = true;
    scene_expect_ok(s->c, pv_submit(s->c, NULL, &o, "abc", 3, LONG));
    fake_expect(&s->f, WIRE_SUBMIT, submitted + 1);
}

static void test_an_input_json_says_its_kind(void **state)
{
    struct scene *s = *state;
    fake_stop(&s->f);
    s->f.input_json = true;
    s->f.epoch = 2;
    fake_start(&s->f);
    scene_handle(s, WIRE_SUBMIT, on_submit_json);
    scene_expect_ok(s->c, pv_submit_json(s->c, NULL, &scene_plain, "{}", 2, LONG));
    scene_expect_ok(s->c, pv_submit(s->c, NULL, &scene_plain, "abc", 3, LONG));
}

static void on_submit_at_all(struct fake *f, const struct wire_msg *m)
{
    fail_msg("a broker that does not name the kind was sent an input.json");
}

/* It would pass the kind over, and have the input proved as if it were a witness. */
static void test_an_older_broker_is_sent_no_input_json(void **state)
{
    struct scene *s = *state;
    struct pv_result r;
    struct pv_submit_options o = scene_plain;
    scene_handle(s, WIRE_SUBMIT, on_submit_at_all);
    assert_int_equal(pv_submit_json(s->c, NULL, &o, "{}", 2, LONG), PV_BAD_VERSION);
    scene_expect_error(s->c, "too old to take an input.json");
    assert_int_equal(pv_prove_json(s->c, &r, &o, "{}", 2, LONG), PV_BAD_VERSION);
    pv_task_id id = { { 1 } };
    o.id = &id;
    o.nowait = true;
    assert_int_equal(pv_submit_json(s->c, NULL, &o, "{}", 2, LONG), PV_OK);
    scene_expect_ok(s->c, pv_wait(s->c, &r, &id, LONG));
    assert_int_equal(r.status, PV_BAD_VERSION);
    pv_result_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_options_of_a_submit_travel),
        SCENE_TEST(test_a_deadline_travels_as_what_is_left),
        SCENE_TEST(test_wrong_options_are_usage),
        SCENE_TEST(test_a_refusal_that_names_only_the_request_is_told),
        SCENE_TEST(test_a_conflict_is_told),
        SCENE_TEST(test_a_general_sentence_becomes_one_about_what_was_asked),
        SCENE_TEST(test_busy_is_tried_again_when_the_broker_says),
        SCENE_TEST(test_busy_can_be_told_at_once_or_ends_the_wait),
        SCENE_TEST(test_an_input_above_the_limit_is_not_sent),
        SCENE_TEST(test_submits_keep_their_order),
        SCENE_TEST(test_an_id_that_is_submitted_again_has_the_later_caller),
        SCENE_TEST(test_an_accepted_id_may_be_submitted_again_while_it_is_asked_for),
        SCENE_TEST(test_an_input_json_says_its_kind),
        SCENE_TEST(test_an_older_broker_is_sent_no_input_json),
    };
    return SCENE_RUN(tests);
}
