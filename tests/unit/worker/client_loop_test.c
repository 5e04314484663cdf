/* The caller's own loop, its threads and its forks. */
#include "client_scene.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

struct news {
    unsigned done, progress;
    pv_status status;
    uint32_t percent;
    char text[PV_TEXT_BYTES];
};

static void note_done(void *user, struct pv_result *r)
{
    struct news *n = user;
    n->done++;
    n->status = r->status;
    snprintf(n->text, sizeof n->text, "%s", r->text);
}

static void note_progress(void *user, const struct pv_progress *p)
{
    struct news *n = user;
    n->progress++;
    n->percent = p->percent;
}

static bool readable(int fd, int ms)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    return poll(&p, 1, ms) == 1;
}

static void send_progress(struct scene *s, uint32_t percent)
{
    fake_lock(&s->f);
    struct wire_msg m = { .type = WIRE_PROGRESS };
    WIRE_SET(&m, task, s->task);
    WIRE_SET(&m, percent, percent);
    WIRE_SET(&m, phase, "msm_a");
    fake_send(&s->f, &m);
    fake_unlock(&s->f);
}

static void test_a_callers_own_loop_hears_by_a_level_triggered_descriptor(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    struct news n = { 0 };
    struct pv_submit_options o = scene_plain;
    o.nowait = true;
    o.done = note_done;
    o.progress = note_progress;
    o.user = &n;
    char input[] = "abc";
    assert_int_equal(pv_submit(s->c, NULL, &o, input, 3, 0), PV_OK);
    memset(input, 'x', 3); /* it was copied */
    fake_expect(&s->f, WIRE_SUBMIT, 1);
    int fd = pv_client_fd(s->c);
    while (n.percent != 30) {
        send_progress(s, 30);
        assert_true(readable(fd, LONG));
        assert_true(readable(fd, 0)); /* still readable, as nothing was processed */
        assert_int_equal(pv_client_process(s->c, NULL, 0), PV_OK);
    }
    assert_int_equal(n.done, 0);
    fake_lock(&s->f);
    fake_deliver(&s->f, 0, s->task, TASK_SUCCEEDED, PV_OK, "proof", 5);
    fake_unlock(&s->f);
    while (n.done == 0) {
        assert_true(readable(fd, LONG));
        assert_int_equal(pv_client_process(s->c, NULL, 0), PV_OK);
    }
    assert_int_equal(n.status, PV_OK);
    assert_false(readable(fd, 0));
    size_t calls = 9;
    assert_int_equal(pv_client_process(s->c, &calls, 0), PV_TIMEOUT);
    assert_int_equal(calls, 0);
    fake_expect(&s->f, WIRE_ACK, 1);
}

static void test_a_refusal_reaches_a_caller_who_did_not_wait(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, scene_conflict);
    struct news n = { 0 };
    struct pv_submit_options o = scene_plain;
    o.nowait = true;
    o.done = note_done;
    o.user = &n;
    assert_int_equal(pv_submit(s->c, NULL, &o, "abc", 3, 0), PV_OK);
    assert_int_equal(pv_client_process(s->c, NULL, LONG), PV_OK);
    assert_int_equal(n.done, 1);
    assert_int_equal(n.status, PV_CONFLICT);
    assert_string_equal(n.text, "because the test says so");
    assert_int_equal(fake_got(&s->f, WIRE_ACK), 0);
}

static void test_a_result_that_comes_again_before_its_acknowledgement_is_handed_over_once(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, scene_prove);
    struct news n = { 0 };
    struct pv_submit_options o = scene_plain;
    o.nowait = o.manual_ack = true;
    o.done = note_done;
    o.user = &n;
    pv_task_id id;
    scene_expect_ok(s->c, pv_submit(s->c, &id, &o, "abc", 3, LONG));
    while (n.done == 0) scene_expect_ok(s->c, pv_client_process(s->c, NULL, LONG));
    fake_lock(&s->f);
    fake_deliver(&s->f, 0, s->task, TASK_SUCCEEDED, PV_OK, "proof", 5);
    fake_unlock(&s->f);
    unsigned beats = fake_got(&s->f, WIRE_HEARTBEAT);
    fake_expect(&s->f, WIRE_HEARTBEAT, beats + 2);
    assert_int_equal(pv_client_process(s->c, NULL, 0), PV_TIMEOUT);
    assert_int_equal(n.done, 1);
    assert_int_equal(fake_got(&s->f, WIRE_ACK), 0);
    scene_expect_ok(s->c, pv_ack(s->c, &id));
    fake_expect(&s->f, WIRE_ACK, 1);
}

/* More comes due than one call runs: the first callback submits another task, which is due before the call ends. An
 * edge-triggered loop is told of it all the same. */
struct edges {
    struct scene *s;
    unsigned done;
};

static struct pv_submit_options edge_options(struct edges *e);

static void wait_beats(struct scene *s)
{
    unsigned beats = fake_got(&s->f, WIRE_HEARTBEAT);
    fake_expect(&s->f, WIRE_HEARTBEAT, beats + 2);
}

static void note_and_submit(void *user, struct pv_result *r)
{
    struct edges *e = user;
    if (e->done++ > 0) return;
    struct pv_submit_options o = edge_options(e);
    scene_expect_ok(e->s->c, pv_submit(e->s->c, NULL, &o, "abc", 3, 0));
    fake_expect(&e->s->f, WIRE_SUBMIT, 3);
    wait_beats(e->s);
}

static struct pv_submit_options edge_options(struct edges *e)
{
    struct pv_submit_options o = scene_plain;
    o.nowait = true;
    o.done = note_and_submit;
    o.user = e;
    return o;
}

static void test_edges_tell_of_everything(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, scene_prove);
    struct edges e = { .s = s };
    struct pv_submit_options o = edge_options(&e);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event on = { .events = EPOLLIN | EPOLLET };
    assert_int_equal(epoll_ctl(epoll, EPOLL_CTL_ADD, pv_client_fd(s->c), &on), 0);
    for (int i = 0; i < 2; i++) scene_expect_ok(s->c, pv_submit(s->c, NULL, &o, "abc", 3, 0));
    fake_expect(&s->f, WIRE_SUBMIT, 2);
    wait_beats(s); /* both are due */
    while (e.done < 3) {
        assert_int_equal(epoll_wait(epoll, &on, 1, 3000), 1);
        pv_client_process(s->c, NULL, 0);
    }
    close(epoll);
}

/* ---- cancelled threads ---- */

struct cancelled {
    struct scene *s;
    pv_task_id id;
    int call;
};

enum { IN_WAIT, IN_FETCH, IN_SUBMIT, IN_ATTACH, IN_PROCESS, IN_LIST, CALLS };

static void *call_for_ever(void *arg)
{
    struct cancelled *k = arg;
    pv_client *c = k->s->c;
    struct pv_result r;
    pv_table *t;
    struct pv_submit_options o = scene_plain;
    uint8_t input[100000] = { 1 }; /* too large for the message: it would be read after the thread's end */
    pv_task_id other = { { 9 } };
    o.id = &other;
    switch (k->call) {
    case IN_WAIT: pv_wait(c, &r, &k->id, LONG); break;
    case IN_FETCH: pv_fetch(c, &r, &k->id, LONG); break;
    case IN_SUBMIT: pv_submit(c, NULL, &o, input, sizeof input, LONG); break;
    case IN_ATTACH: pv_attach(c, &other, NULL, LONG); break;
    case IN_PROCESS: pv_client_process(c, NULL, LONG); break;
    default: pv_list(c, &t, &(struct pv_list_options){ 0 }, LONG);
    }
    return NULL;
}

/* The broker answers when it is too late: FETCH, ATTACH and LIST of a thread that is gone, and credit for its input. */
static void answer_late(struct scene *s, const pv_task_id *id)
{
    wire_id other = { { 9 } }, task;
    memcpy(task.bytes, id->bytes, sizeof task.bytes);
    fake_lock(&s->f);
    fake_credit(&s->f, WIRE_KIND_INPUT, other, 0, 100000);
    for (uint32_t req = 1; req < 20; req++) fake_deliver(&s->f, req, task, TASK_CANCELLED, PV_CANCELLED, NULL, 0);
    fake_unlock(&s->f);
    wait_beats(s);
}

static void test_a_thread_cancelled_in_a_call_leaves_the_client_to_the_others(void **state)
{
    static const enum wire_type asked[CALLS] = { WIRE_HEARTBEAT, WIRE_FETCH,     WIRE_SUBMIT,
                                                 WIRE_ATTACH,    WIRE_HEARTBEAT, WIRE_LIST };
    struct scene *s = *state;
    struct cancelled k = { .s = s };
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    scene_expect_ok(s->c, pv_submit(s->c, &k.id, &scene_plain, "abc", 3, LONG));
    scene_handle(s, WIRE_SUBMIT, NULL);
    for (k.call = 0; k.call < CALLS; k.call++) {
        pthread_t thread;
        void *end = NULL;
        unsigned before = fake_got(&s->f, asked[k.call]);
        assert_int_equal(pthread_create(&thread, NULL, call_for_ever, &k), 0);
        fake_expect(&s->f, asked[k.call], before + 1);
        wait_beats(s);
        assert_int_equal(pthread_cancel(thread), 0);
        assert_int_equal(pthread_join(thread, &end), 0);
        assert_ptr_equal(end, PTHREAD_CANCELED);
        if (k.call != IN_WAIT && k.call != IN_PROCESS) answer_late(s, &(pv_task_id){ { 8 } });
        struct pv_client_info info;
        pv_client_about(s->c, &info); /* the lock is free */
        assert_true(info.connected);
    }
    fake_lock(&s->f);
    fake_deliver(&s->f, 0, s->task, TASK_SUCCEEDED, PV_OK, "proof", 5);
    fake_unlock(&s->f);
    struct pv_result r;
    scene_expect_ok(s->c, pv_wait(s->c, &r, &k.id, LONG)); /* and the task still is followed */
    scene_expect_proof(&r);
    pv_result_clear(&r);
}

static void test_a_forgotten_task_calls_nobody(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    struct news n = { 0 };
    struct pv_submit_options o = scene_plain;
    o.done = note_done;
    o.user = &n;
    pv_task_id id;
    scene_expect_ok(s->c, pv_submit(s->c, &id, &o, "abc", 3, LONG));
    pv_forget(s->c, &id);
    fake_lock(&s->f);
    fake_deliver(&s->f, 0, s->task, TASK_SUCCEEDED, PV_OK, "proof", 5);
    fake_unlock(&s->f);
    unsigned beats = fake_got(&s->f, WIRE_HEARTBEAT);
    fake_expect(&s->f, WIRE_HEARTBEAT, beats + 2);
    assert_int_equal(pv_client_process(s->c, NULL, 0), PV_TIMEOUT);
    assert_int_equal(n.done, 0);
    assert_int_equal(fake_got(&s->f, WIRE_ACK), 0); /* it stays with the broker */
}

enum { THREADS = 8, ROUNDS = 25 };

static void *prove_often(void *arg)
{
    struct scene *s = arg;
    for (int i = 0; i < ROUNDS; i++) {
        struct pv_result r;
        pv_status status = pv_prove(s->c, &r, &scene_plain, "abc", 3, LONG);
        if (status != PV_OK) return "a proof failed";
        pv_result_clear(&r);
    }
    return NULL;
}

static void test_threads_share_a_handle(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, scene_prove);
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++) pthread_create(&thread[i], NULL, prove_often, s);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(thread[i], &failed);
        assert_null(failed);
    }
    fake_expect(&s->f, WIRE_ACK, THREADS * ROUNDS);
    assert_int_equal(fake_got(&s->f, WIRE_SUBMIT), THREADS * ROUNDS);
}

/* Each call that enters the handle. A child that went on would wait for a lock that nobody there gives back. */
static bool every_call_is_refused(pv_client *c)
{
    pv_task_id id = scene_id((wire_id){ { 1 } });
    struct pv_result r;
    struct pv_task_info info;
    pv_table *t = NULL;
    struct pv_purge_options purge = { .scope = PV_PURGE_SESSION };
    struct pv_list_options list = { .what = PV_LIST_TASKS };
    const pv_status got[] = {
        pv_client_ready(c, 0),
        pv_submit(c, NULL, &scene_plain, "abc", 3, 0),
        pv_prove(c, &r, &scene_plain, "abc", 3, 0),
        pv_attach(c, &id, NULL, 0),
        pv_wait(c, &r, &id, 0),
        pv_fetch(c, &r, &id, 0),
        pv_ack(c, &id),
        pv_flush(c, 0),
        pv_show(c, &info, &id, 0),
        pv_kick(c, &info, &id, 0),
        pv_cancel(c, NULL, &id, 0),
        pv_purge(c, NULL, &purge, 0),
        pv_purge_and_forget(c, NULL, &purge, 0),
        pv_list(c, &t, &list, 0),
        pv_queue_pause(c, NULL, "outer", 0),
        pv_prover_drain(c, NULL, "p", 0),
        pv_prover_drain_of(c, NULL, "someone", "p", 0),
        pv_client_process(c, NULL, 0),
    };
    for (size_t i = 0; i < sizeof got / sizeof *got; i++)
        if (got[i] != PV_BAD_STATE) return false;
    pv_forget(c, &id);
    return true;
}

/* A cancel that is pending waits until all is freed: what is left behind would fail the test. */
static void *close_cancelled(void *arg)
{
    pthread_cancel(pthread_self());
    pv_client_close(arg);
    pthread_testcancel();
    return NULL;
}

static void test_a_cancelled_thread_closes_to_the_end(void **state)
{
    struct scene *s = *state;
    pthread_t thread;
    void *end = NULL;
    scene_expect_ok(s->c, pv_client_ready(s->c, LONG));
    assert_int_equal(pthread_create(&thread, NULL, close_cancelled, &s->c), 0);
    assert_int_equal(pthread_join(thread, &end), 0);
    assert_ptr_equal(end, PTHREAD_CANCELED);
    assert_null(s->c);
}

static void test_a_forked_child_cannot_use_the_handle(void **state)
{
    struct scene *s = *state;
    scene_expect_ok(s->c, pv_client_ready(s->c, LONG));
    pid_t child = fork();
    if (child == 0) {
        pv_client *c = s->c;
        bool good = every_call_is_refused(c);
        pv_client_close(&c);
        _exit(good ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(pv_client_ready(s->c, 0), PV_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_a_callers_own_loop_hears_by_a_level_triggered_descriptor),
        SCENE_TEST(test_a_refusal_reaches_a_caller_who_did_not_wait),
        SCENE_TEST(test_a_result_that_comes_again_before_its_acknowledgement_is_handed_over_once),
        SCENE_TEST(test_edges_tell_of_everything),
        SCENE_TEST(test_a_thread_cancelled_in_a_call_leaves_the_client_to_the_others),
        SCENE_TEST(test_a_forgotten_task_calls_nobody),
        SCENE_TEST(test_threads_share_a_handle),
        SCENE_TEST(test_a_cancelled_thread_closes_to_the_end),
        SCENE_TEST(test_a_forked_child_cannot_use_the_handle),
    };
    return SCENE_RUN(tests);
}
