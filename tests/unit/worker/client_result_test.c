/* Results: handed over once, verified, acknowledged, and fetched when they were lost. */
#include "client_scene.h"

#include <stdio.h>

static void test_a_result_that_comes_again_is_handed_over_once_and_acknowledged_again(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, scene_prove);
    struct pv_result r;
    scene_expect_ok(s->c, pv_prove(s->c, &r, &scene_plain, "abc", 3, LONG));
    pv_result_clear(&r);
    fake_expect(&s->f, WIRE_ACK, 1);
    fake_lock(&s->f);
    fake_deliver(&s->f, 0, s->task, TASK_SUCCEEDED, PV_OK, "proof", 5);
    fake_unlock(&s->f);
    fake_expect(&s->f, WIRE_ACK, 2);
    assert_int_equal(pv_client_process(s->c, NULL, 0), PV_TIMEOUT);
}

static void test_an_ending_without_a_result_is_its_status(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    pv_task_id id;
    scene_expect_ok(s->c, pv_submit(s->c, &id, &scene_plain, "abc", 3, LONG));
    fake_lock(&s->f);
    fake_deliver(&s->f, 0, s->task, TASK_DEAD, PV_BAD_WITNESS, NULL, 0);
    fake_unlock(&s->f);
    struct pv_result r;
    scene_expect_ok(s->c, pv_wait(s->c, &r, &id, LONG));
    assert_int_equal(r.status, PV_BAD_WITNESS);
    assert_int_equal(r.state, PV_TASK_DEAD);
    assert_null(r.bytes);
    pv_result_clear(&r);
    fake_expect(&s->f, WIRE_ACK, 1);
}

static void test_a_manual_acknowledgement_waits_for_the_caller(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, scene_prove);
    struct pv_submit_options o = scene_plain;
    o.manual_ack = true;
    pv_task_id id;
    assert_int_equal(pv_task_id_new(&id), PV_OK);
    o.id = &id;
    struct pv_result r;
    assert_int_equal(pv_ack(s->c, &id), PV_NOT_FOUND);
    scene_expect_ok(s->c, pv_prove(s->c, &r, &o, "abc", 3, LONG));
    pv_result_clear(&r);
    unsigned beats = fake_got(&s->f, WIRE_HEARTBEAT);
    fake_expect(&s->f, WIRE_HEARTBEAT, beats + 2);
    assert_int_equal(fake_got(&s->f, WIRE_ACK), 0);
    assert_int_equal(pv_ack(s->c, &id), PV_OK);
    assert_int_equal(pv_flush(s->c, LONG), PV_OK);
    fake_expect(&s->f, WIRE_ACK, 1);
    assert_int_equal(pv_ack(s->c, &id), PV_NOT_FOUND);
}

static void test_a_result_that_does_not_verify_is_refused_and_stays_with_the_broker(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, scene_prove);
    static char json[65536];
    FILE *f = fopen("vectors/groth16/mul.vkey.json", "rb");
    assert_non_null(f);
    size_t n = fread(json, 1, sizeof json, f);
    fclose(f);
    pv_vkey *vkey;
    assert_int_equal(pv_vkey_of_json(&vkey, json, n, NULL), PV_OK);
    struct pv_submit_options o = scene_plain;
    o.vkey = vkey;
    struct pv_result r;
    assert_int_equal(pv_prove(s->c, &r, &o, "abc", 3, LONG), PV_BAD_PROOF);
    scene_expect_error(s->c, "not the JSON of a proof");
    unsigned beats = fake_got(&s->f, WIRE_HEARTBEAT);
    fake_expect(&s->f, WIRE_HEARTBEAT, beats + 2);
    assert_int_equal(fake_got(&s->f, WIRE_ACK), 0);
    pv_vkey_free(&vkey);
}

static void on_attach_only(struct fake *f, const struct wire_msg *m)
{
    fake_task(f, m, TASK_SUCCEEDED);
}

static void on_fetch_small(struct fake *f, const struct wire_msg *m)
{
    fake_deliver(f, m->req, m->task, TASK_SUCCEEDED, PV_OK, "proof", 5);
}

static void test_a_delivery_that_was_lost_is_fetched(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_FETCH] = on_fetch_small;
    scene_handle(s, WIRE_ATTACH, on_attach_only);
    pv_task_id id = scene_id((wire_id){ { 1 } });
    struct pv_result r;
    scene_expect_ok(s->c, pv_wait(s->c, &r, &id, LONG));
    scene_expect_proof(&r);
    pv_result_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_a_result_that_comes_again_is_handed_over_once_and_acknowledged_again),
        SCENE_TEST(test_an_ending_without_a_result_is_its_status),
        SCENE_TEST(test_a_manual_acknowledgement_waits_for_the_caller),
        SCENE_TEST(test_a_result_that_does_not_verify_is_refused_and_stays_with_the_broker),
        SCENE_TEST(test_a_delivery_that_was_lost_is_fetched),
    };
    return SCENE_RUN(tests);
}
