/** What an input is: a task whose input is input.json goes to nobody who has not said that it takes such inputs for its circuit (R11). */
#include "sched_case.h"

#include <stdio.h>

static void submit_json(unsigned n, const char *circuit)
{
    struct sched_event ev = submit_event(&r, "c1", n);
    ev.submit.kind = WIRE_INPUT_KIND_JSON;
    ev.submit.circuit = circuit;
    rig_step(&r, ev);
}

static void submit_witness(unsigned n, const char *circuit)
{
    struct sched_event ev = submit_event(&r, "c1", n);
    ev.submit.circuit = circuit;
    rig_step(&r, ev);
}

/* p1 is as a node of before kinds: HELLO says nothing of them. */
static void R11_a_kind_that_was_not_announced_is_never_offered(void **state)
{
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 4, .circuits = "member" });
    prover_with(&r, "p2", &(struct rig_prover){ .slots = 4 }); /* any circuit */
    submit_json(7, "member");
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    assert_true(view_of(&r, 7).unservable);
    assert_int_equal(queue_of(&r, "outer").unservable, 1);
    submit_witness(8, "member");
    assert_int_equal(state_of(&r, 8), TASK_OFFERED);
    at(&r, r.now_ms + 60000);
    assert_int_equal(r.offers[7], 0);
}

static void R11_it_is_offered_to_whoever_announced_it_for_the_circuit(void **state)
{
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 4, .circuits = "member *hidden" });
    submit_json(7, "member");
    submit_json(8, "hidden");
    submit_witness(9, "hidden");
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    assert_int_equal(state_of(&r, 8), TASK_OFFERED);
    assert_int_equal(state_of(&r, 9), TASK_OFFERED);
    assert_int_equal(view_of(&r, 8).record.input_kind, WIRE_INPUT_KIND_JSON);
    assert_int_equal(view_of(&r, 9).record.input_kind, WIRE_INPUT_KIND_WTNS);
    prover_with(&r, "p2", &(struct rig_prover){ .slots = 1, .circuits = "*member" });
    assert_true(said(&r, "OFFER p2 7"));
}

static void R11_a_prover_of_any_circuit_may_take_a_kind_for_all(void **state)
{
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 4, .kinds = 1u << WIRE_INPUT_KIND_JSON });
    submit_json(7, "member");
    assert_true(said(&r, "OFFER p1 7"));
}

/* The same circuit and needs: they would be one lane otherwise. */
static void tasks_of_two_kinds_wait_apart(void **state)
{
    submit_json(7, "member");
    submit_witness(8, "member");
    submit_json(9, "member");
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 4, .circuits = "member" });
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    assert_int_equal(state_of(&r, 8), TASK_OFFERED);
    assert_int_equal(state_of(&r, 9), TASK_QUEUED);
    assert_int_equal(queue_of(&r, "outer").unservable, 2);
}

static void R2_the_same_id_with_another_kind_is_a_conflict(void **state)
{
    submit_json(7, "member");
    ignore(&r);
    submit_witness(7, "member");
    expect(&r, "REFUSE c1 conflict", NULL);
    submit_json(7, "member");
    assert_true(said(&r, "SUBMIT_OK c1 7 queued"));
    assert_int_equal(view_of(&r, 7).record.input_kind, WIRE_INPUT_KIND_JSON);
}

static void R9_a_task_keeps_its_kind_over_a_restart(void **state)
{
    submit_json(7, "member");
    rig_restart(&r);
    assert_int_equal(view_of(&r, 7).record.input_kind, WIRE_INPUT_KIND_JSON);
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 4, .circuits = "member" });
    assert_int_equal(state_of(&r, 7), TASK_QUEUED);
    prover_with(&r, "p2", &(struct rig_prover){ .slots = 1, .circuits = "*member" });
    assert_true(said(&r, "OFFER p2 7"));
}

/* R7: the second opinion, too, is asked of those alone who take it. */
static void R7_whoever_does_not_take_the_kind_has_no_second_opinion(void **state)
{
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .circuits = "*member" });
    prover_with(&r, "p2", &(struct rig_prover){ .slots = 1, .circuits = "member" });
    submit_json(7, "member");
    started(&r, "p1", 7);
    failed(&r, "p1", 7, WIRE_FAILURE_PERMANENT);
    assert_int_equal(state_of(&r, 7), TASK_DEAD);
}

/* R12: work that waits at one prover is recalled for an idle one only if that takes it. */
static void R12_nothing_is_recalled_for_one_that_does_not_take_the_kind(void **state)
{
    prover_with(&r, "p1", &(struct rig_prover){ .slots = 1, .prefetch = 1, .circuits = "*member" });
    submit_json(7, "member");
    started(&r, "p1", 7);
    submit_json(8, "member");
    assert_true(said(&r, "OFFER p1 8"));
    ignore(&r);
    prover_with(&r, "p2", &(struct rig_prover){ .slots = 1, .circuits = "member" });
    assert_int_equal(said_times(&r, "RECALL"), 0);
    prover_with(&r, "p3", &(struct rig_prover){ .slots = 1, .circuits = "*member" });
    assert_true(said(&r, "RECALL p1 8"));
}

/* Circuits with one key have its digest in common: who asks by that is served if one of them takes the kind, whichever comes first. */
static void R11_of_two_circuits_with_one_key_one_may_take_it(void **state)
{
    static const char *const orders[] = { "first *finest", "*finest first", "*first finest" };
    char hex[WIRE_HASH_TEXT], name[8];
    wire_hash_text(hex, rig_hash('f')); /* the rig's digest goes by the first letter */
    for (unsigned i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "p%u", i);
        prover_with(&r, name, &(struct rig_prover){ .slots = 1, .circuits = orders[i] });
        submit_json(7 + i, hex);
        assert_int_equal(state_of(&r, 7 + i), TASK_OFFERED);
        started(&r, name, 7 + i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(R11_a_kind_that_was_not_announced_is_never_offered),
        T(R11_it_is_offered_to_whoever_announced_it_for_the_circuit),
        T(R11_a_prover_of_any_circuit_may_take_a_kind_for_all),
        T(tasks_of_two_kinds_wait_apart),
        T(R2_the_same_id_with_another_kind_is_a_conflict),
        T(R9_a_task_keeps_its_kind_over_a_restart),
        T(R7_whoever_does_not_take_the_kind_has_no_second_opinion),
        T(R11_of_two_circuits_with_one_key_one_may_take_it),
        T(R12_nothing_is_recalled_for_one_that_does_not_take_the_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
