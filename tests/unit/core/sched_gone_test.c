/** Every event about a task, an attempt or a peer that is not there: what it answers, to whom, and that it changes nothing
 *  of the task that is there. */
#include "sched_case.h"

/* What each says to a client, a prover and nobody that is known, about a task and an attempt that never were. "": nothing. */
static const struct {
    enum sched_event_type type;
    const char *client, *prover, *nobody;
} cases[] = {
    { SCHED_LIFE, "", "", "" },
    { SCHED_INPUT, "", "", "" },
    { SCHED_DAMAGED, "", "", "" },
    { SCHED_ATTACH, "REFUSE c1 not-found", "REFUSE p1 bad-state", "REFUSE ? bad-state" },
    { SCHED_FETCH, "REFUSE c1 not-found", "REFUSE p1 bad-state", "REFUSE ? bad-state" },
    { SCHED_ACK, "", "", "" },
    { SCHED_CANCEL, "REFUSE c1 not-found", "REFUSE p1 bad-state", "REFUSE ? bad-state" },
    { SCHED_CLAIM, "REFUSE c1 not-found", "REFUSE p1 bad-state", "REFUSE ? bad-state" },
    { SCHED_KICK, "REFUSE c1 not-found", "REFUSE p1 bad-state", "REFUSE ? bad-state" },
    { SCHED_READY, "REFUSE c1 bad-state", "", "REFUSE ? bad-state" },
    { SCHED_STARTED, "REFUSE c1 bad-state", "REVOKE p1 0", "REFUSE ? bad-state" },
    { SCHED_PROGRESS, "REFUSE c1 bad-state", "REVOKE p1 0", "REFUSE ? bad-state" },
    { SCHED_RESULT, "RESULT_OK c1 99 gone", "RESULT_OK p1 99 gone", "REFUSE ? bad-state" },
    { SCHED_FAIL, "REFUSE c1 bad-state", "REVOKE p1 0", "REFUSE ? bad-state" },
    { SCHED_RELEASE, "REFUSE c1 bad-state", "", "REFUSE ? bad-state" },
    { SCHED_REVOKED, "REFUSE c1 bad-state", "", "REFUSE ? bad-state" },
    { SCHED_DRAIN, "REFUSE c1 bad-state", "", "REFUSE ? bad-state" },
    { SCHED_HEARTBEAT, "HEARTBEAT_OK c1 0", "HEARTBEAT_OK p1 0", "REFUSE ? bad-state" },
};
enum { CASES = sizeof cases / sizeof *cases };

static const wire_token never = { 1, 4711 };

static struct sched_event event(size_t i, const char *who, unsigned task)
{
    struct sched_event ev = rig_event(&r, cases[i].type, who, task);
    ev.token = never;
    ev.owner = "nobody";
    return ev;
}

static void answers(const char *line)
{
    if (*line)
        expect(&r, line, NULL);
    else
        expect(&r, NULL);
}

/* Task 7 of c1 runs on p1, as it did before. */
static void seven_is_untouched(const struct task_record *before)
{
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
    assert_memory_equal(before, &r.saved[7], sizeof *before);
    result(&r, "p1", 7, 70);
    assert_true(said(&r, "RESULT_OK p1 7 ok"));
    assert_true(said(&r, "DELIVER c1 7 succeeded"));
}

static void a_task_that_never_was(void **state)
{
    for (size_t i = 0; i < CASES; i++) {
        rig_close(&r);
        rig_open(&r, NULL);
        seven_runs();
        struct task_record before = r.saved[7];
        rig_step(&r, event(i, "c1", 99));
        answers(cases[i].client);
        rig_step(&r, event(i, "p1", 99));
        answers(cases[i].prover);
        struct sched_event ev = event(i, "c1", 99);
        ev.peer = 4711;
        rig_step(&r, ev);
        answers(cases[i].nobody);
        if (cases[i].type == SCHED_HEARTBEAT) continue; /* it lists no attempts: p1's task is given to another */
        seven_is_untouched(&before);
    }
}

/* Reports of an attempt that never was, about a task that is there and runs. */
static void an_attempt_that_never_was(void **state)
{
    static const enum sched_event_type reports[] = { SCHED_LIFE,    SCHED_STARTED, SCHED_PROGRESS, SCHED_FAIL,
                                                     SCHED_RELEASE, SCHED_REVOKED, SCHED_DAMAGED };
    for (size_t i = 0; i < sizeof reports / sizeof *reports; i++) {
        rig_close(&r);
        rig_open(&r, NULL);
        seven_runs();
        struct task_record before = r.saved[7];
        struct sched_event ev = rig_event(&r, reports[i], "p1", 7);
        ev.token = never;
        ev.owner = "nobody"; /* another's task of the same id */
        rig_step(&r, ev);
        ignore(&r);
        seven_is_untouched(&before);
    }
}

/* Another's task is as if it were not there. */
static void a_task_of_somebody_else(void **state)
{
    static const enum sched_event_type questions[] = { SCHED_ATTACH, SCHED_FETCH, SCHED_ACK,
                                                       SCHED_CANCEL, SCHED_CLAIM, SCHED_KICK };
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        rig_close(&r);
        rig_open(&r, NULL);
        seven_runs();
        struct task_record before = r.saved[7];
        hello(&r, "other.c2");
        ignore(&r);
        rig_step(&r, rig_event(&r, questions[i], "other.c2", 7));
        answers(questions[i] == SCHED_ACK ? "" : "REFUSE other.c2 not-found");
        seven_is_untouched(&before);
    }
}

/* A peer's events after its connection was closed are those of nobody. */
static void a_peer_that_has_gone(void **state)
{
    seven_runs();
    struct sched_event ev = rig_event(&r, SCHED_CANCEL, "c1", 7);
    gone(&r, "c1");
    ignore(&r);
    rig_step(&r, ev);
    expect(&r, "REFUSE ? bad-state", NULL);
    struct sched_event again = rig_event(&r, SCHED_PEER_GONE, NULL, 0);
    again.peer = ev.peer;
    rig_step(&r, again);
    expect(&r, NULL);
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_task_that_never_was),
        T(an_attempt_that_never_was),
        T(a_task_of_somebody_else),
        T(a_peer_that_has_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
