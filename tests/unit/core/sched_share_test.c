/** Nobody takes more than a share of the core's tables: provers, claimers, circuits, attachments (R13). At each limit
 *  N, N + 1, and back. */
#include "sched_case.h"

#include <stdio.h>

static const struct rig_prover idle = { .slots = 1, .silent = true };

static void open_small(uint32_t provers_max, uint32_t share)
{
    rig_close(&r);
    rig_open(&r, &(struct sched_config){ .provers_max = provers_max, .provers_share = share });
}

static const char *named(char to[32], const char *key, unsigned n)
{
    snprintf(to, 32, "%s.%u", key, n);
    return to;
}

static void provers_come(const char *key, unsigned from, unsigned to)
{
    char name[32];
    for (unsigned n = from; n <= to; n++) prover_with(&r, named(name, key, n), &idle);
}

static void R13_a_key_has_a_share_of_the_provers(void **state)
{
    open_small(8, 3);
    provers_come("pbad", 1, 3);
    assert_int_equal(said_times(&r, "REFUSE"), 0);
    provers_come("pbad", 4, 4);
    assert_true(said(&r, "REFUSE pbad.4 busy provers"));
    provers_come("pgood", 1, 3); /* others have their places */
    assert_int_equal(said_times(&r, "REFUSE pgood"), 0);
    ignore(&r);
    gone(&r, "pbad.2"); /* one that is gone and holds nothing makes room at once, not in an hour */
    provers_come("pbad", 5, 5);
    assert_int_equal(said_times(&r, "REFUSE"), 0);
    assert_int_equal(stats_of(&r).provers_known, 6);
    provers_come("pbad", 1, 1); /* who is there may say hello again */
    assert_int_equal(said_times(&r, "REFUSE"), 0);
}

static void R13_a_name_after_the_other_takes_one_place(void **state)
{
    open_small(8, 3);
    for (unsigned n = 1; n <= 200; n++) {
        char name[32];
        provers_come("pbad", n, n);
        gone(&r, named(name, "pbad", n));
        memset(r.peers, 0, sizeof r.peers); /* the rig knows 64 */
    }
    assert_int_equal(said_times(&r, "REFUSE"), 0);
    assert_true(stats_of(&r).provers_known <= 3);
}

static void R13_a_full_table_forgets_who_is_longest_gone(void **state)
{
    open_small(4, 4);
    provers_come("pone", 1, 2);
    provers_come("ptwo", 1, 2);
    at(&r, 1000);
    gone(&r, "ptwo.1");
    at(&r, 2000);
    gone(&r, "pone.1");
    provers_come("pthree", 1, 1);
    struct sched_prover_view v;
    bool later = false;
    for (size_t i = 0; sched_prover_next(r.s, &i, r.now_ms, &v);) later |= !strcmp(v.name, "pone.1");
    assert_true(later);
    provers_come("pfour", 1, 1);
    assert_int_equal(said_times(&r, "REFUSE"), 0);
    provers_come("pfive", 1, 1);
    assert_true(said(&r, "REFUSE pfive.1 busy provers"));
    for (size_t i = 0; sched_prover_next(r.s, &i, r.now_ms, &v);) assert_true(v.live);
    assert_int_equal(stats_of(&r).provers_known, 4);
}

/* A record that holds a task, a drain or a bad name is not given up for a stranger's sake while another can be. */
static void R13_what_is_worth_remembering_is_forgotten_last(void **state)
{
    open_small(3, 3);
    prover(&r, "pbad.1", 2, 0);
    submit(&r, "c1", 1);
    started(&r, "pbad.1", 1);
    failed(&r, "pbad.1", 1, WIRE_FAILURE_RETRYABLE);
    gone(&r, "pbad.1"); /* one failure in its row, and the longest gone */
    at(&r, 100);
    provers_come("pok", 1, 1);
    gone(&r, "pok.1");
    hello(&r, "ops");
    provers_come("pold", 1, 1);
    struct sched_event ev = rig_event(&r, SCHED_PROVER_VERB, "ops", 0);
    ev.verb.verb = WIRE_VERB_DRAIN;
    ev.verb.name = "pold.1";
    rig_step(&r, ev);
    gone(&r, "pold.1");
    provers_come("pnew", 1, 1); /* for pok.1 */
    struct sched_prover_view v;
    bool bad = false, old = false;
    for (size_t i = 0; sched_prover_next(r.s, &i, r.now_ms, &v);) {
        bad |= !strcmp(v.name, "pbad.1");
        old |= !strcmp(v.name, "pold.1");
    }
    assert_true(bad && old);
    provers_come("pnew", 2, 2); /* for pbad.1 */
    assert_int_equal(said_times(&r, "REFUSE"), 0);
    provers_come("pnew", 3, 3); /* a drain is an administrator's word: it stays */
    assert_true(said(&r, "REFUSE pnew.3 busy provers"));
}

static void R13_a_gone_prover_that_holds_a_task_keeps_its_place(void **state)
{
    open_small(8, 1);
    prover(&r, "pbad.1", 1, 0);
    submit(&r, "c1", 7);
    started(&r, "pbad.1", 7);
    gone(&r, "pbad.1");
    provers_come("pbad", 2, 2);
    assert_true(said(&r, "REFUSE pbad.2 busy provers"));
    at(&r, 1000); /* the grace is over */
    ignore(&r);
    provers_come("pbad", 2, 2);
    assert_int_equal(said_times(&r, "REFUSE"), 0);
}

static void R15_a_claimer_that_is_gone_leaves_no_record(void **state)
{
    for (unsigned n = 1; n <= 20; n++) {
        char name[32];
        named(name, "c", n);
        submit(&r, name, 100 + n);
        claim(&r, name, 100 + n);
        assert_int_equal(stats_of(&r).provers_known, 1);
        started(&r, name, 100 + n);
        result(&r, name, 100 + n, n);
        gone(&r, name);
        assert_int_equal(stats_of(&r).provers_known, 0);
    }
}

static void R15_a_claimer_that_dies_leaves_no_record_after_its_grace(void **state)
{
    submit(&r, "c1", 7);
    claim(&r, "c1", 7);
    started(&r, "c1", 7);
    gone(&r, "c1");
    assert_int_equal(stats_of(&r).provers_known, 1); /* it may come back within the grace */
    at(&r, 1000);
    assert_int_equal(stats_of(&r).provers_known, 0);
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    submit(&r, "c2", 8);
    claim(&r, "c2", 8);
    rig_restart(&r);
    at(&r, r.now_ms + 2 * L); /* nor after a restart */
    assert_int_equal(stats_of(&r).provers_known, 0);
}

static void R15_claims_are_within_the_share_and_idle_claimers_make_room(void **state)
{
    open_small(8, 2);
    for (unsigned n = 1; n <= 3; n++) {
        char name[32];
        submit(&r, named(name, "c", n), n);
        claim(&r, name, n);
    }
    assert_true(said(&r, "CLAIMED c.2 2"));
    assert_true(said(&r, "REFUSE c.3 busy provers"));
    started(&r, "c.1", 1);
    result(&r, "c.1", 1, 50); /* c.1 is there, but computes nothing */
    claim(&r, "c.3", 3);
    assert_true(said(&r, "CLAIMED c.3 3"));
    beat(&r, "c.1", 0); /* and is no worse for it */
    submit(&r, "c.1", 4);
    claim(&r, "c.1", 4);
    assert_int_equal(said_times(&r, "REFUSE c.1 busy provers"), 1);
}

/* Says n circuits more, named from the number on, under one digest. */
static void more_circuits(const char *who, unsigned from, unsigned n)
{
    static struct sched_circuit list[300];
    static char names[300][16];
    for (unsigned i = 0; i < n; i++) {
        snprintf(names[i], sizeof names[i], "n%u", from + i);
        list[i] = (struct sched_circuit){ .name = names[i], .has_digest = true, .digest = rig_hash(7) };
    }
    struct sched_event ev = rig_event(&r, SCHED_CIRCUITS, who, 0);
    ev.prover.circuits = list;
    ev.prover.circuits_n = n;
    rig_step(&r, ev);
}

static size_t circuits_known(const char *principal, const char *who)
{
    struct sched_circuit first;
    return sched_prover_circuits(r.s, principal, who, &first, 1);
}

/* One message has room for 256. */
static void R13_a_prover_announces_more_circuits_up_to_its_limit(void **state)
{
    prover_with(&r, "pbig.1", &(struct rig_prover){ .slots = 1, .circuits = "a b", .silent = true });
    for (unsigned at = 0; at + 256 <= SCHED_PROVER_CIRCUITS - 2; at += 256) more_circuits("pbig.1", at, 256);
    more_circuits("pbig.1", 3840, 254);
    assert_int_equal(said_times(&r, "REFUSE"), 0);
    assert_int_equal(circuits_known("pbig", "pbig.1"), SCHED_PROVER_CIRCUITS);
    more_circuits("pbig.1", 9000, 1);
    assert_true(said(&r, "REFUSE pbig.1 busy circuits"));
    ignore(&r);
    prover_with(&r, "pbig.1",
                &(struct rig_prover){ .slots = 1, .circuits = "a b", .silent = true }); /* says all anew */
    assert_int_equal(circuits_known("pbig", "pbig.1"), 2);
    more_circuits("pbig.1", 9000, 1);
    assert_int_equal(said_times(&r, "REFUSE"), 0);
    assert_int_equal(circuits_known("pbig", "pbig.1"), 3);
    assert_int_equal(sched_prover_circuits(r.s, "pbig", "pbig.2", NULL, 0), 0);
}

static void R13_more_circuits_count_in_the_share_of_their_key(void **state)
{
    rig_close(&r);
    rig_open(&r, &(struct sched_config){ .circuits_share = 5 });
    prover_with(&r, "pbad.1", &(struct rig_prover){ .slots = 1, .circuits = "a b c", .silent = true });
    more_circuits("pbad.1", 0, 3);
    assert_true(said(&r, "REFUSE pbad.1 busy circuits"));
    ignore(&r);
    more_circuits("pbad.1", 0, 2);
    assert_int_equal(said_times(&r, "REFUSE"), 0);
    prover_with(&r, "pbad.2", &(struct rig_prover){ .slots = 1, .circuits = "a", .silent = true });
    assert_true(said(&r, "REFUSE pbad.2 busy circuits"));
}

/* A task that nobody could serve is offered to who says its circuit later. */
static void more_circuits_serve_what_was_unservable(void **state)
{
    prover_with(&r, "pbig.1", &(struct rig_prover){ .slots = 1, .circuits = "a" });
    struct sched_event ev = submit_event(&r, "c", 1);
    ev.submit.circuit = "n20";
    rig_step(&r, ev);
    assert_int_equal(state_of(&r, 1), TASK_QUEUED);
    assert_true(view_of(&r, 1).unservable);
    more_circuits("pbig.1", 0, 30);
    assert_int_equal(state_of(&r, 1), TASK_OFFERED);
}

static void R13_a_key_has_a_share_of_the_circuits(void **state)
{
    rig_close(&r);
    rig_open(&r, &(struct sched_config){ .circuits_share = 5 });
    prover_with(&r, "pbad.1", &(struct rig_prover){ .slots = 1, .circuits = "a b c", .silent = true });
    prover_with(&r, "pbad.2", &(struct rig_prover){ .slots = 1, .circuits = "a b", .silent = true });
    assert_int_equal(said_times(&r, "REFUSE"), 0);
    prover_with(&r, "pbad.3", &(struct rig_prover){ .slots = 1, .circuits = "a", .silent = true });
    assert_true(said(&r, "REFUSE pbad.3 busy circuits"));
    prover_with(&r, "pgood.1", &(struct rig_prover){ .slots = 1, .circuits = "a b c d", .silent = true });
    prover_with(&r, "pbad.1", &(struct rig_prover){ .slots = 1, .circuits = "x y z", .silent = true }); /* again */
    assert_int_equal(said_times(&r, "REFUSE"), 1);
    gone(&r, "pbad.2");
    prover_with(&r, "pbad.3", &(struct rig_prover){ .slots = 1, .circuits = "a b", .silent = true });
    assert_int_equal(said_times(&r, "REFUSE"), 1);
}

/* A second hello that is refused ends what the first one of the connection began, or its record would never be gone. */
static void R13_a_refused_second_hello_leaves_nothing(void **state)
{
    static const struct sched_circuit many[6] = { { .name = "a" }, { .name = "b" }, { .name = "c" },
                                                  { .name = "d" }, { .name = "e" }, { .name = "f" } };
    rig_close(&r);
    rig_open(&r, &(struct sched_config){ .circuits_share = 5 });
    prover_with(&r, "pbad.1", &(struct rig_prover){ .slots = 1, .circuits = "a b c", .silent = true });
    struct sched_event again = rig_event(&r, SCHED_PROVER_HELLO, "pbad.1", 0);
    again.prover.principal = "pbad";
    again.prover.name = "pbad.1";
    again.prover.slots = 1;
    again.prover.circuits = many;
    again.prover.circuits_n = 6;
    rig_step(&r, again);
    assert_true(said(&r, "REFUSE pbad.1 busy circuits"));
    gone(&r, "pbad.1");
    prover_with(&r, "pbad.2", &(struct rig_prover){ .slots = 1, .circuits = "a b c d e", .silent = true });
    assert_int_equal(said_times(&r, "REFUSE"), 1);
    gone(&r, "pbad.2");
    at(&r, 4000000); /* an hour after both went */
    assert_int_equal(stats_of(&r).provers_known, 0);
}

/* Each process that looked at a task and went would stay in memory as long as the task. */
static void R13_a_principal_has_a_share_of_attachments(void **state)
{
    rig_close(&r);
    rig_open(&r, &(struct sched_config){ .guests_share = 3 });
    submit(&r, "al.1", 7);
    submit(&r, "bo.1", 8);
    for (unsigned n = 2; n <= 4; n++) {
        char name[32];
        attach_to(&r, named(name, "al", n), 7);
        attach_to(&r, name, 7); /* the same again costs nothing */
        gone(&r, name);
    }
    assert_int_equal(said_times(&r, "REFUSE"), 0);
    attach_to(&r, "al.5", 7);
    assert_true(said(&r, "REFUSE al.5 busy attachments"));
    submit(&r, "al.5", 7); /* to submit it again is to attach */
    assert_int_equal(said_times(&r, "REFUSE al.5 busy attachments"), 2);
    attach_to(&r, "bo.2", 8); /* another's share is its own */
    submit(&r, "al.5", 9);    /* its own tasks are in other limits */
    assert_int_equal(said_times(&r, "REFUSE"), 2);
    hello(&r, "al.2");
    cancel(&r, "al.2", 7);
    ack(&r, "al.2", 7);
    attach_to(&r, "al.5", 7);
    assert_int_equal(said_times(&r, "REFUSE"), 2);
}

/* What was saved comes back, whatever the limits are now. */
static void R9_a_restart_is_not_refused_by_a_share(void **state)
{
    open_small(8, 3);
    for (unsigned n = 1; n <= 3; n++) {
        char name[32];
        prover(&r, named(name, "pbad", n), 1, 0);
        submit(&r, "c1", n);
        started(&r, name, n);
    }
    r.cfg.provers_max = 2;
    r.cfg.provers_share = 1;
    rig_restart(&r);
    for (unsigned n = 1; n <= 3; n++) assert_int_equal(state_of(&r, n), TASK_RECOVERING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(R13_a_key_has_a_share_of_the_provers),
        T(R13_a_name_after_the_other_takes_one_place),
        T(R13_a_full_table_forgets_who_is_longest_gone),
        T(R13_what_is_worth_remembering_is_forgotten_last),
        T(R13_a_gone_prover_that_holds_a_task_keeps_its_place),
        T(R15_a_claimer_that_is_gone_leaves_no_record),
        T(R15_a_claimer_that_dies_leaves_no_record_after_its_grace),
        T(R15_claims_are_within_the_share_and_idle_claimers_make_room),
        T(R13_a_prover_announces_more_circuits_up_to_its_limit),
        T(R13_more_circuits_count_in_the_share_of_their_key),
        T(more_circuits_serve_what_was_unservable),
        T(R13_a_key_has_a_share_of_the_circuits),
        T(R13_a_refused_second_hello_leaves_nothing),
        T(R13_a_principal_has_a_share_of_attachments),
        T(R9_a_restart_is_not_refused_by_a_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
