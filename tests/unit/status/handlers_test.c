/* What a node counts of its handlers, and what of it has still to be told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "handlers.h"

static struct handler_output told; /* what the handler answers */
static pv_status answer;

static pv_status run(void *self, const struct handler_input *in, const struct handler_watch *watch,
                     struct handler_output *out)
{
    *out = told;
    return answer;
}

static void call(struct handler *h, pv_status s, enum handler_verdict verdict, size_t in, size_t out)
{
    static const struct handler_watch unwatched;
    struct handler_output result;
    answer = s;
    told = (struct handler_output){ .verdict = verdict, .size = out };
    handler_run(h, &(struct handler_input){ .size = in }, &unwatched, &result);
}

static struct handlers all;

static int setup(void **state)
{
    handlers_init(&all);
    return 0;
}

static void every_end_is_counted_once(void **state)
{
    struct handler h = { .name = "sort", .run = run };
    struct wire_handler f;
    handlers_add(&all, &h);
    handlers_add(&all, &h);
    assert_int_equal(all.n, 1);
    call(&h, PV_OK, 0, 10, 7);
    call(&h, PV_FAILED, HANDLER_RETRYABLE, 10, 0);
    call(&h, PV_FAILED, HANDLER_RETRYABLE, 10, 0);
    call(&h, PV_FAILED, HANDLER_PERMANENT, 10, 0);
    call(&h, PV_RESOURCES, HANDLER_RESOURCE, 10, 0);
    call(&h, PV_DEVICE, HANDLER_LOST, 10, 0);
    call(&h, PV_DEVICE, HANDLER_UNSTARTED, 10, 0);
    call(&h, PV_CANCELLED, 0, 10, 0);
    atomic_fetch_add(&h.counters.started, 1); /* one that runs */
    assert_true(handlers_figures(&all, 0, &f));
    static const uint64_t expected[] = {
        [WIRE_HANDLER_CALLS] = 9,     [WIRE_HANDLER_SUCCEEDED] = 1, [WIRE_HANDLER_RETRYABLE] = 2,
        [WIRE_HANDLER_PERMANENT] = 1, [WIRE_HANDLER_RESOURCE] = 1,  [WIRE_HANDLER_LOST] = 1,
        [WIRE_HANDLER_UNSTARTED] = 1, [WIRE_HANDLER_STOPPED] = 1,   [WIRE_HANDLER_RUNNING] = 1,
        [WIRE_HANDLER_BYTES_IN] = 80, [WIRE_HANDLER_BYTES_OUT] = 7
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        if (i != WIRE_HANDLER_BUSY_MS) assert_int_equal(f.figures[i], expected[i]);
    assert_string_equal(f.name, "sort");
    assert_false(handlers_figures(&all, 1, &f));
}

static void only_what_changed_is_told_and_only_once(void **state)
{
    struct handler a = { .name = "a", .run = run }, b = { .name = "b", .run = run };
    struct wire_handler rows[4];
    handlers_add(&all, &a);
    handlers_add(&all, &b);
    assert_int_equal(handlers_changed(&all, rows, 4), 2); /* a new broker is told zeros */
    assert_int_equal(handlers_changed(&all, rows, 4), 2); /* until they were sent */
    handlers_told(&all, rows, 2);
    assert_int_equal(handlers_changed(&all, rows, 4), 0);
    call(&b, PV_OK, 0, 1, 1);
    assert_int_equal(handlers_changed(&all, rows, 4), 1);
    assert_string_equal(rows[0].name, "b");
    call(&a, PV_OK, 0, 1, 1);
    handlers_told(&all, rows, 1); /* what happened after the rows were made is still to be told */
    assert_int_equal(handlers_changed(&all, rows, 4), 1);
    assert_string_equal(rows[0].name, "a");
    handlers_told(&all, rows, 1);
    handlers_tell_all(&all);
    assert_int_equal(handlers_changed(&all, rows, 4), 2);
    assert_int_equal(handlers_changed(&all, rows, 1), 1);
}

static void fail_thrice(const struct handler *h, uint64_t now_ms)
{
    bool begins;
    for (unsigned i = 1; i <= 3; i++) {
        wire_id task = { .bytes = { (uint8_t)i } };
        handlers_failed(&all, h, task, "it\ncrashed", now_ms, &begins);
        assert_int_equal(begins, i == 3);
    }
}

static void a_rest_is_told_with_its_reason(void **state)
{
    struct handler a = { .name = "a", .run = run }, b = { .name = "b", .run = run };
    struct wire_handler f;
    char why[WIRE_HANDLER_WHY_BYTES];
    handlers_add(&all, &a);
    handlers_add(&all, &b);
    fail_thrice(&a, 1000);
    assert_int_equal(handlers_state(&all, &a), REST_RESTS);
    assert_false(handlers_serves(&all, &a));
    assert_true(handlers_serves(&all, &b));
    handlers_figures(&all, 0, &f);
    assert_int_equal(f.figures[WIRE_HANDLER_RESTS], 1);
    assert_int_equal(f.figures[WIRE_HANDLER_REST_MS], REST_MS);
    assert_string_equal(f.why, "it\ncrashed");
    handlers_why(&all, &a, why);
    assert_string_equal(why, f.why);
    assert_int_equal(handlers_next_ms(&all), 1000 + REST_MS);
    assert_null(handlers_trial(&all, 1000 + REST_MS - 1));
    assert_ptr_equal(handlers_trial(&all, 1000 + REST_MS), &a);
    assert_null(handlers_trial(&all, 1000 + REST_MS));
    assert_int_equal(handlers_next_ms(&all), UINT64_MAX);
    handlers_figures(&all, 0, &f);
    assert_int_equal(f.figures[WIRE_HANDLER_REST_MS], 0);
    assert_string_equal(f.why, "");
    assert_true(handlers_succeeded(&all, &a));
    assert_false(handlers_succeeded(&all, &a));
    assert_int_equal(handlers_state(&all, &a), REST_SERVES);
}

/* The last that serves is not put to rest: there would be nothing to protect. */
static void the_last_handler_never_rests(void **state)
{
    struct handler a = { .name = "a", .run = run }, b = { .name = "b", .run = run };
    bool begins;
    wire_id one = { .bytes = { 7 } };
    handlers_add(&all, &a);
    handlers_add(&all, &b);
    fail_thrice(&a, 0);
    for (int i = 0; i < 9; i++) {
        one.bytes[0]++;
        assert_int_equal(handlers_failed(&all, &b, one, "x", 0, &begins), REST_SAY);
    }
    assert_int_equal(handlers_failed(NULL, &b, one, "x", 0, &begins), REST_SAY);
}

static void a_node_has_64_at_most(void **state)
{
    static struct handler many[WIRE_HANDLERS_MAX + 1];
    for (size_t i = 0; i <= WIRE_HANDLERS_MAX; i++) {
        many[i] = (struct handler){ .name = "x", .run = run };
        handlers_add(&all, &many[i]);
    }
    assert_int_equal(all.n, WIRE_HANDLERS_MAX);
    assert_int_equal(handlers_state(&all, &many[WIRE_HANDLERS_MAX]), REST_SERVES);
    assert_true(handlers_serves(&all, &many[WIRE_HANDLERS_MAX]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_end_is_counted_once, setup),
        cmocka_unit_test_setup(only_what_changed_is_told_and_only_once, setup),
        cmocka_unit_test_setup(a_rest_is_told_with_its_reason, setup),
        cmocka_unit_test_setup(the_last_handler_never_rests, setup),
        cmocka_unit_test_setup(a_node_has_64_at_most, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
