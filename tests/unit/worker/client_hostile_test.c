/* One lie of a broker at a time: what the caller gets is an error or nothing, never a success without a result. */
#include "client_scene.h"
#include "clock.h"

#include <string.h>
#include <unistd.h>

static void say_claimed(struct fake *f, uint32_t req, wire_id task, uint64_t seq)
{
    struct wire_msg a = { .type = WIRE_CLAIMED };
    WIRE_SET(&a, req, req);
    WIRE_SET(&a, task, task);
    wire_token token = { 3, seq };
    WIRE_SET(&a, token, token);
    fake_send(f, &a);
}

/* ---- claims ---- */

static void on_submit_claimed(struct fake *f, const struct wire_msg *m)
{
    scene_accept(f, m);
    say_claimed(f, 77777, m->task, 9);
}

static void on_done_never(void *user, struct pv_result *r)
{
    fail_msg("it is not over");
}

static void test_a_claim_nobody_asked_for_is_handed_back(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, on_submit_claimed);
    struct pv_submit_options o = scene_plain;
    o.done = on_done_never; /* a caller whose thread would run a local.prove */
    scene_expect_ok(s->c, pv_submit(s->c, NULL, &o, "abc", 3, LONG));
    assert_int_equal(pv_client_process(s->c, NULL, 100), PV_TIMEOUT);
    fake_expect(&s->f, WIRE_RELEASE, 1);
    fake_lock(&s->f); /* and of a task that is not known here */
    say_claimed(&s->f, 1, (wire_id){ { 7 } }, 10);
    fake_unlock(&s->f);
    fake_expect(&s->f, WIRE_RELEASE, 2);
}

static pv_status prove_whole(void *user, pv_local *job)
{
    size_t n;
    const uint8_t *in = pv_local_input(job, &n);
    ++*(unsigned *)user;
    assert_int_equal(n, 3);
    assert_memory_equal(in, "abc", 3);
    return pv_local_result(job, "mine", 4);
}

static void on_claim_other_request(struct fake *f, const struct wire_msg *m)
{
    say_claimed(f, m->req + 1, m->task, 9);
    scene_of(f)->req = m->req;
}

static void test_a_claim_with_another_request_number_is_not_ours(void **state)
{
    struct scene *s = *state;
    unsigned proved = 0;
    struct pv_submit_options o = scene_plain;
    o.local = (struct pv_local_options){ .policy = PV_LOCAL_AFTER, .prove = prove_whole, .user = &proved };
    s->f.on[WIRE_CLAIM] = on_claim_other_request;
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    struct pv_result r;
    assert_int_equal(pv_prove(s->c, &r, &o, "abc", 3, 1000), PV_TIMEOUT);
    fake_expect(&s->f, WIRE_RELEASE, 1);
    assert_int_equal(proved, 0);
}

/* An error with the number 0 named every request that was not under way: the claim of a task that is being proved was
 * forgotten, and its input freed under the caller's function. */
static pv_status prove_under_attack(void *user, pv_local *job)
{
    struct scene *s = user;
    struct wire_msg e = { .type = WIRE_ERROR };
    fake_lock(&s->f);
    WIRE_SET(&e, req, 0);
    WIRE_SET(&e, task, s->task);
    WIRE_SET(&e, status, PV_NOT_FOUND);
    fake_send(&s->f, &e);
    fake_deliver(&s->f, 0, s->task, TASK_DEAD, PV_DEAD, NULL, 0);
    fake_unlock(&s->f);
    while (!pv_local_stopped(job)) usleep(1000);
    size_t n;
    const uint8_t *in = pv_local_input(job, &n);
    assert_int_equal(n, 3);
    assert_memory_equal(in, "abc", 3);
    return PV_CANCELLED;
}

static void on_claim_yes(struct fake *f, const struct wire_msg *m)
{
    say_claimed(f, m->req, m->task, 9);
}

static void test_an_error_of_request_0_takes_no_claim_away(void **state)
{
    struct scene *s = *state;
    struct pv_submit_options o = scene_plain;
    o.local = (struct pv_local_options){ .policy = PV_LOCAL_AFTER, .prove = prove_under_attack, .user = s };
    s->f.on[WIRE_CLAIM] = on_claim_yes;
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    struct pv_result r;
    assert_int_equal(pv_prove(s->c, &r, &o, "abc", 3, LONG), PV_DEAD);
}

/* ---- ends that are none ---- */

static void on_error_ok(struct fake *f, const struct wire_msg *m)
{
    scene_refuse(f, m, PV_OK);
}

static void test_an_error_that_says_ok_is_a_failure_of_every_call(void **state)
{
    struct scene *s = *state;
    static const enum wire_type asked[] = { WIRE_SUBMIT, WIRE_ATTACH, WIRE_FETCH, WIRE_CANCEL, WIRE_SHOW,
                                            WIRE_LIST,   WIRE_PURGE,  WIRE_KICK,  WIRE_QUEUE,  WIRE_PROVER };
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) scene_handle(s, asked[i], on_error_ok);
    pv_task_id id = { { 1 } };
    struct pv_result r;
    struct pv_task_info info;
    pv_table *t = NULL;
    struct pv_list_options list = { 0 };
    struct pv_purge_options purge = { 0 };
    assert_int_equal(pv_prove(s->c, &r, &scene_plain, "abc", 3, LONG), PV_BAD_MESSAGE);
    assert_int_equal(pv_submit(s->c, NULL, &scene_plain, "abc", 3, LONG), PV_BAD_MESSAGE);
    assert_int_equal(pv_attach(s->c, &id, NULL, LONG), PV_BAD_MESSAGE);
    assert_int_equal(pv_wait(s->c, &r, &id, LONG), PV_BAD_MESSAGE);
    assert_int_equal(pv_fetch(s->c, &r, &id, LONG), PV_BAD_MESSAGE);
    assert_int_equal(pv_cancel(s->c, NULL, &id, LONG), PV_BAD_MESSAGE);
    assert_int_equal(pv_show(s->c, &info, &id, LONG), PV_BAD_MESSAGE);
    assert_int_equal(pv_kick(s->c, &info, &id, LONG), PV_BAD_MESSAGE);
    assert_int_equal(pv_list(s->c, &t, &list, LONG), PV_BAD_MESSAGE);
    assert_int_equal(pv_purge(s->c, NULL, &purge, LONG), PV_BAD_MESSAGE);
    assert_int_equal(pv_queue_pause(s->c, &t, "q", LONG), PV_BAD_MESSAGE);
    assert_int_equal(pv_prover_drain(s->c, &t, "n", LONG), PV_BAD_MESSAGE);
    assert_null(t);
}

/* DELIVER as the test says. */
static struct {
    enum task_state state;
    pv_status status;
    bool result;
    pv_status expect;
} end;

static void on_submit_end(struct fake *f, const struct wire_msg *m)
{
    scene_accept(f, m);
    fake_deliver(f, 0, m->task, end.state, end.status, end.result ? "proof" : NULL, 5);
}

static void on_fetch_end(struct fake *f, const struct wire_msg *m)
{
    fake_deliver(f, m->req, m->task, end.state, end.status, end.result ? "proof" : NULL, 5);
}

static void test_only_a_result_is_a_success(void **state)
{
    struct scene *s = *state;
    static const __typeof__(end) ends[] = {
        { TASK_SUCCEEDED, PV_OK, false, PV_BAD_MESSAGE },
        { TASK_DEAD, PV_OK, false, PV_DEAD },
        { TASK_CANCELLED, PV_OK, false, PV_CANCELLED },
        { TASK_EXPIRED, PV_OK, true, PV_EXPIRED },
        { TASK_DEAD, PV_OK, true, PV_DEAD },
        { TASK_SUCCEEDED, PV_FAILED, true, PV_FAILED },
        { TASK_QUEUED, PV_OK, false, PV_TIMEOUT },
        { TASK_RUNNING, PV_OK, true, PV_TIMEOUT },
        { TASK_RECEIVING, PV_FAILED, false, PV_TIMEOUT },
    };
    s->f.on[WIRE_FETCH] = on_fetch_end;
    scene_handle(s, WIRE_SUBMIT, on_submit_end);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        fake_lock(&s->f);
        end = ends[i];
        fake_unlock(&s->f);
        struct pv_result r = { 0 };
        pv_task_id id = { { (uint8_t)i, 1 } };
        bool live = end.expect == PV_TIMEOUT;
        struct pv_submit_options o = scene_plain;
        o.id = &id;
        assert_int_equal(pv_prove(s->c, &r, &o, "abc", 3, live ? 50 : LONG), end.expect);
        assert_null(r.bytes);
        pv_status fetched = pv_fetch(s->c, &r, &id, LONG);
        if (fetched == PV_OK) assert_int_equal(r.status, end.expect);
        if (live) assert_int_equal(fetched, PV_BAD_MESSAGE);
        pv_result_clear(&r);
    }
}

static void on_fetch_another(struct fake *f, const struct wire_msg *m)
{
    fake_deliver(f, m->req, (wire_id){ { 2 } }, TASK_SUCCEEDED, PV_OK, "other", 5);
    fake_deliver(f, m->req, m->task, TASK_SUCCEEDED, PV_OK, "proof", 5);
}

static void test_the_result_of_another_task_answers_no_fetch(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_FETCH, on_fetch_another);
    struct pv_result r;
    pv_task_id id = { { 1 } };
    scene_expect_ok(s->c, pv_fetch(s->c, &r, &id, LONG));
    scene_expect_proof(&r);
    assert_memory_equal(&r.id, &id, sizeof id);
    pv_result_clear(&r);
}

/* An announced result, and then an end without one: what had come of the first is not the second's. */
static void on_fetch_two_ends(struct fake *f, const struct wire_msg *m)
{
    static const uint8_t large[100000];
    fake_deliver(f, m->req, m->task, TASK_SUCCEEDED, PV_OK, large, sizeof large);
    fake_chunk(f, WIRE_KIND_RESULT, m->task, 0, large, 1000);
    fake_deliver(f, m->req, m->task, TASK_DEAD, PV_DEAD, NULL, 0);
}

static void test_a_fetched_failure_brings_no_bytes(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_FETCH, on_fetch_two_ends);
    struct pv_result r;
    pv_task_id id = { { 1 } };
    scene_expect_ok(s->c, pv_fetch(s->c, &r, &id, LONG));
    assert_int_equal(r.status, PV_DEAD);
    assert_null(r.bytes);
    assert_int_equal(r.bytes_n, 0);
    pv_result_clear(&r);
}

/* ---- without end ---- */

static void on_fetch_damaged(struct fake *f, const struct wire_msg *m)
{
    struct wire_msg d = {
        .type = WIRE_DELIVER, .has_payload = true, .payload = (const uint8_t *)"x", .payload_bytes = 1
    };
    WIRE_SET(&d, req, m->req);
    WIRE_SET(&d, task, m->task);
    WIRE_SET(&d, generation, 1);
    WIRE_SET(&d, state, TASK_SUCCEEDED);
    WIRE_SET(&d, status, PV_OK);
    WIRE_SET(&d, length, 1);
    WIRE_SET(&d, sha256, (wire_hash){ { 1 } });
    fake_send(f, &d);
}

static void on_submit_damaged(struct fake *f, const struct wire_msg *m)
{
    scene_accept(f, m);
    on_fetch_damaged(f, m);
}

static void test_a_result_that_stays_damaged_is_fetched_now_and_then(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_FETCH] = on_fetch_damaged;
    scene_handle(s, WIRE_SUBMIT, on_submit_damaged);
    struct pv_result r;
    assert_int_equal(pv_prove(s->c, &r, &scene_plain, "abc", 3, 1500), PV_TIMEOUT);
    unsigned fetches = fake_got(&s->f, WIRE_FETCH);
    assert_true(fetches >= 1 && fetches <= 3); /* at once and after 1 s; it was thousands */
}

static void on_submit_damaged_often(struct fake *f, const struct wire_msg *m)
{
    scene_accept(f, m);
    for (int i = 0; i < 6; i++) on_fetch_damaged(f, m);
}

static void test_a_result_that_stays_damaged_is_given_up(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, on_submit_damaged_often);
    struct pv_result r;
    assert_int_equal(pv_prove(s->c, &r, &scene_plain, "abc", 3, LONG), PV_HASH_MISMATCH);
    assert_int_equal(fake_got(&s->f, WIRE_ACK), 0); /* the broker keeps it */
}

/* Progress after every heartbeat of the clock; each call of the caller's takes longer than the next news. */
struct flood {
    struct scene *s;
    volatile bool stop;
    unsigned told;
};

static void *say_progress(void *arg)
{
    struct flood *f = arg;
    while (!f->stop) {
        struct wire_msg m = { .type = WIRE_PROGRESS };
        fake_lock(&f->s->f);
        WIRE_SET(&m, task, f->s->task);
        WIRE_SET(&m, percent, 1);
        fake_send(&f->s->f, &m);
        fake_unlock(&f->s->f);
        usleep(200);
    }
    return NULL;
}

static void on_progress_slow(void *user, const struct pv_progress *p)
{
    struct flood *f = user;
    f->told++;
    usleep(5000);
}

static void test_a_flood_of_progress_puts_no_wait_off(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    struct flood f = { .s = s };
    struct pv_submit_options o = scene_plain;
    o.progress = on_progress_slow;
    o.user = &f;
    pv_task_id id;
    scene_expect_ok(s->c, pv_submit(s->c, &id, &o, "abc", 3, LONG));
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, say_progress, &f), 0);
    struct pv_result r;
    uint64_t before = pv_clock_ms();
    assert_int_equal(pv_wait(s->c, &r, &id, 1500), PV_TIMEOUT);
    assert_true(pv_clock_ms() - before < LONG);
    f.stop = true;
    pthread_join(thread, NULL);
    assert_true(f.told >= 1 && f.told <= 4); /* at most one a second */
}

/* ---- texts ---- */

#define FOUL                                                                                                           \
    "bad\xc2\x9b"                                                                                                      \
    "31m\xe2\x80\xae"                                                                                                  \
    "evil\nline"
#define FAIR "bad\\u009b31m\\u202eevil\\u000aline"

static void on_fetch_foul(struct fake *f, const struct wire_msg *m)
{
    fake_error(f, m, PV_GONE, FOUL);
}

static void on_submit_foul(struct fake *f, const struct wire_msg *m)
{
    struct wire_msg d = { .type = WIRE_DELIVER };
    scene_accept(f, m);
    WIRE_SET(&d, task, m->task);
    WIRE_SET(&d, generation, 1);
    WIRE_SET(&d, state, TASK_DEAD);
    WIRE_SET(&d, status, PV_BAD_WITNESS);
    WIRE_SET(&d, text, FOUL);
    fake_send(f, &d);
}

static void test_sentences_of_others_are_safe_to_show(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_FETCH] = on_fetch_foul;
    scene_handle(s, WIRE_SUBMIT, on_submit_foul);
    struct pv_result r;
    pv_task_id id = { { 1 } };
    assert_int_equal(pv_fetch(s->c, &r, &id, LONG), PV_GONE);
    scene_expect_error(s->c, FAIR);
    scene_expect_ok(s->c, pv_submit(s->c, &id, &scene_plain, "abc", 3, LONG));
    scene_expect_ok(s->c, pv_wait(s->c, &r, &id, LONG));
    assert_string_equal(r.text, FAIR);
    pv_result_clear(&r);
}

/* ---- numbers ---- */

static void on_submit_far(struct fake *f, const struct wire_msg *m)
{
    struct wire_msg a = { .type = WIRE_SUBMIT_OK };
    WIRE_SET(&a, req, m->req);
    WIRE_SET(&a, task, m->task);
    WIRE_SET(&a, state, TASK_QUEUED);
    WIRE_SET(&a, generation, 1);
    WIRE_SET(&a, eta_ms, UINT64_MAX);
    WIRE_SET(&a, position, UINT64_MAX - 1);
    fake_send(f, &a);
}

static void on_progress_far(void *user, const struct pv_progress *p)
{
    if (!p->accepted) return;
    ++*(unsigned *)user;
    assert_true(p->eta_ms == INT64_MAX && p->position == INT64_MAX);
}

static void test_numbers_beyond_all_bounds_are_not_negative(void **state)
{
    struct scene *s = *state;
    unsigned told = 0;
    scene_handle(s, WIRE_SUBMIT, on_submit_far);
    struct pv_submit_options o = scene_plain;
    o.progress = on_progress_far;
    o.user = &told;
    struct pv_result r;
    assert_int_equal(pv_prove(s->c, &r, &o, "abc", 3, 200), PV_TIMEOUT);
    assert_true(told > 0);
}

static void on_fetch_huge(struct fake *f, const struct wire_msg *m)
{
    struct wire_msg d = { .type = WIRE_DELIVER };
    WIRE_SET(&d, req, m->req);
    WIRE_SET(&d, task, m->task);
    WIRE_SET(&d, generation, 1);
    WIRE_SET(&d, state, TASK_SUCCEEDED);
    WIRE_SET(&d, status, PV_OK);
    WIRE_SET(&d, length, UINT64_C(1) << 40);
    WIRE_SET(&d, sha256, (wire_hash){ { 1 } });
    fake_send(f, &d);
}

static void test_a_length_beyond_our_limit_is_refused_whatever_the_broker_takes(void **state)
{
    struct scene *s = *state;
    pv_client_close(&s->c);
    fake_lock(&s->f);
    s->f.payload_max = UINT64_MAX;
    s->f.on[WIRE_FETCH] = on_fetch_huge;
    fake_unlock(&s->f);
    scene_open(s, &(struct pv_client_options){ 0 });
    struct pv_result r;
    pv_task_id id = { { 1 } };
    assert_int_equal(pv_fetch(s->c, &r, &id, LONG), PV_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_a_claim_nobody_asked_for_is_handed_back),
        SCENE_TEST(test_a_claim_with_another_request_number_is_not_ours),
        SCENE_TEST(test_an_error_of_request_0_takes_no_claim_away),
        SCENE_TEST(test_an_error_that_says_ok_is_a_failure_of_every_call),
        SCENE_TEST(test_only_a_result_is_a_success),
        SCENE_TEST(test_the_result_of_another_task_answers_no_fetch),
        SCENE_TEST(test_a_fetched_failure_brings_no_bytes),
        SCENE_TEST(test_a_result_that_stays_damaged_is_fetched_now_and_then),
        SCENE_TEST(test_a_result_that_stays_damaged_is_given_up),
        SCENE_TEST(test_a_flood_of_progress_puts_no_wait_off),
        SCENE_TEST(test_sentences_of_others_are_safe_to_show),
        SCENE_TEST(test_numbers_beyond_all_bounds_are_not_negative),
        SCENE_TEST(test_a_length_beyond_our_limit_is_refused_whatever_the_broker_takes),
    };
    return SCENE_RUN(tests);
}
