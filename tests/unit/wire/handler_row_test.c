/* The row of a handler, from one end to the other, and as an attacker writes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "handler_row.h"

static void a_row_says_what_it_was_told(void **state)
{
    struct wire_cell cells[WIRE_HANDLER_CELLS];
    struct wire_handler h = { .name = "sorted", .why = "three tasks failed" }, back;
    for (int f = 0; f < WIRE_HANDLER_FIGURES; f++) h.figures[f] = 1000u + (unsigned)f;
    struct wire_row row = wire_handler_row(cells, &h);
    assert_int_equal(row.cells_n, WIRE_HANDLER_CELLS);
    assert_true(wire_handler_of_row(&back, &row));
    assert_memory_equal(back.figures, h.figures, sizeof h.figures);
    assert_string_equal(back.name, h.name);
    assert_string_equal(back.why, h.why);
    *h.why = 0;
    row = wire_handler_row(cells, &h);
    assert_int_equal(row.cells_n, WIRE_HANDLER_CELLS - 1);
    assert_true(wire_handler_of_row(&back, &row));
    assert_string_equal(back.why, "");
}

static struct wire_cell text(const char *key, const char *value)
{
    return (struct wire_cell){ .key = key, .type = WIRE_CELL_TEXT, .text = value };
}

static struct wire_cell number(const char *key, int64_t value)
{
    return (struct wire_cell){ .key = key, .type = WIRE_CELL_INT, .number = value };
}

static void a_lie_is_bounded(void **state)
{
    struct wire_handler h;
    char why[WIRE_CELL_TEXT_MAX + 1];
    memset(why, 'w', sizeof why - 1);
    why[sizeof why - 1] = 0;
    struct wire_cell cells[] = {
        number("calls", INT64_MAX), number("busy_ms", -5),
        text("succeeded", "7"),     text("why", why),
        number("later_column", 3),  text("later_text", "x"),
        { .key = "lost" },          { .key = "running", .type = WIRE_CELL_BOOL, .truth = true },
        text("handler", "sorted")
    };
    struct wire_row row = { cells, sizeof cells / sizeof *cells };
    assert_true(wire_handler_of_row(&h, &row));
    assert_int_equal(h.figures[WIRE_HANDLER_CALLS], WIRE_HANDLER_FIGURE_MOST);
    for (int f = WIRE_HANDLER_CALLS + 1; f < WIRE_HANDLER_FIGURES; f++) assert_int_equal(h.figures[f], 0);
    assert_int_equal(strlen(h.why), WIRE_HANDLER_WHY_BYTES - 1);
}

static void a_row_without_a_legal_name_is_none(void **state)
{
    static const char *const bad[] = { "", "a b", "a\"b", "ä",
                                       "12345678901234567890123456789012345678901234567890123456789012345" };
    struct wire_handler h;
    struct wire_row none = { NULL, 0 };
    assert_false(wire_handler_of_row(&h, &none));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct wire_cell cell = text("handler", bad[i]);
        assert_false(wire_handler_of_row(&h, &(struct wire_row){ &cell, 1 }));
    }
    struct wire_cell cell = number("handler", 1);
    assert_false(wire_handler_of_row(&h, &(struct wire_row){ &cell, 1 }));
}

static void the_mean_is_of_those_that_ended(void **state)
{
    struct wire_handler h = { .figures = { [WIRE_HANDLER_CALLS] = 9, [WIRE_HANDLER_RUNNING] = 5 } };
    assert_int_equal(wire_handler_mean_ms(&h), 0);
    h.figures[WIRE_HANDLER_SUCCEEDED] = 3;
    h.figures[WIRE_HANDLER_STOPPED] = 1;
    h.figures[WIRE_HANDLER_BUSY_MS] = 42;
    assert_int_equal(wire_handler_mean_ms(&h), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_says_what_it_was_told),
        cmocka_unit_test(a_lie_is_bounded),
        cmocka_unit_test(a_row_without_a_legal_name_is_none),
        cmocka_unit_test(the_mean_is_of_those_that_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
