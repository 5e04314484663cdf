/** What happened to one task: moves, attempts and phases; bounded, and nobody else's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "phases.h"
#include "story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct journal *j;
static struct phases *p;
static char words[2048];

static int open_both(void **state)
{
    j = journal_new(1);
    p = phases_new();
    return !j || !p;
}

static int close_both(void **state)
{
    journal_destroy(&j);
    phases_destroy(&p);
    return 0;
}

static wire_token token(uint64_t seq)
{
    return (wire_token){ 1, seq };
}

static void word(void *context, const struct phase_note *note)
{
    snprintf(words + strlen(words), sizeof words - strlen(words), "%s@%u ", note->phase, (unsigned)note->wall_ms);
}

static const char *phases_of(uint64_t seq)
{
    words[0] = 0;
    phases_each(p, token(seq), word, NULL);
    return words;
}

static void phases_are_of_their_attempt_and_in_order(void **state)
{
    phases_note(p, token(1), "load", 10);
    phases_note(p, token(2), "load", 11);
    phases_note(p, token(1), "ntt", 20);
    phases_note(p, token(4097), "far", 21); /* shares its place in the table */
    assert_string_equal(phases_of(1), "load@10 ntt@20 ");
    assert_string_equal(phases_of(2), "load@11 ");
    assert_string_equal(phases_of(4097), "far@21 ");
    assert_string_equal(phases_of(3), "");
}

/* At the limit, and above it. */
static void one_attempt_takes_no_others_place(void **state)
{
    char phase[16];
    phases_note(p, token(4), "here", 1);
    for (int i = 0; i < 100 * PHASES_KEPT; i++) {
        snprintf(phase, sizeof phase, "p%d", i % 7);
        phases_note(p, token(5), phase, (uint64_t)i);
    }
    words[0] = 0;
    assert_int_equal(phases_each(p, token(5), word, NULL), PHASES_OF_ONE);
    assert_string_equal(phases_of(4), "here@1 ");
    for (uint64_t i = 100; i < 100 + PHASES_KEPT - PHASES_OF_ONE; i++) phases_note(p, token(i), "x", i);
    assert_int_equal(phases_each(p, token(5), word, NULL), PHASES_OF_ONE);
    for (uint64_t i = 20000; i < 20000 + PHASES_OF_ONE; i++) phases_note(p, token(i), "x", i);
    assert_string_equal(phases_of(5), ""); /* the oldest went */
}

static void move(wire_id task, const char *principal, enum task_state from, enum task_state to, uint64_t seq,
                 uint64_t ms)
{
    struct sched_action a = { .type = SCHED_MOVED, .task = task, .from = from, .state = to, .token = token(seq) };
    a.principal = principal;
    a.queue = "outer";
    a.name = seq ? "gpu-1" : NULL;
    if (!seq) a.token = (wire_token){ 0, 0 };
    if (to == TASK_DELAYED) a.status = PV_RESOURCES;
    if (to == TASK_DELAYED) a.charged = SCHED_FAILURE;
    journal_moved(j, ms, &a);
}

static char *story(wire_id task, const char *principal)
{
    struct json_text t = { .at = NULL };
    json_text_object(&t, NULL);
    story_json(&t, j, p, task, principal);
    json_text_object_end(&t);
    return json_text_take(&t);
}

static void a_failed_attempt_and_one_that_goes_on(void **state)
{
    wire_id one = { { 1 } }, two = { { 2 } };
    move(one, "acme", TASK_RECEIVING, TASK_QUEUED, 0, 1);
    move(one, "acme", TASK_QUEUED, TASK_OFFERED, 1, 2);
    move(two, "acme", TASK_QUEUED, TASK_OFFERED, 2, 3);
    move(one, "else", TASK_QUEUED, TASK_OFFERED, 3, 3); /* the same id of another principal */
    move(one, "acme", TASK_OFFERED, TASK_RUNNING, 1, 4);
    phases_note(p, token(1), "ntt", 5);
    move(one, "acme", TASK_RUNNING, TASK_DELAYED, 1, 6);
    move(one, "acme", TASK_DELAYED, TASK_QUEUED, 1, 7);
    move(one, "acme", TASK_QUEUED, TASK_OFFERED, 4, 8);
    char *got = story(one, "acme");
    assert_non_null(strstr(
        got, "\"attempts\":[{\"attempt\":\"1.1\",\"prover\":\"gpu-1\",\"offered\":2,\"started\":4,\"ended\":6,"
             "\"outcome\":\"delayed\",\"status\":\"resources\",\"charged\":\"failure\",\"phases\":[{\"phase\":\"ntt\","
             "\"time\":5}]},{\"attempt\":\"1.4\",\"prover\":\"gpu-1\",\"offered\":8,\"started\":null,\"ended\":null,"
             "\"outcome\":null,\"status\":null,\"charged\":null,\"phases\":[]}]"));
    assert_null(strstr(got, "1.2"));
    assert_null(strstr(got, "1.3"));
    free(got);
}

static size_t times(const char *in, const char *what)
{
    size_t n = 0;
    for (const char *at = in; (at = strstr(at, what)); at++) n++;
    return n;
}

/* A task that goes round for ever has a story of bounded length, its end. */
static void a_long_story_is_its_end(void **state)
{
    wire_id one = { { 1 } };
    for (uint64_t i = 1; i <= 1000; i++) {
        move(one, "acme", TASK_QUEUED, TASK_OFFERED, i, 2 * i);
        move(one, "acme", TASK_OFFERED, TASK_QUEUED, i, 2 * i + 1);
    }
    char *got = story(one, "acme");
    assert_in_range(times(got, "\"event\":"), STORY_MOVES / 2, STORY_MOVES);
    assert_in_range(times(got, "\"offered\":"), 1, STORY_ATTEMPTS);
    assert_non_null(strstr(got, "\"time\":2001"));
    free(got);
    for (int i = 0; i < JOURNAL_KEPT; i++) journal_broker(j, 1, "something", NULL);
    got = story(one, "acme");
    assert_string_equal(got, "{\"moves\":[],\"attempts\":[]}");
    free(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(phases_are_of_their_attempt_and_in_order, open_both, close_both),
        cmocka_unit_test_setup_teardown(one_attempt_takes_no_others_place, open_both, close_both),
        cmocka_unit_test_setup_teardown(a_failed_attempt_and_one_that_goes_on, open_both, close_both),
        cmocka_unit_test_setup_teardown(a_long_story_is_its_end, open_both, close_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
