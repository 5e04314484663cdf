/* R16: a task is known by its principal and its id. What one principal calls its tasks neither stands in another's way
 * nor says anything to it. */
#include "sched_case.h"

#include <stdio.h>

/* What c2 is told of an id that c1 has, beside what it is told of one that nobody has. */
static void same_answers(void (*ask)(struct rig *, const char *, unsigned))
{
    submit(&r, "c1", 7);
    hello(&r, "c2");
    ignore(&r);
    ask(&r, "c2", 7);
    char known[RIG_LINE];
    size_t lines = r.lines_n;
    snprintf(known, sizeof known, "%s", lines ? r.lines[0] : "");
    ignore(&r);
    ask(&r, "c2", 8);
    assert_int_equal(r.lines_n, lines);
    if (lines) assert_string_equal(r.lines[0], known);
    assert_int_equal(view_of(&r, 7).record.state, TASK_QUEUED);
}

static void ask_to_attach(void **state)
{
    same_answers(attach_to);
}
static void ask_to_fetch(void **state)
{
    same_answers(fetch);
}
static void ask_to_cancel(void **state)
{
    same_answers(cancel);
}
static void ask_to_claim(void **state)
{
    same_answers(claim);
}
static void ask_to_kick(void **state)
{
    same_answers(kick);
}
/* No answer, and no effect. */
static void acknowledge(struct rig *to, const char *who, unsigned n)
{
    struct sched_event ev = rig_event(to, SCHED_ACK, who, n);
    ev.generation = 1;
    rig_step(to, ev);
}

static void ask_to_acknowledge(void **state)
{
    same_answers(acknowledge);
}

static void show_says_the_same_of_anothers_id_as_of_an_unknown_one(void **state)
{
    struct sched_view v;
    submit(&r, "c1", 7);
    hello(&r, "c2");
    uint64_t c1 = rig_event(&r, SCHED_TICK, "c1", 0).peer, c2 = rig_event(&r, SCHED_TICK, "c2", 0).peer;
    assert_int_equal(sched_show(r.s, c1, NULL, rig_id(7), &v), PV_OK);
    assert_int_equal(sched_show(r.s, c2, NULL, rig_id(7), &v), PV_NOT_FOUND);
    assert_int_equal(sched_show(r.s, c2, "c1", rig_id(7), &v), PV_NOT_FOUND);
    assert_true(sched_knows(r.s, c1, rig_id(7)));
    assert_false(sched_knows(r.s, c2, rig_id(7)));
}

/* Another content: the old answer was CONFLICT, and the id was taken for good. */
static void nobody_takes_an_id_from_another(void **state)
{
    submit(&r, "c2", 7);
    ignore(&r);
    struct sched_event ev = submit_event(&r, "c1", 7);
    ev.submit.sha256 = rig_hash(70);
    rig_step(&r, ev);
    assert_true(said(&r, "SUBMIT_OK c1 7 queued"));
    ignore(&r);
    ev = submit_event(&r, "c2", 7);
    ev.submit.sha256 = rig_hash(70);
    rig_step(&r, ev); /* its own is another */
    expect(&r, "REFUSE c2 conflict", NULL);
}

static void cancel_and_purge_reach_the_own_task_alone(void **state)
{
    submit(&r, "c1", 7);
    submit(&r, "c2", 7);
    ignore(&r);
    cancel(&r, "c2", 7);
    expect(&r, "SAVE 7 cancelled", "CANCELLED c2 7 cancelled", NULL);
    ignore(&r);
    purge(&r, "c2", WIRE_SCOPE_PRINCIPAL, false);
    assert_true(said(&r, "DELETE 7"));
    assert_int_equal(r.counts.of[TASK_CANCELLED], 1);
    assert_int_equal(r.counts.of[TASK_QUEUED], 0);
    assert_int_equal(view_of(&r, 7).record.state, TASK_QUEUED); /* the only one left */
}

/* The answer goes to whoever asked, and the upload's end to the task it was for. */
static void uploads_of_one_id_end_each_for_its_own_task(void **state)
{
    for (int i = 1; i <= 2; i++) {
        struct sched_event ev = submit_event(&r, i == 1 ? "c1" : "c2", 7);
        ev.submit.payload = SCHED_ANNOUNCED;
        rig_step(&r, ev);
    }
    ignore(&r);
    struct sched_event ev = rig_event(&r, SCHED_INPUT, NULL, 7);
    ev.owner = "c2";
    rig_step(&r, ev);
    expect(&r, "SAVE_INPUT 7", "SAVE 7 queued", "SUBMIT_OK c2 7 queued", NULL);
    ignore(&r);
    ev.owner = "c1";
    ev.status = PV_HASH_MISMATCH;
    rig_step(&r, ev);
    expect(&r, "DROP_UPLOAD 7", "REFUSE c1 hash-mismatch", NULL);
}

/* Two tasks of one id run on one prover; each result goes home by its token. */
static void run_both(bool same_input)
{
    prover(&r, "p1", 2, 0);
    ready(&r, "p1", 2);
    submit(&r, "c1", 7);
    struct sched_event ev = submit_event(&r, "c2", 7);
    if (!same_input) ev.submit.sha256 = rig_hash(70);
    rig_step(&r, ev);
    assert_int_equal(said_times(&r, "OFFER p1 7"), 2);
    for (int i = 0; i < 2; i++) {
        ev = rig_event(&r, SCHED_STARTED, "p1", 7);
        ev.token = i ? r.token[7] : r.older[7];
        rig_step(&r, ev);
    }
    ignore(&r);
}

static struct sched_event result_from_p1(bool second, unsigned input)
{
    struct sched_event ev = rig_event(&r, SCHED_RESULT, "p1", 7);
    ev.token = second ? r.token[7] : r.older[7];
    ev.result.payload = SCHED_COMPLETE;
    ev.result.input = rig_hash(input);
    ev.result.sha256 = rig_hash(1007);
    ev.result.length = 10;
    return ev;
}

static void results_of_one_id_go_home_by_their_tokens(void **state)
{
    run_both(true);
    rig_step(&r, result_from_p1(true, 7));
    assert_true(said(&r, "DELIVER c2 7 succeeded"));
    assert_false(said(&r, "DELIVER c1 7 succeeded"));
    rig_step(&r, result_from_p1(false, 7));
    assert_true(said(&r, "DELIVER c1 7 succeeded"));
}

/* Their attempts are lost; then the token that the task remembers says whose it is. */
static void late_results_of_one_id_go_home_too(void **state)
{
    run_both(true);
    at(&r, L);
    ignore(&r);
    rig_step(&r, result_from_p1(true, 7));
    assert_true(said(&r, "DELIVER c2 7 succeeded"));
    assert_false(said(&r, "DELIVER c1 7 succeeded"));
    rig_step(&r, result_from_p1(false, 7));
    assert_true(said(&r, "DELIVER c1 7 succeeded"));
}

/* A prover that names the task of another principal by the token of its own brings nothing to it. */
static void a_result_for_another_input_is_not_taken(void **state)
{
    run_both(false);
    rig_step(&r, result_from_p1(true, 7)); /* the second has the input 70 */
    assert_false(said(&r, "DELIVER c1 7 succeeded"));
    assert_false(said(&r, "DELIVER c2 7 succeeded"));
}

static void both_are_there_after_a_restart(void **state)
{
    static struct task_record first;
    submit(&r, "c1", 7);
    first = r.saved[7];
    submit(&r, "c2", 7);
    r.saved[8] = first; /* the rig saves by number: the second's row took the place of the first's */
    rig_restart(&r);
    hello(&r, "c1");
    hello(&r, "c2");
    ignore(&r);
    attach_to(&r, "c1", 7);
    attach_to(&r, "c2", 7);
    expect(&r, "TASK c1 7 queued", "TASK c2 7 queued", NULL);
}

/* ---- administrators ---- */

static void cancel_of(const char *owner)
{
    struct sched_event ev = rig_event(&r, SCHED_CANCEL, "ops", 7);
    ev.owner = owner;
    ignore(&r);
    rig_step(&r, ev);
}

static void an_administrator_names_the_only_task_of_an_id(void **state)
{
    submit(&r, "c1", 7);
    hello(&r, "ops");
    cancel_of(NULL);
    assert_true(said(&r, "CANCELLED ops 7 cancelled"));
}

static void an_administrator_is_told_that_an_id_means_several_tasks(void **state)
{
    submit(&r, "c1", 7);
    submit(&r, "c2", 7);
    hello(&r, "ops");
    cancel_of(NULL);
    expect(&r, "REFUSE ops conflict", NULL);
    cancel_of("c3");
    expect(&r, "REFUSE ops not-found", NULL);
    cancel_of("c2");
    assert_true(said(&r, "CANCELLED ops 7 cancelled"));
    struct sched_view v;
    uint64_t c1 = rig_event(&r, SCHED_TICK, "c1", 0).peer;
    assert_int_equal(sched_show(r.s, c1, NULL, rig_id(7), &v), PV_OK);
    assert_int_equal(v.record.state, TASK_QUEUED);
}

static void an_administrators_own_task_comes_first(void **state)
{
    submit(&r, "c1", 7);
    submit(&r, "ops", 7);
    cancel_of(NULL);
    cancel_of("c1");
    assert_true(said(&r, "CANCELLED ops 7 cancelled"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(ask_to_attach),
        T(ask_to_fetch),
        T(ask_to_cancel),
        T(ask_to_claim),
        T(ask_to_kick),
        T(ask_to_acknowledge),
        T(show_says_the_same_of_anothers_id_as_of_an_unknown_one),
        T(nobody_takes_an_id_from_another),
        T(cancel_and_purge_reach_the_own_task_alone),
        T(uploads_of_one_id_end_each_for_its_own_task),
        T(results_of_one_id_go_home_by_their_tokens),
        T(late_results_of_one_id_go_home_too),
        T(a_result_for_another_input_is_not_taken),
        T(both_are_there_after_a_restart),
        T(an_administrator_names_the_only_task_of_an_id),
        T(an_administrator_is_told_that_an_id_means_several_tasks),
        T(an_administrators_own_task_comes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
