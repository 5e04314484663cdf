/* Proving a task in the process that submitted it. */
#include "client_scene.h"
#include "clock.h"
#include "sha256.h"

#include <poll.h>
#include <unistd.h>

static const wire_token claimed_token = { 3, 1207 };

static void on_claim_grant(struct fake *f, const struct wire_msg *m)
{
    if (scene_of(f)->refusals > 0) {
        scene_of(f)->refusals--;
        fake_error(f, m, PV_BAD_STATE, "it is running");
        return;
    }
    struct wire_msg a = { .type = WIRE_CLAIMED };
    WIRE_SET(&a, req, m->req);
    WIRE_SET(&a, task, m->task);
    WIRE_SET(&a, token, claimed_token);
    fake_send(f, &a);
}

static void on_result_take(struct fake *f, const struct wire_msg *m)
{
    wire_hash input;
    assert_int_equal(sha256_of(&input, "abc", 3), PV_OK);
    assert_true(wire_hash_equal(input, m->input));
    assert_true(wire_token_equal(m->token, claimed_token));
    assert_memory_equal(m->payload, "mine", 4);
    struct wire_msg a = { .type = WIRE_RESULT_OK };
    WIRE_SET(&a, token, m->token);
    WIRE_SET(&a, task, m->task);
    WIRE_SET(&a, status, PV_OK);
    fake_send(f, &a);
}

struct local_test {
    struct scene *s;
    unsigned calls;
    pv_status answer;
    bool until_stopped;
};

static pv_status prove_here(void *user, pv_local *job)
{
    struct local_test *l = user;
    l->calls++;
    size_t n;
    const uint8_t *input = pv_local_input(job, &n);
    assert_int_equal(n, 3);
    assert_memory_equal(input, "abc", 3);
    assert_string_equal(pv_local_queue(job), "outer");
    assert_string_equal(pv_local_circuit(job), "withdraw");
    pv_local_progress(job, 50, "msm_a");
    /* Goes on until heartbeats have listed the attempt. */
    fake_expect(&l->s->f, WIRE_STARTED, 1);
    unsigned beats = fake_got(&l->s->f, WIRE_HEARTBEAT);
    fake_expect(&l->s->f, WIRE_HEARTBEAT, beats + 2);
    fake_lock(&l->s->f);
    unsigned held = l->s->f.last_held;
    fake_unlock(&l->s->f);
    assert_int_equal(held, 1);
    if (l->until_stopped) {
        fake_lock(&l->s->f);
        struct wire_msg m = { .type = WIRE_REVOKE };
        WIRE_SET(&m, token, claimed_token);
        WIRE_SET(&m, status, PV_CANCELLED);
        fake_send(&l->s->f, &m);
        fake_unlock(&l->s->f);
        while (!pv_local_stopped(job)) usleep(1000);
    }
    assert_int_equal(pv_local_result(job, "mine", 4), PV_OK);
    return l->answer;
}

static struct pv_submit_options locally(struct local_test *l, enum pv_local_policy policy)
{
    struct pv_submit_options o = scene_plain;
    o.local.policy = policy;
    o.local.after_ms = 50;
    o.local.prove = prove_here;
    o.local.user = l;
    return o;
}

static void test_a_task_nobody_takes_in_time_is_claimed_and_proved_here(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_CLAIM] = on_claim_grant;
    s->f.on[WIRE_RESULT] = on_result_take;
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    struct local_test l = { .s = s };
    struct pv_submit_options o = locally(&l, PV_LOCAL_AFTER);
    struct pv_result r;
    scene_expect_ok(s->c, pv_prove(s->c, &r, &o, "abc", 3, LONG));
    assert_int_equal(l.calls, 1);
    assert_int_equal(r.bytes_n, 4);
    assert_memory_equal(r.bytes, "mine", 4);
    pv_result_clear(&r);
    assert_int_equal(fake_got(&s->f, WIRE_STARTED), 1);
    fake_expect(&s->f, WIRE_PROGRESS, 1);
    fake_expect(&s->f, WIRE_ACK, 1);
}

static void on_submit_unservable(struct fake *f, const struct wire_msg *m)
{
    struct wire_msg a = { .type = WIRE_SUBMIT_OK };
    WIRE_SET(&a, req, m->req);
    WIRE_SET(&a, task, m->task);
    WIRE_SET(&a, state, TASK_QUEUED);
    WIRE_SET(&a, generation, 1);
    WIRE_SET(&a, unservable, true);
    scene_of(f)->task = m->task;
    fake_send(f, &a);
}

static void test_an_unservable_task_is_claimed_at_once(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_CLAIM] = on_claim_grant;
    s->f.on[WIRE_RESULT] = on_result_take;
    scene_handle(s, WIRE_SUBMIT, on_submit_unservable);
    struct local_test l = { .s = s };
    struct pv_submit_options o = locally(&l, PV_LOCAL_UNSERVABLE);
    struct pv_result r;
    scene_expect_ok(s->c, pv_prove(s->c, &r, &o, "abc", 3, LONG));
    assert_int_equal(l.calls, 1);
    pv_result_clear(&r);
}

/* What the task's news say later counts as what its SUBMIT_OK said. CLAIM_AGAIN_MS is 5 s. */
static void test_a_task_that_becomes_unservable_is_claimed_at_once(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_CLAIM] = on_claim_grant;
    s->f.on[WIRE_RESULT] = on_result_take;
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    struct local_test l = { .s = s };
    struct pv_submit_options o = locally(&l, PV_LOCAL_UNSERVABLE);
    struct pv_result r;
    pv_task_id id;
    scene_expect_ok(s->c, pv_submit(s->c, &id, &o, "abc", 3, LONG));
    assert_int_equal(pv_wait(s->c, &r, &id, 50), PV_TIMEOUT);
    assert_int_equal(fake_got(&s->f, WIRE_CLAIM), 0);
    struct wire_msg m = { .type = WIRE_TASK };
    WIRE_SET(&m, task, s->task);
    WIRE_SET(&m, state, TASK_QUEUED);
    WIRE_SET(&m, generation, 1);
    WIRE_SET(&m, queue, "outer");
    WIRE_SET(&m, circuit, "keccak");
    WIRE_SET(&m, status, PV_OK);
    WIRE_SET(&m, length, 3);
    WIRE_SET(&m, sha256, ((wire_hash){ .bytes = { 1 } }));
    WIRE_SET(&m, created, 1);
    WIRE_SET(&m, changed, 1);
    WIRE_SET(&m, failures, 0);
    WIRE_SET(&m, losses, 0);
    WIRE_SET(&m, attempts, 0);
    WIRE_SET(&m, unservable, true);
    fake_lock(&s->f);
    fake_send(&s->f, &m);
    fake_unlock(&s->f);
    uint64_t from = pv_clock_ms();
    scene_expect_ok(s->c, pv_wait(s->c, &r, &id, LONG));
    assert_true(pv_clock_ms() - from < 4000);
    assert_int_equal(l.calls, 1);
    pv_result_clear(&r);
}

static void test_a_task_that_runs_is_not_proved_here(void **state)
{
    struct scene *s = *state;
    s->refusals = 1000;
    s->f.on[WIRE_CLAIM] = on_claim_grant;
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    struct local_test l = { .s = s };
    struct pv_submit_options o = locally(&l, PV_LOCAL_AFTER);
    pv_task_id id;
    scene_expect_ok(s->c, pv_submit(s->c, &id, &o, "abc", 3, LONG));
    struct pv_result r;
    while (fake_got(&s->f, WIRE_CLAIM) == 0) assert_int_equal(pv_wait(s->c, &r, &id, 100), PV_TIMEOUT);
    fake_lock(&s->f);
    fake_deliver(&s->f, 0, s->task, TASK_SUCCEEDED, PV_OK, "proof", 5);
    fake_unlock(&s->f);
    scene_expect_ok(s->c, pv_wait(s->c, &r, &id, LONG));
    scene_expect_proof(&r);
    pv_result_clear(&r);
    assert_int_equal(l.calls, 0);
}

static void test_a_failed_proof_here_is_a_failed_attempt(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_CLAIM] = on_claim_grant;
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    struct local_test l = { .s = s, .answer = PV_BAD_WITNESS };
    struct pv_submit_options o = locally(&l, PV_LOCAL_AFTER);
    pv_task_id id;
    scene_expect_ok(s->c, pv_submit(s->c, &id, &o, "abc", 3, LONG));
    struct pv_result r;
    while (fake_got(&s->f, WIRE_FAIL) == 0) assert_int_equal(pv_wait(s->c, &r, &id, 100), PV_TIMEOUT);
    fake_lock(&s->f);
    fake_deliver(&s->f, 0, s->task, TASK_DEAD, PV_BAD_WITNESS, NULL, 0);
    fake_unlock(&s->f);
    scene_expect_ok(s->c, pv_wait(s->c, &r, &id, LONG));
    assert_int_equal(r.status, PV_BAD_WITNESS);
    pv_result_clear(&r);
}

/* A broker that hears FAIL of an attempt hears no more of it, though it says nothing to it. */
static void test_a_failed_attempt_is_told_once_and_held_no_more(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_CLAIM] = on_claim_grant;
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    struct local_test l = { .s = s, .answer = PV_INTERNAL };
    struct pv_submit_options o = locally(&l, PV_LOCAL_AFTER);
    pv_task_id id;
    struct pv_result r;
    scene_expect_ok(s->c, pv_submit(s->c, &id, &o, "abc", 3, LONG));
    while (fake_got(&s->f, WIRE_FAIL) == 0) assert_int_equal(pv_wait(s->c, &r, &id, 100), PV_TIMEOUT);
    unsigned beats = fake_got(&s->f, WIRE_HEARTBEAT);
    fake_expect(&s->f, WIRE_HEARTBEAT, beats + 2);
    assert_int_equal(LOOK(s, f.last_held), 0);
    assert_int_equal(fake_got(&s->f, WIRE_FAIL), 1);
    assert_int_equal(l.calls, 1);
}

/* While the first is proved here the broker revokes an attempt that is another's, and one that nobody can have: only this one's own token ends it, and
 * only it is listed. */
static pv_status prove_beside_others(void *user, pv_local *job)
{
    struct local_test *l = user;
    static const wire_token others[] = { { 3, 1208 }, { 0, 0 } };
    fake_expect(&l->s->f, WIRE_STARTED, 1);
    unsigned beats = fake_got(&l->s->f, WIRE_HEARTBEAT);
    fake_lock(&l->s->f);
    for (size_t i = 0; i < 2; i++) {
        struct wire_msg m = { .type = WIRE_REVOKE };
        WIRE_SET(&m, token, others[i]);
        WIRE_SET(&m, status, PV_CANCELLED);
        fake_send(&l->s->f, &m);
    }
    fake_unlock(&l->s->f);
    fake_expect(&l->s->f, WIRE_REVOKED, 2); /* what is not held is confirmed at once */
    fake_expect(&l->s->f, WIRE_HEARTBEAT, beats + 2);
    assert_int_equal(LOOK(l->s, f.last_held), 1);
    assert_false(pv_local_stopped(job));
    l->calls++;
    assert_int_equal(pv_local_result(job, "mine", 4), PV_OK);
    return PV_OK;
}

static void test_an_attempt_here_is_one_of_several_tasks(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_CLAIM] = on_claim_grant;
    s->f.on[WIRE_RESULT] = on_result_take;
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    struct local_test l = { .s = s };
    struct pv_submit_options o = locally(&l, PV_LOCAL_AFTER), plain = scene_plain;
    struct pv_result r;
    plain.nowait = true;
    for (int i = 0; i < 8; i++)
        scene_expect_ok(s->c, pv_submit(s->c, NULL, &plain, "xyz", 3, LONG)); /* they wait at the broker */
    fake_expect(&s->f, WIRE_SUBMIT, 8);
    o.local.prove = prove_beside_others;
    scene_expect_ok(s->c, pv_prove(s->c, &r, &o, "abc", 3, LONG));
    assert_int_equal(l.calls, 1);
    assert_memory_equal(r.bytes, "mine", 4);
    pv_result_clear(&r);
}

static void test_a_revoked_proof_here_is_stopped_and_confirmed(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_CLAIM] = on_claim_grant;
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    struct local_test l = { .s = s, .until_stopped = true };
    struct pv_submit_options o = locally(&l, PV_LOCAL_AFTER);
    pv_task_id id;
    scene_expect_ok(s->c, pv_submit(s->c, &id, &o, "abc", 3, LONG));
    struct pv_result r;
    while (fake_got(&s->f, WIRE_REVOKED) == 0) assert_int_equal(pv_wait(s->c, &r, &id, 100), PV_TIMEOUT);
    assert_int_equal(fake_got(&s->f, WIRE_RESULT), 0);
}

static pv_status until_forgotten(void *user, pv_local *job)
{
    struct local_test *l = user;
    l->calls++;
    while (!pv_local_stopped(job)) usleep(1000);
    return PV_OK;
}

struct forgetting {
    pv_client *c;
    pv_task_id id;
};

static void *wait_for_it(void *arg)
{
    struct forgetting *w = arg;
    struct pv_result r;
    pv_status s = pv_wait(w->c, &r, &w->id, LONG);
    if (s == PV_OK) pv_result_clear(&r);
    return NULL;
}

static void test_a_claimed_task_that_is_forgotten_is_handed_back_at_once(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_CLAIM] = on_claim_grant;
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    struct local_test l = { .s = s };
    struct pv_submit_options o = locally(&l, PV_LOCAL_AFTER);
    o.local.prove = until_forgotten;
    struct forgetting w = { .c = s->c };
    scene_expect_ok(s->c, pv_submit(s->c, &w.id, &o, "abc", 3, LONG));
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wait_for_it, &w), 0);
    fake_expect(&s->f, WIRE_STARTED, 1);
    assert_int_equal(fake_got(&s->f, WIRE_RELEASE), 0);
    pv_forget(s->c, &w.id);
    fake_expect(&s->f, WIRE_RELEASE, 1);
    pthread_join(thread, NULL);
    assert_int_equal(l.calls, 1);
    assert_int_equal(fake_got(&s->f, WIRE_FAIL), 0);
}

static void on_done_never(void *user, struct pv_result *r)
{
    fail_msg("it is not over");
}

static void test_a_client_that_closes_hands_back_what_it_claimed(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_CLAIM] = on_claim_grant;
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    struct local_test l = { .s = s };
    struct pv_submit_options o = locally(&l, PV_LOCAL_AFTER);
    o.done = on_done_never; /* a caller that could run prove, but does not: the claim stands and nothing runs */
    pv_task_id id;
    scene_expect_ok(s->c, pv_submit(s->c, &id, &o, "abc", 3, LONG));
    fake_expect(&s->f, WIRE_CLAIM, 1);
    struct pollfd due = { .fd = pv_client_fd(s->c), .events = POLLIN };
    assert_int_equal(poll(&due, 1, LONG), 1);
    pv_client_close(&s->c);
    fake_expect(&s->f, WIRE_RELEASE, 1);
    fake_expect(&s->f, WIRE_DISCONNECT, 1);
    assert_int_equal(l.calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_a_task_nobody_takes_in_time_is_claimed_and_proved_here),
        SCENE_TEST(test_an_unservable_task_is_claimed_at_once),
        SCENE_TEST(test_a_task_that_becomes_unservable_is_claimed_at_once),
        SCENE_TEST(test_a_task_that_runs_is_not_proved_here),
        SCENE_TEST(test_a_failed_proof_here_is_a_failed_attempt),
        SCENE_TEST(test_a_failed_attempt_is_told_once_and_held_no_more),
        SCENE_TEST(test_an_attempt_here_is_one_of_several_tasks),
        SCENE_TEST(test_a_revoked_proof_here_is_stopped_and_confirmed),
        SCENE_TEST(test_a_claimed_task_that_is_forgotten_is_handed_back_at_once),
        SCENE_TEST(test_a_client_that_closes_hands_back_what_it_claimed),
    };
    return SCENE_RUN(tests);
}
