/* Lines of progress, what is none, and the end of what a program said. */
#include "progress_lines.h"
#include "text.h"
#include "words_placed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void lines_are_read_or_are_none(void **state)
{
    static const struct {
        const char *line, *phase; /* NULL: none */
        unsigned percent;
    } cases[] = {
        { "0 load", "load", 0 },
        { "100 prove", "prove", 100 },
        { "42% witness 12s", "witness", 42 },
        { "99.5 prove 3", "prove", 99 },
        { "  7\tmsm-g1  ", "msm-g1", 7 },
        { "50 a 1.5s", "a", 50 },
        { "9.99 a 19.09s", "a", 9 },
        { "0.0 a 0", "a", 0 },
        { "101 prove", NULL, 0 },
        { "-1 prove", NULL, 0 },
        { "50", NULL, 0 },
        { "50 ", NULL, 0 },
        { "prove 50", NULL, 0 },
        { "50 two words", NULL, 0 },
        { "50. prove", NULL, 0 },
        { "50 prove 3 4", NULL, 0 },
        { "50 pr\x1b[0m", NULL, 0 },
        { "", NULL, 0 },
        { "%", NULL, 0 },
        { "99999999999999999999999 x", NULL, 0 },
        { "50prove", NULL, 0 },
        { "5 \xff", NULL, 0 },
        { "50 prove s", NULL, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct progress_line l = { 0 };
        bool got = progress_line_read(&l, cases[i].line, strlen(cases[i].line));
        if (got != !!cases[i].phase) fail_msg("\"%s\"", cases[i].line);
        if (!got) continue;
        assert_int_equal(l.percent, cases[i].percent);
        assert_string_equal(l.phase, cases[i].phase);
    }
}

static unsigned calls;

static void count(void *ctx, const struct progress_line *line)
{
    calls++;
}

/* However the bytes are cut, the same lines are told and the same text stays. */
static void cuts_make_no_difference(void **state)
{
    static const char bytes[] =
        "10 load\nan error\r20 prove\nand a line that is much too long to be one of progress, as it goes on and "
        "on and on and on and on and on and on and on 30 x\n40 y\nthe last words";
    char whole[ERROR_TAIL_BYTES] = "", text[ERROR_TAIL_BYTES];
    for (size_t cut = 1; cut < sizeof bytes; cut++) {
        struct progress_lines p = { 0 };
        struct error_tail tail = { 0 };
        calls = 0;
        for (size_t at = 0; at < sizeof bytes - 1; at += cut)
            progress_lines_take(&p, bytes + at, at + cut < sizeof bytes - 1 ? cut : sizeof bytes - 1 - at, &tail, count,
                                NULL);
        progress_lines_end(&p, &tail);
        assert_int_equal(calls, 3);
        error_tail_text(&tail, text, sizeof text);
        if (!*whole) strcpy(whole, text);
        assert_string_equal(text, whole);
    }
    assert_non_null(strstr(whole, "an error and a line that"));
    assert_null(strstr(whole, "40 y"));
}

static void the_tail_keeps_the_end(void **state)
{
    struct error_tail t = { 0 };
    char text[ERROR_TAIL_BYTES + 1], line[32];
    for (int i = 0; i < 100000; i++) error_tail_add(&t, line, (size_t)snprintf(line, sizeof line, "line %d\n", i));
    error_tail_text(&t, text, sizeof text);
    assert_in_range(strlen(text), ERROR_TAIL_BYTES - 20, ERROR_TAIL_BYTES);
    assert_string_equal(text + strlen(text) - 10, "line 99999");
    error_tail_text(&t, text, 32);
    assert_int_equal(strlen(text), 31);
    assert_int_equal(strncmp(text, "...", 3), 0);
    assert_string_equal(text + strlen(text) - 10, "line 99999");
}

/* Whatever it wrote, the text is legal on the wire. */
static void the_text_is_legal(void **state)
{
    static const char *const said[][2] = { { "a\x1b[31mb\x00"
                                             "c",
                                             "a [31mb c" },
                                           { "\n\n  two \t lines\n\n", "two lines" },
                                           { "bad \xff\xfe bytes \xc3\xa9", "bad ?? bytes \xc3\xa9" },
                                           { "\xe2\x80\xae turned", "? turned" } };
    char text[64];
    for (size_t i = 0; i < 4; i++) {
        struct error_tail t = { 0 };
        error_tail_add(&t, said[i][0], i == 0 ? 9 : strlen(said[i][0]));
        assert_string_equal(error_tail_text(&t, text, sizeof text), said[i][1]);
    }
    srand(7);
    for (int round = 0; round < 3000; round++) {
        struct error_tail t = { 0 };
        char bytes[200], cut[65];
        size_t n = (size_t)rand() % sizeof bytes, room = 4 + (size_t)rand() % 60;
        for (size_t i = 0; i < n; i++) bytes[i] = (char)rand();
        error_tail_add(&t, bytes, n);
        error_tail_text(&t, cut, room);
        assert_true(strlen(cut) < room);
        assert_null(wire_text_fault(cut, strlen(cut), 64));
    }
}

static void places_are_filled(void **state)
{
    char *const argv[] = { "{input}", "x={result},y={circuit}{circuit}", "{unknown}", "{}", "{", "plain", NULL };
    struct placed with = { .input = "in", .result = "out/r", .circuit = "c" };
    char unknown[8], **filled = placed_fill(argv, &with);
    static const char *const wanted[] = { "in", "x=out/r,y=cc", "{unknown}", "{}", "{", "plain" };
    for (size_t i = 0; i < 6; i++) assert_string_equal(filled[i], wanted[i]);
    assert_null(filled[6]);
    free(filled);
    assert_true(placed_unknown(argv[2], unknown, sizeof unknown));
    assert_string_equal(unknown, "unknown");
    assert_false(placed_unknown(argv[1], unknown, sizeof unknown));
    assert_true(placed_has(argv, "result"));
    assert_false(placed_has(argv, "task"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_read_or_are_none), cmocka_unit_test(cuts_make_no_difference),
        cmocka_unit_test(the_tail_keeps_the_end),     cmocka_unit_test(the_text_is_legal),
        cmocka_unit_test(places_are_filled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
