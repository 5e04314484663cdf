/** The life of a task that goes well, move by move (moves 1, 2, 3 and 5). */
#include "sched_case.h"

static void move_1_submit_is_durable_before_it_is_acknowledged(void **state)
{
    at(&r, 0);
    submit(&r, "c1", 7);
    expect(&r, "SAVE_INPUT 7", "SAVE 7 queued", "SUBMIT_OK c1 7 queued", NULL);
}

static void move_1_large_payload_waits_for_its_upload(void **state)
{
    struct sched_event ev = submit_event(&r, "c1", 7);
    ev.submit.payload = SCHED_ANNOUNCED;
    rig_step(&r, ev);
    expect(&r, "GO c1 7", NULL);
    assert_int_equal(state_of(&r, 7), TASK_RECEIVING);
    rig_step(&r, rig_event(&r, SCHED_INPUT, NULL, 7));
    expect(&r, "SAVE_INPUT 7", "SAVE 7 queued", "SUBMIT_OK c1 7 queued", NULL);
}

static void moves_2_3_5_offer_run_succeed_deliver(void **state)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 7);
    expect(&r, "SAVE_INPUT 7", "SAVE 7 offered", "SUBMIT_OK c1 7 queued", "OFFER p1 7", NULL);
    started(&r, "p1", 7);
    expect(&r, NULL);
    assert_int_equal(state_of(&r, 7), TASK_RUNNING);
    at(&r, 900);
    result(&r, "p1", 7, 70);
    expect(&r, "SAVE_RESULT 7", "DELETE_INPUT 7", "SAVE 7 succeeded", "DELIVER c1 7 succeeded", "RESULT_OK p1 7 ok",
           NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(move_1_submit_is_durable_before_it_is_acknowledged),
        T(move_1_large_payload_waits_for_its_upload),
        T(moves_2_3_5_offer_run_succeed_deliver),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
